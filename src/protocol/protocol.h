/* The interface of a wire language. One file each: both directions stand together. A protocol turns
 * bytes into requests and replies, entries and signals into bytes; it never sees a socket, a clock
 * or another connection.
 *
 * To add one: write protocol/NAME.c with a `const struct protocol`, name it in protocol_table
 * (protocol.c) under its URL scheme, and give it a format (enum format) where its readers see a
 * room's feed in words of their own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cidr.h"
#include "base/limits.h"
#include "hub/effect.h"
#include "hub/event.h"
#include "wire/deflate.h"

/* How the feed of a room looks to a reader. Readers of one encoding share one stream of bytes. */
enum format {
    FORMAT_NONE,       /* sees no feed (HTTP before an upgrade) */
    FORMAT_JSON_PLAIN, /* messages and system frames */
    FORMAT_JSON_FULL,  /* a plain client that said hello: edits and the rest too */
    FORMAT_JSON_V1,    /* subprotocol banter.v1: presence instead of system frames */
    FORMAT_TEXT,       /* raw text over WebSocket */
    FORMAT_LINE,
    FORMAT_NUMBERED,
    FORMAT_COMMAND,       /* each message stands alone, without LF */
    FORMAT_COMMAND_LINES, /* to a client that sends LF */
    FORMAT_SSE,           /* server-sent events of one room; each tells where it stands */
    FORMAT_SSE_MANY,      /* of several rooms: told beside them, see `stands` of the protocol */
    FORMAT_COUNT
};

struct encoding {
    uint8_t format;
    uint8_t window_bits; /* of permessage-deflate; 0: not compressed */
    uint8_t side;        /* enum side */
};

/* A number for use as a key: equal encodings, equal numbers. */
uint32_t encoding_key(struct encoding encoding);

/* An embedded file of the browser client. */
struct asset {
    const char *path; /* "/", "/client.js" */
    const char *type; /* "text/html; charset=utf-8" */
    struct slice content;
    struct slice compressed; /* the same by gzip; empty: not worth it */
};

/* What all connections of a server share: handed in with every call, and changed between calls when
 * the operator has changed the configuration. So a protocol may keep a number of it for the life of
 * a connection (the longest frame it was opened with), but never a pointer from one call to the
 * next: the texts behind it may be others by then. */
struct protocol_settings {
    size_t max_message;
    unsigned ping_ms; /* told in welcome */
    unsigned rate_per_minute;
    struct slice banner;
    struct slice server; /* "banterd 0.1.0" */
    const struct asset *assets;
    size_t asset_count;
    const char *const *allowed_origins;
    size_t allowed_origin_count;
    const char *const *public_hosts; /* public_host and the listeners' hosts */
    size_t public_host_count;
    const struct cidr *trusted_proxies; /* who may say in whose name they ask */
    size_t trusted_proxy_count;
    /* Appends what GET /metrics answers; NULL: there is no such thing. */
    void (*metrics)(void *context, struct buffer *output);
    void *metrics_context;
    bool metrics_for_all; /* else only for callers on this machine */
    bool draining; /* the server is about to stop: it is not ready, and HTTP connections end with
                      their next answer */
    struct inflater *inflater; /* the thread's; shared by its connections */
    struct deflater *deflater;
};

enum feed_result {
    FEED_MORE,    /* all that could be used was used; the rest, if any, needs more bytes */
    FEED_REQUEST, /* feed->request is filled in; call again for what follows */
    FEED_AGAIN,   /* like FEED_REQUEST without a request: something was answered by the protocol
                     itself. So that one call   gives one answer, and a peer that does not take them
                     can   be made to wait. */
    FEED_SWITCH,  /* feed->next is the protocol from here on; feed->handover says how it starts */
    FEED_WAIT,    /* nothing more until the answer to the last request is rendered */
};

/* What HTTP tells the protocol it upgrades to. */
struct handover {
    struct traits traits;
    uint8_t format;
    uint8_t window_bits;  /* for what we send */
    uint8_t inflate;      /* permessage-deflate was agreed on */
    uint16_t refuse;      /* close at once with this code; 0: go on */
    bool wrong_origin;    /* for that (else for the credential) */
    struct slice address; /* the caller's, where that is not the peer's; borrowed as the next */
    /* Shown in the handshake; its slices are borrowed from the protocol switched from, and valid
     * until FEED_SWITCH was dealt with. */
    struct credential credential;
    /* The same, of a protocol that shows it with its first request, and can say what is wrong. */
    struct credential introduction;
    /* Of a stream of events: the rooms, and where to go on in each. Borrowed in the same way. */
    const struct resume_point *points;
    size_t point_count;
    bool from_browser; /* a page asked, not a program */
    uint64_t number;   /* of the connection, as in struct feed */
};

