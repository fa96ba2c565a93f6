#include "sim/replay_server.h"

#include <assert.h>

#include "base/memory.h"
#include "sim/authority.h"
#include "store/store_memory.h"

#define WALL_US INT64_C(1770978645123456) /* 2026-02-13T10:30:45.123456Z */
#define MONOTONIC_MS 1000
#define TICK_US 100000
#define TURNS_MOST 100000

static const struct {
    struct slice name;
    size_t offset;
} option_names[] = {
#define OPTION(name)                                                                               \
    { SLICE(#name), offsetof(struct replay_options, name) }
    OPTION(auth),
    OPTION(rate_per_minute),
    OPTION(max_message),
    OPTION(session_linger),
    OPTION(announce_limit),
    OPTION(backlog),
    OPTION(create_rooms),
    OPTION(stream_window),
    OPTION(ping_interval),
    OPTION(ping_timeout),
    OPTION(idle_timeout),
    OPTION(handshake_timeout),
    OPTION(keep),
    OPTION(message_timeout),
    OPTION(introduction_timeout),
    OPTION(address_rate_per_minute),
    OPTION(senders_per_address),
    OPTION(room_rate_per_second),
    OPTION(bytes_per_minute),
    OPTION(joins_per_minute),
    OPTION(names_per_minute),
    OPTION(address_names_per_minute),
    OPTION(rooms_per_hour),
    OPTION(address_rooms_per_hour),
#undef OPTION
};

static ssize_t take_bytes(void *owner, const struct iovec *vectors, int count) {
    struct replay_socket *socket = owner;
    size_t taken = 0;
    assert(!socket->finished && !socket->blocked);
    for (int i = 0; i < count && !socket->blocked; i++) {
        size_t bytes = vectors[i].iov_len;
        if (bytes > socket->room) {
            bytes = socket->room;
            socket->blocked = true;
        }
        buffer_append(&socket->output, vectors[i].iov_base, bytes);
        socket->room -= socket->room == SIZE_MAX ? 0 : bytes;
        taken += bytes;
    }
    if (socket->write_count == socket->write_capacity) {
        socket->write_capacity = 2 * socket->write_capacity + 8;
        socket->writes =
            memory_resize(socket->writes, socket->write_capacity * sizeof socket->writes[0]);
    }
    socket->writes[socket->write_count++] = taken;
    return (ssize_t)taken;
}

static void pause_reading(void *owner, bool paused) {
    ((struct replay_socket *)owner)->paused = paused;
}

static void finish(void *owner) {
    ((struct replay_socket *)owner)->finished = true;
}

static void reset(void *owner) {
    ((struct replay_socket *)owner)->reset = true;
}

static void wake_later(void *owner, unsigned delay_ms) {
    struct replay_socket *socket = owner;
    socket->wake_us = socket->server->now_us + (int64_t)delay_ms * 1000;
}

static const struct transport transport = {take_bytes, pause_reading, finish, reset, wake_later};

/* Nothing is logged: what goes wrong shows in what is sent. */
static const struct log quiet = {.level = LOG_ERROR + 1};

static void fill(void *context, void *bytes, size_t size) {
    rng_fill(context, bytes, size);
}

void replay_server_init(struct replay_server *server) {
    *server = (struct replay_server){
        .options = {.rate_per_minute = 20,
                    .max_message = 65536,
                    .session_linger = 120,
                    .announce_limit = 100,
                    .backlog = 100,
                    .create_rooms = 1,
                    .stream_window = 4 * 1024 * 1024,
                    .ping_interval = 30,
                    .ping_timeout = 10,
                    .handshake_timeout = 10,
                    .message_timeout = 60,
                    .introduction_timeout = 120,
                    .senders_per_address = 100,
                    .joins_per_minute = 30000,
                    .names_per_minute = 60,
                    .keep = LIMIT_MEMORY_ROOM_ENTRIES},
        .tick_us = TICK_US,
    };
    rng_seed(&server->rng, 1);
    server->authority = sim_authority_new();
}

bool replay_server_set(struct replay_server *server, struct slice name, unsigned value) {
    for (size_t i = 0; i < sizeof option_names / sizeof option_names[0]; i++) {
        if (slice_equal(name, option_names[i].name)) {
            *(unsigned *)(void *)((char *)&server->options + option_names[i].offset) = value;
            return true;
        }
    }
    return false;
}

static void first_start(struct replay_server *server) {
    const struct replay_options *options = &server->options;
    server->settings = (struct protocol_settings){
        .max_message = options->max_message,
        .ping_ms = options->ping_interval * 1000,
        .rate_per_minute = options->rate_per_minute,
        .banner = SLICE("banter chat server"),
        .server = SLICE("banterd replay"),
        .inflater = inflater_new(),
        .deflater = deflater_new(),
    };
    server->store =
        store_memory_new(&(struct store_memory_options){.seed = 1, .keep = options->keep});
}

static void set_time(struct replay_server *server) {
    outlet_set_time(delivery_outlet(server->delivery), replay_server_wall_us(server),
                    (uint64_t)(server->now_us / 1000) + MONOTONIC_MS);
}

void replay_server_start(struct replay_server *server) {
    const struct replay_options *options = &server->options;
    if (server->delivery) {
        return;
    }
    if (!server->store) {
        first_start(server);
    }
    sim_authority_restart(server->authority);
    server->delivery = delivery_new(&(struct delivery_options){
        .hub = {.seed = 1,
                .auth = (enum auth_mode)options->auth,
                .limits = {.rate_per_minute = options->rate_per_minute,
                           .address_rate_per_minute = options->address_rate_per_minute,
                           .senders_per_address = options->senders_per_address,
                           .room_rate_per_second = options->room_rate_per_second,
                           .bytes_per_minute = options->bytes_per_minute,
                           .joins_per_minute = options->joins_per_minute,
                           .names_per_minute = options->names_per_minute,
                           .address_names_per_minute = options->address_names_per_minute,
                           .rooms_per_hour = options->rooms_per_hour,
                           .address_rooms_per_hour = options->address_rooms_per_hour},
                .introduction_ms = options->introduction_timeout * 1000,
                .max_message = options->max_message,
                .session_linger_s = options->session_linger,
                .announce_limit = options->announce_limit,
                .backlog = options->backlog,
                .ping_ms = options->ping_interval * 1000,
                .create_rooms = options->create_rooms != 0},
        .outlet = {.transport = &transport,
                   .settings = &server->settings,
                   .log = &quiet,
                   .ping_interval_ms = options->ping_interval * 1000,
                   .ping_timeout_ms = options->ping_timeout * 1000,
                   .handshake_timeout_ms = options->handshake_timeout * 1000,
                   .idle_timeout_ms = options->idle_timeout * 1000,
                   .message_timeout_ms = options->message_timeout * 1000},
        .store = server->store,
        .authority = server->authority,
        .stream_window = options->stream_window,
        .random = fill,
        .random_context = &server->rng});
    set_time(server);
}

static void lose_all(struct replay_server *server) {
    for (struct replay_socket *socket = server->sockets; socket; socket = socket->next) {
        if (socket->peer && !socket->finished) {
            socket->reset = true;
        }
        replay_socket_drop(socket);
    }
}

bool replay_server_stop(struct replay_server *server) {
    if (!server->delivery) {
        return true;
    }
    outlet_close_all(delivery_outlet(server->delivery), 1001);
    if (!replay_server_settle(server)) {
        return false;
    }
    lose_all(server); /* whoever does not read is not waited for */
    if (!replay_server_settle(server) || delivery_pending(server->delivery) > 0) {
        return false;
    }
    delivery_free(server->delivery);
    server->delivery = NULL;
    return true;
}

void replay_server_crash(struct replay_server *server, size_t commit, bool new_epoch) {
    if (!server->delivery) {
        return;
    }
    lose_all(server);
    store_memory_crash(server->store, commit, new_epoch);
    delivery_free(server->delivery);
    server->delivery = NULL;
}

void replay_server_close(struct replay_server *server) {
    struct replay_socket *next;
    if (server->delivery) {
        replay_server_crash(server, 0, false);
    }
    for (struct replay_socket *socket = server->sockets; socket; socket = next) {
        next = socket->next;
        buffer_close(&socket->output);
        buffer_close(&socket->input);
        memory_free(socket->writes);
        memory_free(socket);
    }
    server->authority->engine->close(server->authority);
    if (server->store) {
        server->store->engine->close(server->store);
        inflater_free(server->settings.inflater);
        deflater_free(server->settings.deflater);
    }
}

int64_t replay_server_wall_us(const struct replay_server *server) {
    return WALL_US + server->now_us;
}

void replay_server_advance(struct replay_server *server, int64_t until_us) {
    int64_t next_us = until_us < server->tick_us ? until_us : server->tick_us;
    for (struct replay_socket *socket = server->sockets; socket; socket = socket->next) {
        if (socket->wake_us > 0 && socket->wake_us < next_us) {
            next_us = socket->wake_us;
        }
    }
    server->now_us = next_us;
    bool tick = next_us == server->tick_us;
    server->tick_us += tick ? TICK_US : 0;
    if (!server->delivery) {
        return;
    }
    set_time(server);
    for (struct replay_socket *socket = server->sockets; socket; socket = socket->next) {
        if (socket->wake_us == 0 || socket->wake_us > next_us) {
            continue;
        }
        socket->wake_us = 0;
        if (socket->peer) {
            outlet_writable(socket->peer);
        }
    }
    if (tick) {
        delivery_tick(server->delivery);
    }
}

/* Hands in what has arrived, as far as the server reads. */
static bool arrive(struct replay_socket *socket) {
    struct slice all = buffer_slice(&socket->input);
    size_t size = socket->bytewise ? 1 : all.length, used = 0;
    while (used < all.length && !socket->paused && !socket->finished) {
        /* A copy of its own, exactly as long, so that reading past its end does not go unseen. */
        struct buffer bytes = {0};
        buffer_append(&bytes, all.data + used, size);
        outlet_receive(socket->peer, buffer_slice(&bytes));
        buffer_close(&bytes);
        used += size;
    }
    if (used > 0) {
        outlet_read_end(socket->peer);
        buffer_consume(&socket->input, used);
    }
    if (socket->end_of_file && buffer_length(&socket->input) == 0 && !socket->paused) {
        socket->end_of_file = false;
        outlet_end_of_file(socket->peer);
        return true;
    }
    return used > 0;
}

static bool socket_settle(struct replay_socket *socket) {
    if (!socket->peer) {
        return false;
    }
    if (socket->finished || socket->reset) {
        replay_socket_drop(socket);
        return true;
    }
    return arrive(socket);
}

/* Something to do in the next turn; what has arrived may be wanted only now. */
static bool unsettled(const struct replay_socket *socket) {
    bool arrived = buffer_length(&socket->input) > 0 || socket->end_of_file;
    return socket->peer && (socket->finished || socket->reset || (arrived && !socket->paused));
}

bool replay_server_settle(struct replay_server *server) {
    bool more = server->delivery != NULL;
    for (unsigned turns = 0; more; turns++) {
        if (turns == TURNS_MOST) {
            return false;
        }
        more = false;
        set_time(server);
        for (struct replay_socket *socket = server->sockets; socket; socket = socket->next) {
            more |= socket_settle(socket);
        }
        more |= delivery_turn(server->delivery);
        for (struct replay_socket *socket = server->sockets; socket; socket = socket->next) {
            more |= unsettled(socket);
        }
    }
    return true;
}

struct replay_socket *replay_socket_open(struct replay_server *server,
                                         const struct protocol *protocol, struct slice address) {
    struct replay_socket *socket = memory_new_struct(struct replay_socket);
    replay_server_start(server);
    *socket = (struct replay_socket){.next = server->sockets, .server = server, .room = SIZE_MAX};
    server->sockets = socket;
    set_time(server);
    socket->peer = outlet_open(delivery_outlet(server->delivery), protocol, socket,
                               &(struct peer_source){.address = address});
    return socket;
}

void replay_socket_write(struct replay_socket *socket, struct slice bytes) {
    buffer_append_slice(&socket->input, bytes);
}

void replay_socket_end(struct replay_socket *socket) {
    socket->end_of_file = true;
}

void replay_socket_drop(struct replay_socket *socket) {
    if (socket->peer) {
        struct peer *peer = socket->peer;
        socket->peer = NULL;
        outlet_gone(peer);
    }
}

void replay_socket_allow(struct replay_socket *socket, size_t bytes) {
    socket->room = bytes;
    if (socket->blocked && bytes > 0) {
        socket->blocked = false;
        if (socket->peer) {
            outlet_writable(socket->peer);
        }
    }
}

bool replay_socket_take_write(struct replay_socket *socket, size_t *length) {
    if (socket->write_count == 0) {
        return false;
    }
    *length = socket->writes[0];
    socket->write_count--;
    for (size_t i = 0; i < socket->write_count; i++) {
        socket->writes[i] = socket->writes[i + 1];
    }
    return true;
}
