/* Cursors: from history to live by one algorithm.
 *
 * A cursor starts with the seq it wants next. While that is behind what the room had shown by then,
 * pages come from the store, one at a time for each peer and only as fast as the peer takes them.
 * After the last of them: if the stream still holds what comes next (it keeps its window while
 * anybody is catching up), the cursor attaches there and is live; else it begins again from there.
 * There is no seam to get wrong: live is the tail of history. */
#include "delivery/internal.h"

#include <assert.h>

/* What a reader who leaves may still have to be sent, so that it comes before the answer. */
#define REST_BYTES (16 * 1024)
#define REST_VECTORS 4

/* Every reader has one. */
static_assert(sizeof(struct cursor) <= 96, "a quiet reader costs more than it should");

static void attach(struct cursor *cursor, uint64_t offset) {
    struct peer *peer = cursor->peer;
    uint64_t at = cursor->next_seq - 1;
    bool live_reply = cursor->live_reply && cursor->limit == UINT64_MAX;
    stream_release(cursor->audience->stream);
    slim_list_remove(&peer->activity->catching, &cursor->work);
    cursor->offset = offset;
    cursor->state = CURSOR_FLOWING;
    cursor->node = (struct list_node){0};
    list_append(&cursor->audience->readers, &cursor->node);
    cursor->live_reply = false;
    if (offset < stream_tail(cursor->audience->stream))
        cursor->audience->unoffered = true;
    cursor_offer(cursor);
    audience_mark(cursor->audience);
    peer_mark(peer);
    if (live_reply) {
        struct reply reply = {
            .kind = REPLY_LIVE, .room = cursor->audience->channel->room, .last = at};
        peer_reply(peer, &reply);
    }
}

/* Attaches where the stream still holds what comes next, if it does. */
static bool try_attach(struct cursor *cursor) {
    struct stream *stream = cursor->audience->stream;
    uint64_t offset;
    bool found = stream_find(stream, cursor->next_seq, &offset);
    if (!found && cursor->next_seq <= cursor->audience->channel->delivered)
        return false;
    /* Entries shown before it joined come in pages; what follows them in the stream would skip
     * some. */
    if (found && offset < cursor->offset && cursor->next_seq <= cursor->joined)
        return false;
    if (!found)
        offset = stream_tail(stream);
    /* What was shown before it joined (its own arrival, for one) is not for it. */
    if (offset < cursor->offset)
        offset = cursor->offset;
    if (offset < stream_oldest(stream))
        return false;
    attach(cursor, offset);
    return true;
}

/* Pages bring what the room has shown by now, the stream what comes after. */
static void set_seam(struct cursor *cursor) {
    cursor->offset = stream_tail(cursor->audience->stream);
    cursor->joined = cursor->audience->channel->delivered;
}

static void begin_catching(struct cursor *cursor, uint64_t next_seq) {
    cursor->state = CURSOR_CATCHING;
    cursor->next_seq = next_seq;
    set_seam(cursor);
    stream_hold(cursor->audience->stream);
    slim_list_append(&peer_activity(cursor->peer)->catching, &cursor->work);
}

static struct cursor *cursor_new(struct peer *peer, struct channel *channel,
                                 struct encoding encoding) {
    struct cursor *cursor = pool_new(&peer->outlet->cursor_pool);
    cursor->peer = peer;
    cursor->audience = audience_open(channel, encoding);
    cursor->limit = UINT64_MAX;
    cursor_enlist(cursor);
    return cursor;
}

static bool knows_numbers(uint8_t format) {
    return format == FORMAT_JSON_PLAIN || format == FORMAT_JSON_FULL || format == FORMAT_JSON_V1 ||
           format == FORMAT_SSE || format == FORMAT_SSE_MANY;
}

/* Whoever knows numbers says with each join where it stands. What it still has to be sent of the
 * time before would come behind the answer, out of order and twice. Others are told no numbers and
 * start with what comes next: they get all. */
static void supersede_former(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    struct cursor *former;
    if (!knows_numbers(cursor->audience->encoding.format))
        return;
    while ((former = cursor_older(cursor))) {
        if (peer_doing(peer)->partial == former)
            peer_take_rest_of_frame(peer, SIZE_MAX);
        cursor_close(former);
    }
}

