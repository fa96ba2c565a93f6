/* One call of the transport's send: put together from all that a peer has to send, and taken apart
 * again by how much of it went out. First comes the rest of a frame that went out in part, then the
 * answers in the outbox, then what the cursors have not sent yet. Answers and room data meet only
 * between frames. */
#include "delivery/internal.h"

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
    if (peer_doing(peer)->out_first && !peer_doing(peer)->partial) {
        add_outbox(sending, peer_doing(peer)->out_first, true);
        return;
    }
    struct list_node *first = peer->sending.first; /* the partial one, if there is one */
    if (!first)
        return;
    struct cursor *cursor = container_of(first, struct cursor, work);
    add_stream(sending, cursor, cursor->offset,
               stream_next_frame_end(cursor->audience->stream, cursor->offset));
}

void sending_gather(struct sending *sending, struct peer *peer) {
    if (peer_told_places(peer)) {
        peer_pack(peer);
        add_outbox(sending, peer_doing(peer)->out_first, false);
        return;
    }
    if (peer_is_paced(peer)) {
        gather_paced(peer, sending);
        return;
    }
    struct cursor *partial = peer_doing(peer)->partial;
    uint64_t frame_end = 0;
    if (partial) {
        stream_seen(partial->audience->stream, partial->offset, &frame_end);
        add_stream(sending, partial, partial->offset, frame_end);
    }
    add_outbox(sending, peer_doing(peer)->out_first, false);
    for (struct list_node *node = peer->sending.first; node && sending->vector_count < SEND_VECTORS;
         node = node->next) {
        struct cursor *cursor = container_of(node, struct cursor, work);
        uint64_t from = cursor == partial ? frame_end : cursor->offset;
        add_stream(sending, cursor, from, cursor_pending_end(cursor));
    }
}

void sending_advance(const struct sending *sending, struct peer *peer, size_t taken) {
    if (peer->activity)
        peer->activity->partial = NULL;
    for (int i = 0; i < sending->part_count; i++) {
        const struct part *part = &sending->parts[i];
        size_t bytes = taken < part->bytes ? taken : part->bytes;
        taken -= bytes;
        if (!part->cursor) {
            if (bytes > 0)
                peer_outbox_sent(peer, bytes);
        } else {
            part->cursor->offset += bytes;
        }
        if (bytes == part->bytes)
            continue;
        if (part->cursor) {
            uint64_t frame_end;
            stream_seen(part->cursor->audience->stream, part->cursor->offset, &frame_end);
            if (frame_end != part->cursor->offset)
                peer_activity(peer)->partial = part->cursor;
        }
        return;
    }
}
