/* A connection to Redis for a thread that may wait: the loop it lives in runs
 * while the thread waits for an answer, for news, or for work. Private to
 * auth/. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "redis/redis.h"

struct exchange;

struct exchange_options {
    const struct redis_options *redis; /* copied */
    const char *prefix;                /* of all keys and channels, copied */
    /* What another node has told; called from within whatever waits. NULL: it is
     * not wanted. */
    void (*heard)(void *context, struct slice message);
    void *context;
};

/* ERR_IO: the system has no descriptors left. */
int exchange_new(const struct exchange_options *options, struct exchange **exchange) MUST_USE;
void exchange_free(struct exchange *exchange); /* NULL is fine */

/* "PREFIX:…", to be closed. */
struct buffer exchange_key(const struct exchange *exchange, const char *rest);
/* What is published here when accounts were changed, without the rest of the
 * keys. */
#define EXCHANGE_CHANGED "accounts:changed"

bool exchange_is_up(const struct exchange *exchange);
/* Waits until it is up: ERR_UNAVAILABLE when it is not in time. */
int exchange_connect(struct exchange *exchange, unsigned milliseconds) MUST_USE;
/* Waits for news, for exchange_wake, or for the time to pass. */
void exchange_wait(struct exchange *exchange, unsigned milliseconds);
/* Takes what has come, without waiting. */
void exchange_look(struct exchange *exchange);
void exchange_wake(struct exchange *exchange); /* from any thread */

/* Whether accounts were changed by anybody since this was asked last, or may
 * have been. */
bool exchange_take_news(struct exchange *exchange);
/* One command; the answer lives until the next. */
const struct redis_reply *exchange_call(struct exchange *exchange, const struct slice *words,
                                        size_t count);
/* Tells all other nodes; nobody waits for it, and it may be lost. */
void exchange_tell(struct exchange *exchange, struct slice message);
