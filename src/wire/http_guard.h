/* What HTTP parsers forgive and a proxy in front may read differently: bare CR or LF, folded
 * headers, white space before a colon, and the like. Requests that are smuggled past a proxy are
 * made of these, so each line of HTTP (not the bodies) passes here before the parser sees it.
 * RFC 9112 sections 2.2, 5 and 7.1. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

enum http_line {
    HTTP_LINE_START,      /* request or status line; empty lines before it are passed over */
    HTTP_LINE_HEADER,     /* a header, or the empty line that ends them */
    HTTP_LINE_CHUNK_SIZE, /* what announces a chunk */
    HTTP_LINE_CHUNK_END   /* the empty line behind a chunk */
};

/* One line as it arrives. A zeroed struct is at the start of a HTTP_LINE_START. */
struct http_guard {
    enum http_line kind;
    size_t length; /* bytes of the line so far */
    bool named;    /* of a header: its colon was passed */
    bool cr;       /* the last byte was CR */
};

/* How many bytes at the beginning of one line, or of a part of one, up to and including its LF, may
 * pass: all of them, or those before one that must not. Then the guard is of no further use. */
size_t http_guard_pass(struct http_guard *guard, struct slice part) MUST_USE;

/* The next line begins. */
void http_guard_next(struct http_guard *guard, enum http_line kind);
