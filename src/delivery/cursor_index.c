/* A peer's cursors: in the order of opening, and findable by room.
 *
 * Most peers read one room or a few, and looking through the list is all they need. One that reads
 * many gets an index too; else a client that comes back to a thousand rooms would cost a million
 * steps. Of one room there may be several cursors: those that were ended and have something to send
 * yet, and behind them one that goes on. */
#include "delivery/internal.h"

#define INDEX_FROM 16

static struct slice room_key_of(const struct cursor *cursor) {
    return cursor->audience->channel->room_key;
}

static struct cursor *cursor_of(struct list_node *node) {
    return node ? container_of(node, struct cursor, of_peer) : NULL;
}

/* The one that was opened before it. */
static struct cursor *before(const struct cursor *cursor) {
    return cursor_of(slim_list_before(&cursor->peer->cursors, &cursor->of_peer));
}

static void index_add(struct peer *peer, struct cursor *cursor) {
    cursor->has_older = map_remove(peer_doing(peer)->newest, room_key_of(cursor)) != NULL;
    map_put(peer_doing(peer)->newest, room_key_of(cursor), cursor);
}

static void index_build(struct peer *peer) {
    peer_activity(peer)->newest = map_new(peer->outlet->delivery->seed);
    for (struct cursor *cursor = cursor_of(peer->cursors.first); cursor;
         cursor = cursor_of(cursor->of_peer.next))
        index_add(peer, cursor);
}

static void index_put(struct peer *peer, struct cursor *cursor) {
    map_put(peer->activity->newest, room_key_of(cursor), cursor);
}

/* The key in the map belongs to the newest, so it changes with it. */
static void index_remove(struct peer *peer, struct cursor *cursor) {
    struct cursor *newer = map_find(peer_doing(peer)->newest, room_key_of(cursor));
    if (newer == cursor) {
        map_remove(peer_doing(peer)->newest, room_key_of(cursor));
        if (cursor->has_older)
            index_put(peer, cursor_older(cursor));
        return;
    }
    while (cursor_older(newer) != cursor)
        newer = cursor_older(newer);
    newer->has_older = cursor->has_older;
}

void cursor_enlist(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    slim_list_append(&peer->cursors, &cursor->of_peer);
    peer->cursor_count++;
    if (peer_doing(peer)->newest)
        index_add(peer, cursor);
    else if (peer->cursor_count >= INDEX_FROM)
        index_build(peer);
}

void cursor_delist(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    if (peer_doing(peer)->newest)
        index_remove(peer, cursor);
    slim_list_remove(&peer->cursors, &cursor->of_peer);
    if (--peer->cursor_count == 0 && peer->activity) {
        map_free(peer->activity->newest);
        peer->activity->newest = NULL;
    }
}

struct cursor *cursor_newest(const struct peer *peer, struct slice room_key) {
    if (peer_doing(peer)->newest)
        return map_find(peer_doing(peer)->newest, room_key);
    struct cursor *cursor = cursor_of(slim_list_last(&peer->cursors));
    while (cursor && !slice_equal(room_key_of(cursor), room_key))
        cursor = before(cursor);
    return cursor;
}

struct cursor *cursor_older(const struct cursor *cursor) {
    if (peer_doing(cursor->peer)->newest && !cursor->has_older)
        return NULL;
    struct slice room_key = room_key_of(cursor);
    struct cursor *older = before(cursor);
    while (older && !slice_equal(room_key_of(older), room_key))
        older = before(older);
    return older;
}
