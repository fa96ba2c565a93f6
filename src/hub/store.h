/* What the hub's driver needs of a store: the interface that every engine in store/ implements.
 *
 * Everything is asynchronous. follow, append and signal go into one queue and complete in its
 * order; read, list and search may overtake it. Completions are collected on the hub's thread: when
 * there are some, the engine calls `wake` (from any thread), and the driver then calls
 * store_collect until it returns NULL.
 *
 * The store numbers: seq (gapless from 1), id and timestamp = max(proposed, last) are given inside
 * the commit. What must hold for an entry is decided there too: its cid is new for (identity, room)
 * — the same body again completes with the first outcome and duplicate set, another body with
 * ERR_CID_REUSED; a draft that is known_only goes no further than that (ERR_RATE_LIMITED); `of`
 * exists (ERR_NOT_FOUND), is of the same author where it must be (ERR_FORBIDDEN). One entry's
 * refusal does not fail its batch. A failed commit completes every draft of it with ERR_UNAVAILABLE
 * and leaves no hole. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hub/event.h"
#include "hub/nodes.h"
#include "hub/search.h"

/* A range of a room's log to read. With `before` 0 and has_after false: the last `limit` entries.
 */
struct page_query {
    uint64_t ticket; /* handed back */
    struct slice room_key;
    bool has_after;
    uint64_t after;  /* entries with seq > after, ascending from there */
    uint64_t before; /* 0: no bound; else entries with seq < before: the last `limit` of them unless
                        has_after */
    unsigned limit; /* at most LIMIT_PAGE_ENTRIES; the page also ends at LIMIT_PAGE_BYTES, but holds
                       one entry at least */
};

struct page {
    uint64_t ticket;
    int error; /* 0 or ERR_UNAVAILABLE */
    struct room_head head;
    struct entry **entries; /* ascending, contiguous unless retention or erasure took some */
    size_t count;
    bool more; /* entries further in the direction of reading exist within the bounds asked for */
};

/* One or more completions, in order. */
struct completion {
    enum completion_kind { COMPLETION_EVENT, COMPLETION_PAGE, COMPLETION_FINDINGS } kind;
    /* FOLLOWED, APPENDED, COMMITTED, SIGNALLED, LISTED, TRIMMED; now_us is not set */
    struct event event;
    struct page page;
    struct findings findings;
};

struct store;

struct store_engine {
    const char *name;
    const struct shared_engine *shared; /* NULL: the store is this server's alone */
    void (*follow)(struct store *store, struct slice room_key, struct slice room_name);
    void (*unfollow)(struct store *store, struct slice room_key);
    void (*append)(struct store *store, struct draft *draft); /* takes */
    /* Takes; comes back only if the room is followed or has an origin waiting. */
    void (*signal)(struct store *store, struct signal *signal);
    void (*read)(struct store *store, const struct page_query *query);
    void (*list)(struct store *store, struct origin origin, struct slice cid);
    /* Finds messages that were reported as appended before it was asked; newer ones may be among
     * them. */
    void (*search)(struct store *store, const struct search_query *query);
    /* Keeps how far somebody has read a room, unless it is known that they have read further, and
     * the names where several servers share the store; and tells of all their rooms, at most
     * LIMIT_ROOMS_PER_SESSION, by EVENT_RECALLED. In the order of the queue. A mark may be dropped
     * when there is too much to do, and may be forgotten with its room, or long after it was told.
     */
    void (*mark)(struct store *store, const struct read_mark *mark);
    void (*recall)(struct store *store, const struct identity *identity);
    /* Forgets a room and all its entries (guests' direct messages). */
    void (*erase)(struct store *store, struct slice room_key);
    /* The end of the hub's turn: what was queued should start now (a writer may wait for it to
     * batch). The driver collects after it, so what is complete by then needs no wake. */
    void (*turn)(struct store *store);
    /* The next completion, or NULL. It and what it points to live until the next call; drafts and
     * signals in it are then owned by the caller. */
    struct completion *(*collect)(struct store *store);
    /* Finishes what was queued, then frees the store. Uncollected completions are dropped. */
    void (*close)(struct store *store);
};

/* Every engine's struct begins with this. */
struct store {
    const struct store_engine *engine;
};

/* Called when completions wait, from any thread; must only wake the driver. */
typedef void store_wake(void *context);
