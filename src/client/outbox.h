/* The messages somebody wrote that the server has not said are durable. They go out one at a
 * time and in order: with several under way a refused one (too often, store unavailable) would
 * come after its successors. Each keeps its cid however often it is sent, so that it is stored
 * once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define OUTBOX_MAX 1000 /* messages; then whoever writes them has to wait */

struct outgoing {
    struct outgoing *next;
    uint64_t not_before_ms; /* the server asked to wait until then */
    bool sent;              /* on this connection: the answer is still to come */
    unsigned content_size;  /* bytes of the message itself */
    struct slice cid, room; /* room empty: a direct message. Both point into the memory below */
    struct slice frame;     /* JSON, ready to send */
    char bytes[];
};

/* A zeroed struct is empty. */
struct outbox {
    struct outgoing *first, *last;
    size_t count;
};

/* Who and what; empty slices for what is not there. Either room or to. Entries that are no message
 * say so. */
struct outgoing_message {
    struct slice cid, room, to, sender, content;
    const char *type; /* "edit", "delete", "react", "topic"; NULL: a message */
    uint64_t re;      /* the message this answers; 0: none */
    uint64_t of;      /* the message this changes; 0: none */
    struct slice key; /* of a reaction */
    bool remove;      /* the reaction goes */
};

void outbox_add(struct outbox *outbox, const struct outgoing_message *message);
void outbox_drop_first(struct outbox *outbox); /* not empty */
void outbox_close(struct outbox *outbox);      /* drops all */

/* What may be sent now: the first, unless it is under way or has to wait. NULL: nothing. */
struct outgoing *outbox_due(const struct outbox *outbox, uint64_t now_ms);

/* The connection is gone: what was under way may or may not have arrived, and is to be sent
 * again. */
void outbox_rewind(struct outbox *outbox);