struct feed {
    struct slice input;  /* in: all unread bytes of the connection */
    size_t consumed;     /* out: how many of them were used */
    size_t message_size; /* out: bytes of the message that this call completed, compressed or in
                            parts before it;    0: no more than it consumed */
    bool aside; /* out: this was no message (a ping, say): one that is half read still is */
    struct buffer *output;  /* answers the protocol gives by itself (pong, handshake, prompts) */
    struct slice address;   /* in: the peer's address as text, for identities and log lines. May be
                               changed to that of the caller for whom a proxy asks */
    bool secure;            /* in: came over TLS */
    uint64_t number;        /* in: of the connection; no other has the same */
    struct request request; /* out */
    const struct protocol *next;
    struct handover handover;
    const char *note; /* out: something the operator should read (static text), or NULL */
};

struct protocol {
    const char *scheme; /* of --listen; NULL for one reached only by FEED_SWITCH */
    size_t state_size;  /* bytes of plain state for each connection */
    /* Where no handover says otherwise; of a protocol that switches: unused */
    struct traits traits;
    bool opens; /* EVENT_OPENED as soon as it is connected (or switched to); false: HTTP front,
                   opened as transient */

    /* `state` is zeroed memory of state_size bytes. `handover` is NULL for a fresh connection. May
     * greet. */
    void (*open)(void *state, const struct protocol_settings *settings,
                 const struct handover *handover, struct buffer *output);
    void (*close)(void *state);

    /* Uses some of feed->input. Must make progress: FEED_MORE with unread bytes means that it waits
     * for more. */
    enum feed_result (*feed)(void *state, const struct protocol_settings *settings,
                             struct feed *feed);

    /* The socket has no more for now: a complete request that has no terminator may be taken. NULL:
     * nothing to do. */
    enum feed_result (*read_end)(void *state, const struct protocol_settings *settings,
                                 struct feed *feed);

    /* The peer will send no more; feed->input is what no call of `feed` could use. Called like
     * `feed`, until it says FEED_MORE: its last request is REQUEST_QUIT. NULL: REQUEST_QUIT, clean,
     * and the rest is dropped. */
    enum feed_result (*end_of_file)(void *state, const struct protocol_settings *settings,
                                    struct feed *feed);

    /* Bytes of an answer to this connection. May render nothing. A REPLY_BATCH with catching_up has
     * no cid and must depend on nothing but the encoding and `batched`, because delivery caches its
     * bytes for every reader alike. */
    void (*reply)(void *state, const struct protocol_settings *settings, const struct reply *reply,
                  struct buffer *output);

    /* Last words, for a close code of RFC 6455 section 7.4 or protocol.md (1000, 1001, 4000 …). */
    void (*goodbye)(void *state, const struct protocol_settings *settings, uint16_t close_code,
                    struct buffer *output);

    /* A keep-alive, where the protocol has one (WebSocket ping); NULL: none, idle connections are
     * left alone. Whether its answer has come since is told by `answered`. */
    void (*ping)(void *state, struct buffer *output);
    bool (*answered)(const void *state);

    /* Its peer only reads: it is sent a ping every 15 s, whatever the configuration says of others,
     * to which it does not answer, and may be silent for ever. */
    bool only_reads;

    /* Where the bytes of a feed do not tell a reader its place in the log (FORMAT_SSE_MANY):
     * delivery says which entry of a room the last bytes it was given reach up to, and when it has
     * said so of all that go out together, has the places written behind them. So what is told is
     * never ahead of what was sent. NULL: the feed tells. */
    void (*stands)(void *state, struct slice room, uint64_t seq);
    void (*tell_places)(void *state, struct buffer *output);

    /* What its feed looks like now; may change when a request was understood (hello). */
    struct encoding (*encoding)(const void *state);

    /* Milliseconds to leave between two writes, one frame each; 0: no pacing now. NULL: never. */
    unsigned (*frame_gap_ms)(const void *state);

    /* Whether the handshake is over (the client has said what it wants). A protocol of many
     * requests (HTTP) says false again while the head of one is incomplete. NULL: always. */
    bool (*established)(const void *state);

    /* Whether a message has begun and is not complete, beside bytes that were left unused. NULL:
     * what is half read is always left unused. */
    bool (*half_read)(const void *state);

    /* A close code the protocol wants the connection closed with, because of what it was opened
     * with or what it was just told; 0: none. Asked after `open` and after `reply`; what is pending
     * is sent first, then `goodbye`. NULL: never. */
    uint16_t (*close_wanted)(const void *state);
};

/* By URL scheme: "ws", "ws+text", "line", "numbered", "command"; NULL when unknown. */
const struct protocol *protocol_find(struct slice scheme);

/* Feeds. Both append whole frames to `output` or nothing (returns whether something was appended).
 * `deflater` is used for encodings with window_bits. Slices of `show` as in struct effect. */
bool render_entry(struct encoding encoding, const struct effect *show, struct deflater *deflater,
                  struct buffer *output);
bool render_signal(struct encoding encoding, const struct effect *show, struct deflater *deflater,
                   struct buffer *output);
