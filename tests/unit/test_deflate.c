/* The payloads of permessage-deflate, RFC 7692 section 7.2. Our writing is read back by plain
 * zlib, and what we read was written by plain zlib or stands in the RFC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "wire/deflate.h"

#define MAX 100000

/* Inflates a payload with the window of `window_bits` and nothing of ours. */
static size_t inflate_plainly(struct slice payload, int window_bits, char *out, size_t size) {
    z_stream stream = {0};
    struct buffer bytes = {0};
    buffer_append_slice(&bytes, payload);
    buffer_append(&bytes, "\x00\x00\xff\xff", 4);
    assert_int_equal(inflateInit2(&stream, -window_bits), Z_OK);
    stream.next_in = (Bytef *)bytes.data + bytes.start;
    stream.avail_in = (uInt)buffer_length(&bytes);
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)size;
    int result = inflate(&stream, Z_SYNC_FLUSH);
    assert_true(result == Z_OK || result == Z_BUF_ERROR);
    assert_int_equal(stream.avail_in, 0);
    size_t length = stream.total_out;
    inflateEnd(&stream);
    buffer_close(&bytes);
    return length;
}

static void expect_expanded(struct slice payload, struct slice expected) {
    struct inflater *inflater = inflater_new();
    struct buffer out = {0};
    buffer_append_string(&out, "kept");
    assert_int_equal(inflater_expand(inflater, payload, expected.length, &out), 0);
    buffer_consume(&out, 4);
    assert_true(slice_equal(buffer_slice(&out), expected) || expected.length == 0);
    assert_int_equal(buffer_length(&out), expected.length);
    buffer_close(&out);
    inflater_free(inflater);
}

static void expect_error(struct slice payload, size_t max, int error) {
    struct inflater *inflater = inflater_new();
    struct buffer out = {0};
    buffer_append_string(&out, "kept");
    assert_int_equal(inflater_expand(inflater, payload, max, &out), error);
    assert_true(slice_equal(buffer_slice(&out), SLICE("kept")));
    assert_int_equal(inflater_expand(inflater, SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00"), 5, &out), 0);
    assert_true(slice_equal(buffer_slice(&out), SLICE("keptHello")));
    buffer_close(&out);
    inflater_free(inflater);
}

/* Text with repetitions at all distances, and a part that does not compress. */
static void fill_text(struct rng *rng, char *text, size_t length) {
    size_t i = 0;
    while (i < length) {
        size_t run = 1 + rng_below(rng, 40);
        size_t back = i == 0 ? 0 : 1 + rng_below(rng, i);
        for (; run > 0 && i < length; run--, i++)
            text[i] = back > 0 && rng_below(rng, 30) ? text[i - back] : (char)rng_next(rng);
    }
}

static void what_we_compress_is_read_by_zlib_in_its_window(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 5, 275, 600, 1200, 40000, MAX};
    struct deflater *deflater = deflater_new();
    struct rng rng;
    char *text = malloc(MAX), *back = malloc(MAX);
    rng_seed(&rng, 1);
    for (int bits = 9; bits <= 15; bits++)
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct buffer out = {0};
            fill_text(&rng, text, lengths[i]);
            deflater_compress(deflater, bits, slice_from(text, lengths[i]), &out);
            size_t length = inflate_plainly(buffer_slice(&out), bits, back, MAX);
            assert_int_equal(length, lengths[i]);
            assert_memory_equal(back, text, length);
            buffer_close(&out);
        }
    free(text);
    free(back);
    deflater_free(deflater);
}

