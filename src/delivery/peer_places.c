/* Readers of several rooms who are told their places beside the feeds (FORMAT_SSE_MANY): the bytes
 * of a feed are shared with other readers, who read other rooms, so they cannot say it themselves.
 *
 * What is told must never be ahead of what was sent, and must follow it soon: whoever is cut off
 * goes on at the last place it was told and gets the rest again, so one that is slow and never told
 * anything would never get on. Hence such a peer's frames go through its outbox, in portions: some
 * frames, then the places behind them. The next portion is packed when this one is gone. */
#include "delivery/internal.h"

/* Bytes after which a portion takes no further frame: also what such a peer may cost us while it
 * takes nothing. */
#define PORTION (16 * 1024)

static void append_places(struct peer *peer) {
    struct buffer places = {0};
    peer->protocol->tell_places(peer_state(peer), &places);
    peer_append(peer, buffer_slice(&places));
    buffer_close(&places);
}

void peer_tell_place(struct peer *peer, struct slice room, uint64_t seq) {
    peer->protocol->stands(peer_state(peer), room, seq);
    append_places(peer);
}

/* Moves whole frames of the cursor, at least one; it may go with the last of them. */
static void pack_cursor(struct peer *peer, struct cursor *cursor) {
    struct stream *stream = cursor->audience->stream;
    uint64_t end = cursor_pending_end(cursor);
    uint64_t frame_end;
    while (cursor->offset < end && peer_doing(peer)->out_bytes < PORTION) {
        struct iovec vector;
        frame_end = stream_next_frame_end(stream, cursor->offset);
        (void)stream_read(stream, cursor->offset, frame_end, &vector, 1);
        peer_append(peer, slice_from(vector.iov_base, vector.iov_len));
        cursor->offset = frame_end;
    }
    uint64_t seq = stream_seen(stream, cursor->offset, &frame_end);
    peer->protocol->stands(peer_state(peer), cursor->audience->channel->room, seq);
}

void peer_pack(struct peer *peer) {
    struct list_node *node;
    if (peer_doing(peer)->out_first || !peer->sending.first)
        return;
    while (peer_doing(peer)->out_bytes < PORTION && (node = peer->sending.first)) {
        pack_cursor(peer, container_of(node, struct cursor, work));
        cursors_settle(peer);
    }
    append_places(peer);
}
