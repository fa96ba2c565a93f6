/* What goes wrong besides what clients do to themselves: the store, the server, the clock, many
 * connections at once. */
#include "sim/client.h"
#include "sim/world.h"
#include "store/store_memory.h"

void trouble_begin(struct world *world) {
    if (world->plan.trouble_ms > 0) {
        world_later(world, 1000 * (int64_t)draw(world, 2 * world->plan.trouble_ms), HAPPEN_TROUBLE,
                    0);
    }
}

void trouble_store(struct world *world) {
    struct store *store = world->server.store;
    world_later(world, 1000 + (int64_t)draw(world, 50000), HAPPEN_STORE, 0);
    if (world->calm || chance(world, 5)) {
        store_memory_release_all(store);
        store_memory_release_all_reads(store);
    } else {
        store_memory_release(store, (size_t)draw(world, 8));
        store_memory_release_reads(store, (size_t)draw(world, 3));
    }
    server_due(world);
}

static void break_connections(struct world *world) {
    for (size_t i = 0; i < world->plan.client_count; i++) {
        if (world->clients[i].wire > 0 && chance(world, 50)) {
            client_hang_up(&world->clients[i], chance(world, 50) ? LEAVE_RESET : LEAVE_SILENTLY);
        }
    }
}

static void crash(struct world *world) {
    if (world->server.delivery) {
        /* What is not kept at all nobody could find afterwards. */
        size_t commit = world->plan.keep > 0 ? (size_t)draw(world, 10) : 0;
        server_crash(world, commit, chance(world, 15));
        world_later(world, 1000 * (int64_t)draw(world, 2000), HAPPEN_TROUBLE, 1);
    }
}

/* `subject` of the appointment is 1 when the server is to come back. */
void trouble_strike(struct world *world) {
    struct store *store = world->server.store;
    if (world->calm) {
        return;
    }
    switch (draw(world, 9)) {
    case 0:
    case 1:
        trace_note(&world->trace, world->now_us, "trouble", 0, "the store is slow");
        store_memory_hold(store);
        break;
    case 2:
        trace_note(&world->trace, world->now_us, "trouble", 0, "reading is slow");
        store_memory_hold_reads(store);
        break;
    case 3:
        trace_note(&world->trace, world->now_us, "trouble", 0, "commits fail");
        store_memory_fail(store, (size_t)draw(world, 20));
        break;
    case 4:
        trace_note(&world->trace, world->now_us, "trouble", 0, "the disk is full");
        store_memory_set_full(store, true);
        break;
    case 5:
        trace_note(&world->trace, world->now_us, "trouble", 0, "the disk has room");
        store_memory_set_full(store, false);
        break;
    case 6:
        trace_note(&world->trace, world->now_us, "trouble", 0, "the wall clock is set");
        world->server.wall_us += (int64_t)draw(world, 7200000000) - 3600000000;
        break;
    case 7:
        trace_note(&world->trace, world->now_us, "trouble", 0, "connections break");
        break_connections(world);
        break;
    default:
        if (world->plan.crashes) {
            crash(world);
        }
        break;
    }
    trouble_begin(world);
}

void trouble_end(struct world *world) {
    struct store *store = world->server.store;
    size_t at = 0;
    struct wire *wire;
    if (!world->server.delivery) {
        server_start(world);
    }
    store_memory_release_all(store);
    store_memory_release_all_reads(store);
    store_memory_fail(store, 0);
    store_memory_set_full(store, false);
    while ((wire = id_map_next(world->network.wires, &at))) {
        wire_recover(wire);
    }
    server_due(world);
}
