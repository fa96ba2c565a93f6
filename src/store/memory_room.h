/* One room of the memory engine: its numbers, and as many of its entries as are kept.
 *
 *     1 … remembered … first … last
 *         |            └ entries that are still there
 *         └ from here on cids are still known
 *
 * Entries fall off at the front, `first` moves up, and a page then begins there. Cids outlive their
 * entries: also a room that keeps none tells a message that comes again from a new one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "store/page.h"
#include "store/retention.h"
#include "store/ulid.h"

#define MEMORY_EPOCH_SIZE 32

struct memory_room {
    struct list_node node;         /* of all rooms, by last use */
    struct list_node holding_node; /* of rooms that hold something, by last append */
    bool holding;
    bool followed;
    struct slice key, name; /* owned */
    struct slice topic;     /* owned */
    char epoch[MEMORY_EPOCH_SIZE];
    uint64_t first, last, remembered;
    int64_t last_timestamp_us;
    struct retention retention; /* `count` is within what the engine keeps */
    size_t entry_bytes;         /* of entries */
    uint64_t text_bytes;        /* the same as retention counts them */
    size_t bytes;               /* of all that grows: entries, cids, their table, the topic */
    struct record *records;     /* a ring: that of seq is at seq & (capacity - 1) */
    size_t capacity;            /* a power of two, or 0 */
    struct map *cids; /* identity and cid → struct cid_record; NULL until there is one */
};

struct memory_room *memory_room_new(struct slice key, struct slice name, const char *epoch,
                                    const struct retention *retention);
void memory_room_free(struct memory_room *room);

/* Numbers a draft and keeps it as long as retention has it, or finds a reason not to: the result is
 * in `outcome`. `*entry` becomes a reference to the entry, NULL when none was kept. */
void memory_room_append(struct memory_room *room, const struct draft *draft,
                        struct ulid_source *ids, uint64_t map_seed, struct outcome *outcome,
                        struct entry **entry);

void memory_room_read(const struct memory_room *room, const struct page_query *query,
                      struct page *page);

/* It is kept like this from now on; what is too much goes. */
void memory_room_retain(struct memory_room *room, const struct retention *retention);

/* Lets go of entries that are older than they may be. */
void memory_room_expire(struct memory_room *room, int64_t now_us);

/* The entry with this number, borrowed; NULL: it is not there any more, or its content was erased.
 */
struct entry *memory_room_entry(const struct memory_room *room, uint64_t seq);

/* Lets go of everything it holds, but not of its numbers. */
void memory_room_clear(struct memory_room *room);

/* The slices are the room's own. */
struct room_head memory_room_head(const struct memory_room *room);
