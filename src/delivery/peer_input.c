/* What a peer asks for: bytes go through its protocol, one request at a time, into the hub.
 *
 * Input waits (and the transport is told not to read) while the hub asks for it, while an answer
 * that must come first is under way, or while the peer does not take the answers it already has. So
 * nobody can make us hold more than one read's worth of input, LIMIT_CONTROL_OUTPUT of answers, a
 * page and the requests under way.
 *
 * It also waits when the peer has had its share of the time, so that nobody makes the others wait.
 * Those who want more than that go on one after another, for as long as a stretch lasts, in each
 * turn of the loop; at its end, when others have asked for something, and were answered and sent
 * to. However many there are and whatever they ask for, who asks for little waits for one such
 * stretch, and who is alone has all of it. What comes in one large piece, of which nobody knows
 * what it will cost, waits for a stretch at once.
 *
 * A share is counted in bytes: those of a message (a few bytes can unpack to many), those of the
 * hub's effects, and a fixed charge for each request; and in time where there is a clock, because
 * requests differ by more than what can be seen of them. A request cannot be interrupted, so one
 * may take more than a share: the peer owes the rest, and pays with the turns that it waits. Else
 * twenty who send one large message each would take turns of twenty large messages. */
#include "base/close_code.h"
#include "delivery/internal.h"

#define SHARE (32 * 1024)
/* Milliseconds that a share is for. */
#define SHARE_MS 16
#define REQUEST_CHARGE 256
/* Of all who rest, in one turn: when there are others, or were so many milliseconds ago; and when
 * there are none. */
#define STRETCH (2 * SHARE)
#define OTHERS_MS 100
#define STRETCH_ALONE (4 * SHARE)
/* Bytes that are looked at as soon as they come. */
#define READ_AT_ONCE 4096
/* A microsecond counts as so many bytes. */
#define TIME_CHARGE 320
/* Between two notes in the log. They are for the operator; whoever causes them can do so as often
 * as they like. */
#define NOTE_INTERVAL_MS 10000

static bool gated(const struct peer *peer) {
    return peer->paused_by_hub || peer->waits_for_answer || peer->reading || peer->rests ||
           peer_doing(peer)->out_bytes > LIMIT_CONTROL_OUTPUT + LIMIT_PAGE_BYTES;
}

/* Returns whether that has changed. */
static bool set_gate(struct peer *peer) {
    bool pause = gated(peer) && peer->stage == PEER_OPEN;
    if (pause == peer->paused || peer->stage == PEER_FINISHED)
        return false;
    peer->paused = pause;
    peer->outlet->options.transport->pause(peer->owner, pause);
    return true;
}

void peer_gate(struct peer *peer) {
    if (set_gate(peer) && !peer->paused &&
        (peer_doing(peer)->input || peer->unfinished || peer->end_of_file))
        peer_mark(peer);
}

static void rest(struct peer *peer) {
    if (peer->rests)
        return;
    peer->rests = true;
    list_append(&peer->outlet->resting, &peer_activity(peer)->resting);
}

/* Which share it is that is used up now. */
static uint32_t current_share(const struct outlet *outlet) {
    return clock_bits(outlet->now_ms / SHARE_MS);
}

static bool is_spent(const struct peer *peer) {
    return peer->share_used >= SHARE && peer->share == current_share(peer->outlet);
}

/* Takes it out of the peer's share. */
static void charge(struct peer *peer, size_t amount) {
    struct outlet *outlet = peer->outlet;
    if (peer->share != current_share(outlet) && !peer->rests)
        peer->share_used = 0;
    peer->share = current_share(outlet);
    size_t used = peer->share_used + amount;
    peer->share_used = used < UINT32_MAX ? (uint32_t)used : UINT32_MAX;
    outlet->work += amount;
    if (peer->share_used >= SHARE)
        rest(peer);
}