void cursor_open(struct peer *peer, struct channel *channel, const struct effect *effect) {
    struct encoding encoding = peer->encoding;
    encoding.side = (uint8_t)effect->subscribe.side;
    struct cursor *cursor = cursor_new(peer, channel, encoding);
    cursor->live_reply = effect->subscribe.live_reply;
    cursor->fresh = effect->subscribe.fresh;
    begin_catching(cursor, effect->subscribe.next);
    supersede_former(cursor);
    if (cursor->next_seq > channel->delivered)
        attach(cursor, cursor->offset);
    else
        peer_mark(peer); /* the page is asked for when the outbox is empty */
}

/* Takes the cursor out of wherever its state has put it. */
static void detach(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    switch (cursor->state) {
    case CURSOR_CATCHING:
        stream_release(cursor->audience->stream);
        slim_list_remove(&peer->activity->catching, &cursor->work);
        break;
    case CURSOR_FLOWING:
        list_remove(&cursor->audience->readers, &cursor->node);
        break;
    case CURSOR_BLOCKED:
        stream_unblock(cursor->audience->stream, &cursor->wait);
        break;
    }
    if (cursor->sending)
        slim_list_remove(&peer->sending, &cursor->work);
}

void cursor_close(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    detach(cursor);
    cursor_delist(cursor);
    if (peer_doing(peer)->partial == cursor)
        peer->activity->partial = NULL;
    audience_leave(cursor->audience);
    pool_free(&peer->outlet->cursor_pool, cursor);
}

void cursor_end(struct cursor *cursor) {
    uint64_t tail = stream_tail(cursor->audience->stream);
    if (cursor->state == CURSOR_CATCHING || cursor->offset >= tail) {
        cursor_close(cursor);
        return;
    }
    if (cursor->limit > tail)
        cursor->limit = tail;
    cursor_offer(cursor); /* before whatever takes its place */
}

/* What it has not been sent becomes an answer; false: it is too much, or not to be had, or an older
 * cursor of the room comes first. */
static bool take_rest(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    struct stream *stream = cursor->audience->stream;
    uint64_t from = cursor->offset, end = cursor_pending_end(cursor);
    bool partial = peer_doing(peer)->partial == cursor;
    struct iovec vectors[REST_VECTORS];
    if (cursor->state != CURSOR_FLOWING || from >= end || end - from > REST_BYTES ||
        peer_told_places(peer) || peer_is_paced(peer) || cursor_older(cursor))
        return false;
    if (partial)
        stream_seen(stream, cursor->offset, &from);
    /* Who has fallen behind is cut off for that. */
    if (from < stream_oldest(stream) || from > end)
        return false;
    int count = stream_read(stream, from, end, vectors, REST_VECTORS);
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += vectors[i].iov_len;
    if (bytes < end - from)
        return false;
    if (partial)
        peer_take_rest_of_frame(peer, SIZE_MAX);
    for (int i = 0; i < count; i++)
        peer_append(peer, slice_from(vectors[i].iov_base, vectors[i].iov_len));
    return true;
}

void cursor_leave(struct cursor *cursor) {
    if (take_rest(cursor))
        cursor_close(cursor);
    else
        cursor_end(cursor);
}

uint64_t cursor_pending_end(const struct cursor *cursor) {
    uint64_t tail = stream_tail(cursor->audience->stream);
    return cursor->limit < tail ? cursor->limit : tail;
}

void cursor_offer(struct cursor *cursor) {
    if (cursor->sending || cursor->state == CURSOR_CATCHING ||
        cursor->offset >= cursor_pending_end(cursor))
        return;
    cursor->sending = true;
    slim_list_append(&cursor->peer->sending, &cursor->work);
}

void cursors_settle(struct peer *peer) {
    struct list_node *node;
    while ((node = peer->sending.first)) {
        struct cursor *cursor = container_of(node, struct cursor, work);
        if (cursor->offset < cursor_pending_end(cursor))
            return;
        if (cursor->limit != UINT64_MAX) {
            cursor_close(cursor);
            continue;
        }
        cursor->sending = false;
        slim_list_remove(&peer->sending, node);
    }
}

void cursor_block(struct cursor *cursor) {
    if (cursor->state != CURSOR_FLOWING || cursor->offset >= cursor_pending_end(cursor))
        return;
    list_remove(&cursor->audience->readers, &cursor->node);
    cursor->state = CURSOR_BLOCKED;
    cursor->wait = (struct stream_wait){0};
    stream_block(cursor->audience->stream, &cursor->wait, cursor->offset);
}

void cursor_unblock(struct cursor *cursor) {
    if (cursor->state != CURSOR_BLOCKED)
        return;
    stream_unblock(cursor->audience->stream, &cursor->wait);
    cursor->state = CURSOR_FLOWING;
    cursor->node = (struct list_node){0};
    list_append(&cursor->audience->readers, &cursor->node);
    audience_mark(cursor->audience); /* its chunk may be free now */
}

