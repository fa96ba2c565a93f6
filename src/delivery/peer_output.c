/* A peer's outbox: answers, goodbyes, and pages of history, which wait to be sent; and sending,
 * until there is no more or the peer takes no more. What goes out in which order: sending.c. */
#include "delivery/internal.h"

#define SEGMENT_SMALLEST 256
#define SEGMENT_LARGEST (16 * 1024)

void peer_mark(struct peer *peer) {
    if (peer->is_ready || peer->stage == PEER_FINISHED)
        return;
    peer->is_ready = true;
    list_append(&peer->outlet->ready, &peer->ready);
}

static struct segment *segment_new(size_t capacity) {
    struct segment *segment = memory_new(sizeof *segment + capacity);
    segment->capacity = capacity;
    return segment;
}

static void segment_free(struct segment *segment) {
    blob_unref(segment->blob);
    memory_free(segment);
}

static void push(struct peer *peer, struct segment *segment) {
    struct activity *activity = peer_activity(peer);
    if (activity->out_last)
        activity->out_last->next = segment;
    else
        activity->out_first = segment;
    activity->out_last = segment;
    activity->out_bytes += segment->length;
}

bool peer_is_paced(const struct peer *peer) {
    return peer->protocol->frame_gap_ms && peer->protocol->frame_gap_ms(peer_state(peer)) > 0;
}

void peer_append(struct peer *peer, struct slice bytes) {
    if (bytes.length == 0 || peer->stage == PEER_FINISHED || peer->broken)
        return;
    struct segment *last = peer_doing(peer)->out_last;
    bool alone = peer_is_paced(peer);
    if (last && !last->blob && last->capacity - last->length >= bytes.length && !alone) {
        memcpy(last->data + last->length, bytes.data, bytes.length);
        last->length += bytes.length;
        peer_activity(peer)->out_bytes += bytes.length;
    } else {
        size_t capacity = alone ? 0 : last ? SEGMENT_LARGEST : SEGMENT_SMALLEST;
        struct segment *segment = segment_new(bytes.length > capacity ? bytes.length : capacity);
        memcpy(segment->data, bytes.data, bytes.length);
        segment->length = bytes.length;
        push(peer, segment);
    }
    peer_mark(peer);
}

void peer_append_blob(struct peer *peer, struct blob *blob) {
    struct segment *segment = segment_new(0);
    segment->blob = blob_ref(blob);
    segment->length = blob->length;
    push(peer, segment);
    peer_mark(peer);
}

void peer_prepend(struct peer *peer, struct slice bytes) {
    if (bytes.length == 0)
        return;
    struct segment *segment = segment_new(bytes.length);
    memcpy(segment->data, bytes.data, bytes.length);
    segment->length = bytes.length;
    struct activity *activity = peer_activity(peer);
    segment->next = activity->out_first;
    activity->out_first = segment;
    if (!activity->out_last)
        activity->out_last = segment;
    activity->out_bytes += bytes.length;
}

void peer_take_rest_of_frame(struct peer *peer, size_t largest) {
    struct cursor *cursor = peer_doing(peer)->partial;
    if (!cursor)
        return;
    struct stream *stream = cursor->audience->stream;
    struct iovec vector;
    uint64_t frame_end;
    stream_seen(stream, cursor->offset, &frame_end);
    if (frame_end - cursor->offset > largest ||
        stream_read(stream, cursor->offset, frame_end, &vector, 1) != 1)
        return;
    peer_prepend(peer, slice_from(vector.iov_base, vector.iov_len));
    peer->activity->partial = NULL;
}

static void pop(struct peer *peer) {
    struct activity *activity = peer->activity;
    struct segment *segment = activity->out_first;
    activity->out_first = segment->next;
    if (!activity->out_first)
        activity->out_last = NULL;
    segment_free(segment);
}

void peer_outbox_sent(struct peer *peer, size_t bytes) {
    struct segment *segment = peer_doing(peer)->out_first;
    peer->activity->out_bytes -= bytes;
    segment->offset += bytes;
    if (segment->offset == segment->length)
        pop(peer);
}

