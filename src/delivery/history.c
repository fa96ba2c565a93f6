/* History that clients asked for, under way in the store. One at a time for each: its input waits
 * for the answer. */
#include "base/pack.h"
#include "delivery/internal.h"

struct history {
    uint64_t connection;
    bool backwards;                   /* the last entries before some point */
    bool exists;                      /* the hub knows the room */
    struct slice cid, room_key, room; /* point into bytes */
    char bytes[];
};

void history_start(struct delivery *delivery, const struct effect *effect) {
    struct peer *peer = outlet_find(&delivery->outlet, effect->connection);
    if (!peer || peer->stage != PEER_OPEN)
        return;
    struct history *history = memory_new(sizeof *history + effect->read.cid.length +
                                         effect->room_key.length + effect->room.length);
    char *at = history->bytes;
    history->connection = effect->connection;
    history->backwards = !effect->read.has_after;
    history->exists = effect->read.exists;
    history->cid = effect->read.cid;
    history->room_key = effect->room_key;
    history->room = effect->room;
    at = pack_slice(&history->cid, at);
    at = pack_slice(&history->room_key, at);
    pack_slice(&history->room, at);
    struct page_query query = {.ticket = ++delivery->last_ticket,
                               .room_key = history->room_key,
                               .has_after = effect->read.has_after,
                               .after = effect->read.after,
                               .before = effect->read.before,
                               .limit = effect->read.limit};
    id_map_put(delivery->histories, query.ticket, history);
    peer->reading = true;
    delivery_read(delivery, &query);
}

static void answer(struct peer *peer, const struct history *history, const struct page *page) {
    bool exists = page->head.exists || history->exists;
    int error = page->error ? page->error : exists ? 0 : ERR_NOT_FOUND;
    struct reply reply = {.kind = error ? REPLY_ERROR : REPLY_BATCH,
                          .cid = history->cid,
                          .room = history->room,
                          .error = error,
                          .text = slice_of_string(error_text(error)),
                          .epoch = page->head.epoch,
                          .first = page->head.first,
                          .last = page->head.last,
                          .entries = page->entries,
                          .entry_count = page->count,
                          .more = page->more,
                          .backwards = history->backwards};
    peer_reply(peer, &reply);
}

void history_finish(struct delivery *delivery, const struct page *page) {
    struct history *history = id_map_remove(delivery->histories, page->ticket);
    if (!history)
        return;
    struct peer *peer = outlet_find(&delivery->outlet, history->connection);
    if (peer) {
        peer->reading = false;
        answer(peer, history, page);
    }
    memory_free(history);
}

void histories_free(struct id_map *histories) {
    size_t at = 0;
    struct history *history;
    while ((history = id_map_next(histories, &at)))
        memory_free(history);
    id_map_free(histories);
}
