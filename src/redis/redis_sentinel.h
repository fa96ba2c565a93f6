/* Who the master is, as the sentinels say (https://redis.io/docs/reference/sentinel-clients/).
 * Private to redis/. */
#pragma once

#include "base/buffer.h"
#include "redis/redis.h"

struct redis_sentinels;

/* Asks all that the options name, for as long as it is there. The options must live so long.
 * `changed`: redis_sentinels_master is another one now; from the loop. */
struct redis_sentinels *redis_sentinels_new(struct uv_loop_s *loop,
                                            const struct redis_options *options,
                                            void (*changed)(void *context), void *context);
/* `changed` is not called any more. The loop has to run until its memory is free. */
void redis_sentinels_close(struct redis_sentinels *sentinels);

/* "HOST:PORT"; NULL while no sentinel has said. Lives until the next change. */
const char *redis_sentinels_master(const struct redis_sentinels *sentinels);

/* Appends why none has said; nothing while they have not had the time. */
void redis_sentinels_append_reasons(const struct redis_sentinels *sentinels, struct buffer *output);
