/* The outlet: the connection side of delivery. It owns what each connection has of protocol state,
 * answers waiting to be sent and cursors into streams, and decides what is sent next. No I/O: a
 * transport (net, or the simulator) hands bytes in and takes bytes out through the callbacks below.
 * One outlet serves one loop.
 *
 * In one turn of its loop the transport calls, in any order, outlet_open, _receive, _end_of_file,
 * _writable, _gone; then delivery_turn (delivery.h) sends what came of it. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/log.h"
#include "protocol/protocol.h"

struct outlet;
struct peer;     /* one connection, as the outlet sees it */
struct delivery; /* the hub side */

/* One call of `send` among many, see there. */
struct send_job {
    void *owner;
    const struct iovec *vectors;
    int count;
    bool settles;  /* the transport's own; false beforehand */
    size_t bytes;  /* of all vectors: at least 1 */
    ssize_t taken; /* what `send` returns; all of them beforehand, so that nobody has to write */
    uint64_t affinity; /* of the connection; those of several are numbers in a row */
};

/* What the outlet asks of the connection's owner. `owner` is what was given to outlet_open. None of
 * them may call back into the outlet. */
struct transport {
    /* Sends what the socket takes now. Returns the number of bytes taken (0 … all); -1 when the
     * connection is broken (the owner then calls outlet_gone from its loop, later). Taking fewer
     * than all means: call outlet_writable when there is room again. */
    ssize_t (*send)(void *owner, const struct iovec *vectors, int count);
    /* Stop or go on handing in bytes. */
    void (*pause)(void *owner, bool paused);
    /* Everything was sent: close gracefully (shut down writing, read until the other side closes or
     * `linger` passes), then call outlet_gone. */
    void (*finish)(void *owner);
    /* Close at once (a reset), then call outlet_gone from the loop. */
    void (*reset)(void *owner);
    /* Call outlet_writable in `delay_ms`, though the socket is not blocked (pacing). */
    void (*wake_later)(void *owner, unsigned delay_ms);
    /* `send` for many connections of one net, each once at most, in any order, and from any
     * threads: nothing that the vectors name is written before it returns. NULL: `send` is called
     * for each instead. */
    void (*send_many)(struct send_job *jobs, size_t count);
};

/* Bytes wait no longer than this for more where the loop has no time, if that decides. */
#define FLUSH_AUTO UINT_MAX
#define FLUSH_AUTO_MOST_MS 5

struct outlet_options {
    const struct transport *transport;
    const struct protocol_settings *settings;
    const struct log *log;
    unsigned ping_interval_ms, ping_timeout_ms; /* 0: off */
    unsigned handshake_timeout_ms, idle_timeout_ms;
    unsigned message_timeout_ms; /* from its first byte to its last; 0: off */
    /* How long what is shown in a busy room waits for more, to be sent together; 0: it is sent when
     * the turn ends; FLUSH_AUTO: depends on how busy the loop is. See pace.c. */
    unsigned flush_ms;
};

/* The time, before anything else in each turn: wall clock (for entries) and a monotonic one (for
 * timeouts). */
void outlet_set_time(struct outlet *outlet, int64_t now_us, uint64_t monotonic_ms);

/* Where a connection comes from. */
struct peer_source {
    struct slice address; /* as text, without port: "192.0.2.7", "::1", "unix" */
    bool secure;          /* over TLS */
};

/* A new connection. The source is copied. The peer lives until outlet_gone. */
struct peer *outlet_open(struct outlet *outlet, const struct protocol *protocol, void *owner,
                         const struct peer_source *source);

/* Bytes that arrived. What is not used at once is copied (and bounded: the protocols limit what
 * they wait for). */
void outlet_receive(struct peer *peer, struct slice bytes);
/* The socket has no more for now; after every run of outlet_receive. */
void outlet_read_end(struct peer *peer);
/* The other side will send no more (it may still read). */
void outlet_end_of_file(struct peer *peer);
/* The socket takes bytes again, or a wake_later is due. */
void outlet_writable(struct peer *peer);
/* The connection is closed; the peer is freed. */
void outlet_gone(struct peer *peer);

/* Every peer is told goodbye with `close_code` and finished (once its answers under way are sent).
 */
void outlet_close_all(struct outlet *outlet, uint16_t close_code);
/* Has the transport reset every connection. */
void outlet_reset_all(struct outlet *outlet);
size_t outlet_peer_count(const struct outlet *outlet);

/* Sending peers away little by little, before the server stops (outlet_drain.c). Peers are numbered
 * as they come; whoever asks by HTTP is not among them, because an answer ends that connection. */
uint64_t outlet_newest(const struct outlet *outlet);
/* Those numbered up to `newest` who were not told to leave yet. */
size_t outlet_count_staying(const struct outlet *outlet, uint64_t newest);
/* Tells `count` of them goodbye, in no particular order. Returns how many were told: fewer when
 * others are in the middle of a message, which they may finish first. */
size_t outlet_send_away(struct outlet *outlet, uint64_t newest, size_t count, uint16_t close_code);

/* Why somebody was closed whose time was up. */
enum peer_expiry {
    EXPIRED_HANDSHAKE, /* no request came */
    EXPIRED_MESSAGE,   /* one was begun and not finished */
    EXPIRED_IDLE,
    EXPIRED_PONG,    /* a ping was not answered */
    EXPIRED_STALLED, /* takes nothing of what it asked for */
    EXPIRED_CLOSE,   /* does not go */
    EXPIRY_COUNT
};

/* For metrics: numbers that only grow. */
struct outlet_counters {
    uint64_t opened;
    uint64_t bytes_in, bytes_out; /* of protocols: what TLS adds is not counted */
    uint64_t cut;                 /* readers who fell behind a room's window */
    uint64_t expired[EXPIRY_COUNT];
};
const struct outlet_counters *outlet_counters(const struct outlet *outlet);

/* For checks: what is held for a peer besides its places in the streams. */
struct peer_load {
    size_t input, output; /* bytes */
};
struct peer_load outlet_load(const struct peer *peer);
