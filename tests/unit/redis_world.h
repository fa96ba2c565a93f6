/* A connection to Redis and scripted servers, all in one loop; what happens is written down. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buffer.h"
#include "redis/redis.h"
#include "redis_server.h"

#define SERVERS 4

/* A line for each event, in order: "up RUN_ID", "down REASON", "message CHANNEL: PAYLOAD",
 * "answer TEXT", "subscribed TEXT"; TEXT is "lost" where there is none. */
struct world {
    uv_loop_t loop;
    struct redis_server servers[SERVERS];
    struct redis *redis;
    struct buffer events;
    size_t ups, downs, answers;
    size_t subscriptions; /* that came into force */
    bool close_on_event;  /* redis_close as soon as anything happens */
};

/* Their run_ids are "first", "second", "third" and "fourth". */
void open_servers(struct world *world);
/* Asks these for the master called "main". */
void open_redis_by_sentinels(struct world *world, const char *const *sentinels, size_t count,
                             unsigned command_timeout_ms);
/* Connects to these. */
void open_redis(struct world *world, const char *const *servers, size_t count);
/* Servers, and a connection to the first, or else to the second. */
void open_world(struct world *world);
void close_world(struct world *world);

/* Run the loop until this line has been written; the latter then forgets all. */
void await(struct world *world, const char *event);
void await_and_forget(struct world *world, const char *event);
/* As await, for "down ADDRESS WHAT_FOLLOWS" about the first server. */
void await_down(struct world *world, const char *what_follows);
void assert_events(struct world *world, const char *expected);

void command(struct world *world, const char *one, const char *two, const char *three);
void subscribe(struct world *world, const char *channel);
void unsubscribe(struct world *world, const char *channel);
