/* Compressed messages unpacked. What a server compresses once for all of its readers comes to each
 * of them as the same bytes, so they are remembered: a thousand readers in one process would
 * otherwise take a thousand times the work of the server that is measured. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

struct unpacker;

struct unpacker *unpacker_new(void);
void unpacker_free(struct unpacker *unpacker); /* NULL is fine */

/* Of a permessage-deflate payload: 0 and the message, which is good until the next call; or
 * ERR_PROTOCOL, ERR_TOO_LARGE (more than `most` bytes), see wire/deflate.h. */
int unpacker_open(struct unpacker *unpacker, struct slice payload, size_t most,
                  struct slice *message) MUST_USE;
