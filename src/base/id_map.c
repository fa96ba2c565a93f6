/* As map.c, for keys that are numbers of our own making: nobody can choose them to collide, so they
 * are only mixed, not keyed. */
#include <assert.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/table.h"

struct id_map {
    id_map_id *id_of; /* NULL: ids are kept */
    struct table table;
};

struct id_map *id_map_new_of(id_map_id *id_of) {
    struct id_map *map = memory_new_struct(struct id_map);

    map->id_of = id_of;
    map->table.key_size = id_of == NULL ? sizeof(uint64_t) : 0;
    return map;
}

struct id_map *id_map_new(void) {
    return id_map_new_of(NULL);
}

void id_map_free(struct id_map *map) {
    if (map != NULL) {
        table_close(&map->table);
        memory_free(map);
    }
}

size_t id_map_count(const struct id_map *map) {
    return map->table.count;
}

/* Numbers given out one after another must not end up side by side: a run would grow at each
 * collision. */
static uint32_t mix(uint64_t id) {
    id = (id ^ (id >> 33)) * 0xff51afd7ed558ccdu;
    id = (id ^ (id >> 33)) * 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(id ^ (id >> 33));
}

static uint64_t id_at(const struct id_map *map, size_t at) {
    return map->id_of != NULL ? map->id_of(map->table.values[at])
                              : *(const uint64_t *)table_key(&map->table, at);
}

/* Where the id is, or a free place. There must be something in the map. */
static size_t find_place(const struct id_map *map, uint64_t id) {
    uint32_t hash = mix(id);
    size_t at = table_first(&map->table, hash);

    while (map->table.values[at] != NULL && id_at(map, at) != id) {
        at = table_after(&map->table, hash, at);
    }
    return at;
}

void *id_map_find(const struct id_map *map, uint64_t id) {
    return map->table.count > 0 ? map->table.values[find_place(map, id)] : NULL;
}

void id_map_put(struct id_map *map, uint64_t id, void *value) {
    assert(id != 0 && id_map_find(map, id) == NULL);
    table_put(&map->table, mix(id), value, &id);
}

void *id_map_remove(struct id_map *map, uint64_t id) {
    if (map->table.count == 0) {
        return NULL;
    }
    size_t at = find_place(map, id);

    return map->table.values[at] != NULL ? table_remove(&map->table, at) : NULL;
}

void *id_map_next(const struct id_map *map, size_t *cursor) {
    return table_next(&map->table, cursor);
}
