/* Compressed messages. Whatever arrives, no more comes out than was allowed, and nothing at all of
 * what is broken; whatever we compress is what it was. The first byte says how much is allowed and
 * which window is used. */
#include "fuzz.h"
#include "wire/deflate.h"

#define KEPT SLICE("what was there before")

static int expand(struct inflater *inflater, struct slice payload, size_t max,
                  struct buffer *message) {
    struct buffer out = {0};

    buffer_append_slice(&out, KEPT);
    int error = inflater_expand(inflater, payload, max, &out);
    struct slice all = buffer_slice(&out);

    REQUIRE(slice_starts_with(all, KEPT) && all.length <= KEPT.length + max);
    REQUIRE(error == 0 || all.length == KEPT.length);
    buffer_clear(message);
    buffer_append_slice(message, slice_skip(all, KEPT.length));
    buffer_close(&out);
    return error;
}

static void check_payload(struct inflater *inflater, struct slice payload, size_t max) {
    struct buffer message = {0}, other = {0};
    int error = expand(inflater, payload, max, &message);

    REQUIRE(error == 0 || error == ERR_PROTOCOL || error == ERR_TOO_LARGE);
    if (error == 0) {
        size_t length = buffer_length(&message);

        /* A higher cap changes nothing; the lowest that will do is the exact one. */
        REQUIRE(expand(inflater, payload, max + 1000, &other) == 0);
        require_equal(buffer_slice(&message), buffer_slice(&other));
        REQUIRE(expand(inflater, payload, length, &other) == 0);
        REQUIRE(length == 0 || expand(inflater, payload, length - 1, &other) == ERR_TOO_LARGE);
    }
    buffer_close(&message);
    buffer_close(&other);
}

static void check_message(struct inflater *inflater, struct slice text, int window_bits) {
    struct deflater *deflater = deflater_new();
    struct buffer payload = {0}, message = {0};

    for (int i = 0; i < 2; i++) { /* the same again: no context is taken over */
        buffer_clear(&payload);
        deflater_compress(deflater, window_bits, text, &payload);
        REQUIRE(expand(inflater, buffer_slice(&payload), text.length, &message) == 0);
        require_equal(buffer_slice(&message), text);
    }
    deflater_free(deflater);
    buffer_close(&payload);
    buffer_close(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);
    unsigned choice = take_byte(&input);
    struct inflater *inflater = inflater_new();
    char *own = own_bytes(input);

    check_payload(inflater, slice_from(own, input.length), (size_t)1 << (choice & 15));
    /* What was broken before leaves nothing behind. */
    check_message(inflater, input, 9 + (int)(choice >> 4) % 7);
    inflater_free(inflater);
    free(own);
    return 0;
}
