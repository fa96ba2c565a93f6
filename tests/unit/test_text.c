/* UTF-8 checking against an oracle that decodes and encodes again, and the cleaning of lines and
 * labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/codepoint.h"
#include "base/text.h"

/* The shortest encoding of a number, by the formula of RFC 3629 section 3. */
static size_t encode(uint32_t codepoint, char *out) {
    if (codepoint < 0x80) {
        out[0] = (char)codepoint;
        return 1;
    }
    if (codepoint < 0x800) {
        out[0] = (char)(0xc0 | codepoint >> 6);
        out[1] = (char)(0x80 | (codepoint & 0x3f));
        return 2;
    }
    if (codepoint < 0x10000) {
        out[0] = (char)(0xe0 | codepoint >> 12);
        out[1] = (char)(0x80 | (codepoint >> 6 & 0x3f));
        out[2] = (char)(0x80 | (codepoint & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | codepoint >> 18);
    out[1] = (char)(0x80 | (codepoint >> 12 & 0x3f));
    out[2] = (char)(0x80 | (codepoint >> 6 & 0x3f));
    out[3] = (char)(0x80 | (codepoint & 0x3f));
    return 4;
}

/* Whether the bytes are exactly one character: the payload bits, encoded again, must give the
 * same bytes. */
static bool one_character(const unsigned char *bytes, size_t length, uint32_t *codepoint) {
    static const unsigned char payload[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    char again[4];

    *codepoint = bytes[0] & payload[length];
    for (size_t i = 1; i < length; i++) {
        *codepoint = *codepoint << 6 | (bytes[i] & 0x3f);
    }
    if (*codepoint > 0x10ffff || (*codepoint >= 0xd800 && *codepoint <= 0xdfff)) {
        return false;
    }
    return encode(*codepoint, again) == length && memcmp(again, bytes, length) == 0;
}

static bool valid_byte_by_byte(struct slice s) {
    struct utf8_check check = {0};

    for (size_t i = 0; i < s.length; i++) {
        if (utf8_check_feed(&check, slice_from(s.data + i, 1)) < 0) {
            return false;
        }
    }
    return utf8_check_complete(&check);
}

static void check_sequence(const unsigned char *bytes, size_t length) {
    struct slice s = slice_from(bytes, length), rest = s;
    uint32_t codepoint;
    bool expected = one_character(bytes, length, &codepoint);

    if (utf8_valid(s) != expected || valid_byte_by_byte(s) != expected) {
        fail_msg("%02x %02x %02x %02x of %zu", bytes[0], bytes[1], bytes[2], bytes[3], length);
    }
    if (expected && (codepoint_take(&rest) != (int32_t)codepoint || rest.length != 0)) {
        fail_msg("U+%04X is not taken", codepoint);
    }
    if (!expected && (codepoint_take(&rest) >= 0 || rest.length != length - 1)) {
        fail_msg("%02x %02x %02x %02x of %zu is taken", bytes[0], bytes[1], bytes[2], bytes[3],
                 length);
    }
}

static void every_single_byte_is_judged_right(void **state) {
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        check_sequence((unsigned char[4]){(unsigned char)first}, 1);
    }
}

static void every_sequence_from_a_lead_byte_is_judged_right(void **state) {
    static const unsigned char tails[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
                                          0xa0, 0xbf, 0xc0, 0xc2, 0xf4, 0xff};

    (void)state;
    for (unsigned first = 0xc0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            unsigned char bytes[4] = {(unsigned char)first, (unsigned char)second};

            check_sequence(bytes, 2);
            /* A longer one only where one character could be so long; otherwise it may be two. */
            for (size_t i = 0; i < sizeof(tails) && first >= 0xe0; i++) {
                bytes[2] = tails[i];
                check_sequence(bytes, 3);
                for (size_t j = 0; j < sizeof(tails) && first >= 0xf0; j++) {
                    bytes[3] = tails[j];
                    check_sequence(bytes, 4);
                }
            }
        }
    }
}

static void every_character_is_valid_and_no_surrogate(void **state) {
    (void)state;
    for (uint32_t codepoint = 0; codepoint <= 0x10ffff; codepoint++) {
        char bytes[4];
        size_t length = encode(codepoint, bytes);
        bool surrogate = codepoint >= 0xd800 && codepoint <= 0xdfff;

        if (utf8_valid(slice_from(bytes, length)) == surrogate) {
            fail_msg("U+%04X", codepoint);
        }
    }
}

static void a_bad_byte_is_found_at_every_place_of_a_long_text(void **state) {
    static const char bad[] = {'\x80', '\xbf', '\xc0', '\xc1', '\xf5', '\xff'};
    char text[40];

    (void)state;
    for (size_t length = 1; length <= sizeof(text); length++) {
        for (size_t at = 0; at < length; at++) {
            memset(text, 'a', sizeof(text));
            assert_true(utf8_valid(slice_from(text, length)));
            for (size_t i = 0; i < sizeof(bad); i++) {
                text[at] = bad[i];
                assert_false(utf8_valid(slice_from(text, length)));
            }
        }
    }
}

static void a_character_may_be_split_at_every_byte_wherever_it_stands(void **state) {
    static const char *const characters[] = {"é", "€", "\xed\x9f\xbf", "😀", "\xf4\x8f\xbf\xbf"};
    char text[32];

    (void)state;
    for (size_t c = 0; c < sizeof(characters) / sizeof(characters[0]); c++) {
        size_t size = strlen(characters[c]);

        for (size_t at = 0; at + size <= sizeof(text); at++) {
            memset(text, 'a', sizeof(text));
            memcpy(text + at, characters[c], size);
            for (size_t cut = 0; cut <= sizeof(text); cut++) {
                struct utf8_check check = {0};

                assert_int_equal(utf8_check_feed(&check, slice_from(text, cut)), 0);
                assert_true(utf8_check_complete(&check) == (cut <= at || cut >= at + size));
                assert_int_equal(
                    utf8_check_feed(&check, slice_from(text + cut, sizeof(text) - cut)), 0);
                assert_true(utf8_check_complete(&check));
            }
        }
    }
}

static void an_error_is_told_at_the_first_byte_that_cannot_follow(void **state) {
    struct utf8_check check = {0};

    (void)state;
    assert_int_equal(utf8_check_feed(&check, SLICE("ok \xed")), 0);
    assert_int_equal(utf8_check_feed(&check, SLICE("\xa0")),
                     ERR_UTF8); /* not only at the third byte */
    check = (struct utf8_check){0};
    assert_int_equal(utf8_check_feed(&check, SLICE("\xf4")), 0);
    assert_int_equal(utf8_check_feed(&check, SLICE("\x90")), ERR_UTF8);
    check = (struct utf8_check){0};
    assert_int_equal(utf8_check_feed(&check, SLICE("\xf0\x9f\x98")), 0);
    assert_int_equal(utf8_check_feed(&check, SLICE("a")), ERR_UTF8);
}

static void a_character_that_is_cut_off_is_none(void **state) {
    static const char *const characters[] = {"é", "€", "😀"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t length = 1; length < strlen(characters[i]); length++) {
            struct slice rest = slice_from(characters[i], length);

            assert_false(utf8_valid(rest));
            assert_int_equal(codepoint_take(&rest), -1);
            assert_int_equal(rest.length, length - 1);
        }
    }
}

