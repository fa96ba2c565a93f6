/* Reading HTTP messages. http-parser parses; this file feeds it so that every line passes the guard
 * (http_guard.h) first, keeps the limits, collects what the parser finds, and refuses what is legal
 * for the parser but ambiguous or useless here.
 *
 * Input is handed to the parser in segments: parts of one line, or parts of one run of body
 * bytes. Which of both comes next is the phase. The parser's callbacks move it on; a segment
 * never reaches past the place where it may change. Hence a message ends exactly at the end of a
 * segment, and what follows stays untouched in the input. */
#include "wire/http.h"

#include <assert.h>
#include <http_parser.h>

#include "base/limits.h"
#include "base/memory.h"
#include "wire/http_check.h"
#include "wire/http_guard.h"

#define CHUNK_LINE_MAX 256 /* bytes of a chunk's size and extensions, which are ignored */

static_assert(LIMIT_HTTP_HEAD <= UINT16_MAX, "places in a head fit 16 bits");

enum phase {
    PHASE_HEAD,
    PHASE_BODY, /* as many bytes as `remaining` */
    PHASE_CHUNK_SIZE,
    PHASE_CHUNK_DATA, /* as many bytes as `remaining` */
    PHASE_CHUNK_END,
    PHASE_TRAILER, /* headers behind the last chunk, which are ignored */
    PHASE_COMPLETE,
    PHASE_FAILED
};

/* A header while `head` may still move: places in it. */
struct span {
    uint16_t name_at, name_length, value_at, value_length;
};

struct http_reader {
    struct http_parser parser;
    struct http_guard guard;
    enum phase phase;
    size_t max_body;
    uint64_t remaining;
    size_t line_bytes;  /* of the head, chunk line or trailer so far */
    struct buffer head; /* the target, then names and values of headers, end to end */
    struct buffer path; /* decoded */
    struct buffer body;
    size_t target_length;
    struct span spans[HTTP_HEADERS_MAX];
    size_t span_count;
    bool in_value; /* the last header's value has begun */
    bool body_too_large, expects_continue;
    int error; /* what a callback found wrong */
    struct http_message message;
};

static struct http_reader *reader_of(http_parser *parser) {
    return parser->data;
}

/* Tells the parser to stop, and the reader why. */
static int fail_with(struct http_reader *reader, int error) {
    reader->error = error;
    return -1;
}

static int on_target(http_parser *parser, const char *at, size_t length) {
    struct http_reader *reader = reader_of(parser);

    buffer_append(&reader->head, at, length);
    reader->target_length += length;
    return 0;
}

static int on_header_name(http_parser *parser, const char *at, size_t length) {
    struct http_reader *reader = reader_of(parser);

    if (reader->phase != PHASE_HEAD) {
        return 0;
    }
    if (reader->span_count == 0 || reader->in_value) {
        if (reader->span_count == HTTP_HEADERS_MAX) {
            return fail_with(reader, ERR_TOO_LARGE);
        }
        reader->spans[reader->span_count++] =
            (struct span){.name_at = (uint16_t)buffer_length(&reader->head)};
        reader->in_value = false;
    }
    buffer_append(&reader->head, at, length);
    reader->spans[reader->span_count - 1].name_length += (uint16_t)length;
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t length) {
    struct http_reader *reader = reader_of(parser);
    struct span *span;

    if (reader->phase != PHASE_HEAD) {
        return 0;
    }
    span = &reader->spans[reader->span_count - 1];
    if (!reader->in_value) {
        span->value_at = (uint16_t)buffer_length(&reader->head);
        reader->in_value = true;
    }
    buffer_append(&reader->head, at, length);
    span->value_length += (uint16_t)length;
    return 0;
}

static void fill_headers(struct http_reader *reader) {
    struct http_message *message = &reader->message;
    struct slice head = buffer_slice(&reader->head);

    for (size_t i = 0; i < reader->span_count; i++) {
        const struct span *span = &reader->spans[i];

        message->headers[i].name = slice_from(head.data + span->name_at, span->name_length);
        message->headers[i].value =
            slice_trim(slice_from(head.data + span->value_at, span->value_length));
    }
    message->header_count = reader->span_count;
    message->target = slice_from(head.data, reader->target_length);
}

/* What becomes of the connection is decided here, by the head: a trailer has no say in it (RFC 9110
 * section 6.5.1). */
