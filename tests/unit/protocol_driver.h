/* One connection of a protocol, driven as delivery does it: bytes in, requests and bytes out.
 * Everything can be fed whole or byte by byte; what comes out must not depend on it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "protocol/format.h"
#include "protocol/protocol.h"

#define MAX_MESSAGE 1000

struct driver {
    const struct protocol *protocol;
    struct protocol_settings settings;
    void *state;
    bool bytewise;
    struct buffer input;  /* not used yet */
    size_t offered;       /* of it: bytes that have "arrived" */
    struct buffer output; /* not checked yet */
    struct feed feed;     /* after the last call */
    struct slice address; /* where it comes from; none: 192.0.2.7 */
    bool secure;
};

static inline void driver_close(struct driver *driver) {
    driver->protocol->close(driver->state);
    memory_free(driver->state);
    driver->state = NULL;
}

static inline void driver_free(struct driver *driver) {
    driver_close(driver);
    buffer_close(&driver->input);
    buffer_close(&driver->output);
    inflater_free(driver->settings.inflater);
    deflater_free(driver->settings.deflater);
}

static inline void driver_open(struct driver *driver, const struct protocol *protocol,
                               const struct handover *handover) {
    driver->protocol = protocol;
    driver->state = memory_new(protocol->state_size);
    protocol->open(driver->state, &driver->settings, handover, &driver->output);
}

static inline void driver_init(struct driver *driver, const struct protocol *protocol,
                               const struct handover *handover, bool bytewise) {
    *driver = (struct driver){
        .bytewise = bytewise,
        .settings =
            {
                .max_message = MAX_MESSAGE,
                .ping_ms = 30000,
                .rate_per_minute = 20,
                .server = SLICE("banterd 0.1.0"),
                .inflater = inflater_new(),
                .deflater = deflater_new(),
            },
    };
    driver_open(driver, protocol, handover);
}

/* Uses up what was consumed, then calls feed until it says something else than "more", or all has
 * arrived. */
static inline enum feed_result driver_next(struct driver *driver) {
    for (;;) {
        size_t arrived = buffer_length(&driver->input);
        driver->offered = driver->bytewise ? driver->offered : arrived;
        driver->feed = (struct feed){
            .input = slice_from(buffer_slice(&driver->input).data, driver->offered),
            .output = &driver->output,
            .address = driver->address.length > 0 ? driver->address : SLICE("192.0.2.7"),
            .secure = driver->secure,
        };
        enum feed_result result =
            driver->protocol->feed(driver->state, &driver->settings, &driver->feed);
        assert_true(driver->feed.consumed <= driver->offered);
        buffer_consume(&driver->input, driver->feed.consumed);
        driver->offered -= driver->feed.consumed;
        if (result != FEED_MORE || driver->offered == buffer_length(&driver->input)) {
            return result;
        }
        driver->offered++;
    }
}

/* Answers that the protocol gives by itself are left in the output. */
static inline enum feed_result driver_next_request(struct driver *driver) {
    enum feed_result result;
    do {
        result = driver_next(driver);
    } while (result == FEED_AGAIN);
    return result;
}

static inline void driver_reply(struct driver *driver, const struct reply *reply) {
    driver->protocol->reply(driver->state, &driver->settings, reply, &driver->output);
}

/* A frame as a client sends it, final unless `first` says otherwise. */
static inline void driver_frame(struct driver *driver, unsigned first, struct slice payload) {
    static const char mask[4] = {0x37, (char)0xfa, 0x21, 0x3d};
    struct buffer *input = &driver->input;
    buffer_append_char(input, (char)first);
    if (payload.length < 126) {
        buffer_append_char(input, (char)(0x80 | payload.length));
    } else {
        assert_true(payload.length < 65536);
        buffer_append_char(input, (char)(0x80 | 126));
        buffer_append_char(input, (char)(payload.length >> 8));
        buffer_append_char(input, (char)payload.length);
    }
    buffer_append(input, mask, sizeof(mask));
    for (size_t i = 0; i < payload.length; i++) {
        buffer_append_char(input, (char)(payload.data[i] ^ mask[i % 4]));
    }
}

