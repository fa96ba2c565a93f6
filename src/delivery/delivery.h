/* Delivery: carries out the hub's effects. It steps the hub, renders each entry once for each
 * encoding that has a reader, appends it to the room's streams, submits to the store and feeds its
 * completions back into the hub. Drives one outlet (see outlet.h) by direct calls; outlets on
 * threads of their own would be driven by the same calls as messages.
 *
 *   outlet ── event ──▶ hub ── effects ──▶ delivery ──▶ store ── completion ──▶ hub ──▶ delivery
 * ──▶ streams ──▶ outlet
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "delivery/outlet.h"
#include "hub/authority.h"
#include "hub/hub.h"
#include "hub/store.h"

struct delivery_options {
    struct hub_options hub;
    struct outlet_options outlet;
    struct store *store;         /* borrowed */
    struct authority *authority; /* borrowed; NULL: no credential is valid */
    size_t stream_window;        /* bytes of a room kept ready to send */
    size_t stream_memory;        /* the same of all rooms together; 0: LIMIT_STREAM_BYTES. At least
                                    stream_window */
    /* Random bytes, for the secrets of sessions and the seeds of maps. */
    void (*random)(void *context, void *bytes, size_t size);
    void *random_context;
    /* Microseconds, to measure how long sending takes; NULL: that is not measured. */
    int64_t (*clock)(void *context);
    void *clock_context;
};

struct delivery *delivery_new(const struct delivery_options *options);
void delivery_free(struct delivery *delivery); /* every peer is gone by then */

/* Changes what may change while it runs: all of the hub's options but the seed, the outlet's
 * settings and times, and the stream window. What else stands in `options` is not looked at.
 * Between two turns of the loop, or among the calls of one; not from within a callback. */
void delivery_configure(struct delivery *delivery, const struct delivery_options *options);

/* Whether the rules of rooms are known; until then nobody should be let in. */
bool delivery_is_ready(const struct delivery *delivery);
struct outlet *delivery_outlet(struct delivery *delivery);

/* The end of each turn of the loop: takes the completions that wait in the store, goes on with
 * input that had to wait, and sends: one call of the transport's `send` for each peer that has
 * anything pending. True: there is more to do at once (the loop should look at its sockets without
 * blocking and call again). */
bool delivery_turn(struct delivery *delivery) MUST_USE;

/* When to have the next turn, on the outlet's monotonic clock, if nothing happens before; false:
 * any time will do. */
bool delivery_next_turn(const struct delivery *delivery, uint64_t *due_ms);

/* Time has passed: timeouts of the hub and of the outlet. Call about every 100 ms, before
 * delivery_turn; cheap. */
void delivery_tick(struct delivery *delivery);

/* Requests of clients that the hub has not answered yet; 0 when nothing is under way. */
size_t delivery_pending(const struct delivery *delivery);

/* For checks and metrics: the hub behind it, the bytes that the fullest stream and that all streams
 * hold. */
const struct hub *delivery_hub(const struct delivery *delivery);
size_t delivery_largest_stream(const struct delivery *delivery);
size_t delivery_stream_bytes(const struct delivery *delivery);
/* How long entries took: from being asked for until it was known that they are on disk, and from
 * there until their room's readers were sent them, as far as they take bytes. */
struct delivery_latencies {
    struct metric_histogram commit, deliver;
};
const struct delivery_latencies *delivery_latencies(const struct delivery *delivery);
/* How many peers there are of each format. */
void delivery_count_peers(const struct delivery *delivery, size_t counts[FORMAT_COUNT]);
