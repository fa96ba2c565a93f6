/* Whether the server does what it is for, found out by doing it: an entry is appended to a hidden
 * room, committed, and shown, on the way that every message goes. Whoever asks while that is under
 * way waits for the same answer, and for a second it holds for whoever asks next; so asking often
 * costs nothing. Private to hub/. */
#pragma once

#include "hub/internal.h"

/* The hidden room; what a store keeps of it is RETENTION_READY entries (store/retention.h). */
#define READY_ROOM SLICE("$ready")

struct ready_asker;

enum ready_stage { READY_IDLE, READY_FOLLOWING, READY_APPENDING, READY_COMMITTING };

struct ready {
    enum ready_stage stage;
    bool followed;
    uint64_t seq;   /* COMMITTING: what is to be shown */
    uint64_t shown; /* the last that was, or was there already */
    int64_t begun_us;
    int64_t known_us;    /* when the last answer was found; 0: never */
    const char *trouble; /* the last answer; NULL: ready. Static */
    struct ready_asker *askers;
};

void ready_followed(struct hub *hub, const struct event *event);
void ready_appended(struct hub *hub, const struct event *event);
void ready_committed(struct hub *hub, const struct event *event);
void ready_tick(struct hub *hub);
void ready_open(struct hub *hub);
void ready_close(struct hub *hub); /* without effects */
