/* Each Redis counts its appends; rooms stand in a sorted set by the number of the last of theirs
 * ("changes"). So what is new since the last look is found without asking every room. Where the
 * count has gone back the Redis has lost something, and everything is looked at again, as when the
 * thread begins. */
#include "store/redis_copy.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/thread.h"
#include "store/page.h"
#include "store/redis_copy_log.h"
#include "store/redis_keeper.h"
#include "store/search_thread.h"

#define LOOK_MS 1000
#define START_MS 2000 /* for the connections, at the start */
#define STEP_ROOMS 100
#define STEP_ROOMS_TEXT "100"

/* A Redis, as far as it was read. */
struct source {
    struct redis *redis;
    uint64_t seen; /* of its changes */
    char epoch[REDIS_EPOCH + 1];
};

struct redis_copy {
    const struct store_redis_options *options;
    struct log quiet; /* of the connections: of a Redis that is away the store tells already */
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t inbox_ready;
    uv_timer_t timer;
    struct mailbox inbox;
    struct outbox *outbox;
    struct redis_ring *ring;
    struct source *sources;
    struct copy_log log;
    struct search_thread *search;
    bool changed; /* something was written */
    bool checked; /* what was there at the start is what Redis has */
};

static void ignore_up(void *context, struct slice run_id) {
    (void)context;
    (void)run_id;
}

static void ignore_down(void *context, const char *reason) {
    (void)context;
    (void)reason;
}

static void ignore_message(void *context, struct slice channel, struct slice payload) {
    (void)context;
    (void)channel;
    (void)payload;
}

static const struct redis_handlers HANDLERS = {ignore_up, ignore_down, ignore_message};

static bool read_page(struct redis_copy *copy, struct source *source, struct slice room_key,
                      uint64_t from, struct log_page *page) {
    struct script_call call;
    struct page_range range = {.low = from, .high = UINT64_MAX, .limit = LIMIT_PAGE_ENTRIES};
    pages_call(&call, slice_of_string(copy->options->name_space), room_key, &range, "");
    const struct redis_reply *reply = redis_call(source->redis, call.arguments, call.count);
    if (reply->kind == REDIS_ERROR && slice_starts_with(reply->text, SLICE("NOSCRIPT"))) {
        redis_scripts_load(source->redis);
        reply = redis_call(source->redis, call.arguments, call.count);
    }
    if (reply->kind != REDIS_ARRAY) {
        return false;
    }
    page->head = head_of_reply(reply, room_key, room_key);
    page->entries = pages_entries(reply, false, &page->count);
    return true;
}

static void free_page(struct log_page *page) {
    for (size_t i = 0; i < page->count; i++) {
        entry_unref(page->entries[i]);
    }
    memory_free(page->entries);
}

/* One page of what is new in a room. `*after`: read up to here; `*more`: there is more. */
static bool copy_page(struct redis_copy *copy, struct source *source, struct slice room_key,
                      uint64_t *after, bool *more) {
    struct log_page page;
    uint64_t last;
    bool anew = false;
    if (!copy_log_last(&copy->log, room_key, &last)) {
        return false;
    }
    *after = *after > last ? *after : last;
    if (!read_page(copy, source, room_key, *after > 0 ? *after : 1, &page)) {
        return false;
    }
    bool did = copy_log_take(&copy->log, &page, *after, &anew);
    uint64_t end = page.count > 0 ? page.entries[page.count - 1]->seq : *after;
    *more = anew ? page.head.last > 0 : page.count > 1 && end > *after && end < page.head.last;
    *after = anew ? 0 : end;
    copy->changed = true;
    free_page(&page);
    return did;
}

static bool copy_room(struct redis_copy *copy, struct slice room_key) {
    struct source *source = &copy->sources[ring_find(copy->ring, room_key)];
    uint64_t after = 0;
    bool more = true;
    while (more) {
        if (!copy_page(copy, source, room_key, &after, &more)) {
            return false;
        }
    }
    return true;
}

static char *key_of(const struct redis_copy *copy, const char *name) {
    struct buffer key = {0};
    buffer_append_format(&key, "%s:%s", copy->options->name_space, name);
    char *text = memory_copy_string(buffer_slice(&key));
    buffer_close(&key);
    return text;
}

