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
static void check_streams(struct world *world) {
    size_t at = 0;
    const struct wire *wire;
    bool blocked = false;
    while ((wire = id_map_next(world->network.wires, &at))) {
        blocked |= wire->peer && (wire->blocked || !wire->client);
    }
    size_t bytes = delivery_stream_bytes(world->server.delivery);
    world_check(world, blocked || bytes == 0, "%zu bytes are kept in streams for nobody", bytes);
}

void calm_check(struct world *world) {
    server_turn(world); /* the last tick may have left something for it */
    size_t pending = delivery_pending(world->server.delivery);
    world_check(world, pending == 0, "%zu requests are still under way", pending);
    for (size_t i = 0; i < world->plan.client_count && !world->broken; i++) {
        world->clients[i].kind->settled(&world->clients[i]);
    }
    check_names(world);
    check_streams(world);
}

void calm_check_end(struct world *world) {
    const struct delivery *delivery = world->server.delivery;
    const struct hub *hub = delivery_hub(delivery);
    size_t peers = outlet_peer_count(delivery_outlet(world->server.delivery));
    world_check(world, peers == 0, "%zu peers are left of nobody", peers);
    world_check(world, hub_client_count(hub) == 0, "%zu clients are left in the hub",
                hub_client_count(hub));
    world_check(world, hub_session_count(hub) == 0, "%zu sessions are left in the hub",
                hub_session_count(hub));
    world_check(world, hub_room_count(hub) == 0, "%zu rooms are left in the hub",
                hub_room_count(hub));
}
