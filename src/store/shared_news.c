/* What the nodes tell each other by way of the log. */
#include "base/memory.h"
#include "base/pack.h"
#include "store/shared_internal.h"

static void news_free(struct news *news) {
    if (news->entry != NULL) {
        entry_unref(news->entry);
    }
    signal_free(news->signal);
    memory_free(news->name);
    job_free(news->call);
    memory_free(news->owned);
    memory_free(news);
}

/* Telling. */

static struct news *take_news(struct shared_node *node) {
    struct news *news = node->news.first;
    node->news.first = news->next;
    if (news->next == NULL) {
        node->news.last = NULL;
    }
    return news;
}

static void append_news(struct shared_node *node, struct news *news) {
    if (node->news.last != NULL) {
        node->news.last->next = news;
    } else {
        node->news.first = news;
    }
    node->news.last = news;
}

static struct news *news_of_entry(struct slice room_key, struct entry *entry) {
    struct news *news = memory_new_struct(struct news);
    news->kind = NEWS_ENTRY;
    news->owned = memory_copy_string(room_key);
    news->room_key = slice_of_string(news->owned);
    news->entry = entry_ref(entry);
    return news;
}

void node_news(struct shared_node *node, struct news *news) {
    if (node->cut || node->killed) {
        news_free(news);
        return;
    }
    if (news->kind == NEWS_ENTRY && node->losing > 0) {
        news_free(news);
        if (--node->losing == 0) {
            node_look(node);
        }
        return;
    }
    append_news(node, news);
    if (news->kind == NEWS_ENTRY && node->repeating > 0) {
        node->repeating--;
        append_news(node, news_of_entry(news->room_key, news->entry));
    }
}

static bool is_told(const struct shared_node *node, struct slice room_key) {
    const struct shared_room *room = room_find_at(node, room_key);
    return room != NULL && room->subscribed > 0;
}

void log_tell_entry(struct shared_node *from, struct slice room_key, struct entry *entry) {
    for (struct list_node *item = from->log->nodes.first; item != NULL; item = item->next) {
        struct shared_node *node = container_of(item, struct shared_node, in_log);
        if (node != from && is_told(node, room_key)) {
            node_news(node, news_of_entry(room_key, entry));
        }
    }
}

static struct shared_tally *tally_use(struct shared_log *log, struct slice key) {
    struct shared_tally *tally = map_find(log->tallies, key);
    if (tally == NULL) {
        tally = memory_new(sizeof *tally + key.length);
        tally->key = key;
        pack_slice(&tally->key, tally->bytes);
        map_put(log->tallies, tally->key, tally);
    }
    return tally;
}

void log_tell_signal(struct shared_log *log, uint64_t from, const struct signal *signal,
                     unsigned count) {
    struct shared_tally *tally = tally_use(log, signal->room_key);
    const struct memory_room *room = memory_rooms_find(&log->rooms, signal->room_key);
    struct shared_count counted = {.node = from, .version = ++log->version, .count = count};
    counts_set(&tally->counts, &counted);
    for (struct list_node *item = log->nodes.first; item != NULL; item = item->next) {
        struct shared_node *node = container_of(item, struct shared_node, in_log);
        if (node->id == from || !is_told(node, signal->room_key)) {
            continue;
        }
        struct news *news = memory_new_struct(struct news);
        news->kind = NEWS_SIGNAL;
        news->signal = signal_new(signal);
        news->signal->origin = (struct origin){0};
        news->room_key = news->signal->room_key;
        news->after = room != NULL ? room->last : 0;
        news->count = counted;
        node_news(node, news);
    }
}

/* Getting through. */

void node_take_news(struct shared_node *node) {
    struct news *news = take_news(node);
    switch (news->kind) {
    case NEWS_ENTRY:
        room_take_entry(node, news->room_key, news->entry);
        break;
    case NEWS_SIGNAL:
        room_take_signal(node, news);
        news->signal = NULL;
        break;
    case NEWS_NAME:
        name_told(node, news->name);
        news->name = NULL;
        break;
    case NEWS_CALL:
        node_give(node, news->call);
        news->call = NULL;
        break;
    }
    news_free(news);
}

void node_drop_news(struct shared_node *node) {
    while (node->news.first != NULL) {
        news_free(take_news(node));
    }
}
