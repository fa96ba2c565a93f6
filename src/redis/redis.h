/* A Redis (or Valkey) as its users here see it: commands go out, answers come in, and somebody else
 * takes care of finding it, connecting, logging in, TLS, losing it and finding it again. Two
 * connections: one for commands (pipelined), one for subscriptions. Both lead to a server that says
 * that it is a master; which is asked again several times in command_timeout_ms.
 *
 * Belongs to one thread and its libuv loop. RESP2 (https://redis.io/docs/reference/protocol-spec/)
 * through hiredis' reader; the bytes are carried by io/. No answer is larger than 64 MiB. Handlers
 * and answers may call everything here but redis_call; redis_close too.
 *
 * A command is written once. When the connection is lost before its answer has come nobody knows
 * whether it was carried out: it is answered with REDIS_LOST, and its sender must ask or repeat
 * what may be repeated.
 *
 * What the user of an ACL needs beside what is commanded here: ROLE, INFO, PING, SELECT where a
 * database is given, SUBSCRIBE, UNSUBSCRIBE and the channels; CLIENT SETNAME if they are to have
 * names in CLIENT LIST. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/slice.h"

struct redis;
struct tls_context;
struct uv_loop_s;

enum redis_kind {
    REDIS_STATUS,  /* text: "OK" */
    REDIS_ERROR,   /* text: "OOM command not allowed …" */
    REDIS_INTEGER, /* integer */
    REDIS_BULK,    /* text: bytes */
    REDIS_NIL,
    REDIS_ARRAY, /* items */
    REDIS_LOST,  /* no answer: the connection was lost, was never there, or it took too long */
};

/* What was answered. Lives during the call it is handed to. */
struct redis_reply {
    enum redis_kind kind;
    struct slice text;
    int64_t integer;
    const struct redis_reply *items;
    size_t count;
};

typedef void redis_answer(void *context, const struct redis_reply *reply);

struct redis_handlers {
    /* Commands are taken from now on; this may be another server than before, or the same after it
     * has lost everything: `run_id` tells (INFO server). Subscriptions are in force again, what was
     * published meanwhile is lost. */
    void (*up)(void *context, struct slice run_id);
    /* Not any more, for this reason (one line, for people; it is in the log already). Those under
     * way have been answered with REDIS_LOST before. Called again, also where it was never up, when
     * the reason becomes another one. */
    void (*down)(void *context, const char *reason);
    /* Something was published in a channel that was subscribed to. */
    void (*message)(void *context, struct slice channel, struct slice payload);
};

struct redis_options {
    const char *name; /* what it is for, in the log and in CLIENT LIST: one word; NULL: "banter" */
    /* "host:port" or "/path/of/socket"; tried in turn; a replica is passed over (ROLE). */
    const char *const *servers;
    size_t server_count;
    /* "host:port"; then servers is empty, and they are asked where the one called `master` is. */
    const char *const *sentinels;
    size_t sentinel_count;
    const char *master;
    const char *username, *password; /* NULL: none (AUTH) */
    const char *sentinel_password;
    unsigned database;
    struct tls_context *tls; /* NULL: plain; else this thread's own; to the sentinels, too */
    /* To connect; until the oldest command is answered, or at least more comes of the answers
     * before it. A server that is gone without a word is missed within command_timeout_ms, too. */
    unsigned connect_timeout_ms, command_timeout_ms;
    uint64_t seed; /* of the spread between attempts; 0: a random one */
    const struct log *log;
};

/* Copies the options; begins to connect when the loop runs. */
struct redis *redis_new(struct uv_loop_s *loop, const struct redis_options *options,
                        const struct redis_handlers *handlers, void *context);
/* Everything under way is answered with REDIS_LOST, from within this call. The loop must run until
 * its handles are closed. */
void redis_close(struct redis *redis);

bool redis_is_up(const struct redis *redis);
/* Written at the end of the loop's turn, with all others of that turn. `answer` may be NULL. While
 * it is down it is answered with REDIS_LOST, from the loop, not from within this call. Copies. */
void redis_command(struct redis *redis, const struct slice *arguments, size_t count,
                   redis_answer *answer, void *context);
/* The bytes of commands that are not written yet, and how many wait for an answer. */
size_t redis_pending_bytes(const struct redis *redis);
size_t redis_pending(const struct redis *redis);

/* Counted: a channel is subscribed to until every subscription is taken back. `done` is called from
 * the loop when it is in force, which may be after an `up` to come; it takes effect before anything
 * that is commanded from then on (NULL: nobody waits; called again is not). REDIS_LOST: the last
 * subscription was taken back, or redis_close. */
void redis_subscribe(struct redis *redis, struct slice channel, redis_answer *done, void *context);
void redis_unsubscribe(struct redis *redis, struct slice channel);

/* Runs the loop until this command is answered, for threads that may block (nothing else must be
 * going on in the loop that minds). The reply lives until the next call of this. */
const struct redis_reply *redis_call(struct redis *redis, const struct slice *arguments,
                                     size_t count);
