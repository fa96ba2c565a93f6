#include "session_world.h"

/* What may be held for one connection: answers up to the limit and the one that passed it. */
#define OUTPUT_LARGEST (LIMIT_CONTROL_OUTPUT + LIMIT_PAGE_BYTES + 1024 * 1024)

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

static void set_time(struct world *world) {
    outlet_set_time(delivery_outlet(world->delivery),
                    world->wall_us + (int64_t)world->now_ms * 1000, world->now_ms);
}

void world_turn(struct world *world) {
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

void world_pass(struct world *world, uint64_t ms) {
    for (uint64_t end = world->now_ms + ms; world->now_ms < end;) {
        world->now_ms += ms < 1000 ? 100 : ms / 10;
        world_turn(world);
        delivery_tick(world->delivery);
    }
    world_turn(world);
}

void wire_vanish(struct wire *wire) {
    if (wire->peer)
        outlet_gone(wire->peer);
    *wire = (struct wire){0};
}

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

void world_configure(struct world *world, unsigned choice, unsigned limits) {
    struct delivery_options options = options_by(world, choice, limits);
    delivery_configure(world->delivery, &options);
}

void world_restart(struct world *world, unsigned choice, unsigned how) {
    for (int i = 0; i < WIRES; i++)
        wire_vanish(&world->wires[i]);
    delivery_free(world->delivery);
    store_memory_crash(world->store, how % 4, how & 8);
    sim_authority_restart(world->authority);
    start(world, choice, how);
}

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

void world_begin(struct world *world, struct slice input) {
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

void world_finish(struct world *world) {
    store_memory_release_all(world->store);
    store_memory_release_all_reads(world->store);
    sim_authority_hold(world->authority, false);
    outlet_close_all(delivery_outlet(world->delivery), 1001);
    world_turn(world);
    for (int i = 0; i < WIRES; i++)
        wire_vanish(&world->wires[i]);
    world_pass(world, LINGER_MS + 10000);
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
