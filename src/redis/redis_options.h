/* A copy of struct redis_options that owns its texts. Private to redis/. */
#pragma once

#include "redis/redis.h"

struct redis_options *redis_options_copy(const struct redis_options *options);
/* Overwrites the passwords. */
void redis_options_free(struct redis_options *options);
