/* The same table as in map.c for keys that are numbers of our own making: nobody can choose them
 * to collide, so they are only mixed, not keyed. */
#include <assert.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/table.h"

struct item {
    uint64_t id; /* 0: a free slot */
    void *value;
};

struct id_map {
    struct item *items;
    size_t capacity, count;
};

struct id_map *id_map_new(void) {
    return memory_new_struct(struct id_map);
}

void id_map_free(struct id_map *map) {
    if (map != NULL) {
        memory_free(map->items);
        memory_free(map);
    }
}

size_t id_map_count(const struct id_map *map) {
    return map->count;
}

/* Numbers given out one after another must not end up side by side: a run would grow at each
 * collision. */
static uint32_t mix(uint64_t id) {
    id = (id ^ (id >> 33)) * 0xff51afd7ed558ccdu;
    id = (id ^ (id >> 33)) * 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(id ^ (id >> 33));
}

/* Where the id is, or the free slot where it would go. There must be a table. */
static size_t find_slot(const struct id_map *map, uint64_t id) {
    size_t at = table_home(map->capacity, mix(id));

    while (map->items[at].id != 0 && map->items[at].id != id) {
        at = table_next(map->capacity, at);
    }
    return at;
}

static void resize(struct id_map *map, size_t capacity) {
    struct item *old = map->items;
    size_t old_capacity = map->capacity;

    map->items = capacity == 0 ? NULL : memory_new(capacity * sizeof(*map->items));
    map->capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].id != 0) {
            map->items[find_slot(map, old[i].id)] = old[i];
        }
    }
    memory_free(old);
}

void *id_map_find(const struct id_map *map, uint64_t id) {
    if (map->count == 0 || id == 0) {
        return NULL;
    }
    return map->items[find_slot(map, id)].value;
}

void id_map_put(struct id_map *map, uint64_t id, void *value) {
    assert(id != 0 && value != NULL);
    if (table_is_full(map->capacity, map->count)) {
        resize(map, table_larger(map->capacity));
    }
    size_t at = find_slot(map, id);
    assert(map->items[at].id == 0);
    map->items[at] = (struct item){id, value};
    map->count++;
}

/* Frees the slot and closes the gap, as in map.c. */
static void free_slot(struct id_map *map, size_t gap) {
    size_t at = gap;

    for (;;) {
        at = table_next(map->capacity, at);
        if (map->items[at].id == 0) {
            break;
        }
        size_t home = table_home(map->capacity, mix(map->items[at].id));
        if (table_distance(map->capacity, home, at) >= table_distance(map->capacity, gap, at)) {
            map->items[gap] = map->items[at];
            gap = at;
        }
    }
    map->items[gap] = (struct item){0};
}

void *id_map_remove(struct id_map *map, uint64_t id) {
    if (map->count == 0 || id == 0) {
        return NULL;
    }
    size_t at = find_slot(map, id);
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

void *id_map_next(const struct id_map *map, size_t *cursor) {
    while (*cursor < map->capacity) {
        void *value = map->items[(*cursor)++].value;

        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
