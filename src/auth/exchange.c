#include "auth/exchange.h"

#include <sodium.h>
#include <string.h>
#include <uv.h>

#include "base/memory.h"

#define TOLD "accounts:told"
#define ORIGIN_LENGTH 16
/* For one answer: logins wait meanwhile. */
#define PATIENCE_MS 2000

struct exchange {
    struct exchange_options options; /* without `redis` */
    char *prefix;
    struct buffer changed, told; /* channels */
    uv_loop_t loop;
    uv_async_t async;
    uv_timer_t timer;
    struct redis *redis;
    bool woken, late, news;
    char origin[ORIGIN_LENGTH + 1]; /* begins what this one tells, who hears that, too */
};

struct buffer exchange_key(const struct exchange *exchange, const char *rest) {
    struct buffer key = {0};

    buffer_append_format(&key, "%s:%s", exchange->prefix, rest);
    return key;
}

/* Whatever was published while it was away is lost. */
static void on_up(void *context, struct slice run_id) {
    struct exchange *exchange = context;

    (void)run_id;
    exchange->news = exchange->woken = true;
}

/* Who asks is told. */
static void on_down(void *context, const char *reason) {
    (void)context;
    (void)reason;
}

static void on_message(void *context, struct slice channel, struct slice payload) {
    struct exchange *exchange = context;

    if (slice_equal(channel, buffer_slice(&exchange->changed)))
        exchange->news = exchange->woken = true;
    else if (exchange->options.heard && payload.length > ORIGIN_LENGTH &&
             !slice_starts_with(payload, slice_of_string(exchange->origin)))
        exchange->options.heard(exchange->options.context, slice_skip(payload, ORIGIN_LENGTH));
}

static void on_wake(uv_async_t *async) {
    ((struct exchange *)async->data)->woken = true;
}

static void on_late(uv_timer_t *timer) {
    ((struct exchange *)timer->data)->late = true;
}

static void connect_to(struct exchange *exchange, const struct redis_options *given) {
    static const struct redis_handlers handlers = {
        .up = on_up, .down = on_down, .message = on_message};
    struct redis_options options = *given;

    options.name = "accounts";
    if (options.command_timeout_ms == 0 || options.command_timeout_ms > PATIENCE_MS)
        options.command_timeout_ms = PATIENCE_MS;
    exchange->redis = redis_new(&exchange->loop, &options, &handlers, exchange);
    redis_subscribe(exchange->redis, buffer_slice(&exchange->changed), NULL, NULL);
    redis_subscribe(exchange->redis, buffer_slice(&exchange->told), NULL, NULL);
}

int exchange_new(const struct exchange_options *options, struct exchange **exchange) {
    struct exchange *made = memory_new_struct(struct exchange);
    uint8_t random[ORIGIN_LENGTH / 2];

    if (uv_loop_init(&made->loop) != 0) {
        memory_free(made);
        return ERR_IO;
    }
    made->options = *options;
    made->options.redis = NULL;
    made->prefix = memory_copy_string(slice_of_string(options->prefix));
    randombytes_buf(random, sizeof(random));
    sodium_bin2hex(made->origin, sizeof(made->origin), random, sizeof(random));
    made->changed = exchange_key(made, EXCHANGE_CHANGED);
    made->told = exchange_key(made, TOLD);
    made->async.data = made->timer.data = made;
    uv_timer_init(&made->loop, &made->timer);
    if (uv_async_init(&made->loop, &made->async, on_wake) != 0) {
        uv_close((uv_handle_t *)&made->timer, NULL);
        exchange_free(made);
        return ERR_IO;
    }
    connect_to(made, options->redis);
    *exchange = made;
    return 0;
}

void exchange_free(struct exchange *exchange) {
    if (!exchange)
        return;
    if (exchange->redis) {
        redis_close(exchange->redis);
        uv_close((uv_handle_t *)&exchange->timer, NULL);
        uv_close((uv_handle_t *)&exchange->async, NULL);
    }
    uv_run(&exchange->loop, UV_RUN_DEFAULT);
    uv_loop_close(&exchange->loop);
    buffer_close(&exchange->changed);
    buffer_close(&exchange->told);
    memory_free(exchange->prefix);
    memory_free(exchange);
}

bool exchange_is_up(const struct exchange *exchange) {
    return redis_is_up(exchange->redis);
}

static void start_timer(struct exchange *exchange, unsigned milliseconds) {
    exchange->late = false;
    uv_update_time(&exchange->loop);
    uv_timer_start(&exchange->timer, on_late, milliseconds, 0);
}

int exchange_connect(struct exchange *exchange, unsigned milliseconds) {
    start_timer(exchange, milliseconds);
    while (!exchange_is_up(exchange) && !exchange->late)
        uv_run(&exchange->loop, UV_RUN_ONCE);
    uv_timer_stop(&exchange->timer);
    return exchange_is_up(exchange) ? 0 : ERR_UNAVAILABLE;
}

void exchange_wait(struct exchange *exchange, unsigned milliseconds) {
    start_timer(exchange, milliseconds);
    while (!exchange->woken && !exchange->late)
        uv_run(&exchange->loop, UV_RUN_ONCE);
    uv_timer_stop(&exchange->timer);
    exchange->woken = false;
}

void exchange_look(struct exchange *exchange) {
    uv_run(&exchange->loop, UV_RUN_NOWAIT);
}

void exchange_wake(struct exchange *exchange) {
    uv_async_send(&exchange->async);
}

bool exchange_take_news(struct exchange *exchange) {
    bool news = exchange->news;

    exchange->news = false;
    return news;
}

const struct redis_reply *exchange_call(struct exchange *exchange, const struct slice *words,
                                        size_t count) {
    return redis_call(exchange->redis, words, count);
}

void exchange_tell(struct exchange *exchange, struct slice message) {
    struct buffer payload = {0};

    buffer_append_string(&payload, exchange->origin);
    buffer_append_slice(&payload, message);
    const struct slice words[] = {SLICE("PUBLISH"), buffer_slice(&exchange->told),
                                  buffer_slice(&payload)};
    redis_command(exchange->redis, words, sizeof(words) / sizeof(words[0]), NULL, NULL);
    buffer_close(&payload);
}
