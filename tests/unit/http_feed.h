/* What the tests of HTTP share: handing a message over in pieces of every size, and a limit for
 * its body. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/http.h"

#define MAX_BODY 100

#define HOST "Host: h\r\n"
#define GET(headers) SLICE("GET / HTTP/1.1\r\n" HOST headers "\r\n")
#define POST(headers, body) SLICE("POST /r/x HTTP/1.1\r\n" HOST headers "\r\n" body)

static inline void assert_slice(struct slice s, const char *expected) {
    if (!slice_equal(s, slice_of_string(expected))) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARGS(s), expected);
    }
}

/* Hands over `step` bytes at a time, each piece in memory of its own, until there is a result.
 * Returns it and leaves what was not used in `*text`. */
static inline int feed(struct http_reader *reader, struct slice *text, size_t step) {
    int result = 0;

    while (result == 0 && text->length > 0) {
        size_t size = text->length < step ? text->length : step;
        char *piece = malloc(size);
        struct slice input = slice_from(piece, size);

        memcpy(piece, text->data, size);
        result = http_reader_feed(reader, &input);
        *text = slice_skip(*text, size - input.length);
        free(piece);
    }
    return result;
}

/* The result of a message, the same whatever the pieces are. */
static inline int result_of(enum http_role role, struct slice text) {
    const size_t steps[] = {1, 2, 3, 7, text.length};
    int first = 0;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct http_reader *reader = http_reader_new(role, MAX_BODY);
        struct slice rest = text;
        int result = feed(reader, &rest, steps[i]);

        first = i == 0 ? result : first;
        if (result != first) {
            fail_msg("%d by %zu bytes, but %d by single bytes: %.*s", result, steps[i], first,
                     SLICE_ARGS(text));
        }
        if (result < 0) {
            assert_int_equal(http_reader_feed(reader, &rest), result); /* it stays so */
        }
        http_reader_free(reader);
    }
    return first;
}

static inline void assert_result(struct slice text, int expected) {
    int result = result_of(HTTP_SERVER, text);

    if (result != expected) {
        fail_msg("%d instead of %d: %.*s", result, expected, SLICE_ARGS(text));
    }
}