static void an_empty_text_is_valid(void **state) {
    (void)state;
    assert_true(utf8_valid(SLICE_NONE));
    assert_true(utf8_valid(SLICE("")));
}

static void assert_line(struct slice text, const char *expected) {
    struct buffer out = {0};

    text_append_line(&out, text);
    buffer_append_char(&out, '\0');
    assert_string_equal(buffer_slice(&out).data, expected);
    buffer_close(&out);
}

static void a_line_loses_every_control_but_tab(void **state) {
    (void)state;
    assert_line(SLICE(""), "");
    assert_line(SLICE_NONE, "");
    assert_line(SLICE("plain\ttext, ünïcode 😀"), "plain\ttext, ünïcode 😀");
    assert_line(SLICE("a\nbob: b\r\n"), "a\xef\xbf\xbd"
                                        "bob: b\xef\xbf\xbd\xef\xbf\xbd");
    assert_line(SLICE("\0a\x1b[31m\x7f"), "\xef\xbf\xbd"
                                          "a\xef\xbf\xbd[31m\xef\xbf\xbd");
    assert_line(SLICE("\xc2\x80\xc2\x85\xc2\x9b\xc2\x9f\xc2\xa0\xc3\x80"),
                "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc2\xa0\xc3\x80");
}

static void every_character_of_a_line_is_kept_unless_it_is_a_control(void **state) {
    struct buffer out = {0};

    (void)state;
    for (uint32_t codepoint = 0; codepoint <= 0x10ffff; codepoint++) {
        char bytes[4];
        struct slice s = slice_from(bytes, encode(codepoint, bytes));
        bool control = (codepoint < 0x20 && codepoint != '\t') || codepoint == 0x7f ||
                       (codepoint >= 0x80 && codepoint <= 0x9f);

        buffer_clear(&out);
        text_append_line(&out, s);
        if (!slice_equal(buffer_slice(&out), control ? SLICE("\xef\xbf\xbd") : s)) {
            fail_msg("U+%04X", codepoint);
        }
    }
    buffer_close(&out);
}

