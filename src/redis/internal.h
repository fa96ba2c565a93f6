/* What the files of redis.h share: redis.c is what users call, redis_find.c finds a server and
 * loses it. */
#pragma once

#include <stddef.h>
#include <uv.h>

#include "base/backoff.h"
#include "base/buffer.h"
#include "base/rng.h"
#include "redis/redis.h"
#include "redis/redis_connection.h"
#include "redis/redis_greeting.h"
#include "redis/redis_sentinel.h"
#include "redis/redis_subscription.h"

enum redis_state {
    REDIS_STATE_WAITING,     /* for the next attempt */
    REDIS_STATE_GREETING,    /* the connection for commands is being made */
    REDIS_STATE_SUBSCRIBING, /* the other one, too */
    REDIS_STATE_UP,
    REDIS_STATE_CLOSED
};

struct redis {
    struct uv_loop_s *loop;
    struct redis_options *options;
    const struct redis_handlers *handlers;
    void *context;
    enum redis_state state;

    struct redis_sentinels *sentinels; /* NULL: none */
    char *server;                      /* that is being tried, or used */
    size_t tried;                      /* servers in this round */
    struct redis_connection *commands, *subscriber;
    struct redis_greeting greeting;
    char run_id[REDIS_RUN_ID + 1];
    struct redis_subscriptions *subscriptions;

    uv_timer_t timer; /* of the pause between two rounds */
    struct backoff backoff;
    struct rng rng;
    struct buffer reasons;   /* of this round */
    char told[REDIS_REASON]; /* why it is down, as was told last; "": it was up since */

    uv_prepare_t flusher;       /* before the loop waits: what was said in a turn is sent at once */
    uv_idle_t idle;             /* runs while something is deferred */
    struct buffer deferred;     /* struct deferred, see redis.c */
    unsigned handles;           /* that libuv has not closed yet */
    struct redis_reply *called; /* the last answer of redis_call; NULL: it has not come */
};

/* redis_find.c */
extern const struct redis_subscription_handlers redis_subscription_handlers;
/* Begins the next round after so long. */
void redis_find_after(struct redis *redis, uint64_t pause_ms);
/* The sentinels say something else than before. */
void redis_follow_sentinels(void *redis);
/* The server that is used, or tried, is of no use, for this reason. */
void redis_give_up(struct redis *redis, const char *reason);
/* Ends both connections, for whatever comes then. */
void redis_disconnect(struct redis *redis);

/* redis.c: answers from the loop, later; `reply` is static. */
void redis_defer(void *redis, redis_answer *answer, void *context, const struct redis_reply *reply);
