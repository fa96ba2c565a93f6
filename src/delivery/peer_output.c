/* What a peer sends next: the rest of a frame that went out in part, then the answers in its
 * outbox, then what its cursors have not sent yet; all of it in one call of the transport's send.
 * Answers and room data meet only between frames. */
#include "delivery/internal.h"

#define SEND_VECTORS 64
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
    if (peer->out_last)
        peer->out_last->next = segment;
    else
        peer->out_first = segment;
    peer->out_last = segment;
    peer->out_bytes += segment->length;
}

/* Whether each answer must be a write of its own. */
static bool paced(const struct peer *peer) {
    return peer->protocol->frame_gap_ms && peer->protocol->frame_gap_ms(peer->state) > 0;
}

void peer_append(struct peer *peer, struct slice bytes) {
    if (bytes.length == 0 || peer->stage == PEER_FINISHED || peer->broken)
        return;
    struct segment *last = peer->out_last;
    bool alone = paced(peer);
    if (last && !last->blob && last->capacity - last->length >= bytes.length && !alone) {
        memcpy(last->data + last->length, bytes.data, bytes.length);
        last->length += bytes.length;
        peer->out_bytes += bytes.length;
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
    segment->next = peer->out_first;
    peer->out_first = segment;
    if (!peer->out_last)
        peer->out_last = segment;
    peer->out_bytes += bytes.length;
}

void peer_take_rest_of_frame(struct peer *peer, size_t largest) {
    struct cursor *cursor = peer->partial;
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
    peer->partial = NULL;
}

static void pop(struct peer *peer) {
    struct segment *segment = peer->out_first;
    peer->out_first = segment->next;
    if (!peer->out_first)
        peer->out_last = NULL;
    segment_free(segment);
}

void peer_drop_output(struct peer *peer) {
    while (peer->out_first)
        pop(peer);
    peer->out_bytes = 0;
}

void peer_reply(struct peer *peer, const struct reply *reply) {
    struct outlet *outlet = peer->outlet;
    peer->waits_for_answer = false;
    buffer_clear(&outlet->scratch);
    peer->protocol->reply(peer->state, outlet->options.settings, reply, &outlet->scratch);
    peer_append(peer, buffer_slice(&outlet->scratch));
    uint16_t code = peer->protocol->close_wanted ? peer->protocol->close_wanted(peer->state) : 0;
    if (code && !peer->wants_close && peer->stage == PEER_OPEN) {
        peer->wants_close = true;
        peer->close_code = code;
    }
    peer_mark(peer);
}

/* One call of send, being put together. */
struct sending {
    struct iovec vectors[SEND_VECTORS];
    struct part {
        struct cursor *cursor; /* NULL: the outbox */
        size_t bytes;
    } parts[SEND_VECTORS];
    int vector_count, part_count;
    size_t total;
};

static void add_stream(struct sending *sending, struct cursor *cursor, uint64_t from,
                       uint64_t end) {
    int room = SEND_VECTORS - sending->vector_count;
    if (from >= end || room == 0)
        return;
    struct iovec *vectors = sending->vectors + sending->vector_count;
    int count = stream_read(cursor->audience->stream, from, end, vectors, room);
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += vectors[i].iov_len;
    sending->vector_count += count;
    sending->parts[sending->part_count++] = (struct part){cursor, bytes};
    sending->total += bytes;
}

static void add_outbox(struct sending *sending, struct segment *segment, bool only_one) {
    for (; segment && sending->vector_count < SEND_VECTORS;
         segment = only_one ? NULL : segment->next) {
        const char *data = segment->blob ? segment->blob->data : segment->data;
        size_t bytes = segment->length - segment->offset;
        sending->vectors[sending->vector_count++] =
            (struct iovec){(char *)data + segment->offset, bytes};
        sending->parts[sending->part_count++] = (struct part){NULL, bytes};
        sending->total += bytes;
    }
}

/* One frame and no more. */
static void gather_paced(struct peer *peer, struct sending *sending) {
    if (peer->out_first && !peer->partial) {
        add_outbox(sending, peer->out_first, true);
        return;
    }
    struct list_node *first = peer->sending.first; /* the partial one, if there is one */
    if (!first)
        return;
    struct cursor *cursor = container_of(first, struct cursor, work);
    add_stream(sending, cursor, cursor->offset,
               stream_next_frame_end(cursor->audience->stream, cursor->offset));
}

static void gather(struct peer *peer, struct sending *sending) {
    sending->vector_count = sending->part_count = 0;
    sending->total = 0;
    if (peer_told_places(peer)) {
        peer_pack(peer);
        add_outbox(sending, peer->out_first, false);
        return;
    }
    if (paced(peer)) {
        gather_paced(peer, sending);
        return;
    }
    struct cursor *partial = peer->partial;
    uint64_t frame_end = 0;
    if (partial) {
        stream_seen(partial->audience->stream, partial->offset, &frame_end);
        add_stream(sending, partial, partial->offset, frame_end);
    }
    add_outbox(sending, peer->out_first, false);
    for (struct list_node *node = peer->sending.first; node && sending->vector_count < SEND_VECTORS;
         node = node->next) {
        struct cursor *cursor = container_of(node, struct cursor, work);
        uint64_t from = cursor == partial ? frame_end : cursor->offset;
        add_stream(sending, cursor, from, cursor_pending_end(cursor));
    }
}

static void outbox_sent(struct peer *peer, size_t bytes) {
    peer->out_bytes -= bytes;
    struct segment *segment = peer->out_first;
    segment->offset += bytes;
    if (segment->offset == segment->length)
        pop(peer);
}

/* Moves everything forward by the `taken` bytes that went out, in the order in which they were put
 * together. */
static void advance(struct peer *peer, const struct sending *sending, size_t taken) {
    peer->partial = NULL;
    for (int i = 0; i < sending->part_count; i++) {
        const struct part *part = &sending->parts[i];
        size_t bytes = taken < part->bytes ? taken : part->bytes;
        taken -= bytes;
        if (!part->cursor) {
            if (bytes > 0)
                outbox_sent(peer, bytes);
        } else {
            part->cursor->offset += bytes;
        }
        if (bytes == part->bytes)
            continue;
        if (part->cursor) {
            uint64_t frame_end;
            stream_seen(part->cursor->audience->stream, part->cursor->offset, &frame_end);
            if (frame_end != part->cursor->offset)
                peer->partial = part->cursor;
        }
        return;
    }
}

/* The peer takes no bytes for now: its cursors keep their places in the streams and cost nothing
 * else. */
static void block(struct peer *peer) {
    if (!peer->blocked)
        peer->moved_ms = peer->outlet->now_ms;
    peer->blocked = true;
    for (struct list_node *node = peer->sending.first; node; node = node->next)
        cursor_block(container_of(node, struct cursor, work));
}

/* Whether there is something to send after all: the goodbye of a peer that has sent everything
 * else. */
static bool next_stage(struct peer *peer) {
    struct outlet *outlet = peer->outlet;
    if (peer->out_first || !list_empty(&peer->cursors))
        return false;
    if (peer->stage == PEER_CLOSING) {
        peer->stage = PEER_LEAVING;
        buffer_clear(&outlet->scratch);
        peer->protocol->goodbye(peer->state, outlet->options.settings, peer->close_code,
                                &outlet->scratch);
        peer_append(peer, buffer_slice(&outlet->scratch));
        if (peer->out_first)
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
    unsigned gap_ms = peer->protocol->frame_gap_ms ? peer->protocol->frame_gap_ms(peer->state) : 0;
    if (gap_ms == 0)
        return;
    block(peer);
    peer->outlet->options.transport->wake_later(peer->owner, gap_ms);
}

void peer_send(struct peer *peer) {
    const struct transport *transport = peer->outlet->options.transport;
    struct sending sending;
    while (!peer->blocked && !peer->broken && peer->stage != PEER_FINISHED) {
        gather(peer, &sending);
        if (sending.total == 0) {
            if (next_stage(peer))
                continue;
            break;
        }
        ssize_t taken = transport->send(peer->owner, sending.vectors, sending.vector_count);
        if (taken < 0) {
            peer->broken = true;
            break;
        }
        peer->outlet->counters.bytes_out += (size_t)taken;
        advance(peer, &sending, (size_t)taken);
        cursors_settle(peer);
        if ((size_t)taken < sending.total)
            block(peer);
        else
            pause_for_gap(peer);
    }
    if (!peer->blocked && !peer->out_first)
        cursors_catch_up(peer);
    peer_gate(peer);
}
