/* Read marks: how far somebody has read a room. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "hub/entry.h"

struct read_mark {
    struct identity identity; /* whose */
    struct slice room_key;
    uint64_t seq;       /* read up to here */
    int64_t updated_us; /* when that was told */
};
