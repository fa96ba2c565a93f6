/* Who changed the rules of a room: asked for by those who moderate it, answered from the log of
 * "$rules". That is one log for all rooms, so a page of it is read and what concerns others is left
 * out: an answer may hold few changes, or none, and say that there are more further back. One at a
 * time for each client: its input waits for the answer. */
#include "base/pack.h"
#include "delivery/internal.h"

#include "base/text.h"
#include "hub/rule.h"

struct audit {
    uint64_t connection;
    bool all;
    unsigned limit;
    struct slice cid, room_key, room; /* point into bytes */
    char bytes[];
};

void audit_start(struct delivery *delivery, const struct effect *effect) {
    struct peer *peer = outlet_find(&delivery->outlet, effect->connection);
    if (!peer || peer->stage != PEER_OPEN)
        return;
    struct audit *audit = memory_new(sizeof *audit + effect->audit.cid.length +
                                     effect->audit.room_key.length + effect->audit.room.length);
    char *at = audit->bytes;
    audit->connection = effect->connection;
    audit->all = effect->audit.all;
    audit->limit = effect->audit.limit;
    audit->cid = effect->audit.cid;
    audit->room_key = effect->audit.room_key;
    audit->room = effect->audit.room;
    at = pack_slice(&audit->cid, at);
    at = pack_slice(&audit->room_key, at);
    pack_slice(&audit->room, at);
    struct page_query query = {.ticket = ++delivery->last_ticket,
                               .room_key = RULES_ROOM,
                               .before = effect->audit.before,
                               .limit = LIMIT_PAGE_ENTRIES};
    id_map_put(delivery->audits, query.ticket, audit);
    peer->reading = true;
    delivery_read(delivery, &query);
}

static bool is_about(const struct audit *audit, const struct entry *entry) {
    struct buffer memory = {0}, key = {0};
    struct rule rule;
    bool about = rule_read(entry->body.content, &memory, &rule) == 0;
    if (about && !audit->all) {
        bool everywhere = rule.room.length == 0 || name_fold(rule.room, &key) < 0;
        about = slice_equal(everywhere ? SLICE_NONE : buffer_slice(&key), audit->room_key);
    }
    buffer_close(&memory);
    buffer_close(&key);
    return about;
}

/* Moves those that are wanted to the end of `entries`, as many as the limit allows; returns where
 * they begin. `*seen`: the oldest that was looked at. */
static size_t select_entries(const struct audit *audit, const struct page *page,
                             struct entry **entries, uint64_t *seen) {
    size_t begin = page->count;
    for (size_t i = page->count; i > 0 && page->count - begin < audit->limit; i--) {
        *seen = page->entries[i - 1]->seq;
        if (is_about(audit, page->entries[i - 1]))
            entries[--begin] = page->entries[i - 1];
    }
    return begin;
}

static void answer(struct peer *peer, const struct audit *audit, const struct page *page) {
    struct entry **entries = memory_new((page->count + 1) * sizeof *entries);
    struct reply reply = {.kind = REPLY_AUDIT, .cid = audit->cid, .room = audit->room};
    size_t begin = select_entries(audit, page, entries, &reply.first);
    reply.entries = entries + begin;
    reply.entry_count = page->count - begin;
    reply.more = page->count > 0 && (page->more || reply.first > page->entries[0]->seq);
    peer_reply(peer, &reply);
    memory_free(entries);
}

bool audit_finish(struct delivery *delivery, const struct page *page) {
    struct audit *audit = id_map_remove(delivery->audits, page->ticket);
    if (!audit)
        return false;
    struct peer *peer = outlet_find(&delivery->outlet, audit->connection);
    if (peer) {
        peer->reading = false;
        if (page->error == 0) {
            answer(peer, audit, page);
        } else {
            struct reply reply = {.kind = REPLY_ERROR,
                                  .cid = audit->cid,
                                  .error = page->error,
                                  .text = slice_of_string(error_text(page->error))};
            peer_reply(peer, &reply);
        }
    }
    memory_free(audit);
    return true;
}

void audits_free(struct id_map *audits) {
    size_t at = 0;
    struct audit *audit;
    while ((audit = id_map_next(audits, &at)))
        memory_free(audit);
    id_map_free(audits);
}
