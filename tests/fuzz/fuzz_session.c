/* Whole sessions from arbitrary bytes: the real protocols, hub, delivery and memory store, with a
 * transport that takes as much as the input says, and an authority that knows a few accounts and
 * tokens. Connections of every protocol, some of them of the same account, say well-formed and
 * broken things in any order, make rules and break them, stop reading, vanish and come back while
 * store and authority wait and fail, accounts come and go, the configuration changes, the clock is
 * set and the server is started anew. Nothing may crash, leak or be held without bound, and when
 * everybody has gone nothing may be left.
 *
 * The input is a list of operations, an opcode each and then its arguments; see `operations`. Where
 * it ends, all arguments are 0. */
#include "base/memory.h"
#include "base/text.h"
#include "session_speech.h"
#include "session_world.h"

#define MAX_OPERATIONS 400

/* What a connection says. */

/* Masked with zeros, which leaves the payload as it is. */
static void append_frame(struct buffer *out, unsigned first, struct slice payload) {
    buffer_append_char(out, (char)first);
    if (payload.length < 126) {
        buffer_append_char(out, (char)(0x80 | payload.length));
    } else {
        buffer_append_char(out, (char)(0x80 | 126));
        buffer_append_char(out, (char)(payload.length >> 8));
        buffer_append_char(out, (char)payload.length);
    }
    buffer_append(out, "\0\0\0\0", 4);
    buffer_append_slice(out, payload);
}

/* In pieces of `size` bytes, each in memory of its own; 0: all at once. */
static void deliver(struct wire *wire, struct slice bytes, size_t size) {
    while (bytes.length > 0 && wire->peer && !wire->paused && !wire->ended) {
        size_t length = size > 0 && size < bytes.length ? size : bytes.length;
        char *copy = memory_new(length);
        memcpy(copy, bytes.data, length);
        outlet_receive(wire->peer, slice_from(copy, length));
        memory_free(copy);
        bytes = slice_skip(bytes, length);
    }
    if (wire->peer && !wire->paused && !wire->ended)
        outlet_read_end(wire->peer);
}

#define CHOOSE(world, list) (list)[take_byte(&(world)->input) % (sizeof(list) / sizeof((list)[0]))]

/* Operations. Each of them begins with a wire of the input's choice. */

static void open_wire(struct world *world, struct wire *wire) {
    static const char *const addresses[] = {"127.0.0.1", "192.0.2.7", "2001:db8::1", "unix"};
    static const char *const schemes[] = {"ws", "ws+text", "line", "numbered", "command"};
    const struct protocol *protocol = protocol_find(slice_of_string(CHOOSE(world, schemes)));
    unsigned room = take_byte(&world->input);
    const char *address = addresses[room % 4];
    if (wire->peer)
        return;
    *wire = (struct wire){.world = world, .room = room < 200 ? SIZE_MAX / 2 : room};
    wire->peer = outlet_open(
        delivery_outlet(world->delivery), protocol, wire,
        &(struct peer_source){.address = slice_of_string(address), .secure = (room & 4) != 0});
}

static void say_frame(struct world *world, struct wire *wire) {
    struct buffer payload = {0}, frame = {0};
    speech_compose(SPEECH_FRAME, &world->input, world->secret, &payload);
    append_frame(&frame, 0x81, buffer_slice(&payload));
    deliver(wire, buffer_slice(&frame), take_byte(&world->input) % 8);
    buffer_close(&payload);
    buffer_close(&frame);
}

static void say_line(struct world *world, struct wire *wire) {
    struct buffer line = {0};
    speech_compose(SPEECH_LINE, &world->input, world->secret, &line);
    deliver(wire, buffer_slice(&line), take_byte(&world->input) % 8);
    buffer_close(&line);
}

static void say_request(struct world *world, struct wire *wire) {
    struct buffer request = {0};
    speech_compose(SPEECH_REQUEST, &world->input, world->secret, &request);
    deliver(wire, buffer_slice(&request), take_byte(&world->input) % 8);
    buffer_close(&request);
}

static void say_raw(struct world *world, struct wire *wire) {
    struct slice bytes = take_bytes(&world->input, take_byte(&world->input));
    deliver(wire, bytes, 0);
}

static void say_raw_frame(struct world *world, struct wire *wire) {
    struct buffer frame = {0};
    unsigned first = take_byte(&world->input);
    append_frame(&frame, first, take_bytes(&world->input, take_byte(&world->input)));
    deliver(wire, buffer_slice(&frame), 0);
    buffer_close(&frame);
}

/* The same again and again, more than is answered at once. */
static void say_often(struct world *world, struct wire *wire) {
    struct buffer payload = {0}, bytes = {0};
    speech_compose(SPEECH_FRAME, &world->input, world->secret, &payload);
    for (int i = 0; i < 300; i++)
        append_frame(&bytes, 0x81, buffer_slice(&payload));
    deliver(wire, buffer_slice(&bytes), 0);
    buffer_close(&payload);
    buffer_close(&bytes);
}

