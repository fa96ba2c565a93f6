/* One socket to a Redis: commands out, answers in, in order. It is dialled, used and lost; who
 * wants another one makes another one. Private to redis/. */
#pragma once

#include "redis/redis.h"

struct redis_connection;

struct redis_connection_options {
    struct uv_loop_s *loop;
    const char *server;      /* as in redis.h */
    struct tls_context *tls; /* held by the caller for as long as the connection is there */
    unsigned connect_timeout_ms, command_timeout_ms;
    bool subscriber; /* what begins with "message" answers nothing: it is published */
};

struct redis_connection_handlers {
    /* The socket is connected (TLS may still be shaking hands): commands are sent from now on. */
    void (*opened)(void *context);
    /* A quarter of command_timeout_ms has passed: give a command that is always answered, and at
     * once. It has the rest of that time for its answer. */
    void (*probe)(void *context);
    /* Lost, or never made; why, in one line. Those who waited have been answered. The connection is
     * to be closed then. */
    void (*lost)(void *context, const char *reason);
    /* A command has just been answered with an error. NULL: nobody minds. */
    void (*error)(void *context, const struct redis_reply *reply);
    void (*message)(void *context, struct slice channel, struct slice payload);
};

struct redis_connection *redis_connection_new(const struct redis_connection_options *options,
                                              const struct redis_connection_handlers *handlers,
                                              void *context);

/* Answers who waits with REDIS_LOST, and calls back no more. May be called from a handler or an
 * answer. The loop has to run until its memory is free. */
void redis_connection_close(struct redis_connection *connection);

/* While it is open. Sent with the next redis_connection_flush. */
void redis_connection_command(struct redis_connection *connection, const struct slice *arguments,
                              size_t count, redis_answer *answer, void *context);
/* Sends what has been said, as far as the socket takes it; the rest follows by itself. */
void redis_connection_flush(struct redis_connection *connection);

/* Ends it as if it were lost. */
void redis_connection_lose(struct redis_connection *connection, const char *reason);

/* Bytes that the socket has not taken; commands without an answer. */
size_t redis_connection_unsent(const struct redis_connection *connection);
size_t redis_connection_waiting(const struct redis_connection *connection);
