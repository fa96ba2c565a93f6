/* Which channels are subscribed to, by whom it was asked for and by what the server has confirmed.
 * Private to redis/. */
#pragma once

#include <stdbool.h>

#include "redis/redis_connection.h"

struct redis_subscriptions;

struct redis_subscription_handlers {
    /* Nothing is left to be confirmed. */
    void (*in_force)(void *context);
    /* A subscription was refused. */
    void (*refused)(void *context, struct slice text);
    /* To be answered, later. */
    void (*defer)(void *context, redis_answer *answer, void *answer_context,
                  const struct redis_reply *reply);
};

struct redis_subscriptions *
redis_subscriptions_new(uint64_t seed, const struct redis_subscription_handlers *handlers,
                        void *context);
void redis_subscriptions_free(struct redis_subscriptions *subscriptions);

/* Subscribes on this connection to all that is wanted, and from now on to what is wanted then.
 * Returns whether there is anything to be confirmed. The connection answers with REDIS_LOST what
 * was not when it goes; redis_subscriptions_detach is to be called before. */
bool redis_subscriptions_attach(struct redis_subscriptions *subscriptions,
                                struct redis_connection *connection);
void redis_subscriptions_detach(struct redis_subscriptions *subscriptions);

/* Defers the answers for all that was confirmed: `done` is not said while commands are not taken.
 */
void redis_subscriptions_release(struct redis_subscriptions *subscriptions);
/* Defers REDIS_LOST for everybody who still waits. */
void redis_subscriptions_abandon(struct redis_subscriptions *subscriptions);

void redis_subscriptions_add(struct redis_subscriptions *subscriptions, struct slice channel,
                             redis_answer *done, void *context);
void redis_subscriptions_remove(struct redis_subscriptions *subscriptions, struct slice channel);
/* Whether anybody holds it still: what was published may have been under way. */
bool redis_subscriptions_wants(const struct redis_subscriptions *subscriptions,
                               struct slice channel);
