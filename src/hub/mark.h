/* Read marks: how far somebody has read a room, and which conversations they have. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "hub/entry.h"

struct read_mark {
    struct identity identity; /* whose */
    struct slice room_key;
    uint64_t seq;       /* read up to here */
    int64_t updated_us; /* when that was told */
    /* Of a conversation: "ann,bob", what the identities of its key were called, in the key's order.
     * Empty: as was told before. Kept where several servers share the store. */
    struct slice names;
};
