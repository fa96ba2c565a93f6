/* The value of `store`: which engine keeps the rooms, and where.
 *
 *     sqlite                                  a file in the data folder
 *     memory                                  nowhere
 *     redis://HOST[:PORT][,HOST[:PORT]…][/DB] Redis or Valkey; several share the rooms (shards)
 *     redis://unix:PATH[,…]                   the same by socket files
 *     rediss://…                              over TLS
 *
 * Where `redis_sentinel` is set, the hosts are names of masters, as the sentinels know them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum store_kind { STORE_KIND_SQLITE, STORE_KIND_MEMORY, STORE_KIND_REDIS };

#define STORE_REDIS_PORT 6379

struct store_url {
    enum store_kind kind;
    bool secure;
    char **places; /* as they stand there; of socket files the path */
    size_t count;
    unsigned database;
};

/* Of a value that was checked. */
enum store_kind store_url_kind(const char *value);

/* For the table of keys. */
int store_url_check(const char *value, char *message, size_t size) MUST_USE;

/* ERR_BAD_REQUEST with one line in `message`. */
int store_url_parse(const char *value, struct store_url *url, char *message, size_t size) MUST_USE;
void store_url_close(struct store_url *url);
