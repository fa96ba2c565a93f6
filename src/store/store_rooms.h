/* Two engines as one store: some rooms are kept by one, all others by the other. Each room has one
 * engine, so within it everything comes in the order it was asked for; between rooms of different
 * engines there is no order.
 *
 * A list has the rooms of both. A search asks both: what the usual engine finds comes first, then,
 * once that has no more, what is in the other rooms, at most as much as still fits. */
#pragma once

#include <stddef.h>

#include "hub/store.h"

struct store_rooms_options {
    struct store *usual;
    struct store *other;      /* both are taken, and closed with this */
    const struct slice *keys; /* of rooms that `other` keeps; borrowed as long as the store lives */
    size_t count;
};

struct store *store_rooms_new(const struct store_rooms_options *options);
