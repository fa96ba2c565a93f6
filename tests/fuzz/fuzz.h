/* What the fuzz targets share. A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput: built by
 * clang it is driven by libFuzzer (`make fuzz`), built by any compiler with corpus.c it is a test
 * that reads what lies in corpus/NAME once. The same input must always do the same. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, also where asserts are compiled out. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A part of a text around a place in it, for people. */
static inline void show_around(struct slice text, size_t place) {
    struct slice part = slice_skip(text, place > 40 ? place - 40 : 0);

    fprintf(stderr, "    of %zu bytes, at %zu: ", text.length, place);
    for (size_t i = 0; i < part.length && i < 120; i++) {
        unsigned char c = (unsigned char)part.data[i];

        fprintf(stderr, c >= ' ' && c < 0x7f ? "%c" : "\\x%02x", c);
    }
    fputc('\n', stderr);
}

/* The two must be equal; shows where they are not. */
static inline void require_equal(struct slice left, struct slice right) {
    size_t same = 0;

    if (slice_equal(left, right)) {
        return;
    }
    while (same < left.length && same < right.length && left.data[same] == right.data[same]) {
        same++;
    }
    fprintf(stderr, "these differ:\n");
    show_around(left, same);
    show_around(right, same);
    abort();
}

/* The next byte of the input, 0 behind its end. */
static inline unsigned take_byte(struct slice *input) {
    unsigned byte = input->length > 0 ? (unsigned char)input->data[0] : 0;

    *input = slice_skip(*input, 1);
    return byte;
}

/* As many of the next bytes as there are, but no more than `length`. */
static inline struct slice take_bytes(struct slice *input, size_t length) {
    struct slice bytes = slice_from(input->data, length < input->length ? length : input->length);

    *input = slice_skip(*input, bytes.length);
    return bytes;
}

/* The same bytes in memory of exactly their size, so that reading past them is noticed. */
static inline char *own_bytes(struct slice bytes) {
    char *own = malloc(bytes.length);

    REQUIRE(own != NULL || bytes.length == 0);
    if (bytes.length > 0) {
        memcpy(own, bytes.data, bytes.length);
    }
    return own;
}

/* Writes one thing that was understood, so that two readings of the same can be compared. */
static inline void note(struct buffer *trace, const char *what, struct slice text) {
    buffer_append_format(trace, "%s[%zu] ", what, text.length);
    buffer_append_slice(trace, text);
    buffer_append_char(trace, '\n');
}

static inline void note_number(struct buffer *trace, const char *what, int64_t number) {
    buffer_append_format(trace, "%s %lld\n", what, (long long)number);
}
