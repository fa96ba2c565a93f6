#include "sim/world.h"

#include <stdarg.h>
#include <string.h>

#include "sim/client.h"
#include "sim/witness.h"

/* Between two calms, and how long they are: longer than any latency, retry or pause of a client. */
#define STORM_US 20000000
#define CALM_US 12000000
/* After this nothing of a client that left is remembered: session_linger, a silent connection's
 * end, pings. */
#define OBLIVION_US 400000000

/* What a peer may hold beside its place in the streams: what is waiting in its outbox when input
 * stops, plus the answers to what was under way by then; and of input one message under
 * construction and a read. */
#define OUTPUT_MOST ((size_t)1024 * 1024)
#define INPUT_MOST(plan) (6 * (plan)->max_message + 4096 + 65536)

uint64_t draw(struct world *world, uint64_t bound) {
    return bound > 0 ? rng_below(&world->rng, bound) : 0;
}

bool chance(struct world *world, unsigned percent) {
    return draw(world, 100) < percent;
}

void world_later(struct world *world, int64_t delay_us, enum happening what, uint64_t subject) {
    schedule_add(&world->schedule, &world->rng, world->now_us + (delay_us > 0 ? delay_us : 0), what,
                 subject);
}

void world_fail(struct world *world, const char *format, ...) {
    if (world->broken) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->rule, sizeof world->rule, format, arguments);
    va_end(arguments);
    world->broken = true;
    trace_note(&world->trace, world->now_us, "BROKEN", 0, "%s", world->rule);
}

static uint64_t one_of(struct world *world, const uint64_t *values, size_t count) {
    return values[draw(world, count)];
}

