/* The Redis of a store as the operator's commands look at it: without the engine's threads, one
 * call after the other, on a loop of its own. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/error.h"
#include "redis/redis.h"
#include "store/redis_keeper.h"
#include "store/store_redis.h"

struct redis_offline {
    uv_loop_t loop;
    const struct store_redis_options *options;
    struct slice name_space;
    struct redis_ring *ring;
    struct redis **shards;
    uint64_t refused; /* commands that were answered with an error, or not at all */
};

/* Waits until all shards answer. ERR_IO with one line in `message`. The options are borrowed. */
int redis_offline_open(struct redis_offline *offline, const struct store_redis_options *options,
                       struct buffer *message) MUST_USE;
void redis_offline_close(struct redis_offline *offline);

struct redis *redis_offline_shard(const struct redis_offline *offline, struct slice room_key);

/* NAMESPACE:KIND:ROOM, or NAMESPACE:KIND where there is no room. In the caller's buffer. */
struct slice redis_offline_key(const struct redis_offline *offline, struct buffer *key,
                               const char *kind, struct slice room_key);

/* One command, its arguments counted. The reply lives until the next call. */
#define REDIS_CALL(redis, ...)                                                                     \
    redis_call((redis), (const struct slice[]){__VA_ARGS__},                                       \
               sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))

/* Written behind those before it; whether it worked shows in `refused` after the next call. */
#define REDIS_SEND(offline, redis, ...)                                                            \
    redis_offline_send((offline), (redis), (const struct slice[]){__VA_ARGS__},                    \
                       sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))
void redis_offline_send(struct redis_offline *offline, struct redis *redis,
                        const struct slice *arguments, size_t count);
