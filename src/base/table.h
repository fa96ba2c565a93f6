/* How the tables of map.c and id_map.c are laid out: where an item belongs, and when they grow and
 * shrink. Private to these two. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_SMALLEST 4

/* Where an item is looked for first. In tables of different sizes the order is another: else what is
 * taken out of one, in its order, and put into a smaller one would fill that from its beginning, and
 * collide with all that came before. */
static inline size_t table_home(size_t capacity, uint32_t hash) {
    uint32_t place = hash * (uint32_t)(2 * capacity + 1);

    return (size_t)((place * (uint64_t)capacity) >> 32);
}

static inline size_t table_next(size_t capacity, size_t at) {
    return at + 1 < capacity ? at + 1 : 0;
}

/* Steps from one place on to another. */
static inline size_t table_distance(size_t capacity, size_t from, size_t to) {
    return to >= from ? to - from : to + capacity - from;
}

/* Whether it is too full for one more. */
static inline bool table_is_full(size_t capacity, size_t count) {
    return (count + 1) * 5 > capacity * 4;
}

static inline size_t table_larger(size_t capacity) {
    return capacity + (capacity < 4 * TABLE_SMALLEST ? TABLE_SMALLEST : capacity / 4);
}

static inline bool table_is_mostly_empty(size_t capacity, size_t count) {
    return count == 0 || (count * 8 < capacity && capacity > TABLE_SMALLEST);
}

static inline size_t table_smaller(size_t capacity, size_t count) {
    return count == 0 ? 0 : capacity / 2;
}
