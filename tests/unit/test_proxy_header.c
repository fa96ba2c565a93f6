/* Every case is fed whole and byte by byte, with bytes behind it that must be left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "wire/proxy_header.h"

#define BEHIND "GET / HTTP/1.1\r\n"
#define V2 "\r\n\r\n\0\r\nQUIT\n"

static enum proxy_result feed_in(struct slice bytes, size_t step, struct proxy_header *header,
                                 size_t *used) {
    enum proxy_result result = PROXY_MORE;
    size_t at = 0;

    memset(header, 0, sizeof(*header));
    while (result == PROXY_MORE && at < bytes.length) {
        size_t count = bytes.length - at < step ? bytes.length - at : step;
        struct slice input = slice_from(bytes.data + at, count);
        result = proxy_header_feed(header, &input);
        at += count - input.length;
        if (result == PROXY_MORE)
            assert_int_equal(input.length, 0);
    }
    *used = at;
    return result;
}

/* What it says, the same however it comes. */
static enum proxy_result feed(struct slice bytes, struct proxy_header *header) {
    struct buffer whole = {0};
    enum proxy_result result;
    size_t used;

    buffer_append_slice(&whole, bytes);
    buffer_append_string(&whole, BEHIND);
    result = feed_in(buffer_slice(&whole), buffer_length(&whole), header, &used);
    if (result == PROXY_DONE)
        assert_int_equal(used, bytes.length);
    for (size_t step = 1; step <= 7; step += 3) {
        struct proxy_header other;
        assert_int_equal(feed_in(buffer_slice(&whole), step, &other, &used), result);
        if (result == PROXY_DONE)
            assert_int_equal(used, bytes.length);
        assert_int_equal(other.has_source, header->has_source);
        assert_memory_equal(&other.source, &header->source, sizeof(other.source));
    }
    buffer_close(&whole);
    return result;
}

static void expect_source(struct slice bytes, const char *expected) {
    char text[ADDRESS_TEXT_LENGTH + 1];
    struct proxy_header header;

    assert_int_equal(feed(bytes, &header), PROXY_DONE);
    assert_true(header.has_source);
    address16_format(&header.source, text);
    assert_string_equal(text, expected);
}

static void expect_no_source(struct slice bytes) {
    struct proxy_header header;

    assert_int_equal(feed(bytes, &header), PROXY_DONE);
    assert_false(header.has_source);
}

static void expect_wrong(struct slice bytes) {
    struct proxy_header header;

    assert_int_equal(feed(bytes, &header), PROXY_WRONG);
}

static void a_line_tells_the_source(void **state) {
    (void)state;
    expect_source(SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"), "192.0.2.7");
    expect_source(SLICE("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
                  "255.255.255.255");
    expect_source(SLICE("PROXY TCP6 2001:db8::7 2001:db8::1 0 1\r\n"), "2001:db8::7");
}

static void a_line_may_know_nothing(void **state) {
    (void)state;
    expect_no_source(SLICE("PROXY UNKNOWN\r\n"));
    expect_no_source(SLICE("PROXY UNKNOWN ffff:f::1 junk 65535\r\n"));
}

static void a_line_of_107_bytes_is_taken_and_a_longer_one_is_not(void **state) {
    struct buffer line = {0};

    (void)state;
    buffer_append_string(&line, "PROXY UNKNOWN ");
    while (buffer_length(&line) < 105)
        buffer_append_char(&line, 'f');
    buffer_append_string(&line, "\r\n");
    expect_no_source(buffer_slice(&line));
    buffer_truncate(&line, 105);
    buffer_append_string(&line, "f\r\n");
    expect_wrong(buffer_slice(&line));
    buffer_close(&line);
}

static void a_line_that_is_not_exact_is_wrong(void **state) {
    static const char *const wrong[] = {
        "GET / HTTP/1.1\r\n",
        "PROXYTCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
        "PROXY TCP4 1.2.3.400 1.2.3.4 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY \r\n",
        "PROXY TCP4\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_wrong(slice_of_string(wrong[i]));
}

static void the_binary_form_tells_the_source(void **state) {
    (void)state;
    expect_source(SLICE(V2 "\x21\x11\x00\x0c"
                           "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb"),
                  "192.0.2.7");
    expect_source(SLICE(V2 "\x21\x21\x00\x24"
                           "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                           "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                           "\xdc\x04\x01\xbb"),
                  "2001:db8::7");
}

static void what_else_the_binary_form_tells_is_skipped(void **state) {
    struct buffer header = {0};

    (void)state;
    expect_source(SLICE(V2 "\x21\x11\x00\x13"
                           "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb"
                           "\x04\x00\x04\x00\x00\x00\x00"),
                  "192.0.2.7");
    buffer_append_slice(&header, SLICE(V2 "\x21\x11\x0f\xf0\xc0\x00\x02\x07"));
    while (buffer_length(&header) < PROXY_BINARY_MAX)
        buffer_append_char(&header, 'x');
    expect_source(buffer_slice(&header), "192.0.2.7");
    buffer_close(&header);
}

static void the_binary_form_may_tell_no_source(void **state) {
    struct buffer local = {0};

    (void)state;
    expect_no_source(SLICE(V2 "\x20\x00\x00\x00"));
    expect_no_source(SLICE(V2 "\x21\x00\x00\x00"));
    expect_no_source(SLICE(V2 "\x20\x11\x00\x0c"
                              "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb"));
    buffer_append_slice(&local, SLICE(V2 "\x21\x31\x00\xd8"));
    for (int i = 0; i < 216; i++)
        buffer_append_char(&local, '/');
    expect_no_source(buffer_slice(&local));
    buffer_close(&local);
}

static void a_binary_form_that_breaks_its_rules_is_wrong(void **state) {
    (void)state;
    expect_wrong(SLICE("\r\n\r\n\0\r\nQUIX\n\x21\x11\x00\x0c"));
    expect_wrong(SLICE(V2 "\x11\x11\x00\x0c"));             /* version 1 */
    expect_wrong(SLICE(V2 "\x22\x11\x00\x0c"));             /* no such command */
    expect_wrong(SLICE(V2 "\x21\x11\x00\x0b___________"));  /* shorter than its addresses */
    expect_wrong(SLICE(V2 "\x21\x21\x00\x0c____________")); /* the same */
    expect_wrong(SLICE(V2 "\x21\x31\x00\x04____"));         /* the same */
    expect_wrong(SLICE(V2 "\x21\x11\x0f\xf1"));             /* too long */
    expect_wrong(SLICE(V2 "\x21\x11\xff\xff"));
}

static void a_header_that_has_not_come_waits(void **state) {
    struct proxy_header header = {0};
    struct slice nothing = SLICE_NONE;
    struct slice half = SLICE("PROXY TCP4 192.0.2.7");

    (void)state;
    assert_int_equal(proxy_header_feed(&header, &nothing), PROXY_MORE);
    assert_int_equal(proxy_header_feed(&header, &half), PROXY_MORE);
    assert_int_equal(half.length, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_tells_the_source),
        cmocka_unit_test(a_line_may_know_nothing),
        cmocka_unit_test(a_line_of_107_bytes_is_taken_and_a_longer_one_is_not),
        cmocka_unit_test(a_line_that_is_not_exact_is_wrong),
        cmocka_unit_test(the_binary_form_tells_the_source),
        cmocka_unit_test(what_else_the_binary_form_tells_is_skipped),
        cmocka_unit_test(the_binary_form_may_tell_no_source),
        cmocka_unit_test(a_binary_form_that_breaks_its_rules_is_wrong),
        cmocka_unit_test(a_header_that_has_not_come_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
