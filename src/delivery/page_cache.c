/* Pages of history for those who catch up: read once, rendered once for each encoding, shared. Ten
 * thousand readers who come back for the same hundred entries cost one read. Kept for a few seconds
 * and up to LIMIT_PAGE_CACHE_BYTES. */
#include "delivery/internal.h"

#define PAGE_KEEP_MS 5000

struct waiter {
    struct waiter *next;
    uint64_t connection;
};

struct cached_page {
    struct list_node node; /* in pages, oldest first */
    struct buffer key;     /* bytes: form, after, before, room_key */
    struct buffer room;    /* the name to show */
    struct encoding encoding;
    bool batched;
    uint64_t ticket; /* 0: rendered */
    uint64_t after, before, next, first;
    struct buffer epoch;
    struct blob *bytes;
    struct waiter *waiters;
    uint64_t made_ms;
};

struct page_cache {
    struct delivery *delivery;
    struct map *by_key;
    struct id_map *by_ticket; /* those under way */
    struct list pages;
    size_t bytes;
};

struct page_cache *page_cache_new(struct delivery *delivery) {
    struct page_cache *cache = memory_new_struct(struct page_cache);
    uint64_t seed;
    delivery->options.random(delivery->options.random_context, &seed, sizeof seed);
    cache->delivery = delivery;
    cache->by_key = map_new(seed);
    cache->by_ticket = id_map_new();
    return cache;
}

#define KEY_HEAD (sizeof(uint32_t) + 2 * sizeof(uint64_t))

static struct slice page_room_key(const struct cached_page *page) {
    return slice_skip(buffer_slice(&page->key), KEY_HEAD);
}

static void page_free(struct page_cache *cache, struct cached_page *page) {
    map_remove(cache->by_key, buffer_slice(&page->key));
    if (page->ticket)
        id_map_remove(cache->by_ticket, page->ticket);
    list_remove(&cache->pages, &page->node);
    if (page->bytes)
        cache->bytes -= page->bytes->length;
    blob_unref(page->bytes);
    while (page->waiters) {
        struct waiter *waiter = page->waiters;
        page->waiters = waiter->next;
        memory_free(waiter);
    }
    buffer_close(&page->key);
    buffer_close(&page->room);
    buffer_close(&page->epoch);
    memory_free(page);
}

void page_cache_free(struct page_cache *cache) {
    while (cache->pages.first)
        page_free(cache, container_of(cache->pages.first, struct cached_page, node));
    map_free(cache->by_key);
    id_map_free(cache->by_ticket);
    memory_free(cache);
}

static void hand_over(const struct cached_page *page, struct peer *peer, int error) {
    struct room_head head = {.epoch = buffer_slice(&page->epoch), .first = page->first};
    cursor_page(peer, page_room_key(page), page_form(page->encoding, page->batched), page->after,
                page->next, page->bytes, &head, error);
}

static struct cached_page *page_request(struct page_cache *cache, struct buffer *key,
                                        struct slice room, struct encoding encoding, bool batched,
                                        uint64_t after, uint64_t before) {
    struct delivery *delivery = cache->delivery;
    struct cached_page *page = memory_new_struct(struct cached_page);
    page->key = *key; /* takes */
    *key = (struct buffer){0};
    buffer_append_slice(&page->room, room);
    page->encoding = encoding;
    page->batched = batched;
    page->after = after;
    page->before = before;
    page->ticket = ++delivery->last_ticket;
    page->made_ms = delivery->outlet.now_ms;
    map_put(cache->by_key, buffer_slice(&page->key), page);
    id_map_put(cache->by_ticket, page->ticket, page);
    list_append(&cache->pages, &page->node);
    struct page_query query = {.ticket = page->ticket,
                               .room_key = page_room_key(page),
                               .has_after = true,
                               .after = after,
                               .before = before,
                               .limit = LIMIT_PAGE_ENTRIES};
    delivery_read(delivery, &query);
    return page;
}

