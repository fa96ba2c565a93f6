/* Read marks in memory: at most LIMIT_MEMORY_MARKS. When there are more, those whose readers have
 * told of nothing for longest go; that of a room that is erased stays until then. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "hub/mark.h"

struct memory_marks {
    struct map *readers; /* by identity */
    struct list by_use;  /* readers: the one that told of something longest ago first */
    size_t count;        /* of marks */
};

void memory_marks_init(struct memory_marks *marks, uint64_t map_seed);
void memory_marks_close(struct memory_marks *marks);

void memory_marks_set(struct memory_marks *marks, const struct read_mark *mark);
/* The array and each room_key are the caller's. */
void memory_marks_list(const struct memory_marks *marks, const struct identity *identity,
                       struct read_mark **list, size_t *count);
