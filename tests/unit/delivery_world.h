/* Delivery without sockets: real hub, real protocols, the memory store, and a transport that takes
 * as many bytes as the test allows. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/rng.h"
#include "delivery/delivery.h"
#include "store/store_memory.h"

/* One connection as a socket would see it. */
struct wire {
    struct peer *peer;
    struct buffer output;
    size_t room; /* bytes it takes before it is full */
    unsigned sends;
    bool broken; /* it takes nothing any more */
    bool blocked, paused, finished, reset, wakes;
};

struct world {
    struct store *store;
    struct delivery *delivery;
    struct protocol_settings settings;
    struct rng rng;
    uint64_t now_ms;
    int64_t work_us; /* what the clock by which the server measures its work is ahead */
    int64_t look_us; /* by how much it goes on whenever it is looked at */
};

/* Sends to one after the other; or to many at once, the last first. */
extern const struct transport transport, transport_shared;

/* For group_setup: worlds made from then on have the one or the other. */
int use_transport(void **state);
int use_transport_shared(void **state);

struct world *world_with(size_t window, unsigned ping_ms, unsigned idle_ms);
struct world *world_new(size_t window);
/* The hub of each. */
extern const struct hub_options world_hub_options;

/* With any options of the outlet; transport and settings are filled in. */
struct world *world_of(size_t window, struct outlet_options options);
void world_free(struct world *world);

void turn(struct world *world);
void pass(struct world *world, uint64_t ms);

struct wire *wire_open(struct world *world, const char *scheme);
void wire_close(struct world *world, struct wire *wire);
void say(struct world *world, struct wire *wire, const char *bytes);
/* The socket takes so many bytes from now on. */
void allow(struct world *world, struct wire *wire, size_t bytes);
/* What was sent since, which is dropped. */
void assert_output(struct wire *wire, const char *expected);
bool saw(struct wire *wire, const char *text);

/* A WebSocket client that has just been upgraded; what it was sent so far is dropped. */
struct wire *open_json(struct world *world, const char *protocol);
void send_json(struct world *world, struct wire *wire, const char *text);
