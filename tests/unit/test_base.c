/* Buffers, slices, blobs, lists, random numbers, error words and timestamps. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/blob.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/list.h"
#include "base/rng.h"
#include "base/timestamp.h"

static void assert_slice(struct slice s, const char *expected) {
    if (!slice_equal(s, slice_of_string(expected))) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARGS(s), expected);
    }
}

static void a_zeroed_buffer_is_empty_and_usable(void **state) {
    struct buffer buffer = {0};

    (void)state;
    assert_int_equal(buffer_length(&buffer), 0);
    assert_int_equal(buffer_slice(&buffer).length, 0);
    buffer_append(&buffer, NULL, 0);
    buffer_consume(&buffer, 0);
    buffer_truncate(&buffer, 0);
    assert_null(buffer.data);
    assert_non_null(buffer_reserve(&buffer, 0));
    buffer_append_string(&buffer, "abc");
    buffer_close(&buffer);
    assert_null(buffer.data);
    buffer_append_string(&buffer, "d");
    assert_slice(buffer_slice(&buffer), "d");
    buffer_close(&buffer);
    buffer_close(&buffer);
}

static void a_buffer_gives_back_what_was_written_in_order(void **state) {
    struct buffer buffer = {0};
    struct rng rng;
    uint8_t next_in = 0, next_out = 0;

    (void)state;
    rng_seed(&rng, 3);
    for (unsigned step = 0; step < 20000; step++) {
        size_t size = (size_t)rng_below(&rng, 300);

        if (rng_below(&rng, 2) == 0) {
            char *to = buffer_reserve(&buffer, size + 5);

            for (size_t i = 0; i < size; i++) {
                to[i] = (char)next_in++;
            }
            buffer_commit(&buffer, size);
        } else {
            size = size < buffer_length(&buffer) ? size : buffer_length(&buffer);
            for (size_t i = 0; i < size; i++) {
                assert_int_equal((uint8_t)buffer_slice(&buffer).data[i], next_out++);
            }
            buffer_consume(&buffer, size);
        }
    }
    buffer_close(&buffer);
}

static void a_buffer_that_is_read_as_it_is_written_does_not_grow(void **state) {
    struct buffer buffer = {0};

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        buffer_append_string(&buffer, "0123456789");
        if (i >= 10) {
            assert_slice(slice_from(buffer_slice(&buffer).data, 10), "0123456789");
            buffer_consume(&buffer, 10);
        }
    }
    assert_true(buffer.capacity <= 512);
    buffer_close(&buffer);
}

static void truncating_drops_the_end_only(void **state) {
    struct buffer buffer = {0};

    (void)state;
    buffer_append_string(&buffer, "0123456789");
    buffer_consume(&buffer, 2);
    buffer_truncate(&buffer, 3);
    assert_slice(buffer_slice(&buffer), "234");
    buffer_append_char(&buffer, 'x');
    assert_slice(buffer_slice(&buffer), "234x");
    buffer_clear(&buffer);
    assert_slice(buffer_slice(&buffer), "");
    buffer_close(&buffer);
}

static void numbers_and_formats_are_appended_whole(void **state) {
    struct buffer buffer = {0};

    (void)state;
    buffer_append_u64(&buffer, 0);
    buffer_append_char(&buffer, ' ');
    buffer_append_u64(&buffer, 10);
    buffer_append_char(&buffer, ' ');
    buffer_append_u64(&buffer, UINT64_MAX);
    assert_slice(buffer_slice(&buffer), "0 10 18446744073709551615");
    for (int width = 1; width < 400; width++) {
        buffer_clear(&buffer);
        buffer_append_format(&buffer, "%*s|", width, "x");
        assert_int_equal(buffer_length(&buffer), width + 1);
        assert_int_equal(buffer_slice(&buffer).data[width], '|');
    }
    buffer_append_format(&buffer, "%s", "");
    buffer_close(&buffer);
}

static void slices_are_compared_bytewise(void **state) {
    (void)state;
    assert_true(slice_equal(SLICE_NONE, SLICE("")));
    assert_false(slice_equal(SLICE("a"), SLICE("A")));
    assert_true(slice_equal_ignoring_case(SLICE("Sec-WebSocket[@"), SLICE("sEC-wEBsOCKET[@")));
    assert_false(slice_equal_ignoring_case(SLICE("["), SLICE("{")));
    assert_false(slice_equal_ignoring_case(SLICE("a"), SLICE("ab")));
    assert_true(slice_compare(SLICE("a"), SLICE("b")) < 0);
    assert_true(slice_compare(SLICE("ab"), SLICE("a")) > 0);
    assert_true(slice_compare(SLICE("\x7f"), SLICE("\x80")) < 0);
    assert_int_equal(slice_compare(SLICE_NONE, SLICE("")), 0);
    assert_true(slice_starts_with(SLICE("abc"), SLICE("ab")));
    assert_true(slice_starts_with(SLICE_NONE, SLICE("")));
    assert_false(slice_starts_with(SLICE("a"), SLICE("ab")));
    assert_int_equal(slice_of_string(NULL).length, 0);
}

static void slices_are_cut_and_trimmed(void **state) {
    struct slice rest = SLICE("a,,b");

    (void)state;
    assert_slice(slice_cut(&rest, ','), "a");
    assert_slice(slice_cut(&rest, ','), "");
    assert_non_null(rest.data);
    assert_slice(slice_cut(&rest, ','), "b");
    assert_null(rest.data);
    assert_slice(slice_cut(&rest, ','), "");
    rest = SLICE("a,");
    assert_slice(slice_cut(&rest, ','), "a");
    assert_non_null(rest.data); /* something, though empty, follows the separator */
    assert_slice(slice_trim(SLICE(" \t\r\n\v\f x y \n")), "x y");
    assert_slice(slice_trim(SLICE("  ")), "");
    assert_slice(slice_trim(SLICE("\xc2\xa0x")), "\xc2\xa0x");
    assert_slice(slice_skip(SLICE("abc"), 2), "c");
    assert_slice(slice_skip(SLICE("abc"), 9), "");
    assert_slice(slice_skip(SLICE_NONE, 9), "");
    assert_int_equal(slice_find(SLICE("abcb"), 'b'), 1);
    assert_int_equal(slice_find(SLICE("abc"), 'x'), -1);
    assert_int_equal(slice_find(SLICE_NONE, 'x'), -1);
}

