/* The checks for when everything has settled. */
#include "sim/client.h"
#include "sim/world.h"

/* A name is held by one at a time. */
static void check_names(struct world *world) {
    for (size_t i = 0; i < world->plan.client_count; i++) {
        for (size_t k = 0; k < i; k++) {
            int name = world->clients[i].held;
            bool same = client_is_same(&world->clients[i], &world->clients[k]);
            world_check(world, same || name < 0 || name != world->clients[k].held,
                        "clients %zu and %zu are both called %s", k + 1, i + 1,
                        people_name((unsigned)name, 0));
        }
    }
}

/* Whoever reads has read everything, so nothing is kept for anybody. */
static void check_streams(struct server *server) {
    struct world *world = server->world;
    size_t at = 0;
    const struct wire *wire;
    bool blocked = false;
    while ((wire = id_map_next(world->network.wires, &at))) {
        blocked |= wire->server == server && wire->peer && (wire->blocked || !wire->client);
    }
    size_t bytes = delivery_stream_bytes(server->delivery);
    world_check(world, blocked || bytes == 0, "%zu bytes are kept in streams for nobody", bytes);
}

/* What one server still has to tell, the others hear. */
static void let_all_hear(struct world *world) {
    for (unsigned round = 0; round < 4 && world->log; round++) {
        for (unsigned i = 0; i < world->plan.server_count; i++) {
            trouble_pass(&world->servers[i]);
            server_turn(&world->servers[i]);
        }
    }
}

static void check_server(struct server *server) {
    struct world *world = server->world;
    server_turn(server); /* the last tick may have left something for it */
    size_t pending = delivery_pending(server->delivery);
    world_check(world, pending == 0, "server %u: %zu requests are still under way",
                server->index + 1, pending);
}

static unsigned count_here(const struct server *server, struct slice key) {
    unsigned here = 0, elsewhere = 0;
    hub_count_members(delivery_hub(server->delivery), key, &here, &elsewhere);
    return here;
}

/* Each server knows how many are in its rooms on the others. */
static void check_counts(struct world *world, const struct server *server, struct slice key) {
    unsigned here, elsewhere, others = 0;
    if (!hub_count_members(delivery_hub(server->delivery), key, &here, &elsewhere)) {
        return;
    }
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        others += i != server->index ? count_here(&world->servers[i], key) : 0;
    }
    world_check(world, elsewhere == others, "server %u: %u are elsewhere in %.*s, it knows of %u",
                server->index + 1, others, SLICE_ARGS(key), elsewhere);
}

void calm_check(struct world *world) {
    let_all_hear(world);
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        check_server(&world->servers[i]);
    }
    for (size_t i = 0; i < world->plan.client_count && !world->broken; i++) {
        world->clients[i].kind->settled(&world->clients[i]);
    }
    check_names(world);
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        check_streams(&world->servers[i]);
        for (unsigned room = 0; room < ROOMS; room++) {
            check_counts(world, &world->servers[i], slice_of_string(room_key(room)));
        }
    }
}

static void check_end(const struct server *server) {
    struct world *world = server->world;
    const struct hub *hub = delivery_hub(server->delivery);
    size_t peers = outlet_peer_count(delivery_outlet(server->delivery));
    world_check(world, peers == 0, "%zu peers are left of nobody", peers);
    world_check(world, hub_client_count(hub) == 0, "%zu clients are left in the hub",
                hub_client_count(hub));
    world_check(world, hub_session_count(hub) == 0, "%zu sessions are left in the hub",
                hub_session_count(hub));
    world_check(world, hub_room_count(hub) == 0, "%zu rooms are left in the hub",
                hub_room_count(hub));
}

void calm_check_end(struct world *world) {
    for (unsigned i = 0; i < world->plan.server_count; i++) {
        check_end(&world->servers[i]);
    }
}
