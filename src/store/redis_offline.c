#include "store/redis_offline.h"

#include "base/memory.h"

/* To find all shards. */
#define PATIENCE_MS 10000
/* Commands under way, so that neither side has to hold more. */
#define UNDER_WAY 500

static void on_up(void *context, struct slice run_id) {
    (void)context;
    (void)run_id;
}

static void on_down(void *context, const char *reason) {
    (void)context; /* the log has it */
    (void)reason;
}

static void on_message(void *context, struct slice channel, struct slice payload) {
    (void)context;
    (void)channel;
    (void)payload;
}

static void on_impatience(uv_timer_t *timer) {
    *(bool *)timer->data = true;
}

static bool all_up(const struct redis_offline *offline) {
    bool up = true;

    for (size_t i = 0; i < offline->options->shard_count && up; i++)
        up = redis_is_up(offline->shards[i]);
    return up;
}

static bool await_shards(struct redis_offline *offline) {
    bool late = false;
    uv_timer_t timer;

    uv_timer_init(&offline->loop, &timer);
    timer.data = &late;
    uv_timer_start(&timer, on_impatience, PATIENCE_MS, 0);
    while (!late && !all_up(offline))
        uv_run(&offline->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&offline->loop, UV_RUN_NOWAIT);
    return all_up(offline);
}

int redis_offline_open(struct redis_offline *offline, const struct store_redis_options *options,
                       struct buffer *message) {
    static const struct redis_handlers handlers = {
        .up = on_up, .down = on_down, .message = on_message};

    *offline = (struct redis_offline){.options = options,
                                      .name_space = slice_of_string(options->name_space)};
    uv_loop_init(&offline->loop);
    offline->ring = ring_new(options);
    offline->shards = memory_new(options->shard_count * sizeof(struct redis *));
    for (size_t i = 0; i < options->shard_count; i++) {
        struct redis_options one = shard_options(options, &options->shards[i]);
        offline->shards[i] = redis_new(&offline->loop, &one, &handlers, offline);
    }
    if (await_shards(offline)) {
        for (size_t i = 0; i < options->shard_count; i++)
            redis_scripts_load(offline->shards[i]);
        return 0;
    }
    buffer_append_string(message, "Redis cannot be reached, or not all of it");
    redis_offline_close(offline);
    return ERR_IO;
}

void redis_offline_close(struct redis_offline *offline) {
    for (size_t i = 0; i < offline->options->shard_count; i++)
        redis_close(offline->shards[i]);
    uv_run(&offline->loop, UV_RUN_DEFAULT);
    uv_loop_close(&offline->loop);
    memory_free(offline->shards);
    memory_free(offline->ring);
}

struct redis *redis_offline_shard(const struct redis_offline *offline, struct slice room_key) {
    return offline->shards[ring_find(offline->ring, room_key)];
}

struct slice redis_offline_key(const struct redis_offline *offline, struct buffer *key,
                               const char *kind, struct slice room_key) {
    buffer_clear(key);
    buffer_append_format(key, "%.*s:%s", SLICE_ARGS(offline->name_space), kind);
    if (room_key.length > 0) {
        buffer_append_char(key, ':');
        buffer_append_slice(key, room_key);
    }
    return buffer_slice(key);
}

static void on_answer(void *context, const struct redis_reply *reply) {
    struct redis_offline *offline = context;

    offline->refused += reply->kind == REDIS_ERROR || reply->kind == REDIS_LOST;
}

void redis_offline_send(struct redis_offline *offline, struct redis *redis,
                        const struct slice *arguments, size_t count) {
    redis_command(redis, arguments, count, on_answer, offline);
    if (redis_pending(redis) < UNDER_WAY)
        return;
    if (REDIS_CALL(redis, SLICE("PING"))->kind != REDIS_STATUS)
        offline->refused++;
}
