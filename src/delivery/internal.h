/* What the files of delivery share. Private to this layer.
 *
 *   channel   a room that has readers here
 *   audience  its readers of one encoding, and the stream they read
 *   cursor    one reader's place in it
 *   peer      one connection: protocol state, input left over, outbox, cursors
 *   page      a stretch of history on its way from the store, or rendered and kept */
#pragma once

#include <string.h>

#include "base/blob.h"
#include "base/list.h"
#include "base/map.h"
#include "base/pool.h"
#include "delivery/delivery.h"
#include "stream/stream.h"

/* Compressing a byte takes as long as copying this many. */
#define DEFLATE_CHARGE 16

struct channel {
    struct delivery *delivery;
    char *key, *name;
    struct slice room_key, room;
    uint64_t delivered; /* the last seq shown */
    bool retired;       /* not in delivery->channels any more */
    struct audience *audiences;
};

struct audience {
    struct audience *next; /* of the channel */
    struct channel *channel;
    struct encoding encoding;
    struct stream *stream;
    struct list readers;      /* cursors that flow: live and not blocked */
    size_t cursor_count;      /* in any state */
    struct list_node dirty;   /* in outlet->dirty: something to send or to trim */
    struct list_node held;    /* in outlet->held while `is_held`: see pace.c */
    uint64_t offered;         /* so far its readers were told that there is something to send */
    uint64_t offered_ms;      /* when they were last; */
    uint64_t held_ms;         /* and since when the rest is held back */
    struct list_node holding; /* in delivery->holding while it has a weight */
    size_t weight; /* bytes of memory of the stream, as counted in delivery->stream_memory */
    bool is_dirty, is_held;
    bool unoffered; /* a reader has been attached behind the tail and been sent nothing yet */
};

enum cursor_state {
    CURSOR_CATCHING, /* pages of history come first; the stream is held */
    CURSOR_FLOWING,  /* in audience->readers */
    CURSOR_BLOCKED   /* its peer takes no bytes; the stream keeps the place */
};

struct cursor {
    struct peer *peer;
    struct audience *audience;
    struct list_node of_peer; /* in peer->cursors */
    struct list_node work;    /* CATCHING: in peer->catching; `sending`: in peer->sending */
    union {
        struct list_node node;   /* FLOWING */
        struct stream_wait wait; /* BLOCKED */
        struct {                 /* CATCHING */
            uint64_t next_seq;   /* wanted next */
            uint64_t
                joined; /* what the channel had delivered when it began: so far it reads pages */
        };
    };
    uint64_t offset; /* CATCHING: it goes on here or behind, where the stream stood when it began */
    uint64_t limit;  /* the reader goes when it gets here; UINT64_MAX: stays */
    uint8_t state;   /* enum cursor_state */
    bool live_reply : 1;
    bool sending : 1; /* FLOWING or BLOCKED: what it has not sent yet was noticed */
    bool fresh : 1; /* CATCHING: has been given nothing yet, so that it cannot miss what is gone */
    bool told_unavailable : 1; /* that its history cannot be read */
    bool has_older : 1;        /* of the same peer and room; see cursor_index.c */
};

/* A piece of what waits in a peer's outbox: bytes of its own, or a share of a page. */
struct segment {
    struct segment *next;
    struct blob *blob; /* NULL: own bytes follow */
    size_t offset, length, capacity;
    char data[];
};

enum peer_stage {
    PEER_OPEN,
    PEER_CLOSING,  /* sends what was shown and answered so far, then says goodbye */
    PEER_LEAVING,  /* goodbye is in the outbox */
    PEER_FINISHED, /* the transport was told to finish or reset; waits for outlet_gone */
};

enum peer_timer {
    TIMER_NONE,
    TIMER_HANDSHAKE,
    TIMER_KEEP_ALIVE, /* HTTP: between two requests, or while one is answered */
    TIMER_PING,
    TIMER_PONG,
    TIMER_REST,   /* of the interval between two pings, once the first was answered */
    TIMER_READER, /* between two pings to one that only reads */
    TIMER_CLOSE,
    TIMER_COUNT
};

