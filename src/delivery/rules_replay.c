/* Reads the log with the rules of rooms for the hub, a page at a time. */
#include "delivery/internal.h"

#include "hub/rule.h"

void rules_replay_start(struct delivery *delivery, uint64_t after) {
    struct page_query query = {.ticket = ++delivery->last_ticket,
                               .room_key = RULES_ROOM,
                               .has_after = true,
                               .after = after,
                               .limit = LIMIT_PAGE_ENTRIES};
    delivery->replay_ticket = query.ticket;
    delivery_read(delivery, &query);
}

bool rules_replay_finish(struct delivery *delivery, const struct page *page) {
    if (page->ticket != delivery->replay_ticket)
        return false;
    struct event event = {.kind = EVENT_REPLAYED,
                          .replayed = {.error = page->error,
                                       .entries = page->entries,
                                       .count = page->count,
                                       .last = page->head.last,
                                       .more = page->more}};
    delivery->replay_ticket = 0;
    delivery_step(delivery, &event);
    return true;
}
