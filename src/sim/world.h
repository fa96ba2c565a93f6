/* A whole server with all its clients in one process, under a virtual clock, on a virtual network,
 * from one seed.
 *
 *   client ── bytes ──▶ wire ──▶ outlet ─ hub ─ delivery ──▶ witness ──▶ memory store
 *      ◀──── bytes ──── wire ◀──────┘                           │
 *      └── what it was shown ──▶ reader ◀── what is stored ── ledger
 *
 *   schedule  what will happen, by virtual time                          schedule.c
 *   network   wires: connections with latency, windows and chunks        network.c
 *   server    the product: started, turned, crashed, started again       server.c
 *             or several of them over one shared log
 *   witness   stands between delivery and store, and writes the ledger   witness.c
 *   ledger    what is stored, and what everybody has ever said           ledger.c
 *   reader    where somebody stands in a room's log: the rules           reader.c
 *   trouble   what goes wrong, and when                                  trouble.c
 *   client    somebody with a program of one protocol                    client.c, client_*.c
 *   calm      everything settles, and then everything must be there      calm.c
 *
 * Nothing here has a clock or randomness but the seed's, so a seed is a whole history. The rules
 * are held against what clients receive byte by byte, read by codecs and words of their own:
 * nothing of protocol/ is used on their side. */
#pragma once

#include "base/map.h"
#include "base/memory.h"
#include "base/rng.h"
#include "delivery/delivery.h"
#include "sim/ledger.h"
#include "sim/network.h"
#include "sim/schedule.h"
#include "sim/server.h"
#include "sim/trace.h"

struct client;

/* What this seed's world is like. */
struct plan {
    size_t max_message, stream_window;
    unsigned keep, backlog, rate_per_minute, announce_limit, linger_s;
    bool create_rooms;
    size_t wire_capacity; /* bytes under way to a client before the server's socket is full */
    unsigned latency_us;  /* at most, one way */
    unsigned loop_lag_us; /* at most, until the server's loop turns */
    unsigned trouble_ms;  /* about, between two troubles; 0: none */
    unsigned act_ms;      /* about, between two acts of a client */
    bool crashes;
    bool shares_sending;    /* as a server with I/O threads */
    unsigned flush_ms;      /* see struct outlet_options */
    unsigned load_us;       /* at most, between two looks at the clock */
    unsigned account_count; /* so many of the people are accounts, with the password "right" */
    size_t client_count;
    unsigned server_count;
};

struct world {
    struct plan plan;
    struct rng rng;
    struct trace trace;
    struct schedule schedule;
    struct network network;
    struct server servers[SERVERS_MOST];
    struct shared_log *log; /* NULL: there is one server, with a log of its own */
    struct ledger ledger;
    struct client *clients;
    int64_t now_us;
    uint64_t order; /* counts what the store reported and what was sent, to tell which was first */
    uint64_t events;
    bool calm;          /* no more trouble, and nobody asks for anything new */
    bool broken;        /* a rule was broken: `rule` tells which */
    bool ignores_holes; /* see struct world_options */
    char rule[240];
};

struct world_options {
    uint64_t seed;
    unsigned seconds;      /* of virtual time */
    uint64_t steps;        /* at most so many events; 0: no bound */
    size_t client_count;   /* 0: as the seed has it */
    unsigned server_count; /* 0: as the seed has it */
    bool ignores_holes;    /* a bug, to see that it is found: servers do not fill holes in what they
                              are told of the shared log */
    FILE *echo;            /* of the trace; NULL: none */
    struct trace_ring *ring;
};

struct world_result {
    bool broken;
    char rule[240];
    uint64_t digest, events, entries;
};

/* A whole run. */
void world_run(const struct world_options *options, struct world_result *result);

/* A rule is broken: the run ends. Only the first counts. */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define world_check(world, condition, ...) ((condition) ? (void)0 : world_fail(world, __VA_ARGS__))

/* By lot. */
uint64_t draw(struct world *world, uint64_t bound); /* 0 … bound - 1; 0 for 0 */
bool chance(struct world *world, unsigned percent);

void world_later(struct world *world, int64_t delay_us, enum happening what, uint64_t subject);

/* calm.c: what must hold when nothing is under way any more. */
void calm_check(struct world *world);
void calm_check_end(struct world *world); /* everybody has left, and long ago */

/* trouble.c */
void trouble_begin(struct world *world);
void trouble_strike(struct world *world);
void trouble_pass(struct server *server);  /* its store goes on a little … */
void trouble_store(struct server *server); /* … and again later */
void trouble_heal(struct server *server);  /* its link to the shared log is there again */
void trouble_end(struct world *world);     /* all of it is over */