void peer_drop_output(struct peer *peer) {
    while (peer_doing(peer)->out_first)
        pop(peer);
    if (peer->activity)
        peer->activity->out_bytes = 0;
}

void peer_reply(struct peer *peer, const struct reply *reply) {
    struct outlet *outlet = peer->outlet;
    peer->waits_for_answer = false;
    buffer_clear(&outlet->scratch);
    peer->protocol->reply(peer_state(peer), outlet->options.settings, reply, &outlet->scratch);
    peer_append(peer, buffer_slice(&outlet->scratch));
    uint16_t code =
        peer->protocol->close_wanted ? peer->protocol->close_wanted(peer_state(peer)) : 0;
    if (code && !peer->wants_close && peer->stage == PEER_OPEN) {
        peer->wants_close = true;
        peer->close_code = code;
    }
    peer_mark(peer);
}

/* The peer takes no bytes for now: its cursors keep their places in the streams and cost nothing
 * else. */
static void block(struct peer *peer) {
    if (!peer->blocked)
        peer_activity(peer)->moved_ms = peer->outlet->now_ms;
    peer->blocked = true;
    for (struct list_node *node = peer->sending.first; node; node = node->next)
        cursor_block(container_of(node, struct cursor, work));
}

/* Whether there is something to send after all: the goodbye of a peer that has sent everything
 * else. */
static bool next_stage(struct peer *peer) {
    struct outlet *outlet = peer->outlet;
    if (peer_doing(peer)->out_first || !slim_list_empty(&peer->cursors))
        return false;
    if (peer->stage == PEER_CLOSING) {
        peer->stage = PEER_LEAVING;
        buffer_clear(&outlet->scratch);
        peer->protocol->goodbye(peer_state(peer), outlet->options.settings, peer->close_code,
                                &outlet->scratch);
        peer_append(peer, buffer_slice(&outlet->scratch));
        if (peer_doing(peer)->out_first)
            return true;
    }
    if (peer->stage == PEER_LEAVING) {
        peer->stage = PEER_FINISHED;
        peer_set_timer(peer, TIMER_NONE);
        outlet->options.transport->finish(peer->owner);
    }
    return false;
}

static void pause_for_gap(struct peer *peer) {
    unsigned gap_ms =
        peer->protocol->frame_gap_ms ? peer->protocol->frame_gap_ms(peer_state(peer)) : 0;
    if (gap_ms == 0)
        return;
    block(peer);
    peer->outlet->options.transport->wake_later(peer->owner, gap_ms);
}

/* What came of a send. Whether there may be more to send at once. */
static bool take_result(struct peer *peer, const struct sending *sending, ssize_t taken) {
    if (taken < 0) {
        peer->broken = true;
        return false;
    }
    peer->outlet->counters.bytes_out += (size_t)taken;
    sending_advance(sending, peer, (size_t)taken);
    cursors_settle(peer);
    if ((size_t)taken < sending->total)
        block(peer);
    else
        pause_for_gap(peer);
    return peer->stage != PEER_OPEN || peer_doing(peer)->out_first ||
           !slim_list_empty(&peer->sending);
}

/* It takes no more, or there is no more. */
static void rest_from_sending(struct peer *peer) {
    if (!peer->blocked && !peer_doing(peer)->out_first)
        cursors_catch_up(peer);
    peer_gate(peer);
    peer_calm(peer);
}

void peer_send(struct peer *peer) {
    const struct transport *transport = peer->outlet->options.transport;
    struct iovec vectors[SEND_VECTORS];
    struct part parts[SEND_VECTORS];
    bool more = true;
    while (more && peer_takes_bytes(peer)) {
        struct sending sending = {.vectors = vectors, .parts = parts};
        sending_gather(&sending, peer);
        more = sending.total > 0
                   ? take_result(peer, &sending,
                                 transport->send(peer->owner, vectors, sending.vector_count))
                   : next_stage(peer);
    }
    rest_from_sending(peer);
}

void peer_sent(struct peer *peer, const struct sending *sending, ssize_t taken) {
    if (take_result(peer, sending, taken))
        peer_send(peer);
    else
        rest_from_sending(peer);
}
