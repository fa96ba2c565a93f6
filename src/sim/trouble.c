/* What goes wrong besides what clients do to themselves: the store, the server, the clock, many
 * connections at once. */
#include "sim/client.h"
#include "sim/world.h"
#include "store/shared_log.h"
#include "store/store_memory.h"

void trouble_begin(struct world *world) {
    if (world->plan.trouble_ms > 0) {
        world_later(world, 1000 * (int64_t)draw(world, 2 * world->plan.trouble_ms), HAPPEN_TROUBLE,
                    0);
    }
}

/* The link to the shared log: commands, answers and news each go their own pace. */
static void pass_link(struct server *server) {
    struct world *world = server->world;
    bool all = world->calm || chance(world, 5);
    shared_log_set_time(world->log, world->now_us);
    if (!server->store || (server->slow && !world->calm)) {
        return;
    }
    size_t commands = all ? SIZE_MAX : (size_t)draw(world, 8);
    size_t answers = all ? SIZE_MAX : (size_t)draw(world, 8);
    size_t news = all ? SIZE_MAX : (size_t)draw(world, 12);
    shared_node_pass(server->store, commands, answers, news);
}

static void pass_memory(struct server *server) {
    struct world *world = server->world;
    if (world->calm || chance(world, 5)) {
        store_memory_release_all(server->store);
        store_memory_release_all_reads(server->store);
    } else {
        store_memory_release(server->store, (size_t)draw(world, 8));
        store_memory_release_reads(server->store, (size_t)draw(world, 3));
    }
}

void trouble_pass(struct server *server) {
    if (server->world->log) {
        pass_link(server);
    } else {
        pass_memory(server);
    }
}

void trouble_store(struct server *server) {
    struct world *world = server->world;
    int64_t most_us = world->log ? 8000 : 50000;
    world_later(world, 1000 + (int64_t)draw(world, (uint64_t)most_us), HAPPEN_STORE, server->index);
    trouble_pass(server);
    server_due(server);
}

static void break_connections(struct world *world) {
    for (size_t i = 0; i < world->plan.client_count; i++) {
        if (world->clients[i].wire > 0 && chance(world, 50)) {
            client_hang_up(&world->clients[i], chance(world, 50) ? LEAVE_RESET : LEAVE_SILENTLY);
        }
    }
}

static void crash(struct server *server) {
    struct world *world = server->world;
    if (server->delivery) {
        /* What is not kept at all nobody could find afterwards. */
        size_t commit = world->plan.keep > 0 ? (size_t)draw(world, 10) : 0;
        server_crash(server, commit, !world->log && chance(world, 15));
        world_later(world, 1000 * (int64_t)draw(world, 2000), HAPPEN_TROUBLE, 1 + server->index);
    }
}

void trouble_heal(struct server *server) {
    struct world *world = server->world;
    if (server->store && world->log && shared_node_is_cut(server->store)) {
        trace_note(&world->trace, world->now_us, "trouble", 0, "server %u sees the log again",
                   server->index + 1);
        shared_node_heal(server->store);
    }
    server->slow = false;
}

/* Long enough for its lease to run out, or not. */
static void cut(struct server *server) {
    struct world *world = server->world;
    trace_note(&world->trace, world->now_us, "trouble", 0, "server %u is cut off from the log",
               server->index + 1);
    shared_node_cut(server->store, (size_t)draw(world, 10));
    world_later(world, 1000 * (int64_t)draw(world, chance(world, 50) ? 2000 : 20000), HAPPEN_HEAL,
                server->index);
}

/* What goes wrong between servers that share a log. */
static void strike_link(struct server *server) {
    struct world *world = server->world;
    switch (draw(world, 5)) {
    case 0:
    case 1:
        cut(server);
        break;
    case 2:
        trace_note(&world->trace, world->now_us, "trouble", 0, "server %u waits for the log",
                   server->index + 1);
        server->slow = true;
        world_later(world, 1000 * (int64_t)draw(world, 5000), HAPPEN_HEAL, server->index);
        break;
    case 3:
        trace_note(&world->trace, world->now_us, "trouble", 0, "server %u misses entries",
                   server->index + 1);
        shared_node_lose(server->store, 1 + (size_t)draw(world, 10));
        break;
    default:
        trace_note(&world->trace, world->now_us, "trouble", 0, "server %u hears entries twice",
                   server->index + 1);
        shared_node_repeat(server->store, 1 + (size_t)draw(world, 10));
        break;
    }
}

static void strike_memory(struct server *server) {
    struct world *world = server->world;
    switch (draw(world, 6)) {
    case 0:
    case 1:
        trace_note(&world->trace, world->now_us, "trouble", 0, "the store is slow");
        store_memory_hold(server->store);
        break;
    case 2:
        trace_note(&world->trace, world->now_us, "trouble", 0, "reading is slow");
        store_memory_hold_reads(server->store);
        break;
    case 3:
        trace_note(&world->trace, world->now_us, "trouble", 0, "commits fail");
        store_memory_fail(server->store, (size_t)draw(world, 20));
        break;
    case 4:
        trace_note(&world->trace, world->now_us, "trouble", 0, "the disk is full");
        store_memory_set_full(server->store, true);
        break;
    default:
        trace_note(&world->trace, world->now_us, "trouble", 0, "the disk has room");
        store_memory_set_full(server->store, false);
        break;
    }
}

static void strike_store(struct server *server) {
    if (!server->world->log) {
        strike_memory(server);
    } else if (server->store) {
        strike_link(server);
    }
}

/* `subject` of the appointment is 0; else it is which server is to come back. */
void trouble_strike(struct world *world) {
    if (world->calm) {
        return;
    }
    struct server *server = &world->servers[draw(world, world->plan.server_count)];
    uint64_t what = draw(world, 9);
    if (what < 6) {
        strike_store(server);
    } else if (what == 6) {
        trace_note(&world->trace, world->now_us, "trouble", 0, "the wall clock is set");
        server->wall_us += (int64_t)draw(world, 7200000000) - 3600000000;
    } else if (what == 7) {
        trace_note(&world->trace, world->now_us, "trouble", 0, "connections break");
        break_connections(world);
    } else if (world->plan.crashes) {
        crash(server);
    }
    trouble_begin(world);
}

static void recover(struct server *server) {
    if (!server->delivery) {
        server_start(server);
    }
    if (server->world->log) {
        trouble_heal(server);
        shared_node_lose(server->store, 0);
        shared_node_repeat(server->store, 0);
    } else {
        store_memory_release_all(server->store);
        store_memory_release_all_reads(server->store);
        store_memory_fail(server->store, 0);
        store_memory_set_full(server->store, false);
    }
    server_due(server);
}

void trouble_end(struct world *world) {
    size_t at = 0;
    struct wire *wire;
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        recover(&world->servers[i]);
    }
    while ((wire = id_map_next(world->network.wires, &at))) {
        wire_recover(wire);
    }
}