/* State of a protocol that takes no more than this stands in the peer itself: that of all that are
 * spoken over WebSocket. */
#define PEER_STATE_SIZE 32

struct peer {
    uint64_t connection;
    struct outlet *outlet;
    void *owner;
    const struct protocol *protocol;
    union { /* of the protocol; see peer_state */
        _Alignas(8) char small_state[PEER_STATE_SIZE];
        void *large_state;
    };
    struct activity *activity; /* see peer_activity */
    struct slim_list cursors;  /* oldest first */
    struct slim_list sending;  /* those that have something to send, as it goes out */
    struct list_node ready;    /* in outlet->ready: has something to send, or input to go on with */
    struct list_node timer;    /* in outlet->timers[timer_kind] */
    uint32_t deadline_ms;      /* these two as clock_bits */
    uint32_t active_ms;        /* when it last asked for something, or (HTTP) began to */
    unsigned cursor_count;
    uint32_t share;      /* of when it last asked for something, */
    uint32_t share_used; /* and how much of it that was, see peer_input.c */
    struct encoding encoding;
    uint8_t stage;
    uint16_t close_code;
    uint8_t timer_kind;
    bool secure : 1; /* comes over TLS */
    bool opened : 1; /* the hub knows it */
    bool is_ready : 1, blocked : 1, broken : 1, end_of_file : 1;
    bool paused_by_hub : 1, waits_for_answer : 1, reading : 1, page_under_way : 1;
    bool is_halfway : 1;  /* has begun a message and not finished it */
    bool completed : 1;   /* has finished one since its input was looked at last */
    bool rests : 1;       /* its input waits until it is its turn, see peer_input.c */
    bool at_read_end : 1; /* there was no more to read */
    bool unfinished : 1;  /* was held up with nothing left to read, but perhaps something to ask */
    bool paused : 1;      /* what the transport was told */
    bool cut : 1;         /* has fallen behind a stream's window */
    bool wants_close : 1; /* close_code is to be asked for in order */
    bool is_batched : 1;  /* what it is sent is in outlet->batch */
    bool sent_away : 1;   /* see outlet_drain.c */
};

/* The lowest bits of a time in milliseconds: enough for what is never more than a day ahead, and
 * for idleness that is looked at, after which nobody stays. */
static inline uint32_t clock_bits(uint64_t ms) {
    return (uint32_t)ms;
}

/* What a peer has while it asks, is answered, catches up or is blocked. Most do none of that most
 * of the time: then there is none of this. */
struct activity {
    struct peer *peer;
    char *address;        /* NULL: the hub knows it, and nobody will ask again */
    struct buffer *input; /* left over from earlier; NULL: nothing */
    struct segment *out_first, *out_last;
    size_t out_bytes;
    struct slim_list catching; /* cursors that want pages */
    struct map *newest;        /* of cursors, by room; NULL while they are few */
    /* Its frame was sent in part; nothing else may be sent before the rest */
    struct cursor *partial;
    struct list_node resting; /* in outlet->resting while `rests` */
    struct list_node halfway; /* in outlet->halfway while `is_halfway` */
    uint64_t begun_ms;        /* when what is half read began */
    uint64_t moved_ms;        /* when its socket began to take no bytes */
};

/* What one call of the transport's send consists of, in order. */
#define SEND_VECTORS 64

struct part {
    struct cursor *cursor; /* NULL: the outbox */
    size_t bytes;
};

struct sending {
    struct iovec *vectors; /* room for SEND_VECTORS; as are the parts */
    struct part *parts;
    int vector_count, part_count;
    size_t total; /* bytes */
};

/* How soon a busy room's bytes go out; see pace.c. */
struct pace {
    unsigned hold_ms; /* that they are held back now; 0: they are not */
    int64_t turn_us;  /* when the turn of the loop began, by delivery_clock */
    int64_t since_us; /* when it was measured last how busy the loop is, */
    int64_t busy_us;  /* and how long its turns took since then */
};

