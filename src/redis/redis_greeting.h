/* What is said first on a new connection: who we are, and who are you? Private to redis/. */
#pragma once

#include <stdbool.h>

#include "redis/redis_connection.h"

#define REDIS_REASON 512 /* bytes of a line for people, with its final zero */
#define REDIS_RUN_ID 64

struct redis_greeting_options {
    const char *server;              /* for reasons */
    const char *username, *password; /* NULL: none */
    unsigned database;
    const char *name; /* what operators see in CLIENT LIST */
};

struct redis_greeting {
    struct redis_greeting_options options;
    void (*done)(void *context);
    void *context;
    char reason[REDIS_REASON];     /* why this server is of no use; "": it is of use */
    char run_id[REDIS_RUN_ID + 1]; /* which process it is */
};

/* Logs in and finds out whether this is a master that serves. `done` comes unless the connection is
 * lost before; `greeting` must live until then. */
void redis_greet(struct redis_greeting *greeting, struct redis_connection *connection,
                 const struct redis_greeting_options *options, void (*done)(void *context),
                 void *context);

/* Only AUTH, where a password is set. An answer that refuses it leaves a reason. */
void redis_greet_login(struct redis_greeting *greeting, struct redis_connection *connection);

/* "SERVER: TEXT", the text cut and in one line. */
void redis_describe(char *reason, const char *server, const char *what, struct slice text);

/* Whether this is the answer to ROLE of a server that takes writes. */
bool redis_role_is_master(const struct redis_reply *reply);
