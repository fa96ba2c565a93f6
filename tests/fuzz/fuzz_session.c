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
#include "base/rng.h"
#include "base/text.h"
#include "delivery/delivery.h"
#include "fuzz.h"
#include "session_speech.h"
#include "sim/authority.h"
#include "store/store_memory.h"

#define WIRES 8
#define MAX_MESSAGE 4096
#define MAX_OPERATIONS 400
#define LINGER_MS 120000
#define WALL_US INT64_C(1700000000000000)
/* What may be held for one connection: answers up to the limit and the one that passed it. */
#define OUTPUT_LARGEST (LIMIT_CONTROL_OUTPUT + LIMIT_PAGE_BYTES + 1024 * 1024)

struct wire {
    struct peer *peer; /* NULL: not connected */
    struct world *world;
    size_t room; /* bytes it takes before it is full */
    bool blocked, paused, ended, finished, reset, wakes;
};

struct world {
    struct slice input;
    struct store *store;
    struct authority *authority;
    struct delivery *delivery;
    struct protocol_settings settings;
    struct rng rng;
    uint64_t now_ms;
    int64_t wall_us; /* when now_ms was 0 */
    struct wire wires[WIRES];
    char secret[64]; /* the last one that somebody was told */
};

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

static void set_time(struct world *world) {
    outlet_set_time(delivery_outlet(world->delivery),
                    world->wall_us + (int64_t)world->now_ms * 1000, world->now_ms);
}

static void turn(struct world *world) {
    set_time(world);
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
    if (wire->peer)
        outlet_gone(wire->peer);
    *wire = (struct wire){0};
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
    pass(world, CHOOSE(world, times_ms));
}

static void take_turn(struct world *world, struct wire *wire) {
    (void)wire;
    turn(world);
}

/* A life. */

static void fill(void *context, void *bytes, size_t size) {
    rng_fill(context, bytes, size);
}

/* What an operator may set, by two bytes of the input. */
static struct delivery_options options_by(struct world *world, unsigned choice, unsigned limits) {
    return (struct delivery_options){
        .hub = {.auth = (enum auth_mode)((choice >> 6) % 3),
                .seed = 1,
                .limits = {.rate_per_minute = choice & 2 ? 20 : 0,
                           .address_rate_per_minute = limits & 1 ? 30 : 0,
                           .senders_per_address = limits & 2 ? 2 : 0,
                           .room_rate_per_second = limits & 4 ? 2 : 0,
                           .bytes_per_minute = limits & 8 ? 1000 : 0,
                           .joins_per_minute = limits & 16 ? 3 : 0,
                           .names_per_minute = limits & 32 ? 3 : 0,
                           .rooms_per_hour = limits & 64 ? 2 : 0},
                .introduction_ms = limits & 128 ? 5000 : 0,
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
                   .idle_timeout_ms = choice & 16 ? 60000 : 0,
                   .message_timeout_ms = limits & 128 ? 5000 : 0},
        .store = world->store,
        .authority = world->authority,
        .stream_window = choice & 32 ? 16 * MAX_MESSAGE : 1 << 20,
        .random = fill,
        .random_context = &world->rng};
}

static void start(struct world *world, unsigned choice, unsigned limits) {
    struct delivery_options options = options_by(world, choice, limits);
    world->delivery = delivery_new(&options);
    set_time(world);
}

static void reconfigure(struct world *world, struct wire *wire) {
    (void)wire;
    unsigned choice = take_byte(&world->input);
    struct delivery_options options = options_by(world, choice, take_byte(&world->input));
    delivery_configure(world->delivery, &options);
}

/* As after a loss of power; part of what was under way has reached the disk. */
static void restart(struct world *world, struct wire *wire) {
    unsigned choice = take_byte(&world->input), how = take_byte(&world->input);
    for (int i = 0; i < WIRES; i++)
        vanish(world, &world->wires[i]);
    (void)wire;
    delivery_free(world->delivery);
    store_memory_crash(world->store, how % 4, how & 8);
    sim_authority_restart(world->authority);
    start(world, choice, how);
}

static void (*const operations[])(struct world *world, struct wire *wire) = {
    open_wire,      say_frame,     say_line,      say_request, say_raw,
    say_raw_frame,  say_often,     say_long,      let_read,    end_input,
    vanish,         trouble_store, let_time_pass, take_turn,   trouble_authority,
    change_account, set_clock,     reconfigure,   restart,
};

static void add_accounts(struct authority *authority) {
    sim_authority_add(authority, SLICE("ann"), SLICE("right"), ROLE_OWNER);
    sim_authority_add(authority, SLICE("eve"), SLICE("right"), ROLE_MODERATOR);
    sim_authority_add(authority, SLICE("zed"), SLICE("right"), ROLE_MEMBER);
    const struct sim_token tokens[] = {
        {.text = SLICE("narrow"), .name = SLICE("ann"), .rooms = SLICE("ops,r*")},
        {.text = SLICE("short"), .name = SLICE("zed"), .expires_us = WALL_US + 20000000},
        {.text = SLICE("slow"), .name = SLICE("eve"), .has_rate = true, .rate_per_minute = 1},
        {.text = SLICE("nobodys"), .role = ROLE_MODERATOR},
    };
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        sim_authority_add_token(authority, &tokens[i]);
}

static void begin(struct world *world, struct slice input) {
    *world = (struct world){.input = input, .now_ms = 1000, .wall_us = WALL_US};
    rng_seed(&world->rng, 7);
    unsigned choice = take_byte(&world->input);
    world->settings = (struct protocol_settings){.max_message = MAX_MESSAGE,
                                                 .banner = SLICE("banter"),
                                                 .server = SLICE("banterd"),
                                                 .inflater = inflater_new(),
                                                 .deflater = deflater_new()};
    world->store = store_memory_new(&(struct store_memory_options){
        .seed = 1, .keep = choice & 1 ? 8 : LIMIT_MEMORY_ROOM_ENTRIES});
    world->authority = sim_authority_new();
    add_accounts(world->authority);
    start(world, choice, take_byte(&world->input));
}

static void finish(struct world *world) {
    store_memory_release_all(world->store);
    store_memory_release_all_reads(world->store);
    sim_authority_hold(world->authority, false);
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
    world->authority->engine->close(world->authority);
    inflater_free(world->settings.inflater);
    deflater_free(world->settings.deflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct world *world = memory_new_struct(struct world);
    begin(world, slice_from(data, size));
    for (int i = 0; i < MAX_OPERATIONS && world->input.length > 0; i++) {
        unsigned opcode = take_byte(&world->input);
        struct wire *wire = &world->wires[take_byte(&world->input) % WIRES];
        operations[opcode % (sizeof operations / sizeof operations[0])](world, wire);
        if (opcode < 192) /* else several things happen in one turn */
            turn(world);
    }
    finish(world);
    memory_free(world);
    return 0;
}
