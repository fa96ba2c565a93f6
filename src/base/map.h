/* Hash maps: by bytes (keyed with a seed, so that nobody outside can make them collide) and by
 * number. Values are not owned. Bytewise keys are not copied: they must live as long as their value
 * is in the map, usually inside it. Order of iteration depends only on seed and history. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct map;

struct map *map_new(uint64_t seed);
/* One that asks the values for their keys, which saves keeping those too; a key must stay the same
 * while its value is in the map. For maps that have very many. */
typedef struct slice map_key(const void *value);
struct map *map_new_of(uint64_t seed, map_key *key_of);
void map_free(struct map *map); /* NULL is fine; values stay */
size_t map_count(const struct map *map);
void *map_find(const struct map *map, struct slice key); /* NULL when absent */
void map_put(struct map *map, struct slice key,
             void *value);                           /* value not NULL; key must be absent */
void *map_remove(struct map *map, struct slice key); /* the value that was there, or NULL */
/* Iterate: `cursor` starts at 0; NULL at the end. The map must not change meanwhile. */
void *map_next(const struct map *map, size_t *cursor);

struct id_map;

struct id_map *id_map_new(void);
typedef uint64_t id_map_id(const void *value);
struct id_map *id_map_new_of(id_map_id *id_of); /* as map_new_of */
void id_map_free(struct id_map *map);
size_t id_map_count(const struct id_map *map);
void *id_map_find(const struct id_map *map, uint64_t id);
void id_map_put(struct id_map *map, uint64_t id,
                void *value); /* id not 0 and absent, value not NULL */
void *id_map_remove(struct id_map *map, uint64_t id);
void *id_map_next(const struct id_map *map, size_t *cursor);