struct outlet {
    struct delivery *delivery;
    struct outlet_options options;
    struct pool peer_pool, activity_pool, cursor_pool;
    struct id_map *peers; /* connection → peer */
    uint64_t last_connection;
    size_t drained; /* how far outlet_drain.c has gone through the peers */
    struct list ready;
    struct list resting; /* peers whose input goes on when it is their turn */
    struct list dirty;
    struct list held; /* audiences whose readers wait for more, the one that began first first */
    bool grown;       /* something was shown since dirty audiences were offered to their readers */
    struct pace pace;
    struct batch *batch; /* NULL: the transport sends to one after the other */
    size_t work;         /* that was asked for since those who rest went on */
    uint64_t others_ms;  /* when somebody asked last who does not rest, */
    bool others;         /* and whether that was since then, see peer_input.c */
    uint64_t noted_ms;   /* when a note of a protocol was logged last; 0: never */
    struct list timers[TIMER_COUNT];
    struct list halfway; /* peers in the middle of a message, who began first stands first */
    struct outlet_counters counters;
    bool retry_pages; /* a page could not be read */
    uint64_t retried_ms;
    struct buffer scratch;
    int64_t now_us;
    uint64_t now_ms;
};

struct delivery {
    struct delivery_options options;
    struct hub *hub;
    struct store *store;
    struct authority *authority;
    struct authority *own_authority; /* where none was given; else NULL */
    struct effects effects;
    struct outlet outlet;
    struct map *channels; /* room_key → channel */
    struct list holding;  /* audiences whose streams hold something, the one silent longest first */
    size_t stream_memory;
    struct buffer scratch; /* for rendering feeds */
    struct page_cache *pages;
    struct id_map *histories; /* ticket → history, see history.c */
    struct id_map *searches;  /* ticket → search, see search.c */
    struct id_map *audits;    /* ticket → audit, see audit.c */
    uint64_t replay_ticket;   /* of the page of rules under way; 0: none */
    uint64_t last_ticket;
    size_t appends_under_way;
    size_t shown; /* entries, in this round of the turn */
    struct delivery_latencies latencies;
    size_t work;      /* done for completions in this turn, see delivery.c */
    int64_t turn_us;  /* when it began to take completions */
    bool has_read;    /* in this turn it took a page, or findings, from the store */
    size_t answered;  /* bytes of the effects of the last step: how much work it was */
    uint64_t seed;    /* of maps of which there are many */
    bool asked_store; /* something was submitted, to store or authority, since completions were
                         last collected */
};

/* delivery.c */
/* Microseconds; stands still where nobody gave a clock. */
int64_t delivery_clock(const struct delivery *delivery);
void delivery_step(struct delivery *delivery, struct event *event);
void delivery_read(struct delivery *delivery, const struct page_query *query);
/* Tells the hub of the peer. `credential` may be NULL. */
void delivery_open_session(struct delivery *delivery, const struct peer *peer,
                           const struct traits *traits, const struct credential *credential);

/* history.c */
void history_start(struct delivery *delivery, const struct effect *effect);
void history_finish(struct delivery *delivery, const struct page *page);
void histories_free(struct id_map *histories);

/* search.c */
void search_start(struct delivery *delivery, const struct effect *effect);
void search_finish(struct delivery *delivery, const struct findings *findings);
void searches_free(struct id_map *searches);

/* rules_replay.c */
void rules_replay_start(struct delivery *delivery, uint64_t after);
bool rules_replay_finish(struct delivery *delivery,
                         const struct page *page); /* false: not a page of ours */

/* audit.c */
void audit_start(struct delivery *delivery, const struct effect *effect);
bool audit_finish(struct delivery *delivery, const struct page *page); /* as above */
void audits_free(struct id_map *audits);

/* channel.c */
struct channel *channel_open(struct delivery *delivery, struct slice room_key, struct slice room,
                             uint64_t delivered);
void channel_show(struct channel *channel, const struct effect *effect);
struct audience *audience_open(struct channel *channel, struct encoding encoding);
void audience_mark(struct audience *audience); /* dirty */
/* Its stream has grown (`grown`) or shrunk. */
void audience_weigh(struct audience *audience, bool grown);
void audience_leave(struct audience *audience); /* one cursor less; the last frees it, and the
                                                   channel with its last audience */

