/* A Redis that says what a test tells it to, on a port of loopback and in the loop of the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/slice.h"

struct redis_reader;
struct redis_server;

/* One connection, as the server sees it. */
struct redis_guest {
    struct redis_server *server;
    struct list_node node; /* of the server's guests */
    uv_tcp_t tcp;
    struct redis_reader *reader;
    struct buffer output; /* that is still held back */
    size_t channels;      /* it is subscribed to */
    bool ends;            /* when all has been sent */
    bool gone;
};

/* A command: words[0] … words[count - 1]. True: it was answered, or is not to be. */
typedef bool redis_server_serve(struct redis_guest *guest, const struct slice *words, size_t count);

struct redis_server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_idle_t sender; /* runs while something is to be sent: all of it, or a byte a turn */
    char address[32];
    struct list guests; /* the first was first */
    size_t accepted, commands;
    struct buffer spoken;      /* "PING\nSET a 1\n…", without what a greeting is made of */
    bool bytewise;             /* answers go out byte by byte */
    redis_server_serve *serve; /* asked first; NULL: all is answered as below */
    void *context;
    const char *role, *run_id;
    const char *fallback; /* the answer to what it does not know */
};

/* Answers as a master does: AUTH, PING, ROLE, INFO, SELECT, CLIENT, SUBSCRIBE, UNSUBSCRIBE,
 * PUBLISH (to all of its guests that subscribed to anything), ECHO; all else with +OK, its
 * `fallback`. */
void redis_server_open(struct redis_server *server, uv_loop_t *loop, const char *run_id);
/* Nobody can connect any more, and who did is cut off. The loop has to run until it is empty. */
void redis_server_close(struct redis_server *server);

void redis_guest_say(struct redis_guest *guest, struct slice bytes);
/* Ends the connection when what was said has been sent. */
void redis_guest_end(struct redis_guest *guest);
/* The guest that came as number `index`, of those that are there. */
struct redis_guest *redis_server_guest(struct redis_server *server, size_t index);