static void fill_rest(struct http_reader *reader) {
    struct http_message *message = &reader->message;
    const struct http_parser *parser = &reader->parser;
    bool connect = parser->type == HTTP_REQUEST && parser->method == HTTP_CONNECT;

    message->minor = parser->http_minor;
    message->status = parser->status_code;
    message->keep_alive = http_should_keep_alive(parser) != 0 && !connect;
    message->upgrade = parser->upgrade && !connect;
}

/* What only requests have. */
static int check_request(struct http_reader *reader) {
    struct http_message *message = &reader->message;
    const struct http_parser *parser = &reader->parser;

    if (!http_host_is_plain(message, parser->http_minor)) {
        return ERR_BAD_REQUEST;
    }
    message->method = slice_of_string(http_method_str((enum http_method)parser->method));
    reader->expects_continue =
        parser->http_minor == 1 && http_header_has(message, "Expect", "100-continue");
    if (parser->method == HTTP_CONNECT) {
        return 0; /* its target is a host; whoever looks at the method refuses it */
    }
    return http_resolve_target(message, &reader->path);
}

static int on_head_complete(http_parser *parser) {
    struct http_reader *reader = reader_of(parser);
    bool sized = parser->content_length != UINT64_MAX;

    fill_headers(reader);
    if (parser->http_major != 1 || parser->http_minor > 1 ||
        !http_length_is_plain(&reader->message, parser->http_minor)) {
        return fail_with(reader, ERR_BAD_REQUEST);
    }
    if (parser->type == HTTP_REQUEST) {
        int error = check_request(reader);

        if (error < 0) {
            return fail_with(reader, error);
        }
    }
    fill_rest(reader);
    if ((parser->flags & F_CHUNKED) != 0) {
        reader->phase = PHASE_CHUNK_SIZE;
        reader->remaining = 0;
        return 0;
    }
    if (sized && parser->content_length > reader->max_body) {
        reader->body_too_large = true;
        return fail_with(reader, ERR_TOO_LARGE);
    }
    reader->phase = PHASE_BODY;
    reader->remaining = parser->content_length;
    return 0;
}

static int on_chunk_head(http_parser *parser) {
    struct http_reader *reader = reader_of(parser);

    reader->remaining = parser->content_length;
    reader->phase = reader->remaining > 0 ? PHASE_CHUNK_DATA : PHASE_TRAILER;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t length) {
    struct http_reader *reader = reader_of(parser);

    if (length > reader->max_body - buffer_length(&reader->body)) {
        reader->body_too_large = true;
        return fail_with(reader, ERR_TOO_LARGE);
    }
    buffer_append(&reader->body, at, length);
    return 0;
}

static int on_complete(http_parser *parser) {
    struct http_reader *reader = reader_of(parser);

    reader->message.body = buffer_slice(&reader->body);
    reader->expects_continue = false;
    reader->phase = PHASE_COMPLETE;
    return 0;
}