static void a_message_owes_nothing_to_the_one_before(void **state) {
    (void)state;
    struct deflater *deflater = deflater_new();
    struct buffer first = {0}, second = {0};
    struct slice message = SLICE("the same message, the same bytes, the same message");
    deflater_compress(deflater, 15, message, &first);
    deflater_compress(deflater, 10, message, &second);
    buffer_clear(&second);
    deflater_compress(deflater, 15, message, &second);
    assert_true(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    expect_expanded(buffer_slice(&second), message);
    buffer_close(&first);
    buffer_close(&second);
    deflater_free(deflater);
}

static void an_empty_message_is_one_zero_byte(void **state) {
    (void)state;
    struct deflater *deflater = deflater_new();
    struct buffer out = {0};
    deflater_compress(deflater, 15, SLICE(""), &out);
    assert_true(slice_equal(buffer_slice(&out), slice_from("", 1)));
    buffer_close(&out);
    deflater_free(deflater);
    expect_expanded(slice_from("", 1), SLICE(""));
    expect_expanded(SLICE(""), SLICE("")); /* what some senders write instead */
}

static void the_examples_of_the_rfc_are_read(void **state) {
    (void)state;
    expect_expanded(SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00"), SLICE("Hello"));
    expect_expanded(SLICE("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), SLICE("Hello"));
    expect_expanded(SLICE("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), SLICE("Hello"));
}

static void a_last_block_may_be_followed_by_more(void **state) {
    (void)state;
    expect_expanded(SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), SLICE("Hello")); /* 7.2.3.4 */
    expect_expanded(SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00"), SLICE("Hello")); /* without padding */
    expect_expanded(SLICE("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"),
                    SLICE("HelloHello"));
}

/* Each of them is a round; there once were so many that no room was left for what followed. */
static void very_many_last_blocks_come_to_an_end(void **state) {
    struct buffer payload = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        buffer_append(&payload, "\x03\x00", 2);
    }
    buffer_append(&payload, "\xf3\x48\xcd\xc9\xc9\x07\x00", 7);
    expect_expanded(buffer_slice(&payload), SLICE("Hello"));
    buffer_close(&payload);
}

static void a_stream_cut_short_is_an_error(void **state) {
    (void)state;
    struct slice hello = SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00");
    for (size_t length = 1; length < hello.length; length++)
        expect_error(slice_from(hello.data, length), MAX, ERR_PROTOCOL);
}

static void what_is_no_stream_is_an_error(void **state) {
    (void)state;
    expect_error(SLICE("\x07\xff"), MAX, ERR_PROTOCOL);                      /* no such block */
    expect_error(SLICE("\x00\x05\x00\x00\x00Hello\x00"), MAX, ERR_PROTOCOL); /* wrong complement */
    expect_error(SLICE("\x63\x04\x12\x00"), MAX, ERR_PROTOCOL); /* a distance before the start */
    expect_error(SLICE("\xf2\x48\xcd\xc9\xc9\x07\x00\xff\xff\xff"), MAX, ERR_PROTOCOL);
}

static void what_comes_out_is_capped(void **state) {
    (void)state;
    struct deflater *deflater = deflater_new();
    struct buffer bomb = {0};
    char *zeros = calloc(1, 4 * MAX);
    deflater_compress(deflater, 15, slice_from(zeros, 4 * MAX), &bomb);
    assert_true(buffer_length(&bomb) < 1000);
    expect_error(buffer_slice(&bomb), 4 * MAX - 1, ERR_TOO_LARGE);
    expect_error(buffer_slice(&bomb), 5, ERR_TOO_LARGE);
    expect_error(buffer_slice(&bomb), 0, ERR_TOO_LARGE);
    expect_expanded(buffer_slice(&bomb), slice_from(zeros, 4 * MAX));
    free(zeros);
    buffer_close(&bomb);
    deflater_free(deflater);
}

static void a_capped_message_takes_little_more_memory_than_the_cap(void **state) {
    (void)state;
    struct deflater *deflater = deflater_new();
    struct inflater *inflater = inflater_new();
    struct buffer bomb = {0}, out = {0};
    char *zeros = calloc(1, 4 * MAX);
    deflater_compress(deflater, 15, slice_from(zeros, 4 * MAX), &bomb);
    assert_int_equal(inflater_expand(inflater, buffer_slice(&bomb), 8000, &out), ERR_TOO_LARGE);
    assert_true(out.capacity <= 2 * 8001);
    free(zeros);
    buffer_close(&bomb);
    buffer_close(&out);
    inflater_free(inflater);
    deflater_free(deflater);
}

static void random_bytes_never_come_out_over_the_cap(void **state) {
    (void)state;
    struct inflater *inflater = inflater_new();
    struct rng rng;
    rng_seed(&rng, 1951);
    for (int round = 0; round < 20000; round++) {
        struct buffer out = {0};
        size_t length = rng_below(&rng, 60);
        char *payload = malloc(length + 1);
        rng_fill(&rng, payload, length);
        int result = inflater_expand(inflater, slice_from(payload, length), 100, &out);
        assert_true(result == 0 || result == ERR_PROTOCOL || result == ERR_TOO_LARGE);
        assert_true(buffer_length(&out) <= (result == 0 ? 100 : 0));
        free(payload);
        buffer_close(&out);
    }
    inflater_free(inflater);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_we_compress_is_read_by_zlib_in_its_window),
    cmocka_unit_test(a_message_owes_nothing_to_the_one_before),
    cmocka_unit_test(an_empty_message_is_one_zero_byte),
    cmocka_unit_test(the_examples_of_the_rfc_are_read),
    cmocka_unit_test(a_last_block_may_be_followed_by_more),
    cmocka_unit_test(very_many_last_blocks_come_to_an_end),
    cmocka_unit_test(a_stream_cut_short_is_an_error),
    cmocka_unit_test(what_is_no_stream_is_an_error),
    cmocka_unit_test(what_comes_out_is_capped),
    cmocka_unit_test(a_capped_message_takes_little_more_memory_than_the_cap),
    cmocka_unit_test(random_bytes_never_come_out_over_the_cap),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