/* What has been done took so long: if that is more than its bytes were charged for, it counts. */
static void charge_time(struct peer *peer, int64_t since_us, size_t charged) {
    int64_t passed_us = delivery_clock(peer->outlet->delivery) - since_us;
    size_t amount = passed_us > 0 ? (size_t)passed_us * TIME_CHARGE : 0;
    if (amount > charged)
        charge(peer, amount - charged);
}

/* It gets another share, and no more of this one when that has been enough. */
static void go_on(struct peer *peer) {
    list_remove(&peer->outlet->resting, &peer->activity->resting);
    peer->rests = false;
    peer->share_used = 0;
    peer_use_input(peer);
    if (!peer->rests) {
        peer->share = current_share(peer->outlet);
        peer->share_used = SHARE;
    }
}

/* Pays what the peer owes; false: there is not enough left of the stretch for that. */
static bool pay(struct peer *peer, size_t left) {
    size_t owed = peer->share_used > SHARE ? peer->share_used - SHARE : 0;
    if (owed > left)
        peer->share_used -= (uint32_t)left;
    else
        peer->outlet->work += owed;
    return owed <= left;
}

void outlet_go_on(struct outlet *outlet) {
    bool alone = outlet->now_ms > outlet->others_ms + OTHERS_MS;
    size_t stretch = alone ? STRETCH_ALONE : STRETCH;
    outlet->work = 0;
    outlet->others = false;
    while (outlet->resting.first && outlet->work < stretch) {
        struct peer *peer = container_of(outlet->resting.first, struct activity, resting)->peer;
        if (!pay(peer, stretch - outlet->work))
            break;
        go_on(peer);
    }
}

static void ask(struct peer *peer, const struct request *request) {
    struct delivery *delivery = peer->outlet->delivery;
    if (!peer->opened)
        delivery_open_session(delivery, peer, &peer->protocol->traits, NULL);
    peer->opened = true;
    peer->active_ms = clock_bits(peer->outlet->now_ms);
    struct event event = {
        .kind = EVENT_REQUEST, .connection = peer->connection, .request = request};
    delivery_step(delivery, &event);
    charge(peer, delivery->answered);
}

static void set_address(struct peer *peer, struct slice address) {
    char *copy = memory_copy_string(address); /* which may be a part of the former */
    peer_forget_address(peer);
    peer_activity(peer)->address = copy;
}

/* The connection speaks another protocol from here on (an upgrade); its first session was that of a
 * passer-by. */
static void switch_protocol(struct peer *peer, const struct protocol *next,
                            const struct handover *handover, struct buffer *output) {
    struct outlet *outlet = peer->outlet;
    if (peer->opened) {
        struct event closed = {.kind = EVENT_CLOSED, .connection = peer->connection};
        delivery_step(outlet->delivery, &closed);
        peer->opened = false;
    }
    /* What it handed over may point into the old state, so that goes last. */
    const struct protocol *former = peer->protocol;
    void *former_state = peer_state(peer);
    peer_set_protocol(peer, next);
    outlet_register(outlet, peer);
    if (handover->address.length > 0)
        set_address(peer, handover->address);
    next->open(peer_state(peer), outlet->options.settings, handover, output);
    peer->encoding = next->encoding(peer_state(peer));
    peer_append(peer, buffer_slice(output));
    uint16_t refused = next->close_wanted ? next->close_wanted(peer_state(peer)) : 0;
    if (refused) {
        peer_close(peer, refused);
    } else if (next->opens) {
        peer->opened = true;
        delivery_open_session(outlet->delivery, peer, &handover->traits, &handover->credential);
        peer_forget_address(peer);
    }
    if (!refused)
        peer_set_timer(peer, next->only_reads ? TIMER_READER : TIMER_PING);
    former->close(former_state);
    memory_free(former_state);
}

