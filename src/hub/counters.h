/* What the hub counts, for metrics: numbers that only grow while it lives. */
#pragma once

#include <stdint.h>

/* What was too much. */
enum refusal {
    REFUSED_RATE,
    REFUSED_BYTES,
    REFUSED_JOINS,
    REFUSED_NAMES,
    REFUSED_ROOMS,
    REFUSED_ADDRESS_RATE,
    REFUSED_SENDERS,
    REFUSED_ADDRESS_NAMES,
    REFUSED_ADDRESS_ROOMS,
    REFUSED_ROOM_RATE,
    REFUSED_LOGINS,       /* wrong credentials on one connection */
    REFUSED_INTRODUCTION, /* somebody who did not say in time who they are */
    REFUSAL_COUNT
};

/* The key of the configuration that sets the limit; "login_attempts" is not configurable. */
const char *refusal_name(enum refusal refusal);

/* Room for every ERR_… by its negated value. */
#define COUNTED_ERRORS 16

struct hub_counters {
    uint64_t appended;     /* entries of our clients that were stored */
    uint64_t repeated;     /* sent again under a cid that was known: answered, not stored */
    uint64_t acknowledged; /* requests answered by an ack */
    uint64_t shown;        /* entries, once for each room that somebody reads */
    uint64_t joined;       /* rooms entered */
    uint64_t resumed;      /* of them, by somebody who goes on from a number */
    uint64_t gaps;         /* told: something is missing */
    uint64_t returned;     /* sessions that somebody came back to */
    uint64_t errors[COUNTED_ERRORS]; /* answers, at -ERR_… */
    uint64_t refused[REFUSAL_COUNT];
};
