/* The server that scenarios are played against: the product from the sockets down (delivery, hub,
 * protocols, streams, the memory store), on sockets of our own and a clock that moves only when it
 * is told to. It is one server over all of its lives: it may be stopped or crash, and begins again,
 * on the same store, with the next that is asked of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/rng.h"
#include "delivery/delivery.h"

/* What a scenario may set; named and counted as in the server's configuration. */
struct replay_options {
    unsigned rate_per_minute, max_message, session_linger, announce_limit, backlog, create_rooms;
    unsigned stream_window, ping_interval, ping_timeout, handshake_timeout, idle_timeout;
    unsigned message_timeout, introduction_timeout;
    unsigned address_rate_per_minute, senders_per_address, room_rate_per_second, bytes_per_minute;
    unsigned joins_per_minute, names_per_minute, address_names_per_minute;
    unsigned rooms_per_hour, address_rooms_per_hour;
    unsigned auth; /* enum auth_mode */
    unsigned keep; /* entries of a room that the store keeps */
};

/* One connection. Lives as long as its server, so that what it was sent can be looked at. */
struct replay_socket {
    struct replay_socket *next;
    struct replay_server *server;
    struct peer *peer;    /* NULL: the server has let go of it */
    struct buffer output; /* what the server has sent; taken by the client */
    size_t *writes;       /* lengths of the sends that make up `output`, oldest first */
    size_t write_count, write_capacity;
    struct buffer input;  /* what the server has not read yet */
    bool end_of_file;     /* follows the input */
    bool bytewise;        /* each byte arrives by itself */
    size_t room;          /* bytes it takes until it is full; SIZE_MAX: never is */
    int64_t wake_us;      /* asked for by the server; 0: not */
    bool blocked, paused; /* as the server knows it */
    bool finished, reset; /* by the server */
};

struct replay_server {
    struct replay_options options;
    struct protocol_settings settings;
    struct store *store;
    struct authority *authority;
    struct delivery *delivery; /* NULL: down */
    struct replay_socket *sockets;
    struct rng rng;
    int64_t now_us;  /* since the scenario began */
    int64_t tick_us; /* when the next is due */
};

void replay_server_init(struct replay_server *server);
void replay_server_close(struct replay_server *server);

/* Sets an option before the server's first life; false: there is none of that name. */
bool replay_server_set(struct replay_server *server, struct slice name, unsigned value);

/* Starts it if it is down. */
void replay_server_start(struct replay_server *server);
/* Says goodbye to everybody, and then is down. False: requests are still under way. */
bool replay_server_stop(struct replay_server *server) MUST_USE;
/* The power fails. See store_memory_crash. */
void replay_server_crash(struct replay_server *server, size_t commit, bool new_epoch);

/* Wall clock, microseconds. */
int64_t replay_server_wall_us(const struct replay_server *server);
/* Lets time pass up to the next moment when something is due, at most to `until_us`. */
void replay_server_advance(struct replay_server *server, int64_t until_us);
/* Turns the loop until it comes to rest. False: it never does. */
bool replay_server_settle(struct replay_server *server) MUST_USE;

struct replay_socket *replay_socket_open(struct replay_server *server,
                                         const struct protocol *protocol, struct slice address);
/* Nothing happens before the next settling. */
void replay_socket_write(struct replay_socket *socket, struct slice bytes);
void replay_socket_end(struct replay_socket *socket);
/* The connection is lost. */
void replay_socket_drop(struct replay_socket *socket);
/* From now on it takes so many bytes; SIZE_MAX: all. */
void replay_socket_allow(struct replay_socket *socket, size_t bytes);
/* Forgets the first send; `length` are its bytes. False: there is none. */
bool replay_socket_take_write(struct replay_socket *socket, size_t *length);