static void write_note(const struct peer *peer, const char *note) {
    struct outlet *outlet = peer->outlet;
    bool early = outlet->noted_ms > 0 && outlet->now_ms < outlet->noted_ms + NOTE_INTERVAL_MS;
    if (early || !outlet->options.log)
        return;
    outlet->noted_ms = outlet->now_ms;
    log_write(outlet->options.log, LOG_WARNING, "%s: %s",
              peer_doing(peer)->address ? peer_doing(peer)->address : "A client", note);
}

/* Carries out one result of the protocol. Returns whether it can be asked for more. */
static bool handle(struct peer *peer, enum feed_result result, struct feed *feed,
                   struct buffer *output) {
    if (feed->note)
        write_note(peer, feed->note);
    if (result != FEED_MORE)
        charge(peer, REQUEST_CHARGE + feed->message_size);
    peer->completed = peer->completed || (result != FEED_MORE && !feed->aside);
    if (result != FEED_SWITCH)
        peer_append(peer, buffer_slice(output));
    switch (result) {
    case FEED_MORE:
        return false;
    case FEED_WAIT:
        peer->waits_for_answer = true;
        return false;
    case FEED_AGAIN:
        break;
    case FEED_SWITCH:
        switch_protocol(peer, feed->next, &feed->handover, output);
        break;
    case FEED_REQUEST:
        ask(peer, &feed->request);
        break;
    }
    struct encoding encoding = peer->protocol->encoding(peer_state(peer));
    if (encoding_key(encoding) != encoding_key(peer->encoding)) {
        peer->encoding = encoding;
        cursors_reencode(peer);
    }
    return true;
}

typedef enum feed_result feed_function(void *, const struct protocol_settings *, struct feed *);

/* Asks one of the protocol's functions once, with `input`; returns how many bytes it used. */
static size_t feed_once(struct peer *peer, feed_function *function, struct slice input,
                        bool *again) {
    struct outlet *outlet = peer->outlet;
    /* Its own buffer: a step that follows renders answers into the outlet's scratch. */
    struct buffer output = {0};
    struct feed feed = {
        .input = input,
        .output = &output,
        .address = slice_of_string(peer_doing(peer)->address),
        .secure = peer->secure,
        .number = peer->connection,
    };
    bool between = peer->protocol->established && peer->protocol->established(peer_state(peer));
    enum feed_result result = function(peer_state(peer), outlet->options.settings, &feed);
    if (between && feed.consumed > 0) /* another request has begun */
        peer->active_ms = clock_bits(outlet->now_ms);
    *again = handle(peer, result, &feed, &output);
    buffer_close(&output);
    return feed.consumed;
}

/* Feeds `input` as far as it goes; returns how much was used. Even when that is all of it the
 * protocol may have more to ask for, as one has that has just been switched to. */
static size_t feed_all(struct peer *peer, struct slice input, bool read_end) {
    size_t used = 0;
    bool again = true;
    while (again && peer->stage == PEER_OPEN && !gated(peer)) {
        /* Looked up each time: an upgrade changes the protocol on the way. */
        feed_function *function = read_end ? peer->protocol->read_end : peer->protocol->feed;
        int64_t start_us = delivery_clock(peer->outlet->delivery);
        size_t before = peer->outlet->work;
        used += feed_once(peer, function, slice_skip(input, used), &again);
        charge_time(peer, start_us, peer->outlet->work - before);
    }
    peer->unfinished = again;
    return used;
}

static void keep(struct peer *peer, struct slice rest) {
    if (rest.length == 0)
        return;
    if (!peer_doing(peer)->input)
        peer_activity(peer)->input = memory_new_struct(struct buffer);
    buffer_append_slice(peer->activity->input, rest);
}

void peer_drop_input(struct peer *peer) {
    if (!peer_doing(peer)->input)
        return;
    buffer_close(peer->activity->input);
    memory_free(peer->activity->input);
    peer->activity->input = NULL;
}

/* Feeds what was left over. The peer may close meanwhile and drop its input, so it is taken out of
 * it first. */
