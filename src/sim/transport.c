/* The server's side of a wire: what delivery asks of its transport. */
#include <string.h>

#include "sim/network_internal.h"
#include "sim/world.h"

/* How long the server waits for a client to close after it has said goodbye itself. */
#define LINGER_US 2000000
#define CALM_CAPACITY ((size_t)1 << 20)

/* In the calm every connection is fast enough for everything to arrive in time. */
size_t wire_room_left(const struct wire *wire) {
    size_t capacity = wire->world->calm ? CALM_CAPACITY : wire->capacity;
    return capacity > wire->down.bytes ? capacity - wire->down.bytes : 0;
}

static ssize_t transport_send(void *owner, const struct iovec *vectors, int count) {
    struct wire *wire = owner;
    struct world *world = wire->world;
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        total += vectors[i].iov_len;
    }
    world_check(world, !wire->blocked, "wire %llu: sent to while its socket was full",
                (unsigned long long)wire->id);
    world_check(world, !wire->finished, "wire %llu: sent to after goodbye",
                (unsigned long long)wire->id);
    world->order++;
    if (wire->dead) {
        world_later(world, 100, HAPPEN_GONE, wire->id);
        return -1;
    }
    if (wire->whole) {
        world_check(world, wire->sent_us + 5000 <= world->now_us,
                    "wire %llu: two writes less than 5 ms apart", (unsigned long long)wire->id);
    }
    size_t room = wire_room_left(wire);
    size_t taken = total < room ? total : room;
    if (wire->choppy && !world->calm && taken > 0 && chance(world, 30)) {
        taken = (size_t)draw(world, taken + 1);
    }
    if (taken < total) {
        wire->blocked = true;
        if (taken < room) {
            world_later(world, (int64_t)draw(world, 3000), HAPPEN_WRITABLE, wire->id);
        }
    }
    if (taken == 0) {
        return 0;
    }
    wire->sent_us = world->now_us;
    struct packet *packet = pipe_push(wire, &wire->down, taken, ENDING_NONE, HAPPEN_DOWN);
    size_t at = 0;
    for (int i = 0; i < count && at < taken; i++) {
        size_t part = vectors[i].iov_len < taken - at ? vectors[i].iov_len : taken - at;
        memcpy(packet->data + at, vectors[i].iov_base, part);
        at += part;
    }
    trace_bytes(&world->trace, slice_from(packet->data, taken));
    return (ssize_t)taken;
}

static void transport_pause(void *owner, bool paused) {
    struct wire *wire = owner;
    wire->paused = paused;
    if (!paused) {
        world_later(wire->world, (int64_t)draw(wire->world, 500), HAPPEN_UP, wire->id);
    }
}

static void transport_finish(void *owner) {
    struct wire *wire = owner;
    wire->finished = true;
    pipe_end(wire, &wire->down, ENDING_FINISH, HAPPEN_DOWN);
    world_later(wire->world, wire->client ? LINGER_US : 1000, HAPPEN_GONE, wire->id);
}

static void transport_reset(void *owner) {
    struct wire *wire = owner;
    trace_note(&wire->world->trace, wire->world->now_us, "wire", wire->id, "reset by the server");
    wire->finished = true;
    pipe_cut(wire, &wire->down);
    pipe_end(wire, &wire->down, ENDING_RESET, HAPPEN_DOWN);
    world_later(wire->world, (int64_t)draw(wire->world, 1000), HAPPEN_GONE, wire->id);
}

static void transport_wake_later(void *owner, unsigned delay_ms) {
    struct wire *wire = owner;
    world_later(wire->world, (int64_t)delay_ms * 1000 + (int64_t)draw(wire->world, 2000),
                HAPPEN_WRITABLE, wire->id);
}

/* As by threads, of which nobody knows who comes first. */
static void transport_send_many(struct send_job *jobs, size_t count) {
    struct world *world = ((struct wire *)jobs[0].owner)->world;
    size_t *order = memory_new(count * sizeof *order);
    for (size_t i = 0; i < count; i++) {
        size_t other = (size_t)draw(world, i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    for (size_t i = 0; i < count; i++) {
        struct send_job *job = &jobs[order[i]];
        job->taken = transport_send(job->owner, job->vectors, job->count);
    }
    memory_free(order);
}

const struct transport network_transport = {
    .send = transport_send,
    .pause = transport_pause,
    .finish = transport_finish,
    .reset = transport_reset,
    .wake_later = transport_wake_later,
};

const struct transport network_transport_shared = {
    .send = transport_send,
    .pause = transport_pause,
    .finish = transport_finish,
    .reset = transport_reset,
    .wake_later = transport_wake_later,
    .send_many = transport_send_many,
};