static void say_long(struct world *world, struct wire *wire) {
    struct buffer payload = {0}, bytes = {0};
    buffer_append_string(&payload, "{\"type\":\"topic\",\"room\":\"ops\",\"content\":\"");
    for (unsigned i = 0; i < 16 * (1 + take_byte(&world->input)); i++)
        buffer_append_string(&payload, "\\u0001");
    buffer_append_string(&payload, "\"}");
    append_frame(&bytes, 0x81, buffer_slice(&payload));
    deliver(wire, buffer_slice(&bytes), 0);
    buffer_close(&payload);
    buffer_close(&bytes);
}

static void let_read(struct world *world, struct wire *wire) {
    static const size_t amounts[] = {0, 1, 7, 100, 5000, SIZE_MAX / 2};
    wire->room = CHOOSE(world, amounts);
    if (wire->peer && (wire->blocked || wire->wakes) && wire->room > 0) {
        wire->blocked = wire->wakes = false;
        outlet_writable(wire->peer);
    }
}

static void end_input(struct world *world, struct wire *wire) {
    (void)world;
    if (wire->peer && !wire->ended) {
        wire->ended = true;
        outlet_end_of_file(wire->peer);
    }
}

static void vanish(struct world *world, struct wire *wire) {
    (void)world;
    wire_vanish(wire);
}

static void trouble_store(struct world *world, struct wire *wire) {
    (void)wire;
    switch (take_byte(&world->input) % 7) {
    case 0:
        store_memory_hold(world->store);
        break;
    case 1:
        store_memory_release(world->store, take_byte(&world->input) % 8);
        break;
    case 2:
        store_memory_release_all(world->store);
        break;
    case 3:
        store_memory_hold_reads(world->store);
        break;
    case 4:
        store_memory_release_all_reads(world->store);
        break;
    case 5:
        store_memory_fail(world->store, take_byte(&world->input) % 4);
        break;
    default:
        store_memory_set_full(world->store, take_byte(&world->input) % 2);
    }
}

static void trouble_authority(struct world *world, struct wire *wire) {
    unsigned choice = take_byte(&world->input);
    (void)wire;
    switch (choice % 4) {
    case 0:
        sim_authority_hold(world->authority, true);
        break;
    case 1:
        sim_authority_hold(world->authority, false);
        break;
    case 2:
        sim_authority_release(world->authority, choice / 4);
        break;
    default:
        sim_authority_set_busy(world->authority, choice & 4);
    }
}

static void change_account(struct world *world, struct wire *wire) {
    static const char *const tokens[] = {"narrow", "short", "slow", "nobodys", "bt_1", "bt_2"};
    unsigned choice = take_byte(&world->input);
    struct slice name = slice_of_string(speech_name(&world->input));
    (void)wire;
    if (choice % 4 == 0)
        sim_authority_remove(world->authority, name);
    else if (choice % 4 == 1)
        sim_authority_revoke(world->authority, slice_of_string(tokens[choice / 4 % 6]));
    else if (name_check(name) == 0)
        sim_authority_add(world->authority, name, SLICE("right"), (enum role)(choice / 4 % 4));
}

/* The one on the wall: that by which time is measured never goes back. */
static void set_clock(struct world *world, struct wire *wire) {
    static const int64_t steps_us[] = {-1, -3600000000, 3600000000, 86400000000};
    (void)wire;
    world->wall_us = WALL_US + CHOOSE(world, steps_us);
}

static void let_time_pass(struct world *world, struct wire *wire) {
    static const uint64_t times_ms[] = {100, 1000, 11000, 70000, LINGER_MS + 1000};
    (void)wire;
    world_pass(world, CHOOSE(world, times_ms));
}

static void take_turn(struct world *world, struct wire *wire) {
    (void)wire;
    world_turn(world);
}

static void reconfigure(struct world *world, struct wire *wire) {
    unsigned choice = take_byte(&world->input);
    (void)wire;
    world_configure(world, choice, take_byte(&world->input));
}

static void restart(struct world *world, struct wire *wire) {
    unsigned choice = take_byte(&world->input);
    (void)wire;
    world_restart(world, choice, take_byte(&world->input));
}

static void (*const operations[])(struct world *world, struct wire *wire) = {
    open_wire,      say_frame,     say_line,      say_request, say_raw,
    say_raw_frame,  say_often,     say_long,      let_read,    end_input,
    vanish,         trouble_store, let_time_pass, take_turn,   trouble_authority,
    change_account, set_clock,     reconfigure,   restart,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct world *world = memory_new_struct(struct world);
    world_begin(world, slice_from(data, size));
    for (int i = 0; i < MAX_OPERATIONS && world->input.length > 0; i++) {
        unsigned opcode = take_byte(&world->input);
        struct wire *wire = &world->wires[take_byte(&world->input) % WIRES];
        operations[opcode % (sizeof operations / sizeof operations[0])](world, wire);
        if (opcode < 192) /* else several things happen in one turn */
            world_turn(world);
    }
    world_finish(world);
    memory_free(world);
    return 0;
}
