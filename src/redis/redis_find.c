/* Waiting, greeting, subscribing, up: what fails at any point leads back to waiting. Both
 * connections go to the same process, which its run_id shows, and both end together, because "up"
 * promises that what is published is heard.
 *
 * One round tries each server once. Only when all were of no use there is a pause; it is at random
 * and grows with each round, so that many nodes do not come at the same moment. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "redis/internal.h"
#include "redis/redis_reply.h"

#define NAME_SIZE 64 /* of a connection */

static void try_server(struct redis *redis, const char *server);

void redis_disconnect(struct redis *redis) {
    struct redis_connection *commands = redis->commands, *subscriber = redis->subscriber;

    redis->commands = redis->subscriber = NULL;
    redis_subscriptions_detach(redis->subscriptions);
    if (commands)
        redis_connection_close(commands);
    if (subscriber)
        redis_connection_close(subscriber);
}

/* The same reason is told once; none is no news. */
static void stay_down(struct redis *redis, const char *reason) {
    redis_find_after(redis, backoff_next(&redis->backoff, &redis->rng));
    if (reason[0] == 0 || strcmp(redis->told, reason) == 0)
        return;
    snprintf(redis->told, sizeof(redis->told), "%s", reason);
    log_write(redis->options->log, LOG_WARNING, "Redis is not available for %s: %s",
              redis->options->name, reason);
    redis->handlers->down(redis->context, redis->told);
}

static void end_round(struct redis *redis) {
    char reasons[REDIS_REASON];

    if (redis->sentinels)
        redis_sentinels_append_reasons(redis->sentinels, &redis->reasons);
    snprintf(reasons, sizeof(reasons), "%.*s", SLICE_ARGS(buffer_slice(&redis->reasons)));
    stay_down(redis, reasons);
}

/* The next server of this round; NULL: it is over. */
static const char *next_server(struct redis *redis) {
    if (redis->sentinels)
        return redis->tried++ == 0 ? redis_sentinels_master(redis->sentinels) : NULL;
    if (redis->tried < redis->options->server_count)
        return redis->options->servers[redis->tried++];
    return NULL;
}

static void try_next(struct redis *redis) {
    const char *server = next_server(redis);

    if (server)
        try_server(redis, server);
    else
        end_round(redis);
}

static void begin_round(uv_timer_t *timer) {
    struct redis *redis = timer->data;

    redis->tried = 0;
    buffer_clear(&redis->reasons);
    try_next(redis);
}

void redis_find_after(struct redis *redis, uint64_t pause_ms) {
    uv_timer_start(&redis->timer, begin_round, pause_ms, 0);
}

void redis_give_up(struct redis *redis, const char *reason) {
    enum redis_state before = redis->state;
    char kept[REDIS_REASON];

    if (before == REDIS_STATE_CLOSED || before == REDIS_STATE_WAITING)
        return;
    /* What is told may lie in what goes now. */
    snprintf(kept, sizeof(kept), "%s", reason);
    redis->state = REDIS_STATE_WAITING;
    redis_disconnect(redis);
    if (redis->state != REDIS_STATE_WAITING)
        return;
    if (before == REDIS_STATE_UP) {
        stay_down(redis, kept);
        return;
    }
    if (buffer_length(&redis->reasons) > 0)
        buffer_append_string(&redis->reasons, "; ");
    buffer_append_string(&redis->reasons, kept);
    try_next(redis);
}

void redis_follow_sentinels(void *context) {
    struct redis *redis = context;
    const char *master = redis_sentinels_master(redis->sentinels);
    char reason[REDIS_REASON];

    if (redis->state != REDIS_STATE_WAITING && strcmp(redis->server, master) == 0)
        return;
    snprintf(reason, sizeof(reason), "the sentinels say that the master is %s now", master);
    redis_give_up(redis, reason);
    if (redis->state == REDIS_STATE_WAITING)
        redis_find_after(redis, 0);
}

static void give_up_because(struct redis *redis, const char *what, struct slice text) {
    char reason[REDIS_REASON];

    redis_describe(reason, redis->server, what, text);
    redis_give_up(redis, reason);
}

/* Who hangs up may have said why. */
static void connection_lost(void *context, const char *reason) {
    struct redis *redis = context;
    bool said = redis->state != REDIS_STATE_UP && redis->greeting.reason[0] != 0;

    redis_give_up(redis, said ? redis->greeting.reason : reason);
}

static void take_role(void *context, const struct redis_reply *reply) {
    if (reply->kind == REDIS_ARRAY && !redis_role_is_master(reply))
        give_up_because(context, "is not the master any more", SLICE_NONE);
}

