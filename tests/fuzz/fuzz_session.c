/* Whole sessions from arbitrary bytes: the real protocols, hub, delivery and memory store, with a
 * transport that takes as much as the input says. A few connections of every protocol say
 * well-formed and broken things in any order, stop reading, vanish and come back while the store
 * waits and fails. Nothing may crash, leak or be held without bound, and when everybody has gone
 * nothing may be left.
 *
 * The input is a list of operations, an opcode each and then its arguments; see `operations`. Where
 * it ends, all arguments are 0. Run by `make fuzz`. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "delivery/delivery.h"
#include "store/store_memory.h"

#define WIRES 8
#define MAX_MESSAGE 4096
#define MAX_OPERATIONS 400
#define LINGER_MS 120000
/* What may be held for one connection: answers up to the limit and the one that passed it. */
#define OUTPUT_LARGEST (LIMIT_CONTROL_OUTPUT + LIMIT_PAGE_BYTES + 1024 * 1024)

/* What must hold, also where asserts are compiled out. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct wire {
    struct peer *peer; /* NULL: not connected */
    struct world *world;
    size_t room; /* bytes it takes before it is full */
    bool blocked, paused, ended, finished, reset, wakes;
};

struct world {
    struct slice input;
    struct store *store;
    struct delivery *delivery;
    struct protocol_settings settings;
    struct rng rng;
    uint64_t now_ms;
    struct wire wires[WIRES];
    char secret[64]; /* the last one that somebody was told */
};

static unsigned take_byte(struct world *world) {
    if (world->input.length == 0)
        return 0;
    unsigned byte = (unsigned char)world->input.data[0];
    world->input = slice_skip(world->input, 1);
    return byte;
}

static struct slice take_bytes(struct world *world, size_t length) {
    struct slice bytes = world->input;
    if (bytes.length > length)
        bytes.length = length;
    world->input = slice_skip(world->input, bytes.length);
    return bytes;
}

/* The transport. */

static void note_secret(struct world *world, const char *bytes, size_t size) {
    static const char mark[] = "\"session\":\"";
    const char *found = memmem(bytes, size, mark, sizeof mark - 1);
    if (!found)
        return;
    struct slice rest =
        slice_from(found + sizeof mark - 1, size - (size_t)(found - bytes) - sizeof mark + 1);
    struct slice secret = slice_cut(&rest, '"');
    if (secret.length < sizeof world->secret)
        snprintf(world->secret, sizeof world->secret, "%.*s", SLICE_ARGS(secret));
}

