/* What map.c and id_map.c have in common: a table of values by the hashes of their keys. Private to
 * these two.
 *
 * Open addressing with linear probing, at most fifteen sixteenths full; values, hashes and keys
 * stand apart, so that looking for one passes over sixteen hashes in a line of the cache. A removed
 * item leaves no mark: those after it that would no longer be found move back. An empty table holds
 * no memory, and one that is mostly empty shrinks, because a server has a map for many small
 * things; and a large one grows by a sixteenth and not by doubling, because of many things it has
 * each in a map or two. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
    void **values; /* NULL: a free place. Behind them the keys, then the hashes */
    size_t capacity, count;
    size_t key_size; /* kept of each; 0: the value knows its key */
};

/* The first place to look for something with this hash, and the next: where something with the same
 * hash stands, or a free place. There must be memory. */
size_t table_first(const struct table *table, uint32_t hash);
size_t table_after(const struct table *table, uint32_t hash, size_t at);
const void *table_key(const struct table *table, size_t at);

/* Adds one that is not there. */
void table_put(struct table *table, uint32_t hash, void *value, const void *key);
/* Takes out the one at a place. */
void *table_remove(struct table *table, size_t at);
void table_close(struct table *table);

static inline void *table_next(const struct table *table, size_t *cursor) {
    void *value = NULL;

    while (value == NULL && *cursor < table->capacity) {
        value = table->values[(*cursor)++];
    }
    return value;
}
