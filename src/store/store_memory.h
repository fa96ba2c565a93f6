/* The memory engine: logs that live as long as the process. It is the reference for what a store
 * does, the store of the simulator, and in production the one for `history = memory` (the last
 * entries of each room are kept) and `history = none` (entries are numbered and shown, but not
 * kept).
 *
 * Single-threaded. What is asked is done when the driver next collects, in order. The same seed and
 * the same calls give the same ids, epochs and completions.
 *
 * Bounded: of a room the last LIMIT_MEMORY_ROOM_ENTRIES entries and LIMIT_MEMORY_ROOM_BYTES; of all
 * rooms LIMIT_MEMORY_BYTES, where those silent longest let go first; and LIMIT_MEMORY_ROOMS rooms
 * that nobody follows. A room that was forgotten begins again with number 1 in another epoch. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/store.h"
#include "store/retention.h"

struct store_memory_options {
    uint64_t seed; /* of ids, epochs and maps */
    unsigned keep; /* entries of a room; 0: none; at most LIMIT_MEMORY_ROOM_ENTRIES */
    const struct retention_rules *retention; /* within `keep`; NULL: that alone counts */
    store_wake *wake; /* called when something held is released; NULL: the driver looks by itself */
    void *wake_context;
};

/* Never fails; ends with engine->close. */
struct store *store_memory_new(const struct store_memory_options *options);

/* Faults, for tests and the simulator. */

/* From now on nothing of the queue (follow, append, signal …) is done until it is released. */
void store_memory_hold(struct store *store);
/* The next `count` things of the queue are done at the next collect; more of them as they are asked
 * for. */
void store_memory_release(struct store *store, size_t count);
/* Ends the hold. */
void store_memory_release_all(struct store *store);
/* The same for read and list, which the queue does not hold. */
void store_memory_hold_reads(struct store *store);
void store_memory_release_reads(struct store *store, size_t count);
void store_memory_release_all_reads(struct store *store);

/* The next `count` appends that are done complete with ERR_UNAVAILABLE. */
void store_memory_fail(struct store *store, size_t count);
/* While full, every append does. */
void store_memory_set_full(struct store *store, bool full);

/* The power fails and comes back: of what is asked and not collected, the first `commit` appends
 * reach the log (unless they are made to fail), but nobody hears of it; everything else is dropped.
 * No room is followed any more. The logs are there as before, in a new epoch if asked for. Holds
 * and faults end. */
void store_memory_crash(struct store *store, size_t commit, bool new_epoch);
