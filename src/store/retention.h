/* Retention: how much of a room is kept. What is past any bound goes, the oldest first; numbers
 * stay as they were, the log just begins later. The same for every engine.
 *
 * A cid is remembered as long as its entry, but for RETENTION_CID_US at least, so that what is sent
 * again after a while is still known where only a few entries are kept. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/entry.h"

#define RETENTION_CID_US (24 * 3600 * INT64_C(1000000))
#define RETENTION_ENTRY_BYTES 64 /* what an entry counts for besides its text */

#define RETENTION_READY 16 /* entries kept of "$ready", whatever is set for all rooms */

/* Bounds that bound nothing. */
#define RETENTION_AGE_ALL INT64_MAX
#define RETENTION_ALL UINT64_MAX

struct retention {
    int64_t age_us;
    uint64_t count; /* of entries; 0: they are numbered and shown, but not kept (the memory engine
                       alone) */
    uint64_t bytes; /* of all entries; see retention_size */
};

/* A room that differs. */
struct retention_rule {
    struct slice room_key;
    struct retention retention;
};

/* For rules that are replaced while stores use them. */
struct retention_guard {
    pthread_mutex_t mutex;
    atomic_uint changes;
};

/* Borrowed by a store as long as it lives. Looked at only by the functions below. */
struct retention_rules {
    struct retention usual;
    const struct retention_rule *rules;
    size_t count;
    int64_t (*now_us)(void);       /* NULL: the system's clock */
    struct retention_guard *guard; /* NULL: they are never replaced */
};

/* From any thread; what stood in `rules` before is not used any more when this returns. Engines act
 * on it within RETENTION_NOTICE_NS. */
#define RETENTION_NOTICE_NS UINT64_C(1000000000)
void retention_replace(struct retention_rules *rules, struct retention usual,
                       const struct retention_rule *list, size_t count);
/* How often they were replaced. */
unsigned retention_changes(const struct retention_rules *rules);

/* `rules` may be NULL: everything is kept. */
struct retention retention_of(const struct retention_rules *rules, struct slice room_key);
int64_t retention_now(const struct retention_rules *rules);
/* Nanoseconds from one look at all rooms to the next, so that nothing stays much longer than it
 * should. */
uint64_t retention_pause_ns(const struct retention_rules *rules);

/* Whether entries of any room have an age to go at. */
bool retention_ages(const struct retention_rules *rules);

bool retention_bounds(const struct retention *retention); /* whether it bounds anything */
/* Entries with an earlier time are past their age. */
int64_t retention_horizon(const struct retention *retention, int64_t now_us);

/* What an entry counts for: its content, its sender, the data of a notification,
 * RETENTION_ENTRY_BYTES. */
uint64_t retention_size(const struct entry_body *body);
