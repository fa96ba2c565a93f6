#include "sim/network_internal.h"

#include <string.h>

#include "sim/client.h"
#include "sim/world.h"

void network_init(struct network *network) {
    network->wires = id_map_new();
}

static void pipe_clear(struct pipe *pipe) {
    while (pipe->first) {
        struct packet *packet = pipe->first;
        pipe->first = packet->next;
        memory_free(packet);
    }
    pipe->last = NULL;
    pipe->bytes = 0;
}

static void wire_free(struct wire *wire) {
    id_map_remove(wire->world->network.wires, wire->id);
    pipe_clear(&wire->up);
    pipe_clear(&wire->down);
    memory_free(wire);
}

void network_close(struct network *network) {
    size_t at = 0;
    struct wire *wire;
    while ((wire = id_map_next(network->wires, &at))) {
        pipe_clear(&wire->up);
        pipe_clear(&wire->down);
        memory_free(wire);
    }
    id_map_free(network->wires);
}

struct wire *network_find(struct world *world, uint64_t id) {
    return id > 0 ? id_map_find(world->network.wires, id) : NULL;
}

static void settle(struct wire *wire) {
    if (!wire->client && !wire->peer) {
        wire_free(wire);
    }
}

struct packet *pipe_push(struct wire *wire, struct pipe *pipe, size_t length, enum ending ending,
                         enum happening what) {
    struct world *world = wire->world;
    struct packet *packet = memory_new(sizeof *packet + length);
    int64_t arrives_us = world->now_us + 20 + (int64_t)draw(world, world->plan.latency_us);
    if (arrives_us < pipe->latest_us) {
        arrives_us = pipe->latest_us;
    }
    pipe->latest_us = arrives_us;
    packet->arrives_us = arrives_us;
    packet->order = world->order;
    packet->ending = ending;
    packet->length = length;
    pipe->bytes += length;
    pipe->ended = ending != ENDING_NONE;
    if (pipe->last) {
        pipe->last->next = packet;
    } else {
        pipe->first = packet;
    }
    pipe->last = packet;
    world_later(world, arrives_us - world->now_us, what, wire->id);
    return packet;
}

void pipe_end(struct wire *wire, struct pipe *pipe, enum ending ending, enum happening what) {
    if (!pipe->ended) {
        pipe_push(wire, pipe, 0, ending, what);
    }
}

void pipe_cut(struct wire *wire, struct pipe *pipe) {
    size_t kept = wire->whole ? pipe->bytes : (size_t)draw(wire->world, pipe->bytes + 1);
    struct packet **link = &pipe->first;
    pipe->bytes = 0;
    pipe->last = NULL;
    pipe->ended = false;
    while (*link) {
        struct packet *packet = *link;
        size_t left = packet->length - packet->offset;
        if (kept == 0 || packet->ending != ENDING_NONE) {
            *link = packet->next;
            memory_free(packet);
            continue;
        }
        if (left > kept) {
            packet->length -= left - kept;
            left = kept;
        }
        kept -= left;
        pipe->bytes += left;
        pipe->last = packet;
        link = &packet->next;
    }
}

struct wire *wire_open(struct world *world, struct client *client, const char *scheme) {
    struct server *server = server_pick(world);
    if (!server) {
        return NULL;
    }
    struct wire *wire = memory_new_struct(struct wire);
    wire->server = server;
    wire->id = ++world->network.last_id;
    wire->world = world;
    wire->client = client;
    wire->capacity = 1 + world->plan.wire_capacity / (1 + draw(world, 8));
    wire->choppy = chance(world, 60);
    wire->sent_us = world->now_us - 1000000;
    id_map_put(world->network.wires, wire->id, wire);
    server_set_time(server);
    wire->peer =
        outlet_open(delivery_outlet(server->delivery), protocol_find(slice_of_string(scheme)), wire,
                    &(struct peer_source){.address = SLICE("192.0.2.1")});
    server_due(server);
    return wire;
}

void wire_write(struct wire *wire, struct slice bytes) {
    if (wire->up.ended || bytes.length == 0) {
        return;
    }
    trace_bytes(&wire->world->trace, bytes);
    while (bytes.length > 0) {
        bool split = wire->choppy && !wire->whole && chance(wire->world, 30);
        size_t part = split ? 1 + (size_t)draw(wire->world, bytes.length) : bytes.length;
        struct packet *packet = pipe_push(wire, &wire->up, part, ENDING_NONE, HAPPEN_UP);
        memcpy(packet->data, bytes.data, part);
        bytes = slice_skip(bytes, part);
    }
}

void wire_leave(struct wire *wire, enum leaving how) {
    struct world *world = wire->world;
    wire->client = NULL;
    switch (how) {
    case LEAVE_POLITELY:
        pipe_end(wire, &wire->up, ENDING_FINISH, HAPPEN_UP);
        break;
    case LEAVE_RESET:
        pipe_cut(wire, &wire->up);
        pipe_end(wire, &wire->up, ENDING_RESET, HAPPEN_UP);
        break;
    case LEAVE_SILENTLY:
        pipe_cut(wire, &wire->up);
        wire->up.ended = true;
        world_later(world, 1000000 * (5 + (int64_t)draw(world, 60)), HAPPEN_GONE, wire->id);
        wire->stalled_until_us = INT64_MAX;
        break;
    }
    if (wire->finished) {
        world_later(world, 100, HAPPEN_GONE, wire->id);
    }
    world_later(world, 0, HAPPEN_DOWN, wire->id);
    settle(wire);
}

static struct packet *arrived(const struct wire *wire, const struct pipe *pipe) {
    struct packet *packet = pipe->first;
    return packet && packet->arrives_us <= wire->world->now_us ? packet : NULL;
}

