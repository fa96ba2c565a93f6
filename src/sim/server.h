/* The product in its world: hub, protocols and delivery over the memory store. When it crashes, all
 * it had in memory is gone; the store keeps what it had committed.
 *
 * In some worlds there are several, over one shared log. Each life of such a server is another node
 * to the others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "delivery/delivery.h"
#include "protocol/protocol.h"

struct witness;
struct world;

#define SERVERS_MOST 3

struct server {
    struct world *world;
    unsigned index;
    struct store *store; /* the memory engine, or this life's link to the shared log */
    bool slow;           /* nothing comes through the link */
    struct authority *authority;
    size_t verdicts_due; /* answers of the authority that are scheduled */
    struct witness *witness;
    struct delivery *delivery; /* NULL: it is down */
    struct protocol_settings settings;
    struct rng secrets;
    int64_t clock_us;   /* of the clock by which the server measures its work */
    int64_t planned_us; /* when its next turn is, if nothing happens before */
    int64_t wall_us;    /* of the wall clock at virtual time 0 */
    bool turn_due;
    unsigned lives;
};

void servers_init(struct world *world);
void servers_close(struct world *world);
void server_start(struct server *server);
/* Dies, with the first `commit` appends that were under way stored all the same. */
void server_crash(struct server *server, size_t commit, bool new_epoch);

void server_due(struct server *server); /* its loop turns soon */
void server_turn(struct server *server);
void server_tick(struct server *server);
void server_verdict(struct server *server); /* the authority has come to one */
void server_set_time(struct server *server);
/* One that is up, by lot; NULL: none. */
struct server *server_pick(struct world *world);
