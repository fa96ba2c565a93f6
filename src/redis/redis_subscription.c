/* A channel has a number of holders, and the connection has been told something about it: each
 * SUBSCRIBE and UNSUBSCRIBE is confirmed, in order, so that the channel stands as the last of them
 * says as soon as none is unconfirmed. A channel stays known until then, though nobody holds it. */
#include "redis/redis_subscription.h"

#include <assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/map.h"
#include "base/memory.h"
#include "redis/redis_reply.h"

struct waiter {
    redis_answer *done;
    void *context;
};

struct channel {
    struct redis_subscriptions *owner;
    size_t holders;
    size_t unconfirmed;    /* commands about it */
    bool confirmed;        /* the last one that was answered was about holders there are */
    struct buffer waiters; /* struct waiter */
    struct slice name;
    char bytes[];
};

struct redis_subscriptions {
    const struct redis_subscription_handlers *handlers;
    void *context;
    struct redis_connection *connection; /* NULL: none */
    bool released;                       /* who waits is told as soon as it is confirmed */
    size_t unconfirmed;                  /* of all channels */
    struct map *channels;
};

static const struct redis_reply confirmation = {.kind = REDIS_STATUS, .text = {"OK", 2}};

struct redis_subscriptions *
redis_subscriptions_new(uint64_t seed, const struct redis_subscription_handlers *handlers,
                        void *context) {
    struct redis_subscriptions *subscriptions = memory_new_struct(struct redis_subscriptions);

    subscriptions->handlers = handlers;
    subscriptions->context = context;
    subscriptions->channels = map_new(seed);
    return subscriptions;
}

static void free_channel(struct channel *channel) {
    buffer_close(&channel->waiters);
    memory_free(channel);
}

void redis_subscriptions_free(struct redis_subscriptions *subscriptions) {
    struct channel *channel;
    size_t cursor = 0;

    while ((channel = map_next(subscriptions->channels, &cursor)))
        free_channel(channel);
    map_free(subscriptions->channels);
    memory_free(subscriptions);
}

static void answer_waiters(struct channel *channel, const struct redis_reply *reply) {
    struct redis_subscriptions *owner = channel->owner;
    struct waiter waiter;

    while (buffer_length(&channel->waiters) > 0) {
        memcpy(&waiter, buffer_slice(&channel->waiters).data, sizeof(waiter));
        buffer_consume(&channel->waiters, sizeof(waiter));
        owner->handlers->defer(owner->context, waiter.done, waiter.context, reply);
    }
    buffer_close(&channel->waiters);
}

static void forget_if_unused(struct channel *channel) {
    if (channel->holders > 0 || channel->unconfirmed > 0)
        return;
    map_remove(channel->owner->channels, channel->name);
    free_channel(channel);
}

static bool is_in_force(const struct channel *channel) {
    return channel->holders > 0 && channel->unconfirmed == 0 && channel->confirmed;
}

static void take_confirmation(void *context, const struct redis_reply *reply) {
    struct channel *channel = context;
    struct redis_subscriptions *owner = channel->owner;

    owner->unconfirmed--;
    channel->unconfirmed--;
    channel->confirmed = reply->kind == REDIS_ARRAY;
    if (owner->released && is_in_force(channel))
        answer_waiters(channel, &confirmation);
    forget_if_unused(channel);
    if (reply->kind == REDIS_ERROR)
        owner->handlers->refused(owner->context, reply->text);
    else if (reply->kind == REDIS_ARRAY && owner->connection && owner->unconfirmed == 0)
        owner->handlers->in_force(owner->context);
}

static void tell(struct channel *channel, struct slice command) {
    const struct slice words[] = {command, channel->name};

    if (!channel->owner->connection)
        return;
    channel->unconfirmed++;
    channel->owner->unconfirmed++;
    redis_connection_command(channel->owner->connection, words, 2, take_confirmation, channel);
}

bool redis_subscriptions_attach(struct redis_subscriptions *subscriptions,
                                struct redis_connection *connection) {
    struct channel *channel;
    size_t cursor = 0;

    subscriptions->connection = connection;
    while ((channel = map_next(subscriptions->channels, &cursor)))
        tell(channel, SLICE("SUBSCRIBE"));
    return subscriptions->unconfirmed > 0;
}

void redis_subscriptions_detach(struct redis_subscriptions *subscriptions) {
    struct channel *channel;
    size_t cursor = 0;

    subscriptions->connection = NULL;
    subscriptions->released = false;
    while ((channel = map_next(subscriptions->channels, &cursor)))
        channel->confirmed = false;
}

void redis_subscriptions_release(struct redis_subscriptions *subscriptions) {
    struct channel *channel;
    size_t cursor = 0;

    subscriptions->released = true;
    while ((channel = map_next(subscriptions->channels, &cursor))) {
        if (is_in_force(channel))
            answer_waiters(channel, &confirmation);
    }
}

void redis_subscriptions_abandon(struct redis_subscriptions *subscriptions) {
    struct channel *channel;
    size_t cursor = 0;

    while ((channel = map_next(subscriptions->channels, &cursor)))
        answer_waiters(channel, &redis_reply_lost);
}

static struct channel *channel_new(struct redis_subscriptions *owner, struct slice name) {
    struct channel *channel = memory_new(sizeof(*channel) + name.length);

    memcpy(channel->bytes, name.data, name.length);
    channel->name = slice_from(channel->bytes, name.length);
    channel->owner = owner;
    map_put(owner->channels, channel->name, channel);
    return channel;
}

void redis_subscriptions_add(struct redis_subscriptions *subscriptions, struct slice name,
                             redis_answer *done, void *context) {
    struct channel *channel = map_find(subscriptions->channels, name);
    const struct waiter waiter = {.done = done, .context = context};

    if (!channel)
        channel = channel_new(subscriptions, name);
    if (done)
        buffer_append(&channel->waiters, &waiter, sizeof(waiter));
    if (channel->holders++ == 0)
        tell(channel, SLICE("SUBSCRIBE"));
    else if (subscriptions->released && is_in_force(channel))
        answer_waiters(channel, &confirmation);
}

void redis_subscriptions_remove(struct redis_subscriptions *subscriptions, struct slice name) {
    struct channel *channel = map_find(subscriptions->channels, name);

    assert(channel && channel->holders > 0);
    if (--channel->holders > 0)
        return;
    answer_waiters(channel, &redis_reply_lost);
    tell(channel, SLICE("UNSUBSCRIBE"));
    forget_if_unused(channel);
}

bool redis_subscriptions_wants(const struct redis_subscriptions *subscriptions, struct slice name) {
    const struct channel *channel = map_find(subscriptions->channels, name);

    return channel && channel->holders > 0;
}
