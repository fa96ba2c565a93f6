/* What is taken for a message, and that whatever is written is read back the same by another
 * reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "base/limits.h"
#include "base/rng.h"
#include "base/text.h"
#include "wire/json.h"

static bool parses(struct slice text) {
    json_t *object = json_parse_object(text);
    bool parsed = object != NULL;

    assert_true(!parsed || json_is_object(object));
    json_decref(object);
    return parsed;
}

static void only_an_object_is_a_message(void **state) {
    static const char *const bad[] = {"",
                                      " ",
                                      "null",
                                      "true",
                                      "1",
                                      "\"a\"",
                                      "[]",
                                      "[{}]",
                                      "{",
                                      "}",
                                      "{}{}",
                                      "{} x",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":01}",
                                      "{\"a\":+1}",
                                      "{\"a\":.5}",
                                      "{\"a\":NaN}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\\x\"}",
                                      "\xef\xbb\xbf{}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parses(slice_of_string(bad[i]))) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_false(parses(SLICE_NONE));
    assert_false(parses(SLICE("{}\0")));
    assert_true(parses(SLICE("{}")));
    assert_true(parses(SLICE(" \r\n\t{ \"a\" : [1, 2.5e3, null, {\"b\": true}] } \n")));
}

static void text_that_is_not_unicode_is_no_message(void **state) {
    (void)state;
    assert_false(parses(SLICE("{\"a\":\"\xff\"}")));
    assert_false(parses(SLICE("{\"a\":\"\xc0\xaf\"}")));
    assert_false(parses(SLICE("{\"a\":\"\xed\xa0\x80\"}")));
    assert_false(parses(SLICE("{\"\xff\":1}")));
    assert_false(parses(SLICE("{\"a\":\"\\ud800\"}"))); /* surrogates without their other half */
    assert_false(parses(SLICE("{\"a\":\"\\udc00\"}")));
    assert_false(parses(SLICE("{\"a\":\"\\ud83dx\"}")));
    assert_false(parses(SLICE("{\"a\":\"\\ud83d\\u0041\"}")));
    assert_true(parses(SLICE("{\"a\":\"\\ud83d\\ude00\"}")));
}

static void a_key_may_not_come_twice(void **state) {
    (void)state;
    assert_false(parses(SLICE("{\"a\":1,\"a\":1}")));
    assert_false(parses(SLICE("{\"a\":1,\"\\u0061\":1}")));
    assert_false(parses(SLICE("{\"a\":{\"b\":1,\"b\":2}}")));
    assert_true(parses(SLICE("{\"a\":1,\"A\":1}")));
}

/* An object with `depth` levels, itself included. */
static bool parses_nested(size_t depth, const char *open, const char *close) {
    struct buffer text = {0};
    bool parsed;

    buffer_append_string(&text, "{\"a\":");
    for (size_t i = 1; i < depth; i++) {
        buffer_append_string(&text, open);
    }
    buffer_append_string(&text, "1");
    for (size_t i = 1; i < depth; i++) {
        buffer_append_string(&text, close);
    }
    buffer_append_string(&text, "}");
    parsed = parses(buffer_slice(&text));
    buffer_close(&text);
    return parsed;
}

static void nesting_has_a_limit(void **state) {
    (void)state;
    assert_true(parses_nested(LIMIT_JSON_DEPTH, "[", "]"));
    assert_true(parses_nested(LIMIT_JSON_DEPTH, "{\"a\":", "}"));
    assert_false(parses_nested(LIMIT_JSON_DEPTH + 1, "[", "]"));
    assert_false(parses_nested(LIMIT_JSON_DEPTH + 1, "{\"a\":", "}"));
    assert_false(parses_nested(100000, "[", "]"));
    assert_false(parses_nested(100000, "{\"a\":", "}"));
}

/* "{"m":[" and `count` times `value` and "]}": with the object and the list two values more. */
static bool is_message_of(size_t count, const char *value) {
    struct buffer text = {0};

    buffer_append_slice(&text, SLICE("{\"m\":["));
    for (size_t i = 0; i < count; i++) {
        buffer_append_slice(&text, slice_of_string(i > 0 ? "," : ""));
        buffer_append_slice(&text, slice_of_string(value));
    }
    buffer_append_slice(&text, SLICE("]}"));
    json_t *message = json_parse_message(buffer_slice(&text));
    json_t *object = json_parse_object(buffer_slice(&text));

    assert_non_null(object);
    json_decref(object);
    buffer_close(&text);
    bool parsed = message != NULL;
    json_decref(message);
    return parsed;
}

