/* Reading: pages of a room, and the list of rooms. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/page.h"
#include "store/redis_keeper.h"
#include "store/redis_record.h"

/* What stands in the answer of page.lua, at the end of the head and behind it. */
enum { LAST = 5, ENTRIES = 6, ERASED = 7 };

#define NUMBER_MAX ((UINT64_C(1) << 53) - 1) /* that the scripts can tell apart */

static uint64_t bound(uint64_t number) {
    return number < NUMBER_MAX ? number : NUMBER_MAX;
}

void pages_call(struct script_call *call, struct slice name_space, struct slice room_key,
                const struct page_range *range, const char *fresh) {
    script_begin(call, SCRIPT_PAGE, name_space, room_key);
    script_add_string(call, fresh);
    script_add_number(call, bound(range->low));
    script_add_number(call, bound(range->high));
    script_add_string(call, range->descending ? "down" : "up");
    script_add_number(call, range->limit);
    script_add_number(call, LIMIT_PAGE_BYTES);
}

static void ask(struct redis_shard *shard, struct slice room_key, const struct page_range *range,
                redis_answer *answer, void *context) {
    struct script_call call;
    char fresh[REDIS_EPOCH + 1];
    keeper_new_epoch(shard->keeper, fresh);
    pages_call(&call, shard->keeper->name_space, room_key, range, fresh);
    script_send(shard->redis, &call, answer, context);
}

void pages_ask(struct redis_room *room, uint64_t after, redis_answer *answer, void *context) {
    struct page_range range = {.low = after + 1, .high = UINT64_MAX, .limit = LIMIT_PAGE_ENTRIES};
    ask(room->shard, room->key, &range, answer, context);
}

static const struct redis_reply *list_in(const struct redis_reply *reply, size_t index) {
    static const struct redis_reply none = {.kind = REDIS_ARRAY};
    bool there = reply->kind == REDIS_ARRAY && index < reply->count &&
                 reply->items[index].kind == REDIS_ARRAY;
    return there ? &reply->items[index] : &none;
}

struct entry **pages_entries(const struct redis_reply *reply, bool descending, size_t *count) {
    const struct redis_reply *kept = list_in(reply, ENTRIES), *erased = list_in(reply, ERASED);
    struct entry **entries = memory_new((kept->count + erased->count) * sizeof(*entries) + 1);
    struct entry *next_kept = NULL, *next_erased = NULL;
    size_t i = 0, k = 0;
    *count = 0;
    for (;;) {
        while (next_kept == NULL && i < kept->count) {
            next_kept = record_entry_of_item(&kept->items[i++]);
        }
        while (next_erased == NULL && k < erased->count) {
            next_erased = record_entry(reply_text(erased, k++), true);
        }
        if (next_kept == NULL && next_erased == NULL) {
            return entries;
        }
        bool kept_first = next_erased == NULL ||
                          (next_kept != NULL && (next_kept->seq < next_erased->seq) != descending);
        struct entry **next = kept_first ? &next_kept : &next_erased;
        entries[(*count)++] = *next;
        *next = NULL;
    }
}

static void build_page(struct job *job, const struct redis_reply *reply) {
    struct page_range range = page_range(&job->read.query);
    struct page *page = &job->read.page;
    struct room_head head = head_of_reply(reply, job->room_key, job->room_key);
    struct page_builder builder;
    size_t count, i = 0;
    struct entry **entries = pages_entries(reply, range.descending, &count);
    page_builder_init(&builder, &range);
    while (i < count && page_builder_add(&builder, entries[i])) {
        i++;
    }
    for (; i < count; i++) {
        entry_unref(entries[i]);
    }
    page_builder_finish(&builder, page);
    memory_free(entries);
    page->head = head_copy(&head);
}

