/* The product in its world: hub, protocols and delivery over the memory store. When it crashes, all
 * it had in memory is gone; the store keeps what it had committed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "delivery/delivery.h"
#include "protocol/protocol.h"

struct witness;
struct world;

struct server {
    struct store *store; /* the memory engine */
    struct authority *authority;
    size_t verdicts_due; /* answers of the authority that are scheduled */
    struct witness *witness;
    struct delivery *delivery; /* NULL: it is down */
    struct protocol_settings settings;
    struct rng secrets;
    int64_t clock_us; /* of the clock by which the server measures its work */
    int64_t planned_us; /* when its next turn is, if nothing happens before */
    int64_t wall_us; /* of the wall clock at virtual time 0 */
    bool turn_due;
    unsigned lives;
};

void server_init(struct world *world);
void server_start(struct world *world);
/* Dies, with the first `commit` appends that were under way stored all the same. */
void server_crash(struct world *world, size_t commit, bool new_epoch);
void server_close(struct world *world);

void server_due(struct world *world); /* its loop turns soon */
void server_turn(struct world *world);
void server_tick(struct world *world);
void server_verdict(struct world *world); /* the authority has come to one */
void server_set_time(struct world *world);
