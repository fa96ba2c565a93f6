/* base64url without padding (RFC 4648 section 5, RFC 7515 section 2), strictly: nothing but its
 * alphabet, and one way only to write each value. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* Appends what `text` stands for. ERR_BAD_REQUEST: it is not base64url; `out` is unchanged. */
int base64url_decode(struct slice text, struct buffer *out) MUST_USE;