/* cursor.c */
void cursor_open(struct peer *peer, struct channel *channel, const struct effect *effect);
void cursor_close(struct cursor *cursor); /* at once */
void cursor_end(struct cursor *cursor);   /* after what was shown so far */
/* The same, and what was shown comes before any answer from now on, unless that is very much. */
void cursor_leave(struct cursor *cursor);
void cursor_block(
    struct cursor *cursor); /* FLOWING → BLOCKED, when there is something it has not sent */
void cursor_unblock(struct cursor *cursor);
uint64_t cursor_pending_end(const struct cursor *cursor); /* up to where it may send now */
/* What the bytes of a page depend on beside the room and its entries: the words, and whether they
 * come in batches. */
static inline uint32_t page_form(struct encoding encoding, bool batched) {
    return encoding_key(encoding) | (uint32_t)batched << 31;
}

/* Notices that the cursor has something to send, if it has. */
void cursor_offer(struct cursor *cursor);
/* The foremost of those that were offered have sent it all; those that were to end there go. */
void cursors_settle(struct peer *peer);
struct cursor *cursor_find(struct peer *peer, struct slice room_key);
void cursors_reencode(struct peer *peer); /* the peer's encoding has changed */
void cursors_catch_up(struct peer *peer); /* asks for the next page, when one is wanted */
void cursor_page(struct peer *peer, struct slice room_key, uint32_t form, uint64_t after,
                 uint64_t next, struct blob *bytes, const struct room_head *head, int error);

/* cursor_index.c */
void cursor_enlist(struct cursor *cursor);
void cursor_delist(struct cursor *cursor);
/* Of all that the peer has for this room, ended or not; NULL: none. */
struct cursor *cursor_newest(const struct peer *peer, struct slice room_key);
struct cursor *cursor_older(const struct cursor *cursor);

/* page_cache.c */
struct page_cache *page_cache_new(struct delivery *delivery);
void page_cache_free(struct page_cache *cache);
/* Has cursor_page called for the peer: now, when the page is known, or when the store has it. */
void page_cache_want(struct page_cache *cache, struct peer *peer, struct slice room_key,
                     struct slice room, struct encoding encoding, bool batched, uint64_t after,
                     uint64_t before);
bool page_cache_complete(struct page_cache *cache,
                         const struct page *page); /* false: not a page of ours */
void page_cache_forget_room(struct page_cache *cache,
                            struct slice room_key); /* something in it was erased */
void page_cache_tick(struct page_cache *cache);

/* peer_input.c */
/* A request has begun and is not whole. */
bool peer_is_halfway(const struct peer *peer);
void peer_use_input(struct peer *peer);   /* goes on with what is left over */
void outlet_go_on(struct outlet *outlet); /* with those who rest, for a stretch */
void peer_drop_input(struct peer *peer);
void peer_gate(struct peer *peer); /* tells the transport whether to go on reading */

/* peer_output.c */
void peer_append(struct peer *peer, struct slice bytes);     /* one answer */
void peer_append_blob(struct peer *peer, struct blob *blob); /* shares it */
void peer_prepend(struct peer *peer, struct slice bytes);
/* Moves the rest of a frame that went out in part to the front of the outbox, if it is not larger.
 */
void peer_take_rest_of_frame(struct peer *peer, size_t largest);
void peer_drop_output(struct peer *peer);
/* So much of what comes first in the outbox was sent. */
void peer_outbox_sent(struct peer *peer, size_t bytes);
/* Whether each answer must be a write of its own. */
bool peer_is_paced(const struct peer *peer);
static inline bool peer_takes_bytes(const struct peer *peer) {
    return !peer->blocked && !peer->broken && peer->stage != PEER_FINISHED;
}
/* Sends what there is to send and the peer takes. */
void peer_send(struct peer *peer);
/* The same, where the first call of send has been made already and returned `taken`. */
void peer_sent(struct peer *peer, const struct sending *sending, ssize_t taken);
void peer_mark(struct peer *peer); /* ready */
void peer_reply(struct peer *peer, const struct reply *reply);

