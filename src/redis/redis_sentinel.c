/* All sentinels are asked, all the time, because any of them may be on the wrong side of a cut that
 * separates a master which was replaced. The one with the newest configuration (its config-epoch)
 * is believed, and what it says is checked by asking the server itself for its role.
 *
 * With each sentinel there are two connections: one hears "+switch-master" at the moment it
 * happens, the other asks when that was heard, when listening has begun, and now and then, which
 * shows that the sentinel is there. */
#include "redis/redis_sentinel.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/backoff.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "io/endpoint.h"
#include "redis/redis_connection.h"
#include "redis/redis_greeting.h"
#include "redis/redis_reply.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 2000
#define ADDRESS_SIZE (ENDPOINT_HOST_LENGTH + 16)

struct sentinel {
    struct redis_sentinels *owner;
    const char *server;
    struct redis_connection *asking, *listening;
    struct redis_greeting login;
    struct backoff backoff;
    uv_timer_t timer; /* until it is tried again */
    bool present;     /* it has answered, and is connected */
    int64_t epoch;
    char master[ADDRESS_SIZE];   /* what it said last; "": nothing */
    char answered[ADDRESS_SIZE]; /* the same, while its epoch is still to come */
    char reason[REDIS_REASON];   /* why nothing; "": it has not had the time */
};

struct redis_sentinels {
    struct uv_loop_s *loop;
    const struct redis_options *options;
    void (*changed)(void *context);
    void *context;
    struct rng rng;
    const struct sentinel *believed; /* NULL: nobody */
    char master[ADDRESS_SIZE];
    size_t handles; /* that libuv has not closed yet */
    size_t count;
    struct sentinel items[];
};

static void connect_sentinel(struct sentinel *sentinel);

static bool is_better(const struct sentinel *sentinel, const struct sentinel *than) {
    if (sentinel->master[0] == 0)
        return false;
    if (!than || sentinel->present != than->present)
        return !than || sentinel->present;
    return sentinel->epoch > than->epoch;
}

/* Among equals the one that was believed before stays. */
static void choose(struct redis_sentinels *sentinels) {
    const struct sentinel *best = sentinels->believed;

    for (size_t i = 0; i < sentinels->count; i++) {
        if (is_better(&sentinels->items[i], best))
            best = &sentinels->items[i];
    }
    sentinels->believed = best;
    if (!best || strcmp(best->master, sentinels->master) == 0)
        return;
    memcpy(sentinels->master, best->master, sizeof(sentinels->master));
    sentinels->changed(sentinels->context);
}

static void try_again(uv_timer_t *timer) {
    connect_sentinel(timer->data);
}

static void give_up(struct sentinel *sentinel, const char *reason) {
    struct redis_connection *asking = sentinel->asking, *listening = sentinel->listening;
    char kept[REDIS_REASON];

    snprintf(kept, sizeof(kept), "%s", reason);
    memcpy(sentinel->reason, kept, sizeof(kept));
    sentinel->asking = sentinel->listening = NULL;
    sentinel->present = false;
    if (asking)
        redis_connection_close(asking);
    if (listening)
        redis_connection_close(listening);
    uv_timer_start(&sentinel->timer, try_again,
                   backoff_next(&sentinel->backoff, &sentinel->owner->rng), 0);
    choose(sentinel->owner);
}

/* Who hangs up may have said why. */
static void lost(void *context, const char *reason) {
    struct sentinel *sentinel = context;

    give_up(sentinel, sentinel->login.reason[0] != 0 ? sentinel->login.reason : reason);
}

static void refuse(struct sentinel *sentinel, const char *what, struct slice text) {
    char reason[REDIS_REASON];

    redis_describe(reason, sentinel->server, what, text);
    give_up(sentinel, reason);
}

static void take_address(void *context, const struct redis_reply *reply) {
    struct sentinel *sentinel = context;
    struct slice host = redis_reply_item(reply, 0)->text, port = redis_reply_item(reply, 1)->text;
    bool v6 = slice_find(host, ':') >= 0;

    sentinel->answered[0] = 0;
    if (host.length > 0 && host.length <= ENDPOINT_HOST_LENGTH && port.length > 0)
        snprintf(sentinel->answered, sizeof(sentinel->answered), "%s%.*s%s:%.*s", v6 ? "[" : "",
                 SLICE_ARGS(host), v6 ? "]" : "", SLICE_ARGS(port));
}

static int64_t epoch_of(const struct redis_reply *fields) {
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        uint64_t epoch = 0;
        if (slice_equal(redis_reply_item(fields, i)->text, SLICE("config-epoch")) &&
            slice_to_u64(redis_reply_item(fields, i + 1)->text, &epoch))
            return (int64_t)epoch;
    }
    return 0;
}

static void take_fields(void *context, const struct redis_reply *reply) {
    struct sentinel *sentinel = context;

    if (reply->kind == REDIS_LOST || !sentinel->asking)
        return;
    if (sentinel->login.reason[0] != 0) {
        give_up(sentinel, sentinel->login.reason);
    } else if (redis_reply_is_error(reply, "NOAUTH")) {
        refuse(sentinel, "is a sentinel that wants a password, and none is configured", SLICE_NONE);
    } else if (sentinel->answered[0] == 0) {
        refuse(sentinel, "is no sentinel that knows the master",
               slice_of_string(sentinel->owner->options->master));
    } else {
        sentinel->epoch = epoch_of(reply);
        memcpy(sentinel->master, sentinel->answered, sizeof(sentinel->master));
        sentinel->present = true;
        sentinel->reason[0] = 0;
        backoff_reset(&sentinel->backoff);
        choose(sentinel->owner);
    }
}

