/* Open addressing with linear probing in a table at most four fifths full. A removed item leaves no
 * mark: those after it that would no longer be found move back. An empty map holds no table, and a
 * table that is mostly empty shrinks, because a server has a map for many small things; and a large
 * one grows by a quarter and not by doubling, because of many things it has each in a map or two. */
#include "base/map.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/table.h"


struct item {
    const char *key;
    void *value; /* NULL: a free slot */
    uint32_t key_length;
    uint32_t hash;
};

struct map {
    uint64_t seed;
    struct item *items;
    size_t capacity, count;
};

struct map *map_new(uint64_t seed) {
    struct map *map = memory_new_struct(struct map);

    map->seed = seed;
    return map;
}

void map_free(struct map *map) {
    if (map != NULL) {
        memory_free(map->items);
        memory_free(map);
    }
}

size_t map_count(const struct map *map) {
    return map->count;
}

static uint32_t hash_key(const struct map *map, struct slice key) {
    return (uint32_t)hash_slice(map->seed, key);
}

/* Where the key is, or the free slot where it would go. There must be a table. */
static size_t find_slot(const struct map *map, struct slice key, uint32_t hash) {
    size_t at = table_home(map->capacity, hash);

    while (map->items[at].value != NULL) {
        const struct item *item = &map->items[at];

        if (item->hash == hash && slice_equal(slice_from(item->key, item->key_length), key)) {
            break;
        }
        at = table_next(map->capacity, at);
    }
    return at;
}

static void resize(struct map *map, size_t capacity) {
    struct item *old = map->items;
    size_t old_capacity = map->capacity;

    map->items = capacity == 0 ? NULL : memory_new(capacity * sizeof(*map->items));
    map->capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].value != NULL) {
            size_t at = table_home(capacity, old[i].hash);

            while (map->items[at].value != NULL) {
                at = table_next(capacity, at);
            }
            map->items[at] = old[i];
        }
    }
    memory_free(old);
}

void *map_find(const struct map *map, struct slice key) {
    if (map->count == 0) {
        return NULL;
    }
    return map->items[find_slot(map, key, hash_key(map, key))].value;
}

void map_put(struct map *map, struct slice key, void *value) {
    uint32_t hash = hash_key(map, key);

    assert(value != NULL && key.length <= UINT32_MAX);
    if (table_is_full(map->capacity, map->count)) {
        resize(map, table_larger(map->capacity));
    }
    size_t at = find_slot(map, key, hash);
    assert(map->items[at].value == NULL);
    map->items[at] = (struct item){key.data, value, (uint32_t)key.length, hash};
    map->count++;
}

/* Frees the slot and closes the gap: an item further on moves in if it would be looked for at or
 * before the gap. */
static void free_slot(struct map *map, size_t gap) {
    size_t at = gap;

    for (;;) {
        at = table_next(map->capacity, at);
        if (map->items[at].value == NULL) {
            break;
        }
        size_t home = table_home(map->capacity, map->items[at].hash);
        if (table_distance(map->capacity, home, at) >= table_distance(map->capacity, gap, at)) {
            map->items[gap] = map->items[at];
            gap = at;
        }
    }
    map->items[gap] = (struct item){0};
}

void *map_remove(struct map *map, struct slice key) {
    if (map->count == 0) {
        return NULL;
    }
    size_t at = find_slot(map, key, hash_key(map, key));
    void *value = map->items[at].value;

    if (value == NULL) {
        return NULL;
    }
    free_slot(map, at);
    map->count--;
    if (table_is_mostly_empty(map->capacity, map->count)) {
        resize(map, table_smaller(map->capacity, map->count));
    }
    return value;
}

void *map_next(const struct map *map, size_t *cursor) {
    while (*cursor < map->capacity) {
        void *value = map->items[(*cursor)++].value;

        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
