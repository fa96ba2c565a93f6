/* Log lines as an operator's tools read them, taken from a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"

static struct log log_to(int descriptor, bool json) {
    return (struct log){.level = LOG_INFO, .json = json, .descriptor = descriptor};
}

/* What one call writes. */
static void capture(struct buffer *out, bool json, enum log_level level, const char *message) {
    int ends[2];
    ssize_t length;

    assert_int_equal(pipe(ends), 0);
    struct log log = log_to(ends[1], json);
    log_write(&log, level, "%s", message);
    close(ends[1]);
    buffer_clear(out);
    length = read(ends[0], buffer_reserve(out, 4096), 4096);
    assert_true(length >= 0);
    buffer_commit(out, (size_t)length);
    buffer_append_char(out, '\0');
    close(ends[0]);
}

static void assert_text(const char *message, const char *expected) {
    struct buffer out = {0};
    const char *line;

    capture(&out, false, LOG_WARNING, message);
    line = buffer_slice(&out).data;
    assert_true(strlen(line) > 19);
    for (size_t i = 0; i < 19; i++) { /* the shape of 2026-02-13 10:00:00 */
        char shape = "0000-00-00 00:00:00"[i];

        assert_true(shape == '0' ? line[i] >= '0' && line[i] <= '9' : line[i] == shape);
    }
    assert_string_equal(line + 19, expected);
    buffer_close(&out);
}

static void a_line_is_time_level_and_message(void **state) {
    (void)state;
    assert_text("hello", " - WARNING - hello\n");
    assert_text("", " - WARNING - \n");
    assert_text("Zoë 😀 C:\\x \"q\"", " - WARNING - Zoë 😀 C:\\x \"q\"\n");
}

static void nobody_can_forge_a_line(void **state) {
    (void)state;
    assert_text("a\nb\r\x1b[2J", " - WARNING - a\\u000ab\\u000d\\u001b[2J\n");
    assert_text("\x7f\xc2\x9b\u2028\u202e", " - WARNING - \\u007f\\u009b\\u2028\\u202e\n");
    assert_text("\xff\xc3", " - WARNING - \\xff\\xc3\n");
}

static void levels_below_the_chosen_one_are_silent(void **state) {
    struct buffer out = {0};

    (void)state;
    capture(&out, false, LOG_DEBUG, "hidden");
    assert_int_equal(buffer_length(&out), 1);
    capture(&out, false, LOG_ERROR, "shown");
    assert_non_null(strstr(buffer_slice(&out).data, " - ERROR - shown\n"));
    capture(&out, false, LOG_INFO, "shown");
    assert_non_null(strstr(buffer_slice(&out).data, " - INFO - shown\n"));
    buffer_close(&out);
}

static void assert_json(const char *message, const char *expected) {
    struct buffer out = {0};
    json_t *line;

    capture(&out, true, LOG_INFO, message);
    line = json_loads(buffer_slice(&out).data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "message")), expected);
    assert_int_equal(json_string_length(json_object_get(line, "time")), 27);
    json_decref(line);
    buffer_close(&out);
}

static void a_json_line_is_json_whatever_the_message_is(void **state) {
    (void)state;
    assert_json("hello", "hello");
    assert_json("a\"b\\c\nd\te", "a\"b\\c\nd\te");
    assert_json("\x01\x7f\xc2\x85\u2028", "\x01\x7f\xc2\x85\u2028");
    assert_json("\xff!", "\xef\xbf\xbd!");
}

static void a_long_line_is_cut_between_characters(void **state) {
    char message[3000];

    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        struct buffer out = {0};
        json_t *line;
        size_t length = shift;

        memset(message, 'a', shift);
        while (length + 4 < sizeof(message)) {
            memcpy(message + length, "😀", 4);
            length += 4;
        }
        message[length] = '\0';
        capture(&out, false, LOG_INFO, message);
        assert_in_range(buffer_length(&out) - 1, 980, 1000);
        assert_true(utf8_valid(buffer_slice(&out)));
        assert_non_null(strstr(buffer_slice(&out).data, "…\n"));
        capture(&out, true, LOG_INFO, message);
        assert_in_range(buffer_length(&out) - 1, 980, 1000);
        line = json_loads(buffer_slice(&out).data, 0, NULL);
        assert_non_null(line);
        json_decref(line);
        buffer_close(&out);
    }
}

static void a_cut_never_leaves_half_an_escape(void **state) {
    char message[3000];

    (void)state;
    for (size_t shift = 0; shift < 7; shift++) {
        struct buffer out = {0};
        json_t *line;

        memset(message, '\x01', sizeof(message) - 1);
        memset(message, 'a', shift);
        message[sizeof(message) - 1] = '\0';
        capture(&out, true, LOG_INFO, message);
        line = json_loads(buffer_slice(&out).data, 0, NULL);
        assert_non_null(line);
        json_decref(line);
        buffer_close(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_time_level_and_message),
        cmocka_unit_test(nobody_can_forge_a_line),
        cmocka_unit_test(levels_below_the_chosen_one_are_silent),
        cmocka_unit_test(a_json_line_is_json_whatever_the_message_is),
        cmocka_unit_test(a_long_line_is_cut_between_characters),
        cmocka_unit_test(a_cut_never_leaves_half_an_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
