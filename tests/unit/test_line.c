/* Lines out of bytes, in one piece and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "wire/line.h"

#define MAX 8

/* Everything that comes of `text` handed in `step` bytes at a time, as "line|line|!|" where ! is
 * a line too long. The bytes are moved for every call, so that reading outside of them is seen. */
static void collect(struct slice text, size_t step, struct buffer *out) {
    struct line_reader reader = {0};
    struct buffer pending = {0};

    while (text.length > 0) {
        size_t size = text.length < step ? text.length : step;
        enum line_result result;

        buffer_append(&pending, text.data, size);
        text = slice_skip(text, size);
        do {
            struct slice input = buffer_slice(&pending), line = SLICE_NONE;
            size_t before = input.length;

            result = line_read(&reader, MAX, &input, &line);
            if (result == LINE_READY) {
                buffer_append_slice(out, line);
                buffer_append_char(out, '|');
            } else if (result == LINE_TOO_LONG) {
                buffer_append_string(out, "!|");
            } else if (result == LINE_DROPPING) {
                assert_int_equal(input.length, 0);
            }
            buffer_consume(&pending, before - input.length);
        } while (result == LINE_READY || result == LINE_TOO_LONG);
        assert_true(buffer_length(&pending) <= MAX + 1);
    }
    buffer_close(&pending);
}

static void assert_lines(struct slice text, const char *expected) {
    for (size_t step = 1; step <= text.length; step++) {
        struct buffer out = {0};

        collect(text, step, &out);
        buffer_append_char(&out, '\0');
        assert_string_equal(buffer_slice(&out).data, expected);
        buffer_close(&out);
    }
}

static void lines_end_in_lf_or_cr_lf(void **state) {
    (void)state;
    assert_lines(SLICE("a\nb\r\nc"), "a|b|");
    assert_lines(SLICE("\n\r\n\n"), "|||");
    assert_lines(SLICE("a\r\r\nb\rc\n"), "a\r|b\rc|"); /* one CR belongs to the ending */
}

static void a_line_may_be_as_long_as_the_limit_whatever_its_ending(void **state) {
    (void)state;
    assert_lines(SLICE("12345678\n12345678\r\nx\n"), "12345678|12345678|x|");
}

static void a_line_over_the_limit_is_told_once_and_dropped(void **state) {
    (void)state;
    assert_lines(SLICE("123456789\nx\n"), "!|x|");
    assert_lines(SLICE("123456789\r\nx\n"), "!|x|");
    assert_lines(SLICE("12345678\r9\nx\n"), "!|x|");
    assert_lines(SLICE("12345678\r\r\nx\n"), "!|x|");
    assert_lines(SLICE("1234567890123456789012345678901234567890\nx\ny\n"), "!|x|y|");
    assert_lines(SLICE("123456789\n\n123456789\n123456789"), "!||!|!|");
}

static void what_has_no_end_yet_is_left_where_it_is(void **state) {
    struct line_reader reader = {0};
    struct slice input = SLICE("abc"), line = SLICE_NONE;

    (void)state;
    assert_int_equal(line_read(&reader, MAX, &input, &line), LINE_MORE);
    assert_int_equal(input.length, 3);
    assert_null(line.data);
    input = SLICE_NONE;
    reader = (struct line_reader){0};
    assert_int_equal(line_read(&reader, MAX, &input, &line), LINE_MORE);
}

static void what_has_no_ending_at_the_end_is_a_line(void **state) {
    (void)state;
    struct line_reader reader = {0};
    struct slice input = SLICE("whole\nlast\r"), line;
    assert_int_equal(line_read_last(&reader, 5, &input, &line), LINE_READY);
    assert_true(slice_equal(line, SLICE("whole")));
    assert_int_equal(line_read(&reader, 5, &input, &line), LINE_MORE);
    assert_int_equal(line_read_last(&reader, 5, &input, &line), LINE_READY);
    assert_true(slice_equal(line, SLICE("last")));
    assert_int_equal(input.length, 0);
    assert_int_equal(line_read_last(&reader, 5, &input, &line), LINE_MORE);
    input = SLICE("too long");
    assert_int_equal(line_read_last(&reader, 5, &input, &line), LINE_TOO_LONG);
    input = SLICE("more of it");
    assert_int_equal(line_read_last(&reader, 5, &input, &line), LINE_DROPPING);
    assert_int_equal(input.length, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_in_lf_or_cr_lf),
        cmocka_unit_test(a_line_may_be_as_long_as_the_limit_whatever_its_ending),
        cmocka_unit_test(a_line_over_the_limit_is_told_once_and_dropped),
        cmocka_unit_test(what_has_no_end_yet_is_left_where_it_is),
        cmocka_unit_test(what_has_no_ending_at_the_end_is_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
