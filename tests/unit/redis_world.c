#include "redis_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"

static void note(struct world *world, const char *what, struct slice text) {
    buffer_append_format(&world->events, "%s %.*s\n", what, SLICE_ARGS(text));
    if (world->close_on_event && world->redis) {
        struct redis *redis = world->redis;
        world->redis = NULL;
        redis_close(redis);
    }
}

static void up(void *context, struct slice run_id) {
    struct world *world = context;

    world->ups++;
    note(world, "up", run_id);
}

static void down(void *context, const char *reason) {
    struct world *world = context;

    world->downs++;
    note(world, "down", slice_of_string(reason));
}

static void message(void *context, struct slice channel, struct slice payload) {
    char text[200];

    snprintf(text, sizeof(text), "%.*s: %.*s", SLICE_ARGS(channel), SLICE_ARGS(payload));
    note(context, "message", slice_of_string(text));
}

static void answer(void *context, const struct redis_reply *reply) {
    struct world *world = context;

    world->answers++;
    note(world, "answer", reply->kind == REDIS_LOST ? SLICE("lost") : reply->text);
}

static void subscribed(void *context, const struct redis_reply *reply) {
    struct world *world = context;

    world->subscriptions += reply->kind != REDIS_LOST;
    note(world, "subscribed", reply->kind == REDIS_LOST ? SLICE("lost") : reply->text);
}

static const struct log silent = {.level = LOG_ERROR + 1, .descriptor = 2};

static void open_with(struct world *world, struct redis_options options) {
    static const struct redis_handlers handlers = {.up = up, .down = down, .message = message};

    options.connect_timeout_ms = 2000;
    options.seed = 1;
    options.log = &silent;
    world->redis = redis_new(&world->loop, &options, &handlers, world);
}

void open_redis(struct world *world, const char *const *servers, size_t count) {
    open_with(world, (struct redis_options){
                         .servers = servers, .server_count = count, .command_timeout_ms = 400});
}

void open_redis_by_sentinels(struct world *world, const char *const *sentinels, size_t count,
                             unsigned command_timeout_ms) {
    open_with(world, (struct redis_options){.sentinels = sentinels,
                                            .sentinel_count = count,
                                            .master = "main",
                                            .command_timeout_ms = command_timeout_ms});
}

void open_servers(struct world *world) {
    static const char *const run_ids[SERVERS] = {"first", "second", "third", "fourth"};

    *world = (struct world){0};
    uv_loop_init(&world->loop);
    for (size_t i = 0; i < SERVERS; i++)
        redis_server_open(&world->servers[i], &world->loop, run_ids[i]);
}

void open_world(struct world *world) {
    open_servers(world);
    open_redis(world, (const char *const[]){world->servers[0].address, world->servers[1].address},
               2);
}

void close_world(struct world *world) {
    if (world->redis)
        redis_close(world->redis);
    world->redis = NULL;
    for (size_t i = 0; i < SERVERS; i++)
        redis_server_close(&world->servers[i]);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    buffer_close(&world->events);
}

static bool contains(const struct buffer *text, const char *line) {
    struct slice rest = buffer_slice(text);

    while (rest.length > 0) {
        if (slice_equal(slice_cut(&rest, '\n'), slice_of_string(line)))
            return true;
    }
    return false;
}

void await(struct world *world, const char *event) {
    uint64_t due_ms = clock_monotonic_ms() + 10000;

    while (!contains(&world->events, event)) {
        uv_run(&world->loop, UV_RUN_ONCE);
        if (clock_monotonic_ms() > due_ms)
            fail_msg("\"%s\" never happened, but:\n%.*s", event,
                     SLICE_ARGS(buffer_slice(&world->events)));
    }
}

void await_and_forget(struct world *world, const char *event) {
    await(world, event);
    buffer_clear(&world->events);
}

void assert_events(struct world *world, const char *expected) {
    buffer_append_char(&world->events, 0);
    assert_string_equal(buffer_slice(&world->events).data, expected);
    buffer_clear(&world->events);
}

void command(struct world *world, const char *one, const char *two, const char *three) {
    const struct slice words[] = {slice_of_string(one), slice_of_string(two),
                                  slice_of_string(three)};

    redis_command(world->redis, words, three ? 3 : two ? 2 : 1, answer, world);
}

void subscribe(struct world *world, const char *channel) {
    redis_subscribe(world->redis, slice_of_string(channel), subscribed, world);
}

void await_down(struct world *world, const char *what_follows) {
    char event[300];

    snprintf(event, sizeof(event), "down %s %s", world->servers[0].address, what_follows);
    await(world, event);
}

void unsubscribe(struct world *world, const char *channel) {
    redis_unsubscribe(world->redis, slice_of_string(channel));
}
