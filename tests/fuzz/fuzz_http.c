/* Messages of HTTP, as a server and as a client reads them: however they are cut in pieces, the
 * same is understood; what was understood of a request can be written down again in the plainest
 * way and means the same. The first byte says who reads, the second how the pieces are cut. */
#include "base/limits.h"
#include "base/text.h"
#include "fuzz.h"
#include "wire/http.h"

#define MAX_BODY 2000

/* http-parser takes a name that only begins like this for the header itself, and refuses a length
 * beside it. */
static bool is_framing(struct slice name) {
    struct slice transfer = SLICE("Transfer-Encoding");
    struct slice begin =
        slice_from(name.data, name.length < transfer.length ? name.length : transfer.length);

    return slice_equal_ignoring_case(name, SLICE("Content-Length")) ||
           slice_equal_ignoring_case(begin, transfer);
}

static bool has_break(struct slice text) {
    return slice_find(text, '\r') >= 0 || slice_find(text, '\n') >= 0 ||
           slice_find(text, '\0') >= 0;
}

static void check_message(enum http_role role, const struct http_message *message) {
    REQUIRE(message->header_count <= HTTP_HEADERS_MAX && message->body.length <= MAX_BODY);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct http_header *header = &message->headers[i];

        REQUIRE(header->name.length > 0 && !has_break(header->name) && !has_break(header->value));
        REQUIRE(slice_equal(slice_trim(header->value), header->value));
    }
    if (role == HTTP_SERVER) {
        REQUIRE(message->method.length > 0 && !has_break(message->target));
        REQUIRE(utf8_valid(message->path) && slice_find(message->path, '\0') < 0);
    }
}

static void note_message(struct buffer *trace, const struct http_message *message) {
    note(trace, "method", message->method);
    note(trace, "target", message->target);
    note(trace, "path", message->path);
    note(trace, "query", message->query);
    note_number(trace, "status", message->status);
    for (size_t i = 0; i < message->header_count; i++) {
        if (!is_framing(message->headers[i].name)) {
            note(trace, "header", message->headers[i].name);
            note(trace, "value", message->headers[i].value);
        }
    }
    note(trace, "body", message->body);
    note_number(trace, "minor", message->minor);
    note_number(trace, "kept alive", message->keep_alive);
}

/* The message without any way to say its length twice. */
static void write_plainly(struct buffer *out, const struct http_message *message) {
    buffer_append_slice(out, message->method);
    buffer_append_char(out, ' ');
    buffer_append_slice(out, message->target);
    buffer_append_format(out, " HTTP/1.%u\r\n", message->minor);
    for (size_t i = 0; i < message->header_count; i++) {
        if (!is_framing(message->headers[i].name)) {
            buffer_append_slice(out, message->headers[i].name);
            buffer_append_string(out, ": ");
            buffer_append_slice(out, message->headers[i].value);
            buffer_append_string(out, "\r\n");
        }
    }
    buffer_append_format(out, "Content-Length: %zu\r\n\r\n", message->body.length);
    buffer_append_slice(out, message->body);
}

static void check_again(const struct http_message *message) {
    struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
    struct buffer plain = {0}, first = {0}, second = {0};

    write_plainly(&plain, message);
    struct slice input = buffer_slice(&plain);
    bool fits = message->header_count < HTTP_HEADERS_MAX &&
                input.length - message->body.length <= LIMIT_HTTP_HEAD;

    if (fits) {
        REQUIRE(http_reader_feed(reader, &input) == 1 && input.length == 0);
        note_message(&first, message);
        note_message(&second, http_reader_message(reader));
        require_equal(buffer_slice(&first), buffer_slice(&second));
    }
    http_reader_free(reader);
    buffer_close(&plain);
    buffer_close(&first);
    buffer_close(&second);
}

/* Hands over one piece. False: nothing more is to be read. */
static bool read_piece(struct http_reader *reader, enum http_role role, struct slice piece,
                       bool again, struct buffer *trace) {
    char *own = own_bytes(piece);
    struct slice input = slice_from(own, piece.length);
    int result = 0;
    bool going = true;

    while (going && input.length > 0 && (result = http_reader_feed(reader, &input)) > 0) {
        const struct http_message *message = http_reader_message(reader);

        check_message(role, message);
        note_message(trace, message);
        note_number(trace, "upgrade", message->upgrade);
        /* A length and an upgrade may say different things of what follows. */
        if (again && role == HTTP_SERVER && !message->upgrade) {
            check_again(message);
        }
        going = !message->upgrade;
        http_reader_next(reader);
    }
    REQUIRE(result != 0 || input.length == 0);
    if (result < 0) {
        note_number(trace, "error", result);
        REQUIRE(http_reader_feed(reader, &input) == result);
    }
    free(own);
    return going && result >= 0;
}

static void read_by(enum http_role role, struct slice text, size_t step, struct buffer *trace) {
    struct http_reader *reader = http_reader_new(role, MAX_BODY);
    bool again = step == text.length;

    while (text.length > 0 && read_piece(reader, role, take_bytes(&text, step), again, trace)) {
    }
    note_number(trace, "in its body", http_reader_in_body(reader));
    http_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = slice_from(data, size);
    enum http_role role = take_byte(&text) % 4 == 1 ? HTTP_CLIENT : HTTP_SERVER;
    size_t step = 1 + take_byte(&text) % 64;
    struct buffer whole = {0}, pieces = {0};

    read_by(role, text, text.length, &whole);
    read_by(role, text, step, &pieces);
    require_equal(buffer_slice(&whole), buffer_slice(&pieces));
    buffer_close(&whole);
    buffer_close(&pieces);
    return 0;
}
