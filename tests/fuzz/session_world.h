/* The server of fuzz_session: the real protocols, hub, delivery and memory store, an authority with
 * a few accounts and tokens, and wires to talk over. Everything follows from the input. */
#pragma once

#include "base/rng.h"
#include "delivery/delivery.h"
#include "fuzz.h"
#include "sim/authority.h"
#include "store/store_memory.h"

#define WIRES 8
#define MAX_MESSAGE 4096
#define LINGER_MS 120000
#define WALL_US INT64_C(1700000000000000)

struct wire {
    struct peer *peer; /* NULL: not connected */
    struct world *world;
    size_t room; /* bytes it takes before it is full */
    bool blocked, paused, ended, finished, reset, wakes;
};

struct world {
    struct slice input;
    struct store *store;
    struct authority *authority;
    struct delivery *delivery;
    struct protocol_settings settings;
    struct rng rng;
    uint64_t now_ms;
    int64_t wall_us; /* when now_ms was 0 */
    struct wire wires[WIRES];
    char secret[64]; /* the last one that somebody was told */
};

/* Takes two bytes of the input. */
void world_begin(struct world *world, struct slice input);
/* Everybody goes. Nothing may be left. */
void world_finish(struct world *world);

/* One turn of the loop; and as many as come in this time. */
void world_turn(struct world *world);
void world_pass(struct world *world, uint64_t ms);

/* Other settings, by two bytes. */
void world_configure(struct world *world, unsigned choice, unsigned limits);
/* As after a loss of power; `how` says which part of what was under way has reached the disk. */
void world_restart(struct world *world, unsigned choice, unsigned how);

/* The connection is lost. */
void wire_vanish(struct wire *wire);