/* sending.c */
/* Puts together what goes out next; `sending` is empty but for its room. */
void sending_gather(struct sending *sending, struct peer *peer);
/* Moves everything forward by the bytes that went out of it. */
void sending_advance(const struct sending *sending, struct peer *peer, size_t taken);

/* batch.c */
struct batch *batch_new(const struct transport *transport);
void batch_free(struct batch *batch); /* NULL is fine */
/* Sends to the peer as peer_send does, before batch_run returns. Until then nothing else may be
 * done for any peer. */
void batch_add(struct batch *batch, struct peer *peer);
void batch_run(struct batch *batch);

/* pace.c */
/* A turn of the loop begins, or ends. */
void pace_begin_turn(struct outlet *outlet);
void pace_end_turn(struct outlet *outlet);
/* Has the readers of audiences that waited long enough be offered what there is. */
void pace_release_due(struct outlet *outlet);
/* Whether the readers are to be offered what they were not yet; else there is nothing, or they wait
 * for more. */
bool pace_has_news(struct outlet *outlet, struct audience *audience);
/* It waits no more, or goes away. */
void pace_let_go(struct audience *audience);
/* When pace_release_due has something to do; false: there is nothing. */
bool pace_next(const struct outlet *outlet, uint64_t *due_ms);

/* peer_places.c */
/* Whether it is told its places in the rooms beside the bytes of their feeds. */
static inline bool peer_told_places(const struct peer *peer) {
    return peer->encoding.format == FORMAT_SSE_MANY;
}
/* Tells it, behind all that is in its outbox, that it has read this room up to `seq`. */
void peer_tell_place(struct peer *peer, struct slice room, uint64_t seq);
/* Moves a part of what its cursors have to send into the outbox, and its places behind it. */
void peer_pack(struct peer *peer);

/* outlet.c */
void outlet_flush(struct outlet *outlet); /* sends all that is pending, then trims the streams */
void outlet_tick(struct outlet *outlet);  /* pings, and cuts those whose time is over */
int outlet_init(struct outlet *outlet, struct delivery *delivery,
                const struct outlet_options *options);
void outlet_deinit(struct outlet *outlet);
struct peer *outlet_find(struct outlet *outlet, uint64_t connection); /* NULL when it is gone */
/* What the peer is doing, to be looked at; all zero where there is nothing. */
const struct activity *peer_doing(const struct peer *peer);
/* The same to be written to. */
struct activity *peer_activity(struct peer *peer);
/* Frees it if there is nothing in it. */
void peer_calm(struct peer *peer);
static inline bool has_small_state(const struct protocol *protocol) {
    return protocol->state_size <= PEER_STATE_SIZE;
}
static inline void *peer_state(const struct peer *peer) {
    return has_small_state(peer->protocol) ? (void *)peer->small_state : peer->large_state;
}
/* The peer speaks another protocol, or the first one; its state is zeroed. That of the former is to
 * be freed by the caller, and must not be small. */
void peer_set_protocol(struct peer *peer, const struct protocol *protocol);
/* The hub knows where it comes from. */
void peer_forget_address(struct peer *peer);
/* Gives it a (new) connection number. */
uint64_t outlet_register(struct outlet *outlet, struct peer *peer);
/* After what was shown and answered so far. */
void peer_close(struct peer *peer, uint16_t close_code);
void peer_reset(struct peer *peer);

/* peer_timer.c */
/* How long this timer runs now; 0: it does not. */
unsigned outlet_timeout(const struct outlet *outlet, enum peer_timer kind);
void outlet_run_timers(struct outlet *outlet);
void peer_set_timer(struct peer *peer, enum peer_timer kind);
void peer_start_timers(struct peer *peer); /* as its stage wants it */
void peer_stop_timers(struct peer *peer);
/* After some of its input was used: is something left half done? */
void peer_look_at_input(struct peer *peer);
/* Through the hub, so that what it has under way takes effect first. */
void peer_leave(struct peer *peer, uint16_t close_code);
