/* The connections of a run, and the events of one turn. Private to bench/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/bench.h"
#include "bench/crew.h"
#include "bench/dialect.h"
#include "bench/tag.h"
#include "io/endpoint.h"

#define LOAD_SECOND_NS UINT64_C(1000000000)
/* Bytes of the longest message that can come: the longest content and what is around it. */
#define LOAD_MESSAGE_MAX (BENCH_SIZE_MAX + 64 * 1024)
#define LOAD_READ_SIZE (256 * 1024)
/* Connections that are on their way at once, so that the server's queue of new ones does not
 * overflow. */
#define LOAD_UNDER_WAY 64

enum stage { STAGE_CONNECTING, STAGE_GREETING, STAGE_JOINED, STAGE_CLOSED };

/* All of the run's, in each of its processes. */
struct publisher {
    struct connection *connection; /* NULL: it belongs to another process */
    uint32_t sent, back;           /* messages, not counting probes */
};

struct connection {
    struct speaker speaker;
    const struct dialect *dialect;
    int descriptor;
    struct link *link; /* over TLS, and then it owns the descriptor; else NULL */
    uint8_t stage;     /* enum stage */
    bool stalled;
    bool heard; /* a probe */
    bool watches_output;
    struct publisher *publisher; /* NULL: it only reads */
    struct sequence *sequences;  /* one for each publisher it hears, by the publisher's `slot` */
    struct buffer held;          /* the beginning of a message that is not complete */
    struct buffer output;        /* what the socket did not take yet */
};

struct load {
    const struct bench_plan *plan;
    struct bench_result *result;
    struct crew *crew;
    size_t member; /* of the crew */
    size_t meetings;
    int epoll;
    struct endpoint_address address;
    /* This process's share of the stalled, the subscribers, the publishers, in this order. */
    struct connection *connections;
    size_t count;
    size_t subscribers_start, publishers_start; /* where they begin in `connections` */
    struct publisher *publishers;
    struct sequence *sequences;
    size_t slots;         /* sequences of one reader */
    struct place *places; /* of the subscribers, if they are to come back */
    struct unpacker *unpacker;
    size_t next, end; /* connections that are to be opened next */
    size_t under_way, under_way_max;
    uint64_t ramp_ns; /* when opening began */
    size_t ramped;    /* connections opened since then */
    /* How far they are, as counts of connections. */
    size_t joined, heard, closed;
    uint64_t taken;    /* messages that reached a reader for the first time */
    uint64_t expected; /* the same, if nothing is lost; known while draining */
    uint64_t sent;
    uint64_t now_ns;
    uint64_t start_ns, end_ns; /* of what is sent between them the latency is counted */
    bool counting;             /* what comes is part of the result */
    bool refilling;            /* a publisher replaces what is back */
    uint32_t quota;            /* messages that a publisher sends at most */
    bool returning;            /* subscribers come back */
    uint64_t paced_ns;         /* with a rate: when pacing began; 0: not now */
    uint64_t paced;            /* messages since then, of all processes */
    struct buffer plain;       /* of a read over TLS */
    char *content;             /* of a message: its tag, then the filler */
    char *input;
    bool failed;
};

/* Finds the server and makes what a run needs; may fail the load. `plan`, `result`, `crew` and
 * `member` are set. load_deinit in any case. */
void load_init(struct load *load);
void load_deinit(struct load *load);

/* A failure is final; the first one counts. */
void load_fail(struct load *load, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Handles events until `is_done` (NULL: never) or the time is up; false when it is or when the load
 * has failed. */
bool load_run(struct load *load, bool (*is_done)(const struct load *load), uint64_t until_ns);

/* Publishes what fell due before the end and was not sent: this process may have stood still. */
void load_publish_rest(struct load *load);

/* Handles events until all processes have come here; returns the time at which all of them go on,
 * or 0 when the load has failed. */
uint64_t load_meet(struct load *load);

/* Stops publishing, and waits for what is still on its way. */
void load_drain(struct load *load);

uint64_t load_clock(void);

/* connect.c */

/* Opens every connection and waits until all processes' are in their rooms. */
void load_connect(struct load *load);
/* The next connections, as long as few are on their way at once. */
void connect_more(struct load *load);
/* When the ramp allows one more; UINT64_MAX: that is not what it waits for. */
uint64_t connect_due_ns(const struct load *load);
/* The socket of a CONNECTING connection is writable or broken. */
void connect_finished(struct load *load, struct connection *connection);

/* traffic.c */

/* Publishes as `publisher`, to be sent by traffic_flush; `due_ns`: when it should be sent. */
void traffic_publish(struct load *load, struct publisher *publisher, uint64_t due_ns);
void traffic_probe(struct load *load, struct publisher *publisher);
/* Tops up to the window. */
void traffic_refill(struct load *load, struct publisher *publisher);
void traffic_flush(struct load *load, struct connection *connection);
void traffic_receive(struct load *load, struct connection *connection);
/* Hangs up, or finds that the server has. */
void traffic_close(struct load *load, struct connection *connection);

/* reconnect.c */

/* The subscribers hang up, miss something and come back. */
void load_reconnect(struct load *load);