static const http_parser_settings callbacks = {
    .on_url = on_target,
    .on_header_field = on_header_name,
    .on_header_value = on_header_value,
    .on_headers_complete = on_head_complete,
    .on_chunk_header = on_chunk_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

struct http_reader *http_reader_new(enum http_role role, size_t max_body) {
    struct http_reader *reader = memory_new_struct(struct http_reader);

    reader->max_body = max_body;
    http_parser_init(&reader->parser, role == HTTP_SERVER ? HTTP_REQUEST : HTTP_RESPONSE);
    reader->parser.data = reader;
    return reader;
}

void http_reader_free(struct http_reader *reader) {
    if (reader == NULL) {
        return;
    }
    buffer_close(&reader->head);
    buffer_close(&reader->path);
    buffer_close(&reader->body);
    memory_free(reader);
}

static bool in_body_bytes(const struct http_reader *reader) {
    return reader->phase == PHASE_BODY || reader->phase == PHASE_CHUNK_DATA;
}

static bool execute(struct http_reader *reader, struct slice segment) {
    size_t used = http_parser_execute(&reader->parser, &callbacks, segment.data, segment.length);

    return reader->error == 0 && HTTP_PARSER_ERRNO(&reader->parser) == HPE_OK &&
           used == segment.length;
}

static int feed_body(struct http_reader *reader, struct slice *input) {
    size_t size = input->length < reader->remaining ? input->length : (size_t)reader->remaining;

    if (!execute(reader, slice_from(input->data, size))) {
        return reader->error != 0 ? reader->error : ERR_BAD_REQUEST;
    }
    *input = slice_skip(*input, size);
    reader->remaining -= size;
    if (reader->phase == PHASE_CHUNK_DATA && reader->remaining == 0) {
        reader->phase = PHASE_CHUNK_END;
        http_guard_next(&reader->guard, HTTP_LINE_CHUNK_END);
    }
    return 0;
}

/* A line has ended: what the next one is. A line that was empty before the request changes
 * nothing. */
static void begin_line(struct http_reader *reader, enum phase before) {
    bool blank_before_start = reader->guard.kind == HTTP_LINE_START && reader->guard.length == 0;

    if (reader->phase == PHASE_CHUNK_END) {
        reader->phase = PHASE_CHUNK_SIZE;
    }
    if (reader->phase != before) {
        reader->line_bytes = 0;
    }
    if (reader->phase == PHASE_CHUNK_SIZE) {
        http_guard_next(&reader->guard, HTTP_LINE_CHUNK_SIZE);
    } else if (!blank_before_start) {
        http_guard_next(&reader->guard, HTTP_LINE_HEADER);
    }
}

/* Whatever is wrong first is the error, so that it does not depend on how the bytes arrive: what
 * comes before a byte that must not pass, or that is one too many, is parsed. */
static int feed_line(struct http_reader *reader, struct slice *input) {
    enum phase before = reader->phase;
    size_t limit = before == PHASE_CHUNK_SIZE ? CHUNK_LINE_MAX : LIMIT_HTTP_HEAD;
    size_t room = limit - reader->line_bytes;
    ptrdiff_t end = slice_find(*input, '\n');
    size_t length = end < 0 ? input->length : (size_t)end + 1;
    struct slice part = slice_from(input->data, length < room ? length : room);
    size_t passed = http_guard_pass(&reader->guard, part);

    /* Of nothing the parser would think that the connection has ended. */
    if (passed > 0 && !execute(reader, slice_from(part.data, passed))) {
        return reader->error != 0 ? reader->error : ERR_BAD_REQUEST;
    }
    if (passed < part.length) {
        return ERR_BAD_REQUEST;
    }
    if (part.length < length) {
        return ERR_TOO_LARGE;
    }
    reader->line_bytes += part.length;
    *input = slice_skip(*input, part.length);
    if (end >= 0) {
        begin_line(reader, before);
    }
    return 0;
}

int http_reader_feed(struct http_reader *reader, struct slice *input) {
    while (reader->phase < PHASE_COMPLETE && input->length > 0) {
        int error = in_body_bytes(reader) ? feed_body(reader, input) : feed_line(reader, input);

        if (error < 0) {
            reader->phase = PHASE_FAILED;
            reader->error = error;
        }
    }
    if (reader->phase == PHASE_FAILED) {
        return reader->error;
    }
    return reader->phase == PHASE_COMPLETE ? 1 : 0;
}

const struct http_message *http_reader_message(const struct http_reader *reader) {
    assert(reader->phase == PHASE_COMPLETE);
    return &reader->message;
}

bool http_reader_in_body(const struct http_reader *reader) {
    return reader->phase > PHASE_HEAD && reader->phase < PHASE_COMPLETE;
}

bool http_reader_body_too_large(const struct http_reader *reader) {
    return reader->body_too_large;
}

bool http_reader_take_expectation(struct http_reader *reader) {
    /* Who has begun to send the body has stopped waiting: RFC 9110 section 10.1.1. */
    bool waits = reader->expects_continue && buffer_length(&reader->body) == 0 &&
                 (in_body_bytes(reader) || reader->phase == PHASE_CHUNK_SIZE);

    reader->expects_continue = false;
    return waits;
}

void http_reader_next(struct http_reader *reader) {
    struct http_reader fresh = {.max_body = reader->max_body, .head = reader->head};

    /* The head's memory is small and kept; a body's may be large. */
    buffer_clear(&fresh.head);
    buffer_close(&reader->path);
    buffer_close(&reader->body);
    http_parser_init(&fresh.parser, (enum http_parser_type)reader->parser.type);
    *reader = fresh;
    reader->parser.data = reader;
}
