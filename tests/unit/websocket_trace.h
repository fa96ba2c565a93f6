/* Reading frames in tests. Every case is fed whole, byte by byte, and cut in two at each position;
 * what comes out must not depend on it. The frames are made by an encoder of their own, and what
 * comes out is written down as text:
 *
 *     text(Hello) binary(...) ping(...) pong(...) close(1000,bye) fail(1002)
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/websocket.h"

#define FIN 0x80
#define RSV1 0x40
#define RSV2 0x20
#define RSV3 0x10
#define MAX_MESSAGE 70000

struct setting {
    bool client, deflate;
};

static const struct setting server = {.client = false};
static const struct setting server_deflate = {.deflate = true};

enum length_form { LENGTH_SHORTEST, LENGTH_16, LENGTH_64 };

static inline void append_length(struct buffer *out, uint8_t masked, uint64_t length,
                                 enum length_form form) {
    unsigned bytes = form == LENGTH_16 ? 2 : form == LENGTH_64 ? 8 : 0;
    if (form == LENGTH_SHORTEST && length >= 126)
        bytes = length < 65536 ? 2 : 8;
    buffer_append_char(out, (char)(masked | (bytes == 0 ? length : bytes == 2 ? 126 : 127)));
    while (bytes-- > 0)
        buffer_append_char(out, (char)(length >> 8 * bytes));
}

/* A frame as a client sends it. */
static inline void frame(struct buffer *out, unsigned first, struct slice payload) {
    static const char mask[4] = {0x37, (char)0xfa, 0x21, 0x3d};
    buffer_append_char(out, (char)first);
    append_length(out, 0x80, payload.length, LENGTH_SHORTEST);
    buffer_append(out, mask, sizeof mask);
    for (size_t i = 0; i < payload.length; i++)
        buffer_append_char(out, (char)(payload.data[i] ^ mask[i % 4]));
}

static inline void frame_string(struct buffer *out, unsigned first, const char *payload) {
    frame(out, first, slice_of_string(payload));
}

static inline void note_event(struct buffer *trace, const struct websocket_decoder *decoder,
                              enum websocket_event event) {
    static const char *const names[] = {[WEBSOCKET_TEXT] = "text",
                                        [WEBSOCKET_BINARY] = "binary",
                                        [WEBSOCKET_PING] = "ping",
                                        [WEBSOCKET_PONG] = "pong",
                                        [WEBSOCKET_CLOSE] = "close"};
    if (event == WEBSOCKET_FAILED) {
        buffer_append_format(trace, "fail(%u) ", decoder->fail_code);
        return;
    }
    buffer_append_format(trace, "%s(", names[decoder->event_opcode]);
    if (decoder->event_opcode == WEBSOCKET_CLOSE)
        buffer_append_format(trace, "%u,", decoder->close_code);
    for (size_t i = 0; i < decoder->payload.length; i++)
        buffer_append_string(trace, decoder->payload.data[i] == '\0'
                                        ? "\\0"
                                        : (char[]){decoder->payload.data[i], '\0'});
    buffer_append_string(trace, ") ");
}

/* Feeds `bytes` from memory of their own, so that reading past them is noticed. Returns whether it
 * goes on. */
static inline bool feed(struct websocket_decoder *decoder, struct inflater *inflater,
                        struct slice bytes, struct buffer *trace) {
    char *copy = malloc(bytes.length > 0 ? bytes.length : 1);
    enum websocket_event event;
    assert_non_null(copy);
    if (bytes.length > 0)
        memcpy(copy, bytes.data, bytes.length);
    struct slice input = {copy, bytes.length};
    do {
        event = websocket_decode(decoder, inflater, &input);
        if (event != WEBSOCKET_MORE)
            note_event(trace, decoder, event);
    } while (event != WEBSOCKET_MORE && event != WEBSOCKET_FAILED);
    assert_int_equal(input.length, 0);
    free(copy);
    return event == WEBSOCKET_MORE;
}

/* What the decoder makes of `bytes` when they come as [0, first), then in pieces of `step`. */
static inline struct buffer decode_pieces(struct setting setting, struct slice bytes, size_t first,
                                          size_t step) {
    struct websocket_decoder decoder = {0};
    struct inflater *inflater = setting.deflate ? inflater_new() : NULL;
    struct buffer trace = {0};
    websocket_decoder_init(&decoder, !setting.client, setting.deflate, MAX_MESSAGE);
    bool goes_on = feed(&decoder, inflater, slice_from(bytes.data, first), &trace);
    for (size_t at = first; goes_on && at < bytes.length; at += step) {
        size_t length = bytes.length - at < step ? bytes.length - at : step;
        goes_on = feed(&decoder, inflater, slice_from(bytes.data + at, length), &trace);
    }
    websocket_decoder_close(&decoder);
    inflater_free(inflater);
    buffer_append_char(&trace, '\0');
    return trace;
}

static inline void expect_pieces(struct setting setting, struct slice bytes, size_t first,
                                 size_t step, const char *expected) {
    struct buffer trace = decode_pieces(setting, bytes, first, step);
    assert_string_equal(buffer_slice(&trace).data, expected);
    buffer_close(&trace);
}

/* `expected` ends in a space when it is not empty. Takes the bytes. */
static inline void expect_from(struct setting setting, struct buffer *take, const char *expected) {
    struct slice bytes = buffer_slice(take);
    expect_pieces(setting, bytes, bytes.length, 1, expected);
    expect_pieces(setting, bytes, 0, 1, expected);
    for (size_t at = 1; at < bytes.length && bytes.length < 2000; at++)
        expect_pieces(setting, bytes, at, bytes.length, expected);
    buffer_close(take);
}

static inline void expect(struct buffer *take, const char *expected) {
    expect_from(server, take, expected);
}

static inline void expect_frame(struct setting setting, unsigned first, struct slice payload,
                                const char *expected) {
    struct buffer bytes = {0};
    frame(&bytes, first, payload);
    expect_from(setting, &bytes, expected);
}

static inline void expect_raw(struct setting setting, struct slice raw, const char *expected) {
    struct buffer bytes = {0};
    buffer_append_slice(&bytes, raw);
    expect_from(setting, &bytes, expected);
}
