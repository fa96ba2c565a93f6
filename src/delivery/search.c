/* Searches of clients, under way in the store. One at a time for each: its input waits for the
 * answer. */
#include "base/pack.h"
#include "delivery/internal.h"

struct search {
    uint64_t connection;
    struct slice cid; /* points into bytes */
    char bytes[];
};

void search_start(struct delivery *delivery, const struct effect *effect) {
    struct peer *peer = outlet_find(&delivery->outlet, effect->connection);
    if (!peer || peer->stage != PEER_OPEN)
        return;
    struct search *search = memory_new(sizeof *search + effect->search.cid.length);
    search->connection = effect->connection;
    search->cid = effect->search.cid;
    pack_slice(&search->cid, search->bytes);
    struct search_query query = effect->search.query;
    query.ticket = ++delivery->last_ticket;
    id_map_put(delivery->searches, query.ticket, search);
    peer->reading = true;
    delivery->asked_store = true;
    delivery->store->engine->search(delivery->store, &query);
}

static struct slice reason_of(const struct findings *findings) {
    return slice_of_string(findings->reason ? findings->reason : error_text(findings->error));
}

void search_finish(struct delivery *delivery, const struct findings *findings) {
    struct search *search = id_map_remove(delivery->searches, findings->ticket);
    if (!search)
        return;
    struct peer *peer = outlet_find(&delivery->outlet, search->connection);
    if (peer) {
        struct reply reply = {.kind = findings->error ? REPLY_ERROR : REPLY_FOUND,
                              .cid = search->cid,
                              .error = findings->error,
                              .text = findings->error ? reason_of(findings) : SLICE_NONE,
                              .entries = findings->entries,
                              .entry_rooms = findings->rooms,
                              .entry_count = findings->count,
                              .more = findings->more};
        peer->reading = false;
        peer_reply(peer, &reply);
    }
    memory_free(search);
}

void searches_free(struct id_map *searches) {
    size_t at = 0;
    struct search *search;
    while ((search = id_map_next(searches, &at)))
        memory_free(search);
    id_map_free(searches);
}