static void drop_first(struct pipe *pipe) {
    struct packet *packet = pipe->first;
    pipe->first = packet->next;
    if (!pipe->first) {
        pipe->last = NULL;
    }
    pipe->bytes -= packet->length - packet->offset;
    memory_free(packet);
}

/* Some of what has arrived, in one read. */
static void hand_in(struct wire *wire, struct packet *packet) {
    size_t left = packet->length - packet->offset;
    size_t part = wire->choppy && !wire->whole && chance(wire->world, 20)
                      ? 1 + (size_t)draw(wire->world, left)
                      : left;
    char *data = packet->data + packet->offset;
    packet->offset += part;
    wire->up.bytes -= part;
    outlet_receive(wire->peer, slice_from(data, part));
}

/* The server's socket is readable. */
void wire_up(struct wire *wire) {
    struct world *world = wire->world;
    struct packet *packet;
    bool received = false;
    if (!wire->peer) {
        return;
    }
    server_set_time(wire->server);
    while (!wire->paused && (packet = arrived(wire, &wire->up))) {
        if (packet->ending == ENDING_RESET) {
            wire->dead = true;
            wire_gone(wire);
            return;
        }
        if (packet->ending == ENDING_FINISH) {
            drop_first(&wire->up);
            outlet_end_of_file(wire->peer);
            break;
        }
        hand_in(wire, packet);
        received = true;
        if (packet->offset == packet->length) {
            drop_first(&wire->up);
        }
        if (wire->whole || chance(world, 30)) {
            break;
        }
    }
    if (received && wire->peer) {
        outlet_read_end(wire->peer);
    }
    if (!wire->paused && arrived(wire, &wire->up)) {
        world_later(world, (int64_t)draw(world, 300), HAPPEN_UP, wire->id);
    } else if (wire->paused && wire->up.last && wire->up.last->ending == ENDING_RESET) {
        wire->dead = true; /* it shows when something is sent */
    }
    server_due(wire->server);
}

static void wake_sender(struct wire *wire) {
    if (wire->blocked && wire->peer && wire_room_left(wire) > 0) {
        world_later(wire->world, (int64_t)draw(wire->world, 1000), HAPPEN_WRITABLE, wire->id);
    }
}

/* What the server sends to a client that has closed goes nowhere. */
static void drain(struct wire *wire) {
    while (arrived(wire, &wire->down)) {
        drop_first(&wire->down);
    }
    wake_sender(wire);
}

static void end_client(struct wire *wire, enum ending ending) {
    struct client *client = wire->client;
    wire->client = NULL;
    if (!wire->up.ended) {
        pipe_end(wire, &wire->up, ENDING_FINISH, HAPPEN_UP);
    }
    world_later(wire->world, (int64_t)draw(wire->world, 1000), HAPPEN_GONE, wire->id);
    client_lost(client, ending);
}

static bool stalled(const struct wire *wire) {
    return wire->stalled_until_us > wire->world->now_us;
}

/* A client's socket is readable. */
void wire_down(struct wire *wire) {
    struct world *world = wire->world;
    struct packet *packet;
    if (stalled(wire)) {
        return;
    }
    if (!wire->client) {
        drain(wire);
        return;
    }
    size_t budget = wire->read_most ? wire->read_most : SIZE_MAX;
    uint64_t id = wire->id;
    while (budget > 0 && (packet = arrived(wire, &wire->down))) {
        if (packet->ending != ENDING_NONE) {
            enum ending ending = packet->ending;
            drop_first(&wire->down);
            end_client(wire, ending);
            settle(wire);
            return;
        }
        size_t left = packet->length - packet->offset;
        size_t part = wire->choppy && !wire->whole && chance(world, 20)
                          ? 1 + (size_t)draw(world, left)
                          : left;
        part = part < budget ? part : budget;
        struct slice bytes = slice_from(packet->data + packet->offset, part);
        packet->offset += part;
        wire->down.bytes -= part;
        budget -= part;
        client_received(wire->client, bytes, packet->order);
        if (network_find(world, id) != wire) {
            return;
        }
        if (packet->offset == packet->length) {
            drop_first(&wire->down);
        }
        if (!wire->client || stalled(wire)) {
            return;
        }
    }
    wake_sender(wire);
    if (arrived(wire, &wire->down)) {
        world_later(world, 1000 + (int64_t)draw(world, 20000), HAPPEN_DOWN, wire->id);
    }
}

void wire_writable(struct wire *wire) {
    if (!wire->peer || wire->finished) {
        return;
    }
    wire->blocked = false;
    server_set_time(wire->server);
    outlet_writable(wire->peer);
    server_due(wire->server);
}

void wire_gone(struct wire *wire) {
    if (!wire->peer) {
        return;
    }
    struct peer *peer = wire->peer;
    wire->peer = NULL;
    server_set_time(wire->server);
    outlet_gone(peer);
    if (wire->client) {
        pipe_end(wire, &wire->down, ENDING_RESET, HAPPEN_DOWN);
    }
    server_due(wire->server);
    settle(wire);
}

void wire_orphan(struct wire *wire) {
    wire->peer = NULL;
    pipe_cut(wire, &wire->down);
    pipe_end(wire, &wire->down, ENDING_RESET, HAPPEN_DOWN);
    settle(wire);
}

void wire_recover(struct wire *wire) {
    if (wire->stalled_until_us == INT64_MAX) {
        return;
    }
    wire->stalled_until_us = 0;
    wire->read_most = 0;
    world_later(wire->world, 0, HAPPEN_DOWN, wire->id);
}
