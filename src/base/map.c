#include "base/map.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/table.h"

struct map {
    uint64_t seed;
    map_key *key_of; /* NULL: keys are kept */
    struct table table;
};

struct map *map_new_of(uint64_t seed, map_key *key_of) {
    struct map *map = memory_new_struct(struct map);

    map->seed = seed;
    map->key_of = key_of;
    map->table.key_size = key_of == NULL ? sizeof(struct slice) : 0;
    return map;
}

struct map *map_new(uint64_t seed) {
    return map_new_of(seed, NULL);
}

void map_free(struct map *map) {
    if (map != NULL) {
        table_close(&map->table);
        memory_free(map);
    }
}

size_t map_count(const struct map *map) {
    return map->table.count;
}

static uint32_t hash_key(const struct map *map, struct slice key) {
    return (uint32_t)hash_slice(map->seed, key);
}

static struct slice key_at(const struct map *map, size_t at) {
    return map->key_of != NULL ? map->key_of(map->table.values[at])
                               : *(const struct slice *)table_key(&map->table, at);
}

/* Where the key is, or a free place. There must be something in the map. */
static size_t find_place(const struct map *map, struct slice key) {
    uint32_t hash = hash_key(map, key);
    size_t at = table_first(&map->table, hash);

    while (map->table.values[at] != NULL && !slice_equal(key_at(map, at), key)) {
        at = table_after(&map->table, hash, at);
    }
    return at;
}

void *map_find(const struct map *map, struct slice key) {
    return map->table.count > 0 ? map->table.values[find_place(map, key)] : NULL;
}

void map_put(struct map *map, struct slice key, void *value) {
    assert(map_find(map, key) == NULL);
    table_put(&map->table, hash_key(map, key), value, &key);
}

void *map_remove(struct map *map, struct slice key) {
    if (map->table.count == 0) {
        return NULL;
    }
    size_t at = find_place(map, key);

    return map->table.values[at] != NULL ? table_remove(&map->table, at) : NULL;
}

void *map_next(const struct map *map, size_t *cursor) {
    return table_next(&map->table, cursor);
}
