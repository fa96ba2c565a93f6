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

static void index_add(struct peer *peer, struct cursor *cursor) {
    cursor->older = map_remove(peer->newest, room_key_of(cursor));
    map_put(peer->newest, room_key_of(cursor), cursor);
}

static void index_build(struct peer *peer) {
    peer->newest = map_new(peer->outlet->delivery->seed);
    for (struct cursor *cursor = cursor_of(peer->cursors.first); cursor;
         cursor = cursor_of(cursor->of_peer.next))
        index_add(peer, cursor);
}

/* The key in the map belongs to the newest, so it changes with it. */
static void index_remove(struct peer *peer, struct cursor *cursor) {
    struct cursor *newer = map_find(peer->newest, room_key_of(cursor));
    if (newer == cursor) {
        map_remove(peer->newest, room_key_of(cursor));
        if (cursor->older)
            map_put(peer->newest, room_key_of(cursor->older), cursor->older);
        return;
    }
    while (newer->older != cursor)
        newer = newer->older;
    newer->older = cursor->older;
}

void cursor_enlist(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    list_append(&peer->cursors, &cursor->of_peer);
    peer->cursor_count++;
    if (peer->newest)
        index_add(peer, cursor);
    else if (peer->cursor_count >= INDEX_FROM)
        index_build(peer);
}

void cursor_delist(struct cursor *cursor) {
    struct peer *peer = cursor->peer;
    if (peer->newest)
        index_remove(peer, cursor);
    list_remove(&peer->cursors, &cursor->of_peer);
    if (--peer->cursor_count == 0) {
        map_free(peer->newest);
        peer->newest = NULL;
    }
}

struct cursor *cursor_newest(const struct peer *peer, struct slice room_key) {
    if (peer->newest)
        return map_find(peer->newest, room_key);
    struct cursor *cursor = cursor_of(peer->cursors.last);
    while (cursor && !slice_equal(room_key_of(cursor), room_key))
        cursor = cursor_of(cursor->of_peer.previous);
    return cursor;
}

struct cursor *cursor_older(const struct cursor *cursor) {
    if (cursor->peer->newest)
        return cursor->older;
    struct slice room_key = room_key_of(cursor);
    struct cursor *older = cursor_of(cursor->of_peer.previous);
    while (older && !slice_equal(room_key_of(older), room_key))
        older = cursor_of(older->of_peer.previous);
    return older;
}
