/* Load: many connections to one server that count what comes back, from one thread or from several
 * processes that act as one.
 *
 * Readers are the subscribers and the publishers; what is published in a room comes back to all of
 * its readers. Each message carries a tag (tag.h) by which every reader finds out what it missed
 * and how long it took. The server's language is a dialect (dialect.h); nothing else here knows
 * it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "bench/histogram.h"
#include "bench/process.h"
#include "bench/sequence.h"

#define BENCH_CONNECTIONS_MAX 60000 /* of one process */
#define BENCH_PUBLISHERS_MAX 10000
#define BENCH_PROCESSES_MAX 64
#define BENCH_SIZE_MAX (1024 * 1024)
#define BENCH_WINDOW_MAX 100000
#define BENCH_RATE_MAX 10000000
#define BENCH_SECONDS_MAX 86400
#define BENCH_MISSED_MAX 100000

struct tls_context;

enum bench_protocol {
    BENCH_JSON,   /* WebSocket, banter.v1 */
    BENCH_PLAIN,  /* WebSocket, JSON without a subprotocol: everybody is in the lobby */
    BENCH_TEXT,   /* WebSocket, every text frame is relayed as it is */
    BENCH_EVENTS, /* subscribers read server-sent events; publishers are as BENCH_JSON, at /ws */
    BENCH_NATS,   /* NATS over WebSocket */
    BENCH_MQTT,   /* MQTT 3.1.1 over WebSocket, QoS 0 */
    BENCH_LINE,
    BENCH_NUMBERED
};

struct bench_plan {
    const char *url; /* for the report */
    enum bench_protocol protocol;
    const char *host_port;     /* to dial, see io/endpoint.h */
    struct tls_context *tls;   /* NULL: plain */
    const char *host, *target; /* of the upgrade to WebSocket */
    const char *token;         /* shown there; NULL: none */
    uint64_t subscribers;      /* only read */
    uint64_t stalled;          /* join, and never read again */
    uint64_t publishers;       /* publish and read */
    /* Connections are dealt to them in turn, so rooms beyond the number of publishers are quiet. */
    uint64_t rooms;
    uint64_t window; /* messages of one publisher that are under way; a new one when one is back */
    uint64_t rate;   /* messages a second, of all publishers together, in place of a window */
    uint64_t size;   /* bytes of a message's content, TAG_LENGTH at least */
    uint64_t seconds, warmup_seconds;
    uint64_t ramp;      /* new connections a second; 0: as fast as the server takes them */
    uint64_t processes; /* that share the connections */
    uint64_t pid;       /* of the server; 0: not looked at */
    bool acks_only;     /* publishers read no room; an acknowledged message is back */
    bool deflate;       /* offer permessage-deflate */
    bool named;         /* each connection claims a name of its own */
    /* Not 0: instead of measuring deliveries, all subscribers hang up, miss this many messages, and
     * come back at once to their sessions. */
    uint64_t missed;
};

struct bench_result {
    double connect_seconds; /* until every connection was in its room */
    double seconds;
    uint64_t published, deliveries; /* acknowledgements count as deliveries */
    /* Of what was sent while measuring, whenever it arrived: from when sending was due to each
     * reader. */
    struct histogram latency_ns;
    struct sequence_faults faults;
    uint64_t disconnected; /* readers that the server hung up on */
    uint64_t connections;
    struct process_use before, connected, start, end; /* when `pid` was given */
    /* When they came back: how long it took each to be live again, and how many never were. */
    struct histogram return_ns;
    uint64_t returners, unreturned;
};

/* Runs the plan; blocks, and starts further processes if it asks for them. ERR_BAD_REQUEST,
 * ERR_TOO_MANY: the plan cannot be carried out. ERR_IO: the server cannot be reached, or does not
 * do its part. All with a line about it in `message`. */
int bench_run(const struct bench_plan *plan, struct bench_result *result, char *message,
              size_t size) MUST_USE;

/* Whether every reader that stayed got everything once and in order, and all came back. */
bool bench_sound(const struct bench_result *result);

/* For people, several lines; or one JSON object and a line end. */
void bench_append_report(const struct bench_plan *plan, const struct bench_result *result,
                         struct buffer *output);
void bench_append_json(const struct bench_plan *plan, const struct bench_result *result,
                       struct buffer *output);
