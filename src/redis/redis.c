/* Answers that do not come from a connection are deferred to an idle handle, because nobody is
 * called back from within their own call. */
#include "redis/redis.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "redis/internal.h"
#include "redis/redis_options.h"
#include "redis/redis_reply.h"

/* Milliseconds between two rounds in which no server was of use. */
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 1000

struct deferred {
    redis_answer *answer;
    void *context;
    const struct redis_reply *reply;
};

static void answer_deferred(struct redis *redis) {
    struct buffer batch = redis->deferred;
    struct deferred next;

    redis->deferred = (struct buffer){0};
    while (buffer_length(&batch) > 0) {
        memcpy(&next, buffer_slice(&batch).data, sizeof(next));
        buffer_consume(&batch, sizeof(next));
        next.answer(next.context, next.reply);
    }
    buffer_close(&batch);
}

static void idle(uv_idle_t *handle) {
    struct redis *redis = handle->data;

    answer_deferred(redis);
    if (buffer_length(&redis->deferred) == 0 && redis->state != REDIS_STATE_CLOSED)
        uv_idle_stop(handle);
}

void redis_defer(void *context, redis_answer *answer, void *answer_context,
                 const struct redis_reply *reply) {
    struct redis *redis = context;
    const struct deferred deferred = {answer, answer_context, reply};

    if (!answer)
        return;
    buffer_append(&redis->deferred, &deferred, sizeof(deferred));
    if (redis->state != REDIS_STATE_CLOSED)
        uv_idle_start(&redis->idle, idle);
}

static void flush(uv_prepare_t *handle) {
    struct redis *redis = handle->data;

    if (redis->commands)
        redis_connection_flush(redis->commands);
    if (redis->subscriber)
        redis_connection_flush(redis->subscriber);
}

struct redis *redis_new(struct uv_loop_s *loop, const struct redis_options *options,
                        const struct redis_handlers *handlers, void *context) {
    struct redis *redis = memory_new_struct(struct redis);

    assert(options->server_count + options->sentinel_count > 0);
    redis->loop = loop;
    redis->options = redis_options_copy(options);
    redis->handlers = handlers;
    redis->context = context;
    rng_seed(&redis->rng, redis->options->seed);
    backoff_init(&redis->backoff);
    backoff_set_range(&redis->backoff, PAUSE_MIN_MS, PAUSE_MAX_MS);
    redis->subscriptions =
        redis_subscriptions_new(rng_next(&redis->rng), &redis_subscription_handlers, redis);
    redis->handles = 3;
    uv_timer_init(loop, &redis->timer);
    uv_prepare_init(loop, &redis->flusher);
    uv_idle_init(loop, &redis->idle);
    redis->timer.data = redis->flusher.data = redis->idle.data = redis;
    uv_prepare_start(&redis->flusher, flush);
    if (options->sentinel_count > 0)
        redis->sentinels = redis_sentinels_new(loop, redis->options, redis_follow_sentinels, redis);
    redis_find_after(redis, 0);
    return redis;
}

static void handle_closed(uv_handle_t *handle) {
    struct redis *redis = handle->data;

    if (--redis->handles > 0)
        return;
    redis_subscriptions_free(redis->subscriptions);
    redis_options_free(redis->options);
    memory_free(redis->server);
    memory_free(redis->called);
    buffer_close(&redis->reasons);
    buffer_close(&redis->deferred);
    memory_free(redis);
}

void redis_close(struct redis *redis) {
    redis->state = REDIS_STATE_CLOSED;
    redis_disconnect(redis);
    if (redis->sentinels)
        redis_sentinels_close(redis->sentinels);
    redis_subscriptions_abandon(redis->subscriptions);
    while (buffer_length(&redis->deferred) > 0)
        answer_deferred(redis);
    uv_close((uv_handle_t *)&redis->timer, handle_closed);
    uv_close((uv_handle_t *)&redis->flusher, handle_closed);
    uv_close((uv_handle_t *)&redis->idle, handle_closed);
}

bool redis_is_up(const struct redis *redis) {
    return redis->state == REDIS_STATE_UP;
}

void redis_command(struct redis *redis, const struct slice *arguments, size_t count,
                   redis_answer *answer, void *context) {
    if (redis->state == REDIS_STATE_UP)
        redis_connection_command(redis->commands, arguments, count, answer, context);
    else
        redis_defer(redis, answer, context, &redis_reply_lost);
}

size_t redis_pending_bytes(const struct redis *redis) {
    return redis->commands ? redis_connection_unsent(redis->commands) : 0;
}

size_t redis_pending(const struct redis *redis) {
    return redis->commands ? redis_connection_waiting(redis->commands) : 0;
}

void redis_subscribe(struct redis *redis, struct slice channel, redis_answer *done, void *context) {
    redis_subscriptions_add(redis->subscriptions, channel, done, context);
}

void redis_unsubscribe(struct redis *redis, struct slice channel) {
    redis_subscriptions_remove(redis->subscriptions, channel);
}

static void take_call(void *context, const struct redis_reply *reply) {
    struct redis *redis = context;

    redis->called = redis_reply_copy(reply);
}

const struct redis_reply *redis_call(struct redis *redis, const struct slice *arguments,
                                     size_t count) {
    memory_free(redis->called);
    redis->called = NULL;
    redis_command(redis, arguments, count, take_call, redis);
    while (!redis->called)
        uv_run(redis->loop, UV_RUN_ONCE);
    return redis->called;
}
