#include "sim/server.h"

#include "sim/authority.h"
#include "sim/client.h"
#include "sim/speech.h"
#include "sim/witness.h"
#include "sim/world.h"
#include "store/shared_log.h"
#include "store/store_memory.h"

/* The loop of a real server goes on as long as there is something to do; this one must come to an
 * end. */
#define TURNS_MOST 100000

#define VERDICT_US 300000 /* how long the authority takes at most */

#define MONOTONIC_MS 1000                 /* of the server's clock at virtual time 0 */
#define WALL_US INT64_C(1767225600000000) /* the first day of 2026 */

static const struct log quiet = {.level = LOG_ERROR, .descriptor = 2};

static void fill(void *context, void *bytes, size_t size) {
    rng_fill(context, bytes, size);
}

/* Goes on while the server works, which takes no virtual time. */
static int64_t look_at_clock(void *context) {
    struct server *server = context;
    const struct world *world = server->world;
    if (server->clock_us < world->now_us) {
        server->clock_us = world->now_us;
    }
    server->clock_us += (int64_t)draw(server->world, world->plan.load_us);
    return server->clock_us;
}

static void init(struct server *server) {
    struct world *world = server->world;
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
    if (!world->log) {
        server->store = store_memory_new(&(struct store_memory_options){
            .seed = draw(world, UINT64_MAX), .keep = world->plan.keep});
    }
    server->authority =
        server->index == 0 ? sim_authority_new() : sim_authority_share(world->servers[0].authority);
    sim_authority_hold(server->authority, true);
    for (unsigned i = 0; i < world->plan.account_count && server->index == 0; i++) {
        sim_authority_add(server->authority, slice_of_string(people_name(i, 0)), SLICE("right"),
                          (enum role)(ROLE_MEMBER + draw(world, 3)));
    }
    server_start(server);
}

static void appended(void *context, struct slice room_key, struct slice room_name,
                     const struct entry *entry) {
    struct world *world = context;
    ledger_commit(world, ledger_log(&world->ledger, room_key, &room_name), &entry->body, entry->seq,
                  entry->timestamp_us, entry->id);
}

static void erased(void *context, struct slice room_key) {
    struct world *world = context;
    struct room_log *log = ledger_log(&world->ledger, room_key, NULL);
    if (log && log->last > 0) {
        log->erasing = true;
    }
}

void servers_init(struct world *world) {
    if (world->plan.server_count > 1) {
        struct shared_watcher watcher = {world, appended, erased};
        world->log = shared_log_new(draw(world, UINT64_MAX), &watcher);
    }
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        world->servers[i].world = world;
        world->servers[i].index = i;
        init(&world->servers[i]);
    }
}

void server_start(struct server *server) {
    struct world *world = server->world;
    const struct plan *plan = &world->plan;
    if (world->log) {
        server->store = shared_log_attach(world->log);
        if (world->ignores_holes) {
            shared_node_ignore_holes(server->store);
        }
    }
    sim_authority_restart(server->authority);
    server->witness = witness_new(server, server->store);
    server->delivery = delivery_new(&(struct delivery_options){
        .hub = {.seed = draw(world, UINT64_MAX),
                .limits.rate_per_minute = plan->rate_per_minute,
                .max_message = (unsigned)plan->max_message,
                .session_linger_s = plan->linger_s,
                .announce_limit = plan->announce_limit,
                .backlog = plan->backlog,
                .ping_ms = 30000,
                .create_rooms = plan->create_rooms},
        .outlet = {.transport =
                       plan->shares_sending ? &network_transport_shared : &network_transport,
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
        .clock_context = server});
    server->lives++;
    server_set_time(server);
    trace_note(&world->trace, world->now_us, "server", server->index, "up, life %u", server->lives);
}

void server_set_time(struct server *server) {
    const struct world *world = server->world;
    if (server->delivery) {
        outlet_set_time(delivery_outlet(server->delivery), server->wall_us + world->now_us,
                        (uint64_t)(world->now_us / 1000) + MONOTONIC_MS);
    }
}

/* Takes everything down without a word to anybody. */
static void tear_down(struct server *server) {
    struct world *world = server->world;
    size_t at = 0, count = 0;
    struct wire *wire;
    uint64_t *ids = memory_new((id_map_count(world->network.wires) + 1) * sizeof *ids);
    witness_shut(server->witness);
    while ((wire = id_map_next(world->network.wires, &at))) {
        if (wire->peer && wire->server == server) {
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

void server_crash(struct server *server, size_t commit, bool new_epoch) {
    struct world *world = server->world;
    trace_note(&world->trace, world->now_us, "server", server->index, "crashes%s",
               new_epoch ? ", another epoch follows" : "");
    if (world->log) {
        shared_node_kill(server->store, commit);
        tear_down(server);
        server->store = NULL;
        return;
    }
    store_memory_crash(server->store, commit, new_epoch);
    tear_down(server);
    struct witness *survey = witness_new(server, server->store);
    witness_survey(survey);
    witness_free(survey);
}

static void close_server(struct server *server) {
    if (server->delivery) {
        tear_down(server);
    }
    server->authority->engine->close(server->authority);
    if (server->store) {
        server->store->engine->close(server->store);
    }
    inflater_free(server->settings.inflater);
    deflater_free(server->settings.deflater);
}

void servers_close(struct world *world) {
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        close_server(&world->servers[i]);
    }
    if (world->log) {
        shared_log_free(world->log);
    }
}

struct server *server_pick(struct world *world) {
    struct server *up[SERVERS_MOST];
    size_t count = 0;
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        if (world->servers[i].delivery) {
            up[count++] = &world->servers[i];
        }
    }
    if (count == 0) {
        return NULL;
    }
    return count == 1 ? up[0] : up[draw(world, count)];
}

void server_due(struct server *server) {
    struct world *world = server->world;
    if (!server->turn_due && server->delivery) {
        server->turn_due = true;
        world_later(world, (int64_t)draw(world, world->plan.loop_lag_us), HAPPEN_TURN,
                    server->index);
    }
}

/* What the server puts off, and until when, it says by itself. */
static void plan_next_turn(struct server *server) {
    struct world *world = server->world;
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
        world_later(world, due_us > world->now_us ? due_us - world->now_us : 0, HAPPEN_TURN,
                    server->index);
    }
}

static void check_streams(const struct server *server) {
    struct world *world = server->world;
    size_t largest = delivery_largest_stream(server->delivery);
    world_check(world, largest <= world->plan.stream_window, "a stream holds %zu bytes", largest);
}

void server_turn(struct server *server) {
    struct world *world = server->world;
    unsigned turns = 0;
    server->turn_due = false;
    if (!server->delivery) {
        return;
    }
    server_set_time(server);
    while (delivery_turn(server->delivery)) {
        if (++turns > TURNS_MOST) {
            world_fail(world, "the loop never comes to rest");
            return;
        }
    }
    check_streams(server);
    plan_next_turn(server);
    for (; server->verdicts_due < sim_authority_waiting(server->authority);
         server->verdicts_due++) {
        world_later(world, (int64_t)draw(world, VERDICT_US), HAPPEN_VERDICT, server->index);
    }
}

void server_verdict(struct server *server) {
    struct world *world = server->world;
    server->verdicts_due--;
    sim_authority_set_busy(server->authority, !world->calm && chance(world, 5));
    sim_authority_release(server->authority, 1);
    server_due(server);
}

void server_tick(struct server *server) {
    if (server->delivery) {
        server_set_time(server);
        delivery_tick(server->delivery);
        server_due(server);
    }
    world_later(server->world, 100000, HAPPEN_TICK, server->index);
}