static void feed_kept(struct peer *peer, bool read_end) {
    struct buffer *input = peer->activity->input;
    peer->activity->input = NULL;
    buffer_consume(input, feed_all(peer, buffer_slice(input), read_end));
    if (buffer_length(input) > 0 && peer->stage == PEER_OPEN) {
        peer_activity(peer)->input = input;
        return;
    }
    buffer_close(input);
    memory_free(input);
}

/* The protocol sees what is left, which may be a last request without its ending, until it has
 * asked to quit. */
static void finish_input(struct peer *peer) {
    struct request quit = {.kind = REQUEST_QUIT, .close_code = CLOSE_NORMAL};
    struct buffer rest = {0}; /* of its own, because the peer may close meanwhile */
    bool again = true;
    if (!peer->protocol->end_of_file) {
        peer->end_of_file = false;
        peer_drop_input(peer);
        ask(peer, &quit);
        return;
    }
    if (peer_doing(peer)->input)
        buffer_append_slice(&rest, buffer_slice(peer_doing(peer)->input));
    peer_drop_input(peer);
    while (again && peer->stage == PEER_OPEN && !gated(peer)) {
        struct slice input = buffer_slice(&rest);
        buffer_consume(&rest, feed_once(peer, peer->protocol->end_of_file, input, &again));
    }
    peer->end_of_file = again || peer->waits_for_answer;
    if (peer->stage == PEER_OPEN)
        keep(peer, buffer_slice(&rest));
    buffer_close(&rest);
}

static void peer_feed(struct peer *peer) {
    if (peer->wants_close && peer->stage == PEER_OPEN) {
        struct request quit = {.kind = REQUEST_QUIT, .close_code = peer->close_code, .lost = true};
        peer->wants_close = false;
        ask(peer, &quit);
    }
    if (peer_doing(peer)->input)
        feed_kept(peer, false);
    else if (peer->unfinished)
        feed_all(peer, SLICE_NONE, false);
    if (peer->end_of_file && peer->stage == PEER_OPEN && !gated(peer))
        finish_input(peer);
    set_gate(peer); /* if it opens now, it was fed just now */
    peer_look_at_input(peer);
}

static void note_other(struct outlet *outlet) {
    outlet->others = true;
    outlet->others_ms = outlet->now_ms;
}

void outlet_receive(struct peer *peer, struct slice bytes) {
    peer->outlet->counters.bytes_in += bytes.length;
    peer->at_read_end = false;
    if (peer->stage != PEER_OPEN)
        return;
    if (is_spent(peer) || bytes.length > READ_AT_ONCE)
        rest(peer);
    if (peer_doing(peer)->input) {
        keep(peer, bytes);
        peer_feed(peer);
        return;
    }
    keep(peer, slice_skip(bytes, feed_all(peer, bytes, false)));
    if (!peer->rests)
        note_other(peer->outlet);
    peer_gate(peer);
    peer_look_at_input(peer);
}

/* What is half read need not be kept: of a command which is too long nothing is. */
bool peer_is_halfway(const struct peer *peer) {
    return peer_doing(peer)->input ||
           (peer->protocol->half_read && peer->protocol->half_read(peer_state(peer)));
}

void outlet_read_end(struct peer *peer) {
    peer->at_read_end = true;
    if (!peer->protocol->read_end || peer->stage != PEER_OPEN || !peer_is_halfway(peer))
        return;
    if (peer_doing(peer)->input)
        feed_kept(peer, true);
    else
        feed_all(peer, SLICE_NONE, true);
    peer_gate(peer);
    peer_look_at_input(peer);
}

void peer_use_input(struct peer *peer) {
    peer_feed(peer);
    if (peer->at_read_end)
        outlet_read_end(peer);
}

void outlet_end_of_file(struct peer *peer) {
    peer->end_of_file = true;
    peer_feed(peer);
}
