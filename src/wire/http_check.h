/* What a message must be beyond its grammar, and where its target points. Used by the reader
 * alone. */
#pragma once

#include <stdbool.h>

#include "wire/http.h"

/* Whether the length of the body has one answer, for us and for whatever stands in front of us:
 * at most one Content-Length, or one "Transfer-Encoding: chunked" of HTTP/1.1 (`minor` 1). */
bool http_length_is_plain(const struct http_message *message, unsigned minor);

/* Whether there is exactly one Host; HTTP/1.0 may do without. RFC 9112 section 3.2. */
bool http_host_is_plain(const struct http_message *message, unsigned minor);

/* Sets path and query of `message` from its target. The decoded path is appended to `decoded`,
 * which must be empty and live as long as the message. ERR_BAD_REQUEST. RFC 9112 section 3.2. */
int http_resolve_target(struct http_message *message, struct buffer *decoded) MUST_USE;
