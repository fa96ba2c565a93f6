#include "sim/server.h"

#include "sim/authority.h"
#include "sim/client.h"
#include "sim/speech.h"
#include "sim/witness.h"
#include "sim/world.h"
#include "store/store_memory.h"

/* The loop of a real server goes on as long as there is something to do; this one must come to an
 * end. */
#define TURNS_MOST 100000

#define VERDICT_US 300000 /* how long the authority takes at most */

#define MONOTONIC_MS 1000 /* of the server's clock at virtual time 0 */
#define WALL_US INT64_C(1767225600000000) /* the first day of 2026 */

static const struct log quiet = {.level = LOG_ERROR, .descriptor = 2};

static void fill(void *context, void *bytes, size_t size) {
    rng_fill(context, bytes, size);
}

/* Goes on while the server works, which takes no virtual time. */
static int64_t look_at_clock(void *context) {
    struct world *world = context;
    struct server *server = &world->server;
    if (server->clock_us < world->now_us) {
        server->clock_us = world->now_us;
    }
    server->clock_us += (int64_t)draw(world, world->plan.load_us);
    return server->clock_us;
}

void server_init(struct world *world) {
    struct server *server = &world->server;
    server->settings = (struct protocol_settings){
        .max_message = world->plan.max_message,
        .ping_ms = 30000,
        .rate_per_minute = world->plan.rate_per_minute,
        .banner = SLICE("banter chat server"),
        .server = SLICE("banterd sim"),
        .inflater = inflater_new(),
        .deflater = deflater_new(),
    };
    rng_seed(&server->secrets, draw(world, UINT64_MAX));
    server->wall_us = WALL_US;
    server->store = store_memory_new(
        &(struct store_memory_options){.seed = draw(world, UINT64_MAX), .keep = world->plan.keep});
    server->authority = sim_authority_new();
    sim_authority_hold(server->authority, true);
    for (unsigned i = 0; i < world->plan.account_count; i++) {
        sim_authority_add(server->authority, slice_of_string(people_name(i, 0)), SLICE("right"),
                          (enum role)(ROLE_MEMBER + draw(world, 3)));
    }
    server_start(world);
}

void server_start(struct world *world) {
    struct server *server = &world->server;
    const struct plan *plan = &world->plan;
    sim_authority_restart(server->authority);
    server->witness = witness_new(world, server->store);
    server->delivery = delivery_new(
        &(struct delivery_options){.hub = {.seed = draw(world, UINT64_MAX),
                                           .limits.rate_per_minute = plan->rate_per_minute,
                                           .max_message = (unsigned)plan->max_message,
                                           .session_linger_s = plan->linger_s,
                                           .announce_limit = plan->announce_limit,
                                           .backlog = plan->backlog,
                                           .ping_ms = 30000,
                                           .create_rooms = plan->create_rooms},
                                   .outlet = {.transport = plan->shares_sending
                                                               ? &network_transport_shared
                                                               : &network_transport,
                                              .settings = &server->settings,
                                              .log = &quiet,
                                              .ping_interval_ms = 30000,
                                              .ping_timeout_ms = 10000,
                                              .handshake_timeout_ms = 10000,
                                              .message_timeout_ms = 60000,
                                              .flush_ms = plan->flush_ms},
                                   .store = witness_store(server->witness),
                                   .authority = server->authority,
                                   .stream_window = plan->stream_window,
                                   .random = fill,
                                   .random_context = &server->secrets,
                                   .clock = look_at_clock,
                                   .clock_context = world});
    server->lives++;
    server_set_time(world);
    trace_note(&world->trace, world->now_us, "server", 0, "up, life %u", server->lives);
}

void server_set_time(struct world *world) {
    struct server *server = &world->server;
    if (server->delivery) {
        outlet_set_time(delivery_outlet(server->delivery), server->wall_us + world->now_us,
                        (uint64_t)(world->now_us / 1000) + MONOTONIC_MS);
    }
}

/* Takes everything down without a word to anybody. */
static void tear_down(struct world *world) {
    struct server *server = &world->server;
    size_t at = 0, count = 0;
    struct wire *wire;
    uint64_t *ids = memory_new((id_map_count(world->network.wires) + 1) * sizeof *ids);
    witness_shut(server->witness);
    while ((wire = id_map_next(world->network.wires, &at))) {
        if (wire->peer) {
            ids[count++] = wire->id;
        }
    }
    for (size_t i = 0; i < count; i++) {
        wire = network_find(world, ids[i]);
        outlet_gone(wire->peer);
        wire_orphan(wire);
    }
    memory_free(ids);
    delivery_free(server->delivery);
    server->delivery = NULL;
    witness_free(server->witness);
    server->witness = NULL;
}

void server_crash(struct world *world, size_t commit, bool new_epoch) {
    struct server *server = &world->server;
    trace_note(&world->trace, world->now_us, "server", 0, "crashes%s",
               new_epoch ? ", another epoch follows" : "");
    store_memory_crash(server->store, commit, new_epoch);
    tear_down(world);
    struct witness *survey = witness_new(world, server->store);
    witness_survey(survey);
    witness_free(survey);
}

void server_close(struct world *world) {
    struct server *server = &world->server;
    if (server->delivery) {
        tear_down(world);
    }
    server->authority->engine->close(server->authority);
    server->store->engine->close(server->store);
    inflater_free(server->settings.inflater);
    deflater_free(server->settings.deflater);
}

void server_due(struct world *world) {
    struct server *server = &world->server;
    if (!server->turn_due && server->delivery) {
        server->turn_due = true;
        world_later(world, (int64_t)draw(world, world->plan.loop_lag_us), HAPPEN_TURN, 0);
    }
}

/* What the server puts off, and until when, it says by itself. */
static void plan_next_turn(struct world *world) {
    struct server *server = &world->server;
    uint64_t due_ms;
    if (server->planned_us <= world->now_us) {
        server->planned_us = INT64_MAX;
    }
    if (!delivery_next_turn(server->delivery, &due_ms)) {
        return;
    }
    int64_t due_us = (int64_t)(due_ms - MONOTONIC_MS) * 1000;
    if (due_us < server->planned_us) {
        server->planned_us = due_us;
        world_later(world, due_us > world->now_us ? due_us - world->now_us : 0, HAPPEN_TURN, 0);
    }
}

static void check_streams(struct world *world) {
    size_t largest = delivery_largest_stream(world->server.delivery);
    world_check(world, largest <= world->plan.stream_window, "a stream holds %zu bytes", largest);
}

void server_turn(struct world *world) {
    struct server *server = &world->server;
    unsigned turns = 0;
    server->turn_due = false;
    if (!server->delivery) {
        return;
    }
    server_set_time(world);
    while (delivery_turn(server->delivery)) {
        if (++turns > TURNS_MOST) {
            world_fail(world, "the loop never comes to rest");
            return;
        }
    }
    check_streams(world);
    plan_next_turn(world);
    for (; server->verdicts_due < sim_authority_waiting(server->authority);
         server->verdicts_due++) {
        world_later(world, (int64_t)draw(world, VERDICT_US), HAPPEN_VERDICT, 0);
    }
}

void server_verdict(struct world *world) {
    struct server *server = &world->server;
    server->verdicts_due--;
    sim_authority_set_busy(server->authority, !world->calm && chance(world, 5));
    sim_authority_release(server->authority, 1);
    server_due(world);
}

void server_tick(struct world *world) {
    if (world->server.delivery) {
        server_set_time(world);
        delivery_tick(world->server.delivery);
        server_due(world);
    }
    world_later(world, 100000, HAPPEN_TICK, 0);
}