/* Whether it can be read; from the beginning, if it is not what it was. */
static bool look_at(const struct redis_copy *copy, struct source *source, uint64_t *last) {
    char *epoch = key_of(copy, "epoch"), *change = key_of(copy, "change");
    struct slice command[] = {SLICE("MGET"), slice_of_string(epoch), slice_of_string(change)};
    const struct redis_reply *reply = redis_call(source->redis, command, 3);
    memory_free(epoch);
    memory_free(change);
    if (reply->kind != REDIS_ARRAY) {
        return false;
    }
    struct slice now = reply_text(reply, 0);
    *last = reply_number(reply, 1);
    if (!slice_equal(now, slice_of_string(source->epoch)) || *last < source->seen) {
        snprintf(source->epoch, sizeof(source->epoch), "%.*s", SLICE_ARGS(now));
        source->seen = 0;
    }
    return true;
}

/* Keys of rooms, kept while other things are asked. */
struct room_list {
    struct slice keys[STEP_ROOMS]; /* owned */
    size_t count;
};

static void free_rooms(struct room_list *rooms) {
    for (size_t i = 0; i < rooms->count; i++) {
        memory_free((void *)rooms->keys[i].data);
    }
    rooms->count = 0;
}

static bool copy_rooms(struct redis_copy *copy, struct room_list *rooms) {
    bool did = true;
    for (size_t i = 0; i < rooms->count && did; i++) {
        did = copy_room(copy, rooms->keys[i]);
    }
    free_rooms(rooms);
    return did;
}

static bool list_changes(const struct redis_copy *copy, struct source *source, uint64_t *seen,
                         struct room_list *rooms) {
    struct buffer from = {0};
    char *key = key_of(copy, "changes");
    buffer_append_format(&from, "(%llu", (unsigned long long)source->seen);
    struct slice command[] = {
        SLICE("ZRANGEBYSCORE"), slice_of_string(key), buffer_slice(&from), SLICE("+inf"),
        SLICE("WITHSCORES"),    SLICE("LIMIT"),       SLICE("0"),          SLICE(STEP_ROOMS_TEXT)};
    const struct redis_reply *reply =
        redis_call(source->redis, command, sizeof(command) / sizeof(command[0]));
    buffer_close(&from);
    memory_free(key);
    for (size_t i = 0; i + 1 < reply->count && rooms->count < STEP_ROOMS; i += 2) {
        struct slice name = reply_text(reply, i);
        rooms->keys[rooms->count++] = slice_from(memory_copy_string(name), name.length);
        *seen = reply_number(reply, i + 1);
    }
    return reply->kind == REDIS_ARRAY;
}

static void copy_source(struct redis_copy *copy, struct source *source) {
    struct room_list rooms = {0};
    uint64_t last, seen;
    if (!redis_is_up(source->redis) || !look_at(copy, source, &last)) {
        return;
    }
    seen = source->seen;
    while (source->seen < last && list_changes(copy, source, &seen, &rooms) && rooms.count > 0 &&
           copy_rooms(copy, &rooms)) {
        source->seen = seen;
    }
    free_rooms(&rooms);
}

/* Rooms that were erased while this node was away are not among the changes any more. */
static void check_copied(struct redis_copy *copy) {
    struct room_list rooms = {0};
    struct slice after = SLICE_NONE;
    bool did = true;
    while (did && (rooms.count = copy_log_rooms(&copy->log, after, rooms.keys, STEP_ROOMS)) > 0) {
        struct slice last = rooms.keys[rooms.count - 1];
        memory_free((void *)after.data);
        after = slice_from(memory_copy_string(last), last.length);
        did = copy_rooms(copy, &rooms);
    }
    memory_free((void *)after.data);
    copy->checked = did;
}

static bool all_up(const struct redis_copy *copy) {
    for (size_t i = 0; i < copy->options->shard_count; i++) {
        if (!redis_is_up(copy->sources[i].redis)) {
            return false;
        }
    }
    return true;
}