static ssize_t wire_send(void *owner, const struct iovec *vectors, int count) {
    struct wire *wire = owner;
    size_t taken = 0;
    REQUIRE(wire->peer && !wire->finished && !wire->blocked);
    if (wire->reset)
        return -1;
    for (int i = 0; i < count && !wire->blocked; i++) {
        size_t left = wire->room - taken;
        size_t bytes = vectors[i].iov_len < left ? vectors[i].iov_len : left;
        REQUIRE(vectors[i].iov_len > 0);
        note_secret(wire->world, vectors[i].iov_base, bytes);
        taken += bytes;
        wire->blocked = bytes < vectors[i].iov_len;
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
    (void)delay_ms;
    ((struct wire *)owner)->wakes = true;
}

static const struct transport transport = {wire_send, wire_pause, wire_finish, wire_reset,
                                           wire_wake};

/* Time. */

static void turn(struct world *world) {
    outlet_set_time(delivery_outlet(world->delivery),
                    1700000000000000 + (int64_t)world->now_ms * 1000, world->now_ms);
    for (int rounds = 0; delivery_turn(world->delivery); rounds++)
        REQUIRE(rounds < 100000);
    for (int i = 0; i < WIRES; i++) {
        struct wire *wire = &world->wires[i];
        if (wire->peer && wire->reset) {
            outlet_gone(wire->peer);
            *wire = (struct wire){0};
        } else if (wire->peer) {
            REQUIRE(outlet_load(wire->peer).output <= OUTPUT_LARGEST);
        }
    }
}

static void pass(struct world *world, uint64_t ms) {
    for (uint64_t end = world->now_ms + ms; world->now_ms < end;) {
        world->now_ms += ms < 1000 ? 100 : ms / 10;
        turn(world);
        delivery_tick(world->delivery);
    }
    turn(world);
}

/* What a connection may say. In these texts, each of the following stands for something of the
 * input's choice: %n a name, %r a room, %u a number, %c a cid, %t a text, %s the last secret told.
 */

static const char *const names[] = {
    "ann", "bob", "ANN",   "Anonymous", "\xef\xbd\x81nn", "a\xcc\x81",
    "x y", "",    "error", "Client 1",  "ann edited",     "\xe2\x80\xae"};
static const char *const rooms[] = {"lobby", "ops", "OPS", "@ann,bob", "@ann,ann", "$x", "",   "@",
                                    "@,",    "r1",  "r2",  "r3",       "@bob,ann", "..", "a b"};
static const char *const numbers[] = {"0",
                                      "1",
                                      "2",
                                      "3",
                                      "5",
                                      "100",
                                      "-1",
                                      "9007199254740992",
                                      "9223372036854775807",
                                      "18446744073709551615",
                                      "1.5",
                                      "\"x\"",
                                      "null"};
static const char *const cids[] = {"1", "2", "c1", "", "\\u0000"};
static const char *const texts[] = {"hi", "", "/me waves", "a\\nb", "\\u001b[2J", "\\ud83d\\ude00",
                                    "//x"};

static const char *const frames[] = {
    "{\"content\":\"%t\",\"sender\":\"%n\"}",
    "{\"type\":\"hello\",\"name\":\"%n\",\"cid\":\"%c\"}",
    "{\"type\":\"hello\",\"session\":\"%s\",\"cid\":\"%c\"}",
    "{\"type\":\"hello\",\"session\":\"%s\",\"name\":\"%n\",\"resume\":{\"%r\":{\"after\":%u},\"%"
    "r\":{\"after\":%u}}}",
    "{\"type\":\"hello\",\"resume\":{\"%r\":{\"after\":%u,\"epoch\":\"%t\"},\"%r\":{\"after\":%u},"
    "\"%r\":{\"after\":%u}}}",
    "{\"type\":\"join\",\"room\":\"%r\",\"cid\":\"%c\"}",
    "{\"type\":\"join\",\"room\":\"%r\",\"after\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"leave\",\"room\":\"%r\",\"cid\":\"%c\"}",
    "{\"type\":\"message\",\"room\":\"%r\",\"content\":\"%t\",\"cid\":\"%c\",\"re\":%u}",
    "{\"type\":\"message\",\"to\":\"%n\",\"content\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"edit\",\"room\":\"%r\",\"of\":%u,\"content\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"delete\",\"room\":\"%r\",\"of\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"react\",\"room\":\"%r\",\"of\":%u,\"key\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"topic\",\"room\":\"%r\",\"content\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"typing\",\"room\":\"%r\"}",
    "{\"type\":\"history\",\"room\":\"%r\",\"after\":%u,\"limit\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"history\",\"room\":\"%r\",\"before\":%u,\"cid\":\"%c\"}",
    "{\"type\":\"rooms\",\"cid\":\"%c\"}",
    "{\"type\":\"members\",\"room\":\"%r\",\"cid\":\"%c\"}",
    "{\"type\":\"search\",\"query\":\"%t\",\"cid\":\"%c\"}",
    "{\"type\":\"leave\"}",
};
static const char *const lines[] = {
    "%n\n",          "%t\n",         "/join %r\n",     "/rooms\n",      "/who\n",
    "/msg %n %t\n",  "/me %t\n",     "/topic %t\n",    "/history %u\n", "/nick %n\n",
    "/token\n",      "/resume %s\n", "/quit\n",        "QUIT\n",        "\n",
    "register,%n\n", "register,%n",  "list,friends\n", "list,friends",  "chat,%n,%t\n",
    "chat,%n\n",     "chat,%n,%t",
};
static const char *const requests[] = {
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: banter.v1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: banter.v1\r\nSec-WebSocket-Extensions: permessage-deflate; "
    "server_max_window_bits=9\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /text HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "POST /r/%r HTTP/1.1\r\nHost: localhost\r\nSender: %n\r\nIdempotency-Key: "
    "%c\r\nContent-Length: 2\r\n\r\nhi",
    "POST /r/%r HTTP/1.1\r\nHost: localhost\r\nTitle: %t\r\nTransfer-Encoding: "
    "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "POST /r/%r HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    "16\r\n\r\n"
    "{\"content\":\"hi\"}",
    "GET /r/%r?after=%u&limit=%u HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /r/%r?before=%u HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n",
    "HEAD /r/%r HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
};

#define CHOOSE(world, list) (list)[take_byte(world) % (sizeof(list) / sizeof((list)[0]))]

static void compose(struct world *world, struct buffer *out, const char *form) {
    for (const char *at = form; *at; at++) {
        if (*at != '%') {
            buffer_append_char(out, *at);
            continue;
        }
        switch (*++at) {
        case 'n':
            buffer_append_string(out, CHOOSE(world, names));
            break;
        case 'r':
            buffer_append_string(out, CHOOSE(world, rooms));
            break;
        case 'u':
            buffer_append_string(out, CHOOSE(world, numbers));
            break;
        case 'c':
            buffer_append_string(out, CHOOSE(world, cids));
            break;
        case 't':
            buffer_append_string(out, CHOOSE(world, texts));
            break;
        default:
            buffer_append_string(out, world->secret);
        }
    }
}

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

/* Operations. Each of them begins with a wire of the input's choice. */

static void open_wire(struct world *world, struct wire *wire) {
    static const char *const schemes[] = {"ws", "ws+text", "line", "numbered", "command"};
    const struct protocol *protocol = protocol_find(slice_of_string(CHOOSE(world, schemes)));
    unsigned room = take_byte(world);
    if (wire->peer)
        return;
    *wire = (struct wire){.world = world, .room = room < 200 ? SIZE_MAX / 2 : room};
    wire->peer = outlet_open(delivery_outlet(world->delivery), protocol, wire,
                             &(struct peer_source){.address = SLICE("127.0.0.1")});
}

static void say_frame(struct world *world, struct wire *wire) {
    struct buffer payload = {0}, frame = {0};
    compose(world, &payload, CHOOSE(world, frames));
    append_frame(&frame, 0x81, buffer_slice(&payload));
    deliver(wire, buffer_slice(&frame), take_byte(world) % 8);
    buffer_close(&payload);
    buffer_close(&frame);
}

static void say_line(struct world *world, struct wire *wire) {
    struct buffer line = {0};
    compose(world, &line, CHOOSE(world, lines));
    deliver(wire, buffer_slice(&line), take_byte(world) % 8);
    buffer_close(&line);
}

static void say_request(struct world *world, struct wire *wire) {
    struct buffer request = {0};
    compose(world, &request, CHOOSE(world, requests));
    deliver(wire, buffer_slice(&request), take_byte(world) % 8);
    buffer_close(&request);
}

static void say_raw(struct world *world, struct wire *wire) {
    struct slice bytes = take_bytes(world, take_byte(world));
    deliver(wire, bytes, 0);
}

static void say_raw_frame(struct world *world, struct wire *wire) {
    struct buffer frame = {0};
    unsigned first = take_byte(world);
    append_frame(&frame, first, take_bytes(world, take_byte(world)));
    deliver(wire, buffer_slice(&frame), 0);
    buffer_close(&frame);
}

/* The same again and again, more than is answered at once. */
static void say_often(struct world *world, struct wire *wire) {
    struct buffer payload = {0}, bytes = {0};
    compose(world, &payload, CHOOSE(world, frames));
    for (int i = 0; i < 300; i++)
        append_frame(&bytes, 0x81, buffer_slice(&payload));
    deliver(wire, buffer_slice(&bytes), 0);
    buffer_close(&payload);
    buffer_close(&bytes);
}

static void say_long(struct world *world, struct wire *wire) {
    struct buffer payload = {0}, bytes = {0};
    buffer_append_string(&payload, "{\"type\":\"topic\",\"room\":\"ops\",\"content\":\"");
    for (unsigned i = 0; i < 16 * (1 + take_byte(world)); i++)
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
    if (wire->peer)
        outlet_gone(wire->peer);
    *wire = (struct wire){0};
}

static void trouble_store(struct world *world, struct wire *wire) {
    (void)wire;
    switch (take_byte(world) % 7) {
    case 0:
        store_memory_hold(world->store);
        break;
    case 1:
        store_memory_release(world->store, take_byte(world) % 8);
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
        store_memory_fail(world->store, take_byte(world) % 4);
        break;
    default:
        store_memory_set_full(world->store, take_byte(world) % 2);
    }
}

static void let_time_pass(struct world *world, struct wire *wire) {
    static const uint64_t times_ms[] = {100, 1000, 11000, 70000, LINGER_MS + 1000};
    (void)wire;
    pass(world, CHOOSE(world, times_ms));
}

static void take_turn(struct world *world, struct wire *wire) {
    (void)wire;
    turn(world);
}

static void (*const operations[])(struct world *world, struct wire *wire) = {
    open_wire, say_frame, say_line,  say_request, say_raw,       say_raw_frame, say_often,
    say_long,  let_read,  end_input, vanish,      trouble_store, let_time_pass, take_turn,
};

/* A life. */

static void fill(void *context, void *bytes, size_t size) {
    rng_fill(context, bytes, size);
}

static void begin(struct world *world, struct slice input) {
    *world = (struct world){.input = input, .now_ms = 1000};
    rng_seed(&world->rng, 7);
    unsigned choice = take_byte(world);
    world->settings = (struct protocol_settings){.max_message = MAX_MESSAGE,
                                                 .banner = SLICE("banter"),
                                                 .server = SLICE("banterd"),
                                                 .inflater = inflater_new(),
                                                 .deflater = deflater_new()};
    world->store = store_memory_new(&(struct store_memory_options){
        .seed = 1, .keep = choice & 1 ? 8 : LIMIT_MEMORY_ROOM_ENTRIES});
    world->delivery = delivery_new(
        &(struct delivery_options){.hub = {.seed = 1,
                                           .limits.rate_per_minute = choice & 2 ? 20 : 0,
                                           .max_message = MAX_MESSAGE,
                                           .session_linger_s = LINGER_MS / 1000,
                                           .announce_limit = choice & 4 ? 2 : 100,
                                           .backlog = 100,
                                           .create_rooms = !(choice & 8)},
                                   .outlet = {.transport = &transport,
                                              .settings = &world->settings,
                                              .ping_interval_ms = 30000,
                                              .ping_timeout_ms = 10000,
                                              .handshake_timeout_ms = 10000,
                                              .idle_timeout_ms = choice & 16 ? 60000 : 0},
                                   .store = world->store,
                                   .stream_window = choice & 32 ? 16 * MAX_MESSAGE : 1 << 20,
                                   .random = fill,
                                   .random_context = &world->rng});
    outlet_set_time(delivery_outlet(world->delivery), 1700000000000000, world->now_ms);
}

static void finish(struct world *world) {
    store_memory_release_all(world->store);
    store_memory_release_all_reads(world->store);
    outlet_close_all(delivery_outlet(world->delivery), 1001);
    turn(world);
    for (int i = 0; i < WIRES; i++)
        vanish(world, &world->wires[i]);
    pass(world, LINGER_MS + 10000);
    REQUIRE(outlet_peer_count(delivery_outlet(world->delivery)) == 0);
    REQUIRE(delivery_pending(world->delivery) == 0);
    REQUIRE(delivery_stream_bytes(world->delivery) == 0);
    REQUIRE(hub_client_count(delivery_hub(world->delivery)) == 0);
    REQUIRE(hub_session_count(delivery_hub(world->delivery)) == 0);
    REQUIRE(hub_room_count(delivery_hub(world->delivery)) == 0);
    delivery_free(world->delivery);
    world->store->engine->close(world->store);
    inflater_free(world->settings.inflater);
    deflater_free(world->settings.deflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct world *world = memory_new_struct(struct world);
    begin(world, slice_from(data, size));
    for (int i = 0; i < MAX_OPERATIONS && world->input.length > 0; i++) {
        unsigned opcode = take_byte(world);
        struct wire *wire = &world->wires[take_byte(world) % WIRES];
        operations[opcode % (sizeof operations / sizeof operations[0])](world, wire);
        if (opcode < 192) /* else several things happen in one turn */
            turn(world);
    }
    finish(world);
    memory_free(world);
    return 0;
}
