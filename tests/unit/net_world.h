/* The net over loopback, with an outlet that only notes what it is told: it takes the place of
 * delivery's own when linking. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <cmocka.h>

#include "net/net.h"

struct outlet {
    int64_t now_us;
    struct peer *peers;
    size_t opened, gone;
    unsigned turns;
};

struct delivery {
    struct outlet outlet;
    bool more;
};

struct peer {
    struct peer *next;
    struct outlet *outlet;
    void *owner;
    char address[64];
    bool secure;
    char received[256];
    size_t length; /* of everything received; `received` holds the beginning */
    unsigned read_ends, ends, writables;
    bool gone;
};

struct fixture {
    uv_loop_t loop;
    struct net *net;
    struct delivery delivery;
    struct log log;
    char address[64];
};

/* Turns the loop until the condition holds; the ticks of the net keep it turning. */
#define WAIT_FOR(fixture, condition)                                                               \
    do {                                                                                           \
        for (unsigned waited = 0; !(condition); waited++) {                                        \
            assert_true(waited < 400);                                                             \
            uv_run(&(fixture)->loop, UV_RUN_ONCE);                                                 \
        }                                                                                          \
    } while (0)

/* A server whose limits are these. */
void set_up(struct fixture *fixture, size_t limit, size_t limit_per_address);
/* The same with any options and service; fills in the log. */
void set_up_with(struct fixture *fixture, struct net_options options,
                 const struct net_service *service);
void tear_down(struct fixture *fixture);

/* A client's connected socket. */
int dial(struct fixture *fixture);
/* The same, and waits for its peer. */
struct peer *connect_peer(struct fixture *fixture, int *client);
void say(int client, const char *text);
ssize_t reply(struct peer *peer, const char *text);
/* Waits until the client has something to read, or knows the end. */
ssize_t hear(int client, char *text, size_t size);