static inline void driver_text(struct driver *driver, const char *text) {
    driver_frame(driver, 0x81, slice_of_string(text));
}

/* Takes the next frame off a server's bytes; `first` is its first byte. */
static inline struct slice take_frame(struct buffer *bytes, unsigned first) {
    const uint8_t *head = (const uint8_t *)buffer_slice(bytes).data;
    size_t size = 2;
    assert_true(buffer_length(bytes) >= 2);
    assert_int_equal(head[0], first);
    assert_int_equal(head[1] & 0x80, 0); /* a server does not mask */
    size_t length = head[1];
    if (length == 126) {
        length = (size_t)head[2] << 8 | head[3];
        size = 4;
    } else if (length == 127) {
        length = 0;
        for (size_t i = 2; i < 10; i++) {
            length = length << 8 | head[i];
        }
        size = 10;
    }
    assert_true(buffer_length(bytes) >= size + length);
    struct slice payload = slice_from(head + size, length);
    buffer_consume(bytes, size + length);
    return payload;
}

#define assert_slice_equal(actual, expected) check_slice((actual), (expected), __FILE__, __LINE__)

static inline void check_slice(struct slice actual, const char *expected, const char *file,
                               int line) {
    if (!slice_equal(actual, slice_of_string(expected))) {
        fprintf(stderr, "is:       %.*s\nshall be: %s\n", SLICE_ARGS(actual), expected);
        _fail(file, line);
    }
}

#define expect_text(driver, expected)                                                              \
    assert_slice_equal(take_frame(&(driver)->output, 0x81), (expected))

static inline void expect_nothing(struct driver *driver) {
    assert_int_equal(buffer_length(&driver->output), 0);
}

static inline void expect_close(struct driver *driver, unsigned code, const char *reason) {
    struct slice payload = take_frame(&driver->output, 0x88);
    assert_true(payload.length >= 2);
    assert_int_equal((uint8_t)payload.data[0] << 8 | (uint8_t)payload.data[1], code);
    assert_slice_equal(slice_skip(payload, 2), reason);
    expect_nothing(driver);
}

static inline void expect_quit(struct driver *driver, unsigned code, bool lost) {
    assert_int_equal(driver_next_request(driver), FEED_REQUEST);
    assert_int_equal(driver->feed.request.kind, REQUEST_QUIT);
    assert_int_equal(driver->feed.request.close_code, code);
    assert_int_equal(driver->feed.request.lost, lost);
}

/* 2026-02-13T10:30:45.123456Z */
#define SOME_TIME INT64_C(1770978645123456)
#define SOME_TIMESTAMP "2026-02-13T10:30:45.123456Z"
#define SOME_ID "01JM0000000000000000000042"

static inline struct entry *make_entry(uint64_t seq, struct entry_body body) {
    return entry_new(&body, seq, SOME_TIME, SOME_ID);
}

/* The words of an encoding for an entry or signal, framed; whether there are any. */
static inline bool render_entry_in(struct driver *driver, struct encoding encoding,
                                   const char *room, struct entry *entry) {
    struct effect show = {
        .kind = EFFECT_SHOW_ENTRY,
        .room = slice_of_string(room),
        .show = {.entry = entry, .author = SIDE_PUBLIC},
    };
    return render_entry(encoding, &show, driver->settings.deflater, &driver->output);
}

static inline bool render_signal_in(struct driver *driver, struct encoding encoding,
                                    const char *room, struct signal *signal) {
    struct effect show = {
        .kind = EFFECT_SHOW_SIGNAL,
        .room = slice_of_string(room),
        .signal = signal,
    };
    return render_signal(encoding, &show, driver->settings.deflater, &driver->output);
}

/* Two tests: fed whole, and byte by byte; `*state` is the flag `bytewise`. */
#define FED_BOTH_WAYS(test)                                                                        \
    {#test "_whole", test, NULL, NULL, &(bool){false}}, {                                          \
#test "_byte_by_byte", test, NULL, NULL, &(bool) {                                         \
            true                                                                                   \
        }                                                                                          \
    }