static void on_page(void *context, const struct redis_reply *reply) {
    struct redis_task *task = context;
    if (shard_did(task->shard, reply) && reply->kind == REDIS_ARRAY) {
        build_page(task->job, reply);
        if (reply_number(reply, LAST) > task->job->read.page.head.last) {
            room_settled(task->shard->keeper, task->job->room_key);
        }
    } else {
        task->job->read.page.error = ERR_UNAVAILABLE;
    }
    keeper_give(task->shard->keeper, task->job);
    memory_free(task);
}

void pages_read(struct redis_task *task) {
    struct page_range range = page_range(&task->job->read.query);
    ask(task->shard, task->job->room_key, &range, on_page, task);
}

/* A list that is being put together from all shards. */
struct listing {
    struct redis_keeper *keeper;
    struct job *job;
    size_t shards; /* that have not answered */
    size_t capacity;
};

struct listing_part {
    struct listing *listing;
    struct redis_shard *shard;
};

static void take_heads(struct listing *listing, const struct redis_reply *reply) {
    struct job *job = listing->job;
    for (size_t i = 0; i < reply->count; i++) {
        const struct redis_reply *item = &reply->items[i];
        struct slice name = reply_text(item, 2);
        struct room_head head = {
            .room_key = reply_text(item, 0),
            .room_name = name.length > 0 ? name : reply_text(item, 0),
            .epoch = reply_text(item, 1),
            .topic = reply_text(item, 3),
            .first = reply_number(item, 4),
            .last = reply_number(item, 5),
            .elsewhere = (unsigned)reply_number(item, 7),
        };
        head.exists = head.last > 0;
        if (!head.exists || head.room_key.length == 0) {
            continue;
        }
        if (job->list.count == listing->capacity) {
            listing->capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
            job->list.heads =
                memory_resize(job->list.heads, listing->capacity * sizeof(*job->list.heads));
        }
        job->list.heads[job->list.count++] = head_copy(&head);
    }
}

static int compare_heads(const void *left, const void *right) {
    const struct room_head *a = left, *b = right;
    return slice_compare(a->room_key, b->room_key);
}

static void finish_listing(struct listing *listing) {
    struct job *job = listing->job;
    if (job->list.count > 1) {
        qsort(job->list.heads, job->list.count, sizeof(*job->list.heads), compare_heads);
    }
    while (job->list.count > LIMIT_LIST_ITEMS) {
        head_free(&job->list.heads[--job->list.count]);
    }
    keeper_give(listing->keeper, job);
    memory_free(listing);
}

static void on_listed(void *context, const struct redis_reply *reply) {
    struct listing_part *part = context;
    struct listing *listing = part->listing;
    if (shard_did(part->shard, reply) && reply->kind == REDIS_ARRAY) {
        take_heads(listing, reply);
    } else {
        listing->job->error = ERR_UNAVAILABLE;
    }
    memory_free(part);
    if (--listing->shards == 0) {
        finish_listing(listing);
    }
}

static void ask_list(struct redis_shard *shard, struct listing *listing) {
    struct redis_keeper *keeper = shard->keeper;
    struct script_call call;
    char fresh[REDIS_EPOCH + 1];
    struct listing_part *part = memory_new_struct(struct listing_part);
    *part = (struct listing_part){listing, shard};
    keeper_new_epoch(keeper, fresh);
    script_begin(&call, SCRIPT_LIST, keeper->name_space, SLICE_NONE);
    script_add_string(&call, fresh);
    script_add_number(&call, LIMIT_LIST_ITEMS);
    script_add_number(&call, LIMIT_LIST_TOPIC);
    for (size_t i = 0; i < keeper->alive_count && script_has_place(&call); i++) {
        script_add_string(&call, keeper->alive[i].id);
    }
    script_send(shard->redis, &call, on_listed, part);
}

void pages_list(struct redis_keeper *keeper, struct job *job) {
    struct listing *listing = memory_new_struct(struct listing);
    *listing =
        (struct listing){.keeper = keeper, .job = job, .shards = keeper->options.shard_count};
    for (size_t i = 0; i < keeper->options.shard_count; i++) {
        ask_list(&keeper->shards[i], listing);
    }
}