/* What a server says that was the master, and is not or not yet again. */
static void take_error(void *context, const struct redis_reply *reply) {
    struct redis *redis = context;

    if (redis->state != REDIS_STATE_UP)
        return;
    if (redis_reply_is_error(reply, "READONLY") || redis_reply_is_error(reply, "MASTERDOWN"))
        give_up_because(redis, "is not the master any more", SLICE_NONE);
    else if (redis_reply_is_error(reply, "LOADING"))
        give_up_because(redis, "is loading its data again", SLICE_NONE);
    else if (redis_reply_is_error(reply, "NOAUTH"))
        give_up_because(redis, "has forgotten who we are", SLICE_NONE);
}

static void probe_commands(void *context) {
    struct redis *redis = context;
    const struct slice word = SLICE("ROLE");

    redis_connection_command(redis->commands, &word, 1, take_role, redis);
}

static void probe_subscriber(void *context) {
    struct redis *redis = context;
    const struct slice word = SLICE("PING");

    redis_connection_command(redis->subscriber, &word, 1, NULL, NULL);
}

static void greet(struct redis *redis, struct redis_connection *connection, const char *what,
                  void (*done)(void *context)) {
    char name[NAME_SIZE];
    const struct redis_greeting_options options = {
        .server = redis->server,
        .username = redis->options->username,
        .password = redis->options->password,
        .database = redis->options->database,
        .name = name,
    };

    snprintf(name, sizeof(name), "%s-%s", redis->options->name, what);
    redis_greet(&redis->greeting, connection, &options, done, redis);
}

static void come_up(struct redis *redis) {
    redis->state = REDIS_STATE_UP;
    redis->told[0] = 0;
    backoff_reset(&redis->backoff);
    log_write(redis->options->log, LOG_INFO, "Redis at %s is used for %s", redis->server,
              redis->options->name);
    redis_subscriptions_release(redis->subscriptions);
    redis->handlers->up(redis->context, slice_of_string(redis->run_id));
}

static void subscriptions_in_force(void *context) {
    struct redis *redis = context;

    if (redis->state == REDIS_STATE_SUBSCRIBING)
        come_up(redis);
}

static void subscription_refused(void *context, struct slice text) {
    give_up_because(context, "refuses a subscription", text);
}

const struct redis_subscription_handlers redis_subscription_handlers = {
    .in_force = subscriptions_in_force,
    .refused = subscription_refused,
    .defer = redis_defer,
};

static void subscriber_greeted(void *context) {
    struct redis *redis = context;

    if (redis->greeting.reason[0] != 0)
        redis_give_up(redis, redis->greeting.reason);
    else if (strcmp(redis->greeting.run_id, redis->run_id) != 0)
        give_up_because(redis, "is another server with each connection", SLICE_NONE);
    else if (!redis_subscriptions_attach(redis->subscriptions, redis->subscriber))
        come_up(redis);
}

static void subscriber_opened(void *context) {
    struct redis *redis = context;

    greet(redis, redis->subscriber, "subscriptions", subscriber_greeted);
}

static void take_message(void *context, struct slice channel, struct slice payload) {
    struct redis *redis = context;

    if (redis->state == REDIS_STATE_UP && redis_subscriptions_wants(redis->subscriptions, channel))
        redis->handlers->message(redis->context, channel, payload);
}

static const struct redis_connection_handlers subscriber_handlers = {
    .opened = subscriber_opened,
    .probe = probe_subscriber,
    .lost = connection_lost,
    .message = take_message,
};

static struct redis_connection *connect_to(struct redis *redis, bool subscriber,
                                           const struct redis_connection_handlers *handlers) {
    const struct redis_connection_options options = {
        .loop = redis->loop,
        .server = redis->server,
        .tls = redis->options->tls,
        .connect_timeout_ms = redis->options->connect_timeout_ms,
        .command_timeout_ms = redis->options->command_timeout_ms,
        .subscriber = subscriber,
    };

    return redis_connection_new(&options, handlers, redis);
}

static void commands_greeted(void *context) {
    struct redis *redis = context;

    if (redis->greeting.reason[0] != 0) {
        redis_give_up(redis, redis->greeting.reason);
        return;
    }
    memcpy(redis->run_id, redis->greeting.run_id, sizeof(redis->run_id));
    redis->state = REDIS_STATE_SUBSCRIBING;
    redis->subscriber = connect_to(redis, true, &subscriber_handlers);
}

static void commands_opened(void *context) {
    struct redis *redis = context;

    greet(redis, redis->commands, "commands", commands_greeted);
}

static const struct redis_connection_handlers commands_handlers = {
    .opened = commands_opened,
    .probe = probe_commands,
    .lost = connection_lost,
    .error = take_error,
};

static void try_server(struct redis *redis, const char *server) {
    memory_free(redis->server);
    redis->server = memory_copy_string(slice_of_string(server));
    redis->greeting.reason[0] = 0;
    redis->state = REDIS_STATE_GREETING;
    redis->commands = connect_to(redis, false, &commands_handlers);
}