static void the_values_of_a_message_are_counted(void **state) {
    (void)state;
    assert_true(is_message_of(LIMIT_JSON_VALUES - 1, "1"));
    assert_false(is_message_of(LIMIT_JSON_VALUES, "1"));
    assert_false(is_message_of(LIMIT_JSON_VALUES, "{}"));
    /* What stands in a string is no value. */
    assert_true(is_message_of(10, "\"[[{{,,\\\"\\\\,[\""));
    assert_true(is_message_of(LIMIT_JSON_VALUES - 1, "\",\\\",[{\""));
    assert_false(is_message_of(LIMIT_JSON_VALUES, "\"\\\\\""));
}

static void a_string_member_is_a_string_or_absent(void **state) {
    json_t *object = json_parse_object(
        SLICE("{\"s\":\"a\\u0000b\",\"e\":\"\",\"z\":null,\"n\":1,\"t\":true,\"l\":[],\"o\":{}}"));
    struct slice value = SLICE("untouched");

    (void)state;
    assert_non_null(object);
    assert_int_equal(json_get_string(object, "n", &value), ERR_BAD_REQUEST);
    assert_int_equal(json_get_string(object, "t", &value), ERR_BAD_REQUEST);
    assert_int_equal(json_get_string(object, "l", &value), ERR_BAD_REQUEST);
    assert_int_equal(json_get_string(object, "o", &value), ERR_BAD_REQUEST);
    assert_true(slice_equal(value, SLICE("untouched")));
    assert_int_equal(json_get_string(object, "s", &value), 0);
    assert_true(slice_equal(value, SLICE("a\0b")));
    assert_int_equal(json_get_string(object, "e", &value), 0);
    assert_non_null(value.data);
    assert_int_equal(value.length, 0);
    assert_int_equal(json_get_string(object, "z", &value), 0);
    assert_null(value.data);
    value = SLICE("x");
    assert_int_equal(json_get_string(object, "missing", &value), 0);
    assert_null(value.data);
    json_decref(object);
}

/* The number written as `number`: its value, or a negative error; -100: absent. */
static int64_t get_number(const char *number) {
    struct buffer text = {0};
    uint64_t value = 77;
    bool present = false;
    int error;

    buffer_append_format(&text, "{\"after\":%s}", number);
    json_t *object = json_parse_object(buffer_slice(&text));
    assert_non_null(object);
    error = json_get_u64(object, "after", &value, &present);
    json_decref(object);
    buffer_close(&text);
    if (error < 0 || !present) {
        assert_int_equal(value, 77);
        return error < 0 ? error : -100;
    }
    return (int64_t)value;
}

static void a_number_member_is_whole_and_not_negative(void **state) {
    (void)state;
    assert_int_equal(get_number("0"), 0);
    assert_int_equal(get_number("-0"), 0);
    assert_int_equal(get_number("4180"), 4180);
    assert_int_equal(get_number("4180.0"), 4180);
    assert_int_equal(get_number("4.18e3"), 4180);
    assert_int_equal(get_number("9007199254740992.0"), 9007199254740992);
    assert_true(get_number("9223372036854775807") == INT64_MAX);
    assert_int_equal(get_number("null"), -100);
    assert_int_equal(get_number("-1"), ERR_BAD_REQUEST);
    assert_int_equal(get_number("-1.0"), ERR_BAD_REQUEST);
    assert_int_equal(get_number("0.5"), ERR_BAD_REQUEST);
    assert_int_equal(get_number("9007199254740994.0"), ERR_BAD_REQUEST);
    assert_int_equal(get_number("1e300"), ERR_BAD_REQUEST);
    assert_int_equal(get_number("9223372036854775808"), ERR_BAD_REQUEST);
    assert_int_equal(get_number("123456789012345678901234567890"), ERR_BAD_REQUEST);
    assert_int_equal(get_number("\"5\""), ERR_BAD_REQUEST);
    assert_int_equal(get_number("true"), ERR_BAD_REQUEST);
    assert_int_equal(get_number("[5]"), ERR_BAD_REQUEST);
}

static void a_huge_integer_beside_does_not_spoil_a_message(void **state) {
    json_t *object = json_parse_object(
        SLICE("{\"nonce\":123456789012345678901234567890,\"after\":4180,\"content\":\"x\"}"));
    uint64_t after = 0;
    bool present = false;

    (void)state;
    assert_non_null(object);
    assert_int_equal(json_get_u64(object, "after", &after, &present), 0);
    assert_true(present);
    assert_int_equal(after, 4180);
    json_decref(object);
}

static void assert_written(struct slice s, const char *expected) {
    struct buffer out = {0};

    json_append_string(&out, s);
    if (!slice_equal(buffer_slice(&out), slice_of_string(expected))) {
        fail_msg("%.*s is not %s", SLICE_ARGS(buffer_slice(&out)), expected);
    }
    buffer_close(&out);
}

