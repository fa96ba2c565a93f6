#include "base/table.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

#define SMALLEST 4

static char *keys_of(const struct table *table) {
    return (char *)(table->values + table->capacity);
}

static uint32_t *hashes_of(const struct table *table) {
    return (uint32_t *)(keys_of(table) + table->capacity * table->key_size);
}

static size_t next_to(const struct table *table, size_t at) {
    return at + 1 < table->capacity ? at + 1 : 0;
}

/* Where something belongs. In tables of different sizes the order is another: else what is taken
 * out of one, in its order, and put into a smaller one would fill that from its beginning, and
 * collide with all that came before. */
static size_t home_of(const struct table *table, uint32_t hash) {
    uint32_t place = hash * (uint32_t)(2 * table->capacity + 1);

    return (size_t)((place * (uint64_t)table->capacity) >> 32);
}

/* Steps from one place on to another. */
static size_t distance(const struct table *table, size_t from, size_t to) {
    return to >= from ? to - from : to + table->capacity - from;
}

static size_t seek(const struct table *table, uint32_t hash, size_t at) {
    const uint32_t *hashes = hashes_of(table);

    while (hashes[at] != hash && table->values[at] != NULL) {
        at = next_to(table, at);
    }
    return at;
}

size_t table_first(const struct table *table, uint32_t hash) {
    return seek(table, hash, home_of(table, hash));
}

size_t table_after(const struct table *table, uint32_t hash, size_t at) {
    return seek(table, hash, next_to(table, at));
}

const void *table_key(const struct table *table, size_t at) {
    return keys_of(table) + at * table->key_size;
}

static void set(struct table *table, size_t at, uint32_t hash, void *value, const void *key) {
    table->values[at] = value;
    hashes_of(table)[at] = hash;
    if (table->key_size > 0) {
        memcpy(keys_of(table) + at * table->key_size, key, table->key_size);
    }
}

static void add(struct table *table, uint32_t hash, void *value, const void *key) {
    size_t at = home_of(table, hash);

    while (table->values[at] != NULL) {
        at = next_to(table, at);
    }
    set(table, at, hash, value, key);
}

static void resize(struct table *table, size_t capacity) {
    struct table old = *table;
    size_t each = sizeof(*table->values) + table->key_size + sizeof(uint32_t);

    table->capacity = capacity;
    table->values = capacity == 0 ? NULL : memory_new(capacity * each);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.values[i] != NULL) {
            add(table, hashes_of(&old)[i], old.values[i], table_key(&old, i));
        }
    }
    memory_free(old.values);
}

void table_put(struct table *table, uint32_t hash, void *value, const void *key) {
    size_t capacity = table->capacity;

    assert(value != NULL);
    if ((table->count + 1) * 16 > capacity * 15) {
        resize(table, capacity + (capacity < 16 * SMALLEST ? SMALLEST : capacity / 16));
    }
    add(table, hash, value, key);
    table->count++;
}

/* Closes the gap: an item further on moves in if it would be looked for at or before it. */
static void fill_gap(struct table *table, size_t gap) {
    const uint32_t *hashes = hashes_of(table);
    size_t at = gap;

    while (table->values[at = next_to(table, at)] != NULL) {
        if (distance(table, home_of(table, hashes[at]), at) >= distance(table, gap, at)) {
            set(table, gap, hashes[at], table->values[at], table_key(table, at));
            gap = at;
        }
    }
    table->values[gap] = NULL;
    hashes_of(table)[gap] = 0;
}

void *table_remove(struct table *table, size_t at) {
    void *value = table->values[at];

    fill_gap(table, at);
    table->count--;
    if (table->count == 0) {
        resize(table, 0);
    } else if (table->count * 8 < table->capacity && table->capacity > SMALLEST) {
        resize(table, table->capacity / 2);
    }
    return value;
}

void table_close(struct table *table) {
    memory_free(table->values);
    *table = (struct table){0};
}