static void a_line_that_ends_in_half_a_character_is_not_read_past(void **state) {
    (void)state;
    assert_line(slice_from("a\xc2\x85", 2), "a\xc2");
}

static void assert_label(struct slice label, const char *expected) {
    struct buffer out = {0};

    assert_int_equal(text_append_label(&out, label), 0);
    buffer_append_char(&out, '\0');
    assert_string_equal(buffer_slice(&out).data, expected);
    buffer_close(&out);
}

static void a_label_is_trimmed_and_cannot_be_empty(void **state) {
    (void)state;
    assert_label(SLICE("Alice"), "Alice");
    assert_label(SLICE(" \t\r\nAlice in W \v\f"), "Alice in W");
    assert_label(SLICE(""), "anonymous");
    assert_label(SLICE_NONE, "anonymous");
    assert_label(SLICE(" \t\n "), "anonymous");
}

static void a_label_cannot_deceive_the_eye(void **state) {
    (void)state;
    assert_label(SLICE("a\nb\tc\x7f"), "a\xef\xbf\xbd"
                                       "b\xef\xbf\xbd"
                                       "c\xef\xbf\xbd");
    assert_label(SLICE("a\xc2\x9b"
                       "b"),
                 "a\xef\xbf\xbd"
                 "b");
    assert_label(SLICE("a\u2028b\u2029c"), "a\xef\xbf\xbd"
                                           "b\xef\xbf\xbd"
                                           "c");
    assert_label(SLICE("\u202aa\u202b\u202c\u202d\u202e"),
                 "\xef\xbf\xbd"
                 "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_label(SLICE("\u2066\u2067\u2068\u2069"),
                 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_label(SLICE("\u2065a\ufff9\ufffa\ufffb\u2800"),
                 "\xef\xbf\xbd"
                 "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_label(SLICE("\u2027\u202f\u2064x\u206a\u2801\ufff8 名前 😀"),
                 "\u2027\u202f\u2064x\u206a\u2801\ufff8 名前 😀");
}

static void a_label_has_at_most_64_characters(void **state) {
    struct buffer label = {0}, out = {0};

    (void)state;
    for (size_t i = 0; i < 64; i++) {
        buffer_append_string(&label, "😀");
    }
    assert_int_equal(text_append_label(&out, buffer_slice(&label)), 0);
    assert_true(slice_equal(buffer_slice(&out), buffer_slice(&label)));
    buffer_append_string(&label, "a");
    buffer_clear(&out);
    assert_int_equal(text_append_label(&out, buffer_slice(&label)), ERR_TOO_LARGE);
    assert_int_equal(buffer_length(&out), 0);
    buffer_close(&label);
    buffer_close(&out);
}

static void a_label_that_is_not_utf8_is_refused(void **state) {
    struct buffer out = {0};

    (void)state;
    assert_int_equal(text_append_label(&out, SLICE("a\xff")), ERR_BAD_REQUEST);
    assert_int_equal(text_append_label(&out, SLICE("caf\xe9")), ERR_BAD_REQUEST);
    assert_int_equal(buffer_length(&out), 0);
    buffer_close(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_single_byte_is_judged_right),
        cmocka_unit_test(every_sequence_from_a_lead_byte_is_judged_right),
        cmocka_unit_test(every_character_is_valid_and_no_surrogate),
        cmocka_unit_test(a_bad_byte_is_found_at_every_place_of_a_long_text),
        cmocka_unit_test(a_character_may_be_split_at_every_byte_wherever_it_stands),
        cmocka_unit_test(an_error_is_told_at_the_first_byte_that_cannot_follow),
        cmocka_unit_test(a_character_that_is_cut_off_is_none),
        cmocka_unit_test(an_empty_text_is_valid),
        cmocka_unit_test(a_line_loses_every_control_but_tab),
        cmocka_unit_test(every_character_of_a_line_is_kept_unless_it_is_a_control),
        cmocka_unit_test(a_line_that_ends_in_half_a_character_is_not_read_past),
        cmocka_unit_test(a_label_is_trimmed_and_cannot_be_empty),
        cmocka_unit_test(a_label_cannot_deceive_the_eye),
        cmocka_unit_test(a_label_has_at_most_64_characters),
        cmocka_unit_test(a_label_that_is_not_utf8_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