static void what_must_be_escaped_is_and_nothing_else(void **state) {
    (void)state;
    assert_written(SLICE_NONE, "\"\"");
    assert_written(SLICE("plain / text & <b>"), "\"plain / text & <b>\"");
    assert_written(SLICE("a\"b\\c"), "\"a\\\"b\\\\c\"");
    assert_written(SLICE("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
    assert_written(SLICE("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"");
    assert_written(SLICE("\xc2\x80\xc2\x9f\xc2\xa0"), "\"\\u0080\\u009f\xc2\xa0\"");
    assert_written(SLICE("\u2027\u2028\u2029\u202a"), "\"\u2027\\u2028\\u2029\u202a\"");
    assert_written(SLICE("Zoë 名前 😀"), "\"Zoë 名前 😀\"");
    assert_written(SLICE("in a long text \x7f ... \xc2\x85 ... \u2028 ... \x01 it is the same"),
                   "\"in a long text \\u007f ... \\u0085 ... \\u2028 ... \\u0001 it is the same\"");
}

/* Written, then read by jansson: the same bytes again. */
static void assert_survives(struct slice s) {
    struct buffer out = {0};
    json_error_t error;
    json_t *read;

    json_append_string(&out, s);
    read = json_loadb(buffer_slice(&out).data, buffer_length(&out),
                      JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (read == NULL ||
        !slice_equal(slice_from(json_string_value(read), json_string_length(read)), s)) {
        fail_msg("%s: %.*s", error.text, SLICE_ARGS(buffer_slice(&out)));
    }
    json_decref(read);
    buffer_close(&out);
}

static void every_character_survives_at_every_place_of_a_word(void **state) {
    (void)state;
    for (int32_t codepoint = 0; codepoint <= 0x10ffff; codepoint += codepoint < 0x3000 ? 1 : 97) {
        char text[32];
        utf8proc_ssize_t length;

        if ((codepoint & ~0x7ff) == 0xd800) {
            continue;
        }
        for (size_t at = 0; at < (codepoint < 0x100 ? 17 : 2); at++) {
            memset(text, 'a', sizeof(text));
            length = utf8proc_encode_char(codepoint, (utf8proc_uint8_t *)text + at);
            assert_survives(slice_from(text, at + (size_t)length));
            assert_survives(slice_from(text, at + (size_t)length + 9));
        }
    }
}

static void random_texts_survive(void **state) {
    static const char *const parts[] = {"a",        "\"", "\\",   "\n",      "\x7f",
                                        "\xc2\x85", "é",  "\\u",  "u0041",   "\u2028",
                                        "\u2030",   "😀",  "\x1f", "abcdefgh"};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 4);
    for (unsigned round = 0; round < 3000; round++) {
        struct buffer text = {0};

        for (uint64_t count = rng_below(&rng, 30); count > 0; count--) {
            buffer_append_string(&text, parts[rng_below(&rng, sizeof(parts) / sizeof(parts[0]))]);
        }
        assert_survives(buffer_slice(&text));
        buffer_close(&text);
    }
}

static void text_cut_inside_a_character_is_not_read_past(void **state) {
    (void)state;
    assert_written(slice_from("\xc2\x85", 1), "\"\xc2\"");
    assert_written(slice_from("\xe2\x80\xa8", 1), "\"\xe2\"");
    assert_written(slice_from("\xe2\x80\xa8", 2), "\"\xe2\x80\"");
}

static void members_follow_one_another(void **state) {
    struct buffer out = {0};

    (void)state;
    buffer_append_string(&out, "{\"type\":\"ack\"");
    json_append_string_member(&out, "cid", SLICE("c\"1"));
    json_append_u64_member(&out, "seq", UINT64_MAX);
    json_append_key(&out, "more");
    buffer_append_string(&out, "true}");
    assert_true(slice_equal(
        buffer_slice(&out),
        SLICE("{\"type\":\"ack\",\"cid\":\"c\\\"1\",\"seq\":18446744073709551615,\"more\":true}")));
    buffer_close(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_an_object_is_a_message),
        cmocka_unit_test(text_that_is_not_unicode_is_no_message),
        cmocka_unit_test(a_key_may_not_come_twice),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(the_values_of_a_message_are_counted),
        cmocka_unit_test(a_string_member_is_a_string_or_absent),
        cmocka_unit_test(a_number_member_is_whole_and_not_negative),
        cmocka_unit_test(a_huge_integer_beside_does_not_spoil_a_message),
        cmocka_unit_test(what_must_be_escaped_is_and_nothing_else),
        cmocka_unit_test(every_character_survives_at_every_place_of_a_word),
        cmocka_unit_test(random_texts_survive),
        cmocka_unit_test(text_cut_inside_a_character_is_not_read_past),
        cmocka_unit_test(members_follow_one_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
