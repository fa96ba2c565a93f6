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

#define PLACE_SESSION_MAX 128
#define PLACE_EPOCH_MAX 64

/* What somebody needs to know to come back to a session and its room. */
struct place {
    char session[PLACE_SESSION_MAX], epoch[PLACE_EPOCH_MAX];
};

/* One connection, as far as a dialect needs to know it. */
struct speaker {
    const struct bench_plan *plan;
    uint32_t run;
    uint32_t number, room;
    bool joins;          /* wants to read its room */
    bool returns;        /* to `place` */
    uint8_t step;        /* how far the greeting is; kept by the dialect, 0 at first */
    struct place *place; /* to be noted in the greeting; NULL: it will not come back */
};

enum incoming_kind { INCOMING_MESSAGE, INCOMING_PING, INCOMING_CLOSE };

struct incoming {
    enum incoming_kind kind;
    bool packed;          /* the payload is compressed */
    struct slice payload; /* of CLOSE: the reason as text, possibly empty */
};

struct dialect {
    /* What to say when the connection is up; nothing: NULL. */
    void (*open)(const struct speaker *speaker, struct buffer *output);
    /* Cuts the first message off `*input` (advances it). 1; 0: it is not complete; ERR_PROTOCOL. */
    int (*cut)(const struct speaker *speaker, struct slice *input, struct incoming *incoming);
    /* Whether a message (unpacked) is one by which the server refuses something. NULL: never. */
    bool (*complains)(struct slice message);
    /* A message that came before the connection was in its room. 1: it is now; 0: not yet;
     * ERR_PROTOCOL: it never will be, with the server's reason in `*why`. NULL: it is from the
     * start. */
    int (*greet)(struct speaker *speaker, struct slice message, struct buffer *output,
                 struct slice *why);
    /* Publishes; `tag` is the front of `content`. */
    void (*publish)(const struct speaker *speaker, struct slice content, struct slice tag,
                    struct buffer *output);
    void (*pong)(struct slice payload, struct buffer *output); /* NULL: there are no pings */
    bool bundles; /* what is cut off may hold several messages that were published */
};

/* Of a connection that publishes, or of one that only reads. */
const struct dialect *dialect_of(enum bench_protocol protocol, bool publishes);

/* The room of a speaker: one of this run alone, so that no history comes first. */
void dialect_append_room(const struct speaker *speaker, struct buffer *output);