void page_cache_want(struct page_cache *cache, struct peer *peer, struct slice room_key,
                     struct slice room, struct encoding encoding, bool batched, uint64_t after,
                     uint64_t before) {
    struct buffer key = {0};
    uint32_t form = page_form(encoding, batched);
    buffer_append(&key, &form, sizeof form);
    buffer_append(&key, &after, sizeof after);
    buffer_append(&key, &before, sizeof before);
    buffer_append_slice(&key, room_key);
    struct cached_page *page = map_find(cache->by_key, buffer_slice(&key));
    if (page && !page->ticket) {
        hand_over(page, peer, 0);
        buffer_close(&key);
        return;
    }
    if (!page)
        page = page_request(cache, &key, room, encoding, batched, after, before);
    struct waiter *waiter = memory_new_struct(struct waiter);
    waiter->connection = peer->connection;
    waiter->next = page->waiters;
    page->waiters = waiter;
    buffer_close(&key);
}

/* Renders in the words of any of those who wait; they all read the same encoding. False when none
 * is left. */
static bool page_render(struct page_cache *cache, struct cached_page *cached,
                        const struct page *page) {
    struct outlet *outlet = &cache->delivery->outlet;
    struct buffer *scratch = &outlet->scratch;
    buffer_clear(scratch);
    for (struct waiter *waiter = cached->waiters; waiter; waiter = waiter->next) {
        struct peer *peer = outlet_find(outlet, waiter->connection);
        if (!peer || peer->encoding.format != cached->encoding.format)
            continue;
        struct reply reply = {.kind = REPLY_BATCH,
                              .room = buffer_slice(&cached->room),
                              .side = cached->encoding.side,
                              .epoch = page->head.epoch,
                              .first = page->head.first,
                              .last = page->head.last,
                              .entries = page->entries,
                              .entry_count = page->count,
                              .more = page->more,
                              .catching_up = true,
                              .batched = cached->batched};
        if (page->count > 0)
            peer->protocol->reply(peer_state(peer), outlet->options.settings, &reply, scratch);
        cached->bytes = blob_new(buffer_slice(scratch));
        cache->bytes += cached->bytes->length;
        return true;
    }
    return false;
}

/* A page goes on where the reader is, or at the first entry that there still is. A hole is damage,
 * not history: to be told of as such, and not to be passed over. */
static bool page_is_whole(const struct page *page, uint64_t after, uint64_t before) {
    uint64_t next = page->head.first > after + 1 ? page->head.first : after + 1;
    for (size_t i = 0; i < page->count; i++, next++) {
        if (page->entries[i]->seq != next)
            return false;
    }
    return page->count > 0 || next >= before;
}

bool page_cache_complete(struct page_cache *cache, const struct page *page) {
    struct cached_page *cached = id_map_remove(cache->by_ticket, page->ticket);
    if (!cached)
        return false;
    cached->ticket = 0;
    cached->first = page->head.first;
    buffer_append_slice(&cached->epoch, page->head.epoch);
    cached->next =
        page->count && page->more ? page->entries[page->count - 1]->seq + 1 : cached->before;
    bool usable = !page->error && page_is_whole(page, cached->after, cached->before);
    bool rendered = usable && page_render(cache, cached, page);
    struct waiter *waiters = cached->waiters;
    cached->waiters = NULL;
    while (waiters) {
        struct waiter *waiter = waiters;
        waiters = waiter->next;
        struct peer *peer = outlet_find(&cache->delivery->outlet, waiter->connection);
        if (peer)
            hand_over(cached, peer, usable ? 0 : ERR_UNAVAILABLE);
        memory_free(waiter);
    }
    if (!rendered)
        page_free(cache, cached);
    return true;
}

void page_cache_forget_room(struct page_cache *cache, struct slice room_key) {
    for (struct list_node *node = cache->pages.first, *next; node; node = next) {
        next = node->next;
        struct cached_page *page = container_of(node, struct cached_page, node);
        if (!page->ticket && slice_equal(page_room_key(page), room_key))
            page_free(cache, page);
    }
}

void page_cache_tick(struct page_cache *cache) {
    uint64_t now_ms = cache->delivery->outlet.now_ms;
    for (struct list_node *node = cache->pages.first, *next; node; node = next) {
        next = node->next;
        struct cached_page *page = container_of(node, struct cached_page, node);
        bool old = page->made_ms + PAGE_KEEP_MS <= now_ms;
        if (!old && cache->bytes <= LIMIT_PAGE_CACHE_BYTES)
            break;
        if (!page->ticket)
            page_free(cache, page);
    }
}
