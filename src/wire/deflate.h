/* permessage-deflate (RFC 7692) without context takeover: each message is compressed and inflated
 * by itself, so one deflater and one inflater serve all connections of a thread. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct deflater; /* keeps a zlib stream for each window size it was asked for */
struct inflater;

struct deflater *deflater_new(void);
void deflater_free(struct deflater *deflater);
/* Appends the payload of one message, without the trailing 00 00 ff ff (RFC 7692 section 7.2.1).
 * `window_bits` 9 to 15. */
void deflater_compress(struct deflater *deflater, int window_bits, struct slice message,
                       struct buffer *out);

struct inflater *inflater_new(void);
void inflater_free(struct inflater *inflater);
/* Appends the message. ERR_PROTOCOL: not a deflate stream, or it does not end where the message
 * does. ERR_TOO_LARGE: more than `max` bytes would come out; it stops at the first byte too many.
 * The content of `out` is unchanged on error. */
int inflater_expand(struct inflater *inflater, struct slice payload, size_t max,
                    struct buffer *out) MUST_USE;
