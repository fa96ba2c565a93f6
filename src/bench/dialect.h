/* The languages a load can be made in. A dialect cuts what arrives into messages, says what a
 * connection has to say until it is in its room, and writes what is published. It understands no
 * more of a message than that. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "bench/bench.h"

/* One connection, as far as a dialect needs to know it. */
struct speaker {
    const struct bench_plan *plan;
    uint32_t run;
    uint32_t number, room;
    bool joins;   /* wants to read its room */
    uint8_t step; /* how far the greeting is; kept by the dialect */
};

enum incoming_kind { INCOMING_MESSAGE, INCOMING_PING, INCOMING_ERROR, INCOMING_CLOSE };

struct incoming {
    enum incoming_kind kind;
    struct slice payload; /* of CLOSE: the reason as text, possibly empty; of ERROR: what it says */
};

struct dialect {
    /* What to say when the connection is up; nothing: NULL. */
    void (*open)(const struct speaker *speaker, struct buffer *output);
    /* Cuts the first message off `*input` (advances it). 1; 0: it is not complete; ERR_PROTOCOL. */
    int (*cut)(const struct speaker *speaker, struct slice *input, struct incoming *incoming);
    /* A message that came before the connection was in its room. 1: it is now; 0: not yet;
     * ERR_PROTOCOL: it never will be, with the server's reason in `*why`. NULL: it is from the
     * start. */
    int (*greet)(struct speaker *speaker, struct slice message, struct buffer *output,
                 struct slice *why);
    /* Publishes; `tag` is the front of `content`. */
    void (*publish)(const struct speaker *speaker, struct slice content, struct slice tag,
                    struct buffer *output);
    void (*pong)(struct slice payload, struct buffer *output); /* NULL: there are no pings */
};

const struct dialect *dialect_of(enum bench_protocol protocol);
