/* What will happen, in the order of virtual time. Of things due at the same microsecond the order
 * is drawn by lot, so that nothing comes to rely on one. Things are named by number, never by
 * pointer: what was meant may be gone when its time comes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

enum happening {
    HAPPEN_UP,       /* bytes of a client reach the server: wire */
    HAPPEN_DOWN,     /* bytes of the server reach a client: wire */
    HAPPEN_WRITABLE, /* the server's socket takes bytes again: wire */
    HAPPEN_GONE,     /* the server learns that a connection is over: wire */
    HAPPEN_ACT,      /* a client does something: client */
    HAPPEN_TURN,     /* a server's loop turns */
    HAPPEN_TICK,     /* time passes for a server */
    HAPPEN_STORE,    /* a server's store does some of what it was asked */
    HAPPEN_HEAL,     /* a server's link to the shared log is there again */
    HAPPEN_VERDICT,  /* the authority answers a question */
    HAPPEN_TROUBLE,  /* something goes wrong */
};

struct appointment {
    int64_t time_us;
    uint64_t lot;
    uint64_t subject;
    enum happening what;
};

/* Zeroed: empty. */
struct schedule {
    struct appointment *items; /* a heap */
    size_t count, capacity;
};

void schedule_close(struct schedule *schedule);
void schedule_add(struct schedule *schedule, struct rng *rng, int64_t time_us, enum happening what,
                  uint64_t subject);
/* The next; false: nothing will ever happen. */
bool schedule_take(struct schedule *schedule, struct appointment *appointment);
