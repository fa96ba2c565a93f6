/* What the hub's driver needs of an authority: the interface of whoever knows accounts, passwords
 * and tokens. Like a store it is asynchronous (checking a password takes a tenth of a second of a
 * thread of its own): its answers are events, collected on the hub's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/credential.h"
#include "hub/event.h"

struct authority;

struct authority_engine {
    /* Answered by one EVENT_AUTHENTICATED for this connection. Copies. When there is too much to
     * do the answer is ERR_UNAVAILABLE, at once. `address` is for its log and limits. With
     * `wants_ticket` the answer's `session` is a ticket for the same principal. */
    void (*authenticate)(struct authority *authority, uint64_t connection,
                         const struct credential *credential, struct slice address,
                         bool wants_ticket);
    /* The next EVENT_AUTHENTICATED, EVENT_ACCOUNT or EVENT_REVOKED; NULL: none for now. Lives until
     * the next call. now_us is not set. Before the first EVENT_AUTHENTICATED come all accounts. */
    struct event *(*collect)(struct authority *authority);
    /* Waits for what is under way, then frees it. */
    void (*close)(struct authority *authority);
};

/* Every engine's struct begins with this. */
struct authority {
    const struct authority_engine *engine;
};
