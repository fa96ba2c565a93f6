/* HTTP/1.1 requests and responses over http-parser, sans I/O. One request at a time; the body is
 * collected whole up to a limit. Stricter than the parser: what two readers of a request could
 * understand differently is refused (bare CR or LF, folded headers, a Content-Length twice or
 * beside a Transfer-Encoding, any coding but chunked, HTTP/1.1 without exactly one Host, a path
 * that is not UTF-8 or holds a zero). Only http*.c include http_parser.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define HTTP_HEADERS_MAX 64

struct http_header {
    struct slice name, value; /* trimmed */
};

/* A parsed request or response. Slices live until http_reader_next. */
struct http_message {
    struct slice method; /* "GET"; of a request */
    struct slice target; /* as sent: "/r/ops?after=3" */
    struct slice path;   /* percent-decoded, without query */
    struct slice query;  /* undecoded */
    unsigned status;     /* of a response */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    struct slice body;
    unsigned minor; /* of HTTP/1.x */
    bool keep_alive;
    bool upgrade; /* the connection leaves HTTP after this message; unread input is not HTTP */
};

struct http_reader;

enum http_role { HTTP_SERVER, HTTP_CLIENT };

/* `max_body` bytes; the head is limited to LIMIT_HTTP_HEAD. */
struct http_reader *http_reader_new(enum http_role role, size_t max_body);
void http_reader_free(struct http_reader *reader);

/* Reads from the front of `*input` (advances it). 1: a message is complete, http_reader_message has
 * it; 0: more is needed; ERR_TOO_LARGE: head or body over the limit; ERR_BAD_REQUEST: not HTTP.
 * After an error the reader is of no use. */
int http_reader_feed(struct http_reader *reader, struct slice *input) MUST_USE;
const struct http_message *http_reader_message(const struct http_reader *reader);
/* Whether the head of the message is complete, and the rest is not. */
bool http_reader_in_body(const struct http_reader *reader);
/* Whether the body was too large rather than the head (413 rather than 431). */
bool http_reader_body_too_large(const struct http_reader *reader);
/* Whether the client waits for "100 Continue"; true once. */
bool http_reader_take_expectation(struct http_reader *reader);
void http_reader_next(struct http_reader *reader); /* ready for the next message */

/* The value of a header, ignoring case; data NULL when absent. Several of one name: the first. */
struct slice http_header(const struct http_message *message, const char *name);
/* Whether a comma-separated header contains `token`, ignoring case. */
bool http_header_has(const struct http_message *message, const char *name, const char *token);
/* The decoded value of a query (or form) parameter, appended to `out`. False when absent. `+` is a
 * space. A % without two hexadecimal digits stands for itself, as in browsers. The value may be any
 * bytes: not checked for UTF-8. */
bool http_query(struct slice query, const char *name, struct buffer *out);
/* The same for a parameter that may come several times: advances `*query` past it. */
bool http_query_next(struct slice *query, const char *name, struct buffer *out);

/* Appends a whole response with Content-Length, Date-less, with the security headers every answer
 * of ours has. `extra` is zero or more complete header lines, each ending in CR LF; `type` may be
 * NULL for no body. `head_only`: answer to HEAD. */
void http_append_response(struct buffer *out, unsigned status, const char *type, struct slice extra,
                          struct slice body, bool keep_alive, bool head_only);
/* Appends the head of a 200 whose body has no end but that of the connection. */
void http_append_stream_head(struct buffer *out, const char *type, struct slice extra);
const char *http_status_text(unsigned status);
