/* How the Redis of a configuration is reached, for the store and for whoever else shares it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "redis/redis.h"
#include "server/config.h"
#include "server/store_url.h"
#include "store/store_redis.h"

struct redis_settings {
    struct store_url url;
    /* Of the store: how it is reached, and what `wait_replicas` asks for. */
    struct store_redis_options store;
    /* Of what belongs to no room: the shard whose name comes first. */
    struct redis_options common;
};

/* For the table of keys: one item of redis_sentinel, and redis_namespace. ERR_BAD_REQUEST with one
 * line in `message`. */
int redis_settings_check_sentinel(const char *value, char *message, size_t size);
int redis_settings_check_namespace(const char *value, char *message, size_t size);

/* What holds between the keys, and whether the file of authorities can be used. ERR_…, and one line
 * in `message`. */
int redis_settings_check(const struct config *config, char *message, size_t size) MUST_USE;

/* Borrows the configuration, which must say redis://. Its two users are threads of their own, so
 * each has a TLS context of its own. Errors as above. */
int redis_settings_open(const struct config *config, struct redis_settings *settings, char *message,
                        size_t size) MUST_USE;
void redis_settings_close(struct redis_settings *settings);

/* The TCP ports that the server must be able to connect to; 0: any, because the sentinels may name
 * any. At most `capacity` are put into `ports`. */
size_t redis_settings_ports(const struct config *config, uint16_t *ports, size_t capacity);
