/* The redis engine: logs that several servers ("nodes") share, in one Redis or Valkey, or spread
 * over several ("shards"). One thread talks to them (redis_keeper.h); the hub's thread puts jobs
 * and takes what is finished.
 *
 * Everything that must be decided as one is decided within Redis, by the scripts of src/store/lua;
 * what was appended there is published to the nodes that follow the room. A publication may be
 * lost: numbers tell, and what is missing is read from the log before anything later is passed on.
 *
 * While a Redis is away, what is asked of its rooms is answered with ERR_UNAVAILABLE, also what may
 * have been carried out; an append that comes again under its cid gets its first outcome. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "hub/store.h"
#include "store/retention.h"

struct tls_context;

struct store_redis_options {
    /* Shards: "host:port" or "/path/of/socket" of each, or, with sentinels, what these call its
     * master. The same, in any order, on every node. */
    const char *const *shards;
    size_t shard_count;
    const char *const *sentinels;
    size_t sentinel_count;
    const char *name_space;                              /* before every key and channel */
    const char *username, *password, *sentinel_password; /* NULL: none */
    unsigned database;
    struct tls_context *tls;      /* NULL: plain */
    struct tls_context *copy_tls; /* the same for the thread that copies the logs */
    const char *copy_folder;      /* where the logs are copied to, to be searched; NULL: searches
                                     are answered with ERR_UNAVAILABLE */
    unsigned wait_replicas;       /* that must have an entry before anybody is told of it */
    unsigned wait_timeout_ms;     /* for them */
    unsigned connect_timeout_ms, command_timeout_ms;
    const struct log *log; /* NULL: says nothing; else lives as long as the store */
    const struct retention_rules *retention; /* NULL: everything is kept */
    store_wake *wake;                        /* NULL: the driver looks by itself */
    void *wake_context;                      /* usable until close has returned */
};

/* Copies the options, but for what is borrowed. Blocks until the first shard answers; ERR_IO with
 * one line for the operator in `message` when it does not. Ends with engine->close, which blocks
 * until everything that was asked is answered. */
int store_redis_open(const struct store_redis_options *options, struct store **store,
                     struct buffer *message) MUST_USE;