#define ONE_OF(world, ...)                                                                         \
    one_of(world, (const uint64_t[]){__VA_ARGS__},                                                 \
           sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void plan_draw(struct world *world, size_t client_count, unsigned server_count) {
    struct plan *plan = &world->plan;
    plan->max_message = ONE_OF(world, 300, 1000, 4000);
    plan->stream_window = plan->max_message * ONE_OF(world, 16, 16, 64);
    plan->keep = (unsigned)ONE_OF(world, 10000, 10000, 10000, 200, 40, 0);
    plan->backlog = (unsigned)ONE_OF(world, 100, 100, 10, 0);
    plan->rate_per_minute = (unsigned)ONE_OF(world, 0, 0, 0, 60);
    plan->announce_limit = (unsigned)ONE_OF(world, 100, 100, 3);
    plan->linger_s = (unsigned)ONE_OF(world, 120, 10);
    plan->create_rooms = !chance(world, 10);
    plan->wire_capacity = ONE_OF(world, 600, 4000, 60000);
    plan->latency_us = (unsigned)ONE_OF(world, 100, 5000, 100000);
    plan->loop_lag_us = (unsigned)ONE_OF(world, 1, 300, 20000);
    plan->trouble_ms = (unsigned)ONE_OF(world, 0, 1000, 4000);
    plan->act_ms = (unsigned)ONE_OF(world, 50, 200, 600);
    plan->crashes = chance(world, 60);
    plan->account_count = (unsigned)ONE_OF(world, 0, 1, 3);
    plan->shares_sending = chance(world, 50);
    plan->flush_ms = (unsigned)ONE_OF(world, 0, 0, 5, 300, FLUSH_AUTO);
    plan->load_us = (unsigned)ONE_OF(world, 0, 30, 300);
    plan->client_count = client_count > 0 ? client_count : 8 + (size_t)draw(world, 14);
    plan->server_count = chance(world, 40) ? 2 + (unsigned)draw(world, SERVERS_MOST - 1) : 1;
    if (server_count > 0) {
        plan->server_count = server_count < SERVERS_MOST ? server_count : SERVERS_MOST;
    }
    if (plan->server_count > 1) { /* the shared log keeps everything */
        plan->keep = 10000;
    }
}

static void check_load(struct world *world, const struct wire *wire) {
    if (!wire || !wire->peer) {
        return;
    }
    struct peer_load load = outlet_load(wire->peer);
    world_check(world, load.output <= OUTPUT_MOST, "%zu bytes wait for one peer", load.output);
    world_check(world, load.input <= INPUT_MOST(&world->plan), "%zu bytes of one peer are kept",
                load.input);
}

static void to_wire(struct world *world, const struct appointment *appointment) {
    struct wire *wire = network_find(world, appointment->subject);
    if (!wire) {
        return;
    }
    switch (appointment->what) {
    case HAPPEN_UP:
        wire_up(wire);
        break;
    case HAPPEN_DOWN:
        wire_down(wire);
        break;
    case HAPPEN_WRITABLE:
        wire_writable(wire);
        break;
    default:
        wire_gone(wire);
        break;
    }
    check_load(world, network_find(world, appointment->subject));
}

static void to_trouble(struct world *world, uint64_t subject) {
    if (subject == 0) {
        trouble_strike(world);
    } else if (!world->servers[subject - 1].delivery) {
        server_start(&world->servers[subject - 1]);
    }
}

static void happen(struct world *world, const struct appointment *appointment) {
    struct server *server = &world->servers[appointment->subject % SERVERS_MOST];
    switch (appointment->what) {
    case HAPPEN_ACT:
        client_act(&world->clients[appointment->subject - 1]);
        break;
    case HAPPEN_TURN:
        server_turn(server);
        break;
    case HAPPEN_TICK:
        server_tick(server);
        break;
    case HAPPEN_STORE:
        trouble_store(server);
        break;
    case HAPPEN_VERDICT:
        server_verdict(server);
        break;
    case HAPPEN_TROUBLE:
        to_trouble(world, appointment->subject);
        break;
    case HAPPEN_HEAL:
        trouble_heal(server);
        break;
    default:
        to_wire(world, appointment);
    }
}

/* Lets things happen for a while; false: a rule is broken, or it was enough. */
static bool pass(struct world *world, int64_t duration_us, uint64_t steps) {
    int64_t end_us = world->now_us + duration_us;
    struct appointment appointment;
    while (!world->broken && schedule_take(&world->schedule, &appointment)) {
        if (appointment.time_us > end_us) {
            schedule_add(&world->schedule, &world->rng, appointment.time_us, appointment.what,
                         appointment.subject);
            break;
        }
        world->now_us = appointment.time_us;
        world->events++;
        happen(world, &appointment);
        if (steps > 0 && world->events >= steps) {
            return false;
        }
    }
    world->now_us = end_us;
    return !world->broken;
}

static void calm_down(struct world *world) {
    world->calm = true;
    trace_note(&world->trace, world->now_us, "world", 0, "calm");
    trouble_end(world);
    if (pass(world, CALM_US, 0)) {
        calm_check(world);
    }
}

static void storm_again(struct world *world) {
    world->calm = false;
    trace_note(&world->trace, world->now_us, "world", 0, "storm");
    trouble_begin(world);
}

/* Everybody leaves for good. */
static void part(struct world *world) {
    for (size_t i = 0; i < world->plan.client_count; i++) {
        struct client *client = &world->clients[i];
        client->retired = true;
        if (client->wire > 0) {
            client_hang_up(client, (enum leaving)draw(world, 3));
        }
    }
    if (pass(world, OBLIVION_US, 0)) {
        calm_check_end(world);
    }
}

static void live(struct world *world, const struct world_options *options) {
    int64_t end_us = (int64_t)options->seconds * 1000000;
    bool going = true;
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        world_later(world, 0, HAPPEN_TICK, i);
        world_later(world, 0, HAPPEN_STORE, i);
    }
    trouble_begin(world);
    while (going && !world->broken) {
        int64_t left_us = end_us - world->now_us;
        going = pass(world, left_us < STORM_US ? left_us : STORM_US, options->steps) &&
                world->now_us < end_us;
        if (!world->broken) {
            calm_down(world);
        }
        if (!world->broken && going) {
            storm_again(world);
        }
    }
    if (!world->broken) {
        part(world);
    }
}

void world_run(const struct world_options *options, struct world_result *result) {
    struct world world = {0};
    rng_seed(&world.rng, options->seed);
    trace_init(&world.trace, options->ring, options->seed, options->echo);
    world.ignores_holes = options->ignores_holes;
    plan_draw(&world, options->client_count, options->server_count);
    network_init(&world.network);
    servers_init(&world);
    clients_init(&world);
    live(&world, options);
    *result = (struct world_result){.broken = world.broken,
                                    .digest = world.trace.digest,
                                    .events = world.events,
                                    .entries = world.ledger.entries};
    memcpy(result->rule, world.rule, sizeof result->rule);
    servers_close(&world);
    clients_close(&world);
    network_close(&world.network);
    ledger_close(&world.ledger);
    schedule_close(&world.schedule);
}