static void ask(void *context) {
    struct sentinel *sentinel = context;
    const struct slice master = slice_of_string(sentinel->owner->options->master);
    const struct slice address[] = {SLICE("SENTINEL"), SLICE("GET-MASTER-ADDR-BY-NAME"), master};
    const struct slice fields[] = {SLICE("SENTINEL"), SLICE("MASTER"), master};

    redis_connection_command(sentinel->asking, address, 3, take_address, sentinel);
    redis_connection_command(sentinel->asking, fields, 3, take_fields, sentinel);
}

/* Not only now and then. */
static void ask_now(struct sentinel *sentinel) {
    if (!sentinel->present)
        return;
    ask(sentinel);
    redis_connection_flush(sentinel->asking);
}

static void take_subscription(void *context, const struct redis_reply *reply) {
    if (reply->kind == REDIS_ARRAY)
        ask_now(context);
}

static void take_message(void *context, struct slice channel, struct slice payload) {
    struct sentinel *sentinel = context;

    (void)channel;
    if (slice_equal(slice_cut(&payload, ' '), slice_of_string(sentinel->owner->options->master)))
        ask_now(sentinel);
}

static void listening_opened(void *context) {
    struct sentinel *sentinel = context;
    const struct slice words[] = {SLICE("SUBSCRIBE"), SLICE("+switch-master")};

    redis_greet_login(&sentinel->login, sentinel->listening);
    redis_connection_command(sentinel->listening, words, 2, take_subscription, sentinel);
}

static void probe_listening(void *context) {
    struct sentinel *sentinel = context;
    const struct slice word = SLICE("PING");

    redis_connection_command(sentinel->listening, &word, 1, NULL, NULL);
}

static void asking_opened(void *context) {
    struct sentinel *sentinel = context;

    redis_greet_login(&sentinel->login, sentinel->asking);
    ask(sentinel);
}

static void connect_sentinel(struct sentinel *sentinel) {
    static const struct redis_connection_handlers asking = {
        .opened = asking_opened, .probe = ask, .lost = lost};
    static const struct redis_connection_handlers listening = {.opened = listening_opened,
                                                               .probe = probe_listening,
                                                               .lost = lost,
                                                               .message = take_message};
    const struct redis_options *options = sentinel->owner->options;
    struct redis_connection_options connection = {
        .loop = sentinel->owner->loop,
        .server = sentinel->server,
        .tls = options->tls,
        .connect_timeout_ms = options->connect_timeout_ms,
        .command_timeout_ms = options->command_timeout_ms,
    };

    sentinel->login = (struct redis_greeting){
        .options = {.server = sentinel->server, .password = options->sentinel_password}};
    sentinel->asking = redis_connection_new(&connection, &asking, sentinel);
    connection.subscriber = true;
    sentinel->listening = redis_connection_new(&connection, &listening, sentinel);
}

struct redis_sentinels *redis_sentinels_new(struct uv_loop_s *loop,
                                            const struct redis_options *options,
                                            void (*changed)(void *context), void *context) {
    size_t count = options->sentinel_count;
    struct redis_sentinels *sentinels =
        memory_new(sizeof(*sentinels) + count * sizeof(struct sentinel));

    sentinels->loop = loop;
    sentinels->options = options;
    sentinels->changed = changed;
    sentinels->context = context;
    sentinels->count = sentinels->handles = count;
    rng_seed(&sentinels->rng, options->seed);
    for (size_t i = 0; i < count; i++) {
        struct sentinel *sentinel = &sentinels->items[i];
        sentinel->owner = sentinels;
        sentinel->server = options->sentinels[i];
        backoff_init(&sentinel->backoff);
        backoff_set_range(&sentinel->backoff, PAUSE_MIN_MS, PAUSE_MAX_MS);
        uv_timer_init(loop, &sentinel->timer);
        sentinel->timer.data = sentinel;
        uv_timer_start(&sentinel->timer, try_again, 0, 0);
    }
    return sentinels;
}

static void timer_closed(uv_handle_t *handle) {
    struct sentinel *sentinel = handle->data;
    struct redis_sentinels *sentinels = sentinel->owner;

    if (--sentinels->handles == 0)
        memory_free(sentinels);
}

void redis_sentinels_close(struct redis_sentinels *sentinels) {
    for (size_t i = 0; i < sentinels->count; i++) {
        struct sentinel *sentinel = &sentinels->items[i];
        struct redis_connection *asking = sentinel->asking, *listening = sentinel->listening;
        sentinel->asking = sentinel->listening = NULL;
        if (asking)
            redis_connection_close(asking);
        if (listening)
            redis_connection_close(listening);
        uv_close((uv_handle_t *)&sentinel->timer, timer_closed);
    }
}

const char *redis_sentinels_master(const struct redis_sentinels *sentinels) {
    return sentinels->master[0] != 0 ? sentinels->master : NULL;
}

void redis_sentinels_append_reasons(const struct redis_sentinels *sentinels,
                                    struct buffer *output) {
    for (size_t i = 0; i < sentinels->count; i++) {
        const char *reason = sentinels->items[i].reason;
        if (reason[0] != 0)
            buffer_append_format(output, "%s%s", buffer_length(output) > 0 ? "; " : "", reason);
    }
}
