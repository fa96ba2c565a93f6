#include "delivery_world.h"

#include "wire/websocket.h"

static ssize_t wire_send(void *owner, const struct iovec *vectors, int count) {
    struct wire *wire = owner;
    size_t taken = 0;
    assert_false(wire->finished);
    assert_false(wire->blocked);
    wire->sends++;
    if (wire->broken)
        return -1;
    for (int i = 0; i < count; i++) {
        size_t left = wire->room - taken;
        size_t bytes = vectors[i].iov_len < left ? vectors[i].iov_len : left;
        buffer_append(&wire->output, vectors[i].iov_base, bytes);
        taken += bytes;
        if (bytes < vectors[i].iov_len) {
            wire->blocked = true;
            break;
        }
    }
    wire->room -= taken;
    return (ssize_t)taken;
}

static void wire_pause(void *owner, bool paused) {
    ((struct wire *)owner)->paused = paused;
}

static void wire_finish(void *owner) {
    ((struct wire *)owner)->finished = true;
}

static void wire_reset(void *owner) {
    ((struct wire *)owner)->reset = true;
}

static void wire_wake(void *owner, unsigned delay_ms) {
    assert_int_equal(delay_ms, 5);
    ((struct wire *)owner)->wakes = true;
}

static void wire_send_many(struct send_job *jobs, size_t count) {
    for (size_t i = count; i-- > 0;) {
        assert_int_equal(jobs[i].taken, jobs[i].bytes);
        jobs[i].taken = wire_send(jobs[i].owner, jobs[i].vectors, jobs[i].count);
    }
}

const struct transport transport = {wire_send, wire_pause, wire_finish, wire_reset, wire_wake};
const struct transport transport_shared = {wire_send,  wire_pause, wire_finish,
                                           wire_reset, wire_wake,  wire_send_many};
static const struct transport *transport_used = &transport;

int use_transport(void **state) {
    (void)state;
    transport_used = &transport;
    return 0;
}

int use_transport_shared(void **state) {
    (void)state;
    transport_used = &transport_shared;
    return 0;
}

static void fill(void *context, void *bytes, size_t size) {
    rng_fill(context, bytes, size);
}

static int64_t look_at_clock(void *context) {
    struct world *world = context;
    world->work_us += world->look_us;
    return (int64_t)world->now_ms * 1000 + world->work_us;
}

const struct hub_options world_hub_options = {.seed = 1,
                                              .max_message = 65536,
                                              .session_linger_s = 120,
                                              .announce_limit = 100,
                                              .backlog = 100,
                                              .create_rooms = true};

struct world *world_of(size_t window, struct outlet_options options) {
    struct world *world = memory_new_struct(struct world);
    rng_seed(&world->rng, 7);
    world->settings = (struct protocol_settings){.max_message = 65536,
                                                 .banner = SLICE("banter chat server"),
                                                 .server = SLICE("banterd test"),
                                                 .inflater = inflater_new(),
                                                 .deflater = deflater_new()};
    options.transport = transport_used;
    options.settings = &world->settings;
    world->store = store_memory_new(
        &(struct store_memory_options){.seed = 1, .keep = LIMIT_MEMORY_ROOM_ENTRIES});
    world->delivery = delivery_new(
        &(struct delivery_options){.hub = world_hub_options,
                                   .outlet = options,
                                   .store = world->store,
                                   .stream_window = window,
                                   .stream_memory = 4 * window,
                                   .random = fill,
                                   .random_context = &world->rng,
                                   .clock = options.flush_ms == FLUSH_AUTO ? look_at_clock : NULL,
                                   .clock_context = world});
    world->now_ms = 1000;
    outlet_set_time(delivery_outlet(world->delivery), 1700000000000000, world->now_ms);
    return world;
}

struct world *world_with(size_t window, unsigned ping_ms, unsigned idle_ms) {
    return world_of(window, (struct outlet_options){.ping_interval_ms = ping_ms,
                                                    .idle_timeout_ms = idle_ms,
                                                    .ping_timeout_ms = 10000,
                                                    .handshake_timeout_ms = 10000});
}

struct world *world_new(size_t window) {
    return world_with(window, 30000, 0);
}

void turn(struct world *world) {
    struct outlet *outlet = delivery_outlet(world->delivery);
    outlet_set_time(outlet, 1700000000000000 + (int64_t)world->now_ms * 1000, world->now_ms);
    for (int rounds = 0; delivery_turn(world->delivery); rounds++)
        assert_true(rounds < 10000);
}

void pass(struct world *world, uint64_t ms) {
    for (uint64_t end = world->now_ms + ms; world->now_ms < end;) {
        world->now_ms += 100;
        turn(world);
        delivery_tick(world->delivery);
    }
    turn(world);
}

struct wire *wire_open(struct world *world, const char *scheme) {
    struct wire *wire = memory_new_struct(struct wire);
    const struct protocol *protocol = protocol_find(slice_of_string(scheme));
    assert_non_null(protocol);
    wire->room = SIZE_MAX / 2;
    wire->peer = outlet_open(delivery_outlet(world->delivery), protocol, wire,
                             &(struct peer_source){.address = SLICE("127.0.0.1")});
    turn(world);
    return wire;
}

void say(struct world *world, struct wire *wire, const char *bytes) {
    struct buffer copy = {0}; /* protocols may write into what they are fed */
    buffer_append_string(&copy, bytes);
    outlet_receive(wire->peer, buffer_slice(&copy));
    outlet_read_end(wire->peer);
    turn(world);
    buffer_close(&copy);
}

void allow(struct world *world, struct wire *wire, size_t bytes) {
    wire->room = bytes;
    wire->blocked = false;
    outlet_writable(wire->peer);
    turn(world);
}

void wire_close(struct world *world, struct wire *wire) {
    outlet_gone(wire->peer);
    turn(world);
    buffer_close(&wire->output);
    memory_free(wire);
}

void world_free(struct world *world) {
    pass(world, 200000); /* lingering sessions go */
    assert_int_equal(outlet_peer_count(delivery_outlet(world->delivery)), 0);
    assert_int_equal(delivery_pending(world->delivery), 0);
    delivery_free(world->delivery);
    world->store->engine->close(world->store);
    inflater_free(world->settings.inflater);
    deflater_free(world->settings.deflater);
    memory_free(world);
}

void assert_output(struct wire *wire, const char *expected) {
    struct slice output = buffer_slice(&wire->output);
    char text[4096];
    snprintf(text, sizeof text, "%.*s", SLICE_ARGS(output));
    assert_string_equal(text, expected);
    buffer_clear(&wire->output);
}

struct wire *open_json(struct world *world, const char *protocol) {
    struct wire *wire = wire_open(world, "ws");
    char head[512];
    snprintf(head, sizeof head,
             "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s\r\n",
             protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "");
    say(world, wire, head);
    return wire;
}

void send_json(struct world *world, struct wire *wire, const char *text) {
    struct buffer frame = {0};
    websocket_append_masked(&frame, WEBSOCKET_TEXT, slice_of_string(text), 0x12345678);
    outlet_receive(wire->peer, buffer_slice(&frame));
    turn(world);
    buffer_close(&frame);
}

/* Counts, and checks the order of, the "seq": numbers in what came so far; also in batches. */
bool saw(struct wire *wire, const char *text) {
    struct slice output = buffer_slice(&wire->output);
    return output.length && memmem(output.data, output.length, text, strlen(text));
}
