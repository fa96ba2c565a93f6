/* Signals: what a room shows but does not keep. They travel through the store's queue, so that they
 * come out in order with the entries of their room (and, with a shared store, on every node). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/entry.h"

enum signal_kind {
    SIGNAL_JOINED,  /* a session is in the room; name empty when it has none */
    SIGNAL_LEFT,    /* a session has left it */
    SIGNAL_RENAMED, /* somebody in the room goes by `name` now; `former` empty: had no name before
                     */
    SIGNAL_COUNT,   /* only the count changed (rooms above announce_limit) */
    SIGNAL_TYPING,
    SIGNAL_BINARY, /* a binary frame among raw text clients */
    SIGNAL_NOTICE, /* `name` has done something to `former` (may be empty) by the room's rules:
                      `event` is its word, `payload` the sentence. Made by the hub when shown */
    SIGNAL_FENCE,  /* of no room and shown to nobody: back when all that was sent before it is */
};

struct signal {
    struct signal *next; /* for queues of whoever holds it */
    enum signal_kind kind;
    struct origin origin;
    struct identity identity; /* who caused it; a client ignores its own */
    int64_t proposed_us;
    struct slice room_key; /* point into bytes, as do the rest */
    struct slice room_name;
    struct slice name;
    struct slice former;
    struct slice payload;
    struct slice event;
    bool quiet;  /* joins and leaves: only the count is told */
    bool silent; /* shared for the list of members alone: other nodes are told nothing */
    /* Of one that another node has shared: how many sessions are in the room on other nodes. */
    unsigned elsewhere;
    /* Filled in by the hub when the signal comes back and is shown. */
    unsigned client_count; /* sessions in the room */
    bool announced;        /* false: the room is too large to name names */
    int64_t timestamp_us;
    char bytes[];
};

/* Copies; free with signal_free. `room_key`, `room_name`, `name`, `former`, `payload` of `from` are
 * used. */
struct signal *signal_new(const struct signal *from);
void signal_free(struct signal *signal);
size_t signal_size(const struct signal *signal);
