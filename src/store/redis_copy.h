/* A copy of the logs on this node, to be searched: search_thread.h needs a database beside its
 * index, and Redis is none. The thread "store-copy" reads what was appended, at least once a second
 * and before every search, and writes it into a database of the sqlite engine's kind in a folder of
 * its own, which can be thrown away at any time. What is erased or let go of in Redis goes here
 * too. */
#pragma once

#include "store/outbox.h"
#include "store/store_redis.h"

struct redis_copy;

/* ERR_IO with a line for the operator in `message`. The options and what they point to are borrowed
 * until it is stopped. */
int redis_copy_start(const struct store_redis_options *options, struct outbox *outbox,
                     struct redis_copy **copy, struct buffer *message) MUST_USE;
void redis_copy_put(struct redis_copy *copy, struct job_list *jobs); /* SEARCH; takes all */
void redis_copy_stop(struct redis_copy *copy); /* what is not answered yet is dropped */