static void copy_news(struct redis_copy *copy) {
    copy->changed = false;
    if (!copy->checked && all_up(copy)) {
        check_copied(copy);
    }
    for (size_t i = 0; i < copy->options->shard_count; i++) {
        copy_source(copy, &copy->sources[i]);
    }
    if (copy->changed) {
        search_thread_wake(copy->search);
    }
}

static void on_inbox(uv_async_t *handle) {
    (void)handle; /* ends uv_run */
}

static void on_timer(uv_timer_t *timer) {
    (void)timer;
}

/* Who searches at once after the start finds what is there. */
static void wait_for_sources(struct redis_copy *copy) {
    uint64_t deadline_ms = uv_now(&copy->loop) + START_MS;
    while (!all_up(copy) && uv_now(&copy->loop) < deadline_ms) {
        uv_run(&copy->loop, UV_RUN_ONCE);
    }
}

static void *run(void *argument) {
    struct redis_copy *copy = argument;
    bool more = true;
    wait_for_sources(copy);
    while (more) {
        struct job_list jobs = {0};
        uv_run(&copy->loop, UV_RUN_ONCE);
        more = mailbox_take(&copy->inbox, &jobs);
        if (more) {
            copy_news(copy);
            search_thread_put(copy->search, &jobs);
        }
        job_list_clear(&jobs);
    }
    return NULL;
}

static void connect_sources(struct redis_copy *copy) {
    copy->ring = ring_new(copy->options);
    copy->sources = memory_new(copy->options->shard_count * sizeof(*copy->sources));
    for (size_t i = 0; i < copy->options->shard_count; i++) {
        struct redis_options options = shard_options(copy->options, &copy->options->shards[i]);
        options.name = "copy";
        options.tls = copy->options->copy_tls;
        options.log = &copy->quiet;
        copy->sources[i].redis = redis_new(&copy->loop, &options, &HANDLERS, copy);
    }
}

static void free_copy(struct redis_copy *copy) {
    for (size_t i = 0; copy->sources != NULL && i < copy->options->shard_count; i++) {
        redis_close(copy->sources[i].redis);
    }
    uv_close((uv_handle_t *)&copy->inbox_ready, NULL);
    uv_close((uv_handle_t *)&copy->timer, NULL);
    uv_run(&copy->loop, UV_RUN_DEFAULT);
    uv_loop_close(&copy->loop);
    if (copy->search != NULL) {
        search_thread_stop(copy->search);
    }
    copy_log_close(&copy->log);
    mailbox_close(&copy->inbox);
    memory_free(copy->ring);
    memory_free(copy->sources);
    memory_free(copy);
}

int redis_copy_start(const struct store_redis_options *options, struct outbox *outbox,
                     struct redis_copy **copy, struct buffer *message) {
    struct redis_copy *started = memory_new_struct(struct redis_copy);
    started->options = options;
    started->outbox = outbox;
    started->quiet = (struct log){.level = LOG_ERROR, .descriptor = -1};
    mailbox_init(&started->inbox);
    uv_loop_init(&started->loop);
    uv_async_init(&started->loop, &started->inbox_ready, on_inbox);
    uv_timer_init(&started->loop, &started->timer);
    uv_timer_start(&started->timer, on_timer, LOOK_MS, LOOK_MS);
    int error = copy_log_open(&started->log, options->copy_folder, options->log, message);
    if (error == 0) {
        error = search_thread_start(&started->log.file, options->log, outbox, &started->search,
                                    message);
    }
    if (error == 0) {
        connect_sources(started);
        error = thread_start(&started->thread, "store-copy", run, started);
    }
    if (error != 0) {
        free_copy(started);
        return error;
    }
    *copy = started;
    return 0;
}

void redis_copy_put(struct redis_copy *copy, struct job_list *jobs) {
    mailbox_put(&copy->inbox, jobs);
    uv_async_send(&copy->inbox_ready);
}

void redis_copy_stop(struct redis_copy *copy) {
    mailbox_end(&copy->inbox);
    uv_async_send(&copy->inbox_ready);
    pthread_join(copy->thread, NULL);
    free_copy(copy);
}
