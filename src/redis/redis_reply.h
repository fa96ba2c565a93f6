/* From bytes to answers: RESP2 (https://redis.io/docs/reference/protocol-spec/), read by hiredis
 * into memory that is counted, so that no answer takes more than REDIS_REPLY_MAX, whatever it says
 * of its length. And from arguments to bytes. Private to redis/. */
#pragma once

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "redis/redis.h"

/* Of one answer: its bytes on the wire, and what it takes in memory. */
#define REDIS_REPLY_MAX ((size_t)64 * 1024 * 1024)

struct redis_reader;

struct redis_reader *redis_reader_new(void);
void redis_reader_free(struct redis_reader *reader); /* NULL is fine */

/* Takes the beginning of `*input` and cuts it off. `*reply` is the next answer, or NULL when
 * `*input` is used up before it is complete; it lives until the next call. ERR_PROTOCOL: this is
 * not RESP2; ERR_TOO_LARGE: an answer over the limit. Nothing can be read after either. */
int redis_reader_next(struct redis_reader *reader, struct slice *input,
                      const struct redis_reply **reply) MUST_USE;

/* Appends a command as a server reads it. */
void redis_append_command(struct buffer *output, const struct slice *arguments, size_t count);

/* A copy in one piece of memory; memory_free frees it. */
struct redis_reply *redis_reply_copy(const struct redis_reply *reply);

/* What is answered when there is no answer. */
extern const struct redis_reply redis_reply_lost;

/* Whether it is an error of this kind, which is its first word: "READONLY". */
bool redis_reply_is_error(const struct redis_reply *reply, const char *kind);

/* Item `index` of an array; a nil when it has none. */
const struct redis_reply *redis_reply_item(const struct redis_reply *reply, size_t index);
