/* All rooms of the memory engine, and what bounds them together: LIMIT_MEMORY_BYTES, where the
 * rooms silent longest let go first, and LIMIT_MEMORY_ROOMS of those that nobody follows. A room
 * that was removed and comes again begins with number 1, so it gets an epoch that no room had
 * before. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "store/job.h"
#include "store/memory_room.h"

#define MEMORY_EPOCH_LENGTH 8 /* without what removed rooms add */

struct memory_rooms {
    struct map *by_key;
    struct list by_use;  /* all rooms: those used longest ago first */
    struct list holding; /* rooms that hold something: those appended to longest ago first */
    size_t bytes;        /* what all rooms hold */
    const struct retention_rules *retention; /* NULL: everything is kept, as far as `keep` goes */
    unsigned keep;                           /* entries of a room */
    unsigned changes;                        /* of the rules, that all rooms know of */
    int64_t expire_us;                       /* not before this is the next look at what is old */
    size_t expired;                          /* the cursor of memory_rooms_expire */
    struct job_list trimmed;                 /* what is to be reported */
    char epoch[MEMORY_EPOCH_LENGTH + 1];
    /* Rooms that had numbers; each leaves those that come after it in another epoch */
    uint64_t removed;
};

void memory_rooms_init(struct memory_rooms *rooms, uint64_t map_seed, unsigned keep,
                       const struct retention_rules *retention);
void memory_rooms_close(struct memory_rooms *rooms);

/* Gives every room, old and new, another epoch. */
void memory_rooms_renew_epoch(struct memory_rooms *rooms, struct rng *rng);
/* The epoch of rooms to come; `epoch` holds MEMORY_EPOCH_SIZE bytes. */
void memory_rooms_format_epoch(const struct memory_rooms *rooms, char *epoch);

struct memory_room *memory_rooms_find(const struct memory_rooms *rooms, struct slice key);
/* Makes it when there is none. */
struct memory_room *memory_rooms_use(struct memory_rooms *rooms, struct slice key,
                                     struct slice name);
void memory_rooms_remove(struct memory_rooms *rooms, struct memory_room *room);
/* To be called after an append, with what room->bytes and room->first were before it. */
void memory_rooms_grown(struct memory_rooms *rooms, struct memory_room *room, size_t bytes_before,
                        uint64_t first_before);
/* Lets go of what has grown too old in this room, … */
void memory_rooms_expire_one(struct memory_rooms *rooms, struct memory_room *room);
/* … and in a few, others at each call; does so some times a second, however often it is called. */
void memory_rooms_expire(struct memory_rooms *rooms);
/* Nobody follows any room. */
void memory_rooms_unfollow_all(struct memory_rooms *rooms);

/* The heads of public rooms with entries, by key, at most LIMIT_LIST_ITEMS: copies in an array the
 * caller owns. */
size_t memory_rooms_list(const struct memory_rooms *rooms, struct room_head **heads);
