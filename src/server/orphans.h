/* Direct messages that outlived their guests: the hub erases a conversation when both sides are
 * gone for good, but after a restart it knows only of those who came back. So from session_linger
 * after the start on, and again as often, all direct-message rooms of the database are gone
 * through; one of which neither side has a session is erased. */
#pragma once

#include "base/log.h"
#include "hub/hub.h"
#include "hub/store.h"

struct uv_loop_s;
struct orphans;

struct orphans_options {
    struct uv_loop_s *loop;
    const struct log *log;
    const char *folder;
    const struct hub *hub;
    struct store *store;
    unsigned linger_ms;
};

/* All is borrowed until orphans_close. */
struct orphans *orphans_watch(const struct orphans_options *options);
/* It goes away while the loop runs on. NULL is fine. */
/* From the next look on. */
void orphans_set_linger(struct orphans *orphans, unsigned linger_ms);
void orphans_close(struct orphans *orphans);