static void only_digits_that_fit_make_a_number(void **state) {
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "0x1",
                                      "1.0",
                                      "18446744073709551616",
                                      "99999999999999999999999999"};
    uint64_t value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(slice_to_u64(slice_of_string(bad[i]), &value));
        assert_int_equal(value, 7);
    }
    assert_true(slice_to_u64(SLICE("0"), &value));
    assert_int_equal(value, 0);
    assert_true(slice_to_u64(SLICE("0042"), &value));
    assert_int_equal(value, 42);
    assert_true(slice_to_u64(SLICE("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
}

static void a_blob_lives_as_long_as_its_last_reference(void **state) {
    struct blob *blob = blob_new(SLICE("bytes"));
    struct blob *empty = blob_new(SLICE_NONE);

    (void)state;
    assert_ptr_equal(blob_ref(blob), blob);
    blob_unref(blob);
    assert_slice(blob_slice(blob), "bytes");
    blob_unref(blob);
    assert_slice(blob_slice(empty), "");
    blob_unref(empty);
    blob_unref(NULL);
}

static void a_list_keeps_its_order_through_removals(void **state) {
    struct list list = {0};
    struct list_node nodes[4] = {0};

    (void)state;
    assert_true(list_empty(&list));
    assert_null(list_take_first(&list));
    list_append(&list, &nodes[0]);
    list_append(&list, &nodes[1]);
    list_append(&list, &nodes[2]);
    list_append(&list, &nodes[3]);
    list_remove(&list, &nodes[2]);
    assert_null(nodes[2].next);
    assert_null(nodes[2].previous);
    list_remove(&list, &nodes[3]);
    list_append(&list, &nodes[2]);
    assert_ptr_equal(list_take_first(&list), &nodes[0]);
    assert_ptr_equal(list_take_first(&list), &nodes[1]);
    assert_ptr_equal(list_take_first(&list), &nodes[2]);
    assert_true(list_empty(&list));
    assert_null(list.last);
}

/* Computed with the authors' reference implementations of splitmix64 and xoshiro256**. */
static void a_seed_always_gives_the_same_numbers(void **state) {
    struct rng rng, other;
    uint8_t filled[11];
    uint64_t word;

    (void)state;
    rng_seed(&rng, 0);
    assert_true(rng.state[0] == UINT64_C(0xe220a8397b1dcdaf)); /* the first outputs of splitmix64 */
    assert_true(rng.state[1] == UINT64_C(0x6e789e6aa1b965f4));
    rng = (struct rng){{1, 2, 3, 4}};
    assert_true(rng_next(&rng) == 11520); /* the published test vector of xoshiro256** */
    assert_true(rng_next(&rng) == 0);
    assert_true(rng_next(&rng) == 1509978240);
    assert_true(rng_next(&rng) == UINT64_C(1215971899390074240));
    other = rng;
    rng_fill(&rng, filled, sizeof(filled));
    word = rng_next(&other);
    assert_memory_equal(filled, &word, sizeof(word));
}

static void numbers_below_a_bound_reach_all_of_it_and_no_more(void **state) {
    struct rng rng;
    unsigned counts[7] = {0};

    (void)state;
    rng_seed(&rng, 9);
    for (unsigned i = 0; i < 7000; i++) {
        uint64_t value = rng_below(&rng, 7);

        assert_true(value < 7);
        counts[value]++;
        assert_int_equal(rng_below(&rng, 1), 0);
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_in_range(counts[i], 850, 1150);
    }
}

static void every_error_has_the_word_of_the_protocol(void **state) {
    (void)state;
    assert_string_equal(error_code(ERR_BAD_REQUEST), "bad_request");
    assert_string_equal(error_code(ERR_TOO_LARGE), "too_large");
    assert_string_equal(error_code(ERR_UNAUTHORIZED), "unauthorized");
    assert_string_equal(error_code(ERR_FORBIDDEN), "forbidden");
    assert_string_equal(error_code(ERR_NOT_FOUND), "not_found");
    assert_string_equal(error_code(ERR_NAME_TAKEN), "name_taken");
    assert_string_equal(error_code(ERR_RATE_LIMITED), "rate_limited");
    assert_string_equal(error_code(ERR_CID_REUSED), "cid_reused");
    assert_string_equal(error_code(ERR_TOO_MANY), "too_many");
    assert_string_equal(error_code(ERR_UNAVAILABLE), "unavailable");
    assert_string_equal(error_code(ERR_INTERNAL), "internal");
    assert_string_equal(error_text(ERR_BAD_REQUEST), "Invalid message format");
    assert_string_equal(error_text(ERR_RATE_LIMITED), "Rate limit exceeded");
    for (int error = -20; error <= 3; error++) {
        assert_true(strlen(error_code(error)) > 0);
        assert_true(strlen(error_text(error)) > 0);
    }
    assert_string_equal(error_code(INT_MIN), "internal");
}

static void assert_timestamp(int64_t timestamp_us, const char *expected) {
    char text[TIMESTAMP_LENGTH + 1];

    timestamp_format(timestamp_us, text);
    assert_string_equal(text, expected);
}

static void timestamps_of_known_moments_are_right(void **state) {
    struct buffer buffer = {0};

    (void)state;
    assert_timestamp(0, "1970-01-01T00:00:00.000000Z");
    assert_timestamp(1, "1970-01-01T00:00:00.000001Z");
    assert_timestamp(951782399999999, "2000-02-28T23:59:59.999999Z");
    assert_timestamp(951782400000000, "2000-02-29T00:00:00.000000Z");
    assert_timestamp(1770978645123456, "2026-02-13T10:30:45.123456Z");
    assert_timestamp(4107542399000000, "2100-02-28T23:59:59.000000Z");
    assert_timestamp(4107542400000000, "2100-03-01T00:00:00.000000Z"); /* no leap year */
    assert_timestamp(253402300799999999, "9999-12-31T23:59:59.999999Z");
    assert_timestamp(253402300800000000, "9999-12-31T23:59:59.999999Z");
    assert_timestamp(INT64_MAX, "9999-12-31T23:59:59.999999Z");
    assert_timestamp(-1, "1970-01-01T00:00:00.000000Z");
    assert_timestamp(INT64_MIN, "1970-01-01T00:00:00.000000Z");
    buffer_append_timestamp(&buffer, 1770978645123456);
    assert_slice(buffer_slice(&buffer), "2026-02-13T10:30:45.123456Z");
    buffer_close(&buffer);
}

static void every_day_until_2600_is_what_the_c_library_says(void **state) {
    (void)state;
    for (int64_t day = 0; day < 230000; day++) {
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        char expected[40], text[TIMESTAMP_LENGTH + 1];
        struct tm utc;
        size_t length;

        gmtime_r(&seconds, &utc);
        length = strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(expected + length, sizeof(expected) - length, ".%06dZ", (int)(day % 1000000));
        timestamp_format((int64_t)seconds * 1000000 + day % 1000000, text);
        assert_string_equal(text, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_buffer_is_empty_and_usable),
        cmocka_unit_test(a_buffer_gives_back_what_was_written_in_order),
        cmocka_unit_test(a_buffer_that_is_read_as_it_is_written_does_not_grow),
        cmocka_unit_test(truncating_drops_the_end_only),
        cmocka_unit_test(numbers_and_formats_are_appended_whole),
        cmocka_unit_test(slices_are_compared_bytewise),
        cmocka_unit_test(slices_are_cut_and_trimmed),
        cmocka_unit_test(only_digits_that_fit_make_a_number),
        cmocka_unit_test(a_blob_lives_as_long_as_its_last_reference),
        cmocka_unit_test(a_list_keeps_its_order_through_removals),
        cmocka_unit_test(a_seed_always_gives_the_same_numbers),
        cmocka_unit_test(numbers_below_a_bound_reach_all_of_it_and_no_more),
        cmocka_unit_test(every_error_has_the_word_of_the_protocol),
        cmocka_unit_test(timestamps_of_known_moments_are_right),
        cmocka_unit_test(every_day_until_2600_is_what_the_c_library_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
