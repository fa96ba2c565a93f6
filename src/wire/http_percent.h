/* Percent-encoding, RFC 3986 section 2.1. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

/* Appends `s` decoded; in a form `+` is a space. ERR_BAD_REQUEST when a % is not followed by two
 * hexadecimal digits; it is then kept as it is, as browsers do, and all of `s` is appended
 * nevertheless. */
int http_percent_decode(struct slice s, bool form, struct buffer *out) MUST_USE;