struct cursor *cursor_find(struct peer *peer, struct slice room_key) {
    struct cursor *cursor = cursor_newest(peer, room_key);
    while (cursor && cursor->limit != UINT64_MAX)
        cursor = cursor_older(cursor);
    return cursor;
}

/* From here on the peer reads in other words: what was shown so far comes in the old ones, the rest
 * in the new. */
void cursors_reencode(struct peer *peer) {
    struct list_node *last = slim_list_last(&peer->cursors);
    for (struct list_node *node = peer->cursors.first, *next; node; node = next) {
        struct cursor *cursor = container_of(node, struct cursor, of_peer);
        next = node == last ? NULL : node->next;
        if (cursor->limit != UINT64_MAX)
            continue;
        struct channel *channel = cursor->audience->channel;
        struct encoding encoding = peer->encoding;
        encoding.side = cursor->audience->encoding.side;
        struct cursor *successor = cursor_new(peer, channel, encoding);
        successor->live_reply = cursor->live_reply;
        successor->fresh = cursor->fresh;
        bool catching = cursor->state == CURSOR_CATCHING;
        begin_catching(successor, catching ? cursor->next_seq : channel->delivered + 1);
        if (!catching)
            attach(successor, successor->offset);
        cursor_end(cursor);
    }
}

void cursors_catch_up(struct peer *peer) {
    struct list_node *first = peer_doing(peer)->catching.first;
    if (!first || peer->page_under_way || peer->stage != PEER_OPEN)
        return;
    struct cursor *cursor = container_of(first, struct cursor, work);
    struct channel *channel = cursor->audience->channel;
    peer->page_under_way = true;
    if (cursor->next_seq > cursor->joined) /* and the stream has lost what follows */
        set_seam(cursor);
    page_cache_want(channel->delivery->pages, peer, channel->room_key, channel->room,
                    cursor->audience->encoding, cursor->live_reply, cursor->next_seq - 1,
                    cursor->joined + 1);
}

/* The cursor that asked for this page; it may have gone, or have changed its encoding, meanwhile.
 */
static struct cursor *find_waiting(struct peer *peer, struct slice room_key, uint32_t form,
                                   uint64_t after) {
    for (struct list_node *node = peer_doing(peer)->catching.first; node; node = node->next) {
        struct cursor *cursor = container_of(node, struct cursor, work);
        if (cursor->next_seq == after + 1 &&
            page_form(cursor->audience->encoding, cursor->live_reply) == form &&
            slice_equal(cursor->audience->channel->room_key, room_key))
            return cursor;
    }
    return NULL;
}

/* The reader is told once, and the page is asked for again every second: it is live as soon as the
 * log can be read. */
static void page_failed(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    peer->outlet->retry_pages = true;
    if (cursor->told_unavailable)
        return;
    cursor->told_unavailable = true;
    struct reply reply = {.kind = REPLY_ERROR,
                          .room = cursor->audience->channel->room,
                          .error = ERR_UNAVAILABLE,
                          .text = SLICE("The history cannot be read at the moment; it follows")};
    peer_reply(peer, &reply);
}

void cursor_page(struct peer *peer, struct slice room_key, uint32_t form, uint64_t after,
                 uint64_t next, struct blob *bytes, const struct room_head *head, int error) {
    peer->page_under_way = false;
    if (peer->stage != PEER_OPEN)
        return;
    struct cursor *cursor = find_waiting(peer, room_key, form, after);
    if (!cursor) {
        peer_mark(peer);
        return;
    }
    if (error) {
        page_failed(cursor);
        return;
    }
    /* One that is fresh has missed nothing of what was gone when it joined. */
    uint64_t had = cursor->fresh && cursor->joined > after ? cursor->joined : after;
    if (head->first > had + 1) {
        struct reply gap = {.kind = REPLY_GAP,
                            .room = cursor->audience->channel->room,
                            .epoch = head->epoch,
                            .after = after,
                            .first = head->first,
                            .last = head->first - 1,
                            .reason = SLICE("retention")};
        peer_reply(peer, &gap);
    }
    if (bytes->length > 0)
        peer_append_blob(peer, bytes);
    assert(next > after);
    cursor->fresh = false;
    cursor->next_seq = next > head->first ? next : head->first;
    if (peer_told_places(peer))
        peer_tell_place(peer, cursor->audience->channel->room, cursor->next_seq - 1);
    try_attach(cursor);
    peer_mark(peer);
}
