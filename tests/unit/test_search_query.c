/* What people type to search, and how it compares with what was said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "store/search_query.h"
#include "store/search_scan.h"
#include "store/search_words.h"

#define DAY_US (INT64_C(86400) * 1000000)

/* The question as one line: [words] of each term, with a star where it is a prefix, then the
 * filters. */
static const char *parsed(const char *text) {
    static char line[4096];
    struct search_question question;
    struct buffer out = {0};
    const char *reason = NULL;
    int error = search_question_parse(slice_of_string(text), &question, &reason);
    if (error != 0) {
        assert_non_null(reason);
        return error_code(error);
    }
    for (size_t i = 0; i < question.term_count; i++) {
        struct slice rest = question.terms[i].text, word;
        const char *before = "[";
        while (search_word_next(&rest, &word)) {
            buffer_append_string(&out, before);
            buffer_append_slice(&out, word);
            before = " ";
        }
        buffer_append_string(&out, question.terms[i].prefix ? "*]" : "]");
    }
    for (size_t i = 0; i < question.sender_count; i++) {
        buffer_append_format(&out, " from=%.*s", SLICE_ARGS(question.senders[i]));
    }
    for (size_t i = 0; i < question.room_count; i++) {
        buffer_append_format(&out, " in=%.*s", SLICE_ARGS(question.rooms[i]));
    }
    if (question.from_us != INT64_MIN) {
        buffer_append_format(&out, " day>=%lld", (long long)(question.from_us / DAY_US));
    }
    if (question.until_us != INT64_MAX) {
        buffer_append_format(&out, " day<%lld", (long long)(question.until_us / DAY_US));
    }
    assert_true(buffer_length(&out) < sizeof(line));
    memcpy(line, out.data, buffer_length(&out));
    line[buffer_length(&out)] = '\0';
    buffer_close(&out);
    return line;
}

static void words_phrases_and_prefixes_are_told_apart(void **state) {
    (void)state;
    assert_string_equal(parsed("deploy staging"), "[deploy][staging]");
    assert_string_equal(parsed("  \"rolled back\" now\t"), "[rolled back][now]");
    assert_string_equal(parsed("depl*"), "[depl*]");
    assert_string_equal(parsed("\"rolled ba*\""), "[rolled ba*]");
    assert_string_equal(parsed("\"rolled ba\"*"), "[rolled ba*]");
    assert_string_equal(parsed("foo-bar"), "[foo bar]");
    assert_string_equal(parsed("Grüße, 日本語!"), "[Grüße][日本語]");
}

static void filters_are_taken_out(void **state) {
    (void)state;
    assert_string_equal(parsed("deploy from:bob"), "[deploy] from=bob");
    assert_string_equal(parsed("FROM:bob From:ann"), " from=bob from=ann");
    assert_string_equal(parsed("from:\"Ann Smith\" x"), "[x] from=Ann Smith");
    assert_string_equal(parsed("in:general in:@ann,bob"), " in=general in=@ann,bob");
    assert_string_equal(parsed("after:1970-01-02 before:2000-03-01"), " day>=1 day<11017");
    assert_string_equal(parsed("after:2024-02-29"), " day>=19782");
    assert_string_equal(parsed("after:2024-02-29 after:1980-01-01"), " day>=19782");
}

static void what_makes_no_sense_is_words(void **state) {
    (void)state;
    assert_string_equal(parsed("after:lunch"), "[after lunch]");
    assert_string_equal(parsed("after:2025-02-29"), "[after 2025 02 29]");
    assert_string_equal(parsed("before:2026-13-01"), "[before 2026 13 01]");
    assert_string_equal(parsed("before:2026-1-1"), "[before 2026 1 1]");
    assert_string_equal(parsed("after:1969-12-31"), "[after 1969 12 31]");
    assert_string_equal(parsed("from:"), "[from]");
    assert_string_equal(parsed("from: bob"), "[from][bob]");
    assert_string_equal(parsed("http://x.org"), "[http x org]");
    assert_string_equal(parsed("\"not closed"), "[not closed]");
    assert_string_equal(parsed("a AND (b OR NOT c) NEAR/2 content:d ^e"),
                        "[a][AND][b][OR][NOT][c][NEAR 2][content d][e]");
    assert_string_equal(parsed("5\"disk"), "[5][disk]");
    assert_string_equal(parsed("x * \"\" \"*\" ---"), "[x]");
}

static void nothing_to_look_for_is_refused(void **state) {
    (void)state;
    assert_string_equal(parsed(""), "bad_request");
    assert_string_equal(parsed(" \t\n"), "bad_request");
    assert_string_equal(parsed("?!* \"\" \xf0\x9f\x98\x80"), "bad_request");
}

static void too_much_is_refused_and_too_many_words_are_left_out(void **state) {
    (void)state;
    char text[LIMIT_SEARCH_TEXT + 2];
    memset(text, 'a', sizeof(text));
    text[LIMIT_SEARCH_TEXT + 1] = '\0';
    assert_string_equal(parsed(text), "too_large");
    for (size_t i = 0; i < LIMIT_SEARCH_TEXT; i++) {
        text[i] = i % 2 == 0 ? 'a' : ' ';
    }
    text[LIMIT_SEARCH_TEXT] = '\0';
    assert_int_equal(strlen(parsed(text)), 3 * LIMIT_SEARCH_TERMS);
}

/* Every byte at every place of a text full of them: nothing is read outside, nothing is refused but
 * emptiness. */
static void any_bytes_can_be_asked_for(void **state) {
    (void)state;
    static const char pieces[] = "\"*:-fromin()^+ \xc3\xa4\xff";
    unsigned random = 1;
    for (int round = 0; round < 20000; round++) {
        char *text = malloc(24);
        size_t length = 0;
        struct search_question question;
        const char *reason;
        for (; length < (size_t)(round % 24); length++) {
            random = random * 1103515245u + 12345u;
            text[length] = pieces[(random >> 16) % (sizeof(pieces) - 1)];
        }
        int error = search_question_parse(slice_from(text, length), &question, &reason);
        assert_true(error == 0 || error == ERR_BAD_REQUEST);
        free(text);
    }
}

static unsigned rate(const char *query, const char *content) {
    struct search_question question;
    struct search_scan scan;
    const char *reason;
    assert_int_equal(search_question_parse(slice_of_string(query), &question, &reason), 0);
    search_scan_init(&scan, &question);
    unsigned rated = search_scan_rate(&scan, SLICE("Ann"), DAY_US, slice_of_string(content));
    search_scan_close(&scan);
    return rated;
}

static void case_and_accents_do_not_matter(void **state) {
    (void)state;
    assert_true(rate("uber", "ÜBER allem") > 0);
    assert_true(rate("ÜBER", "uber allem") > 0);
    assert_true(rate("cafe\xcc\x81", "das Café") > 0);
    assert_true(rate("हिन्दी", "यह हिन्दी है") > 0);
    assert_true(rate("한국어", "한국어 문장") > 0);
}

static void all_words_must_be_there_and_whole(void **state) {
    (void)state;
    assert_true(rate("ship it", "it did ship") > 0);
    assert_int_equal(rate("ship it", "ship"), 0);
    assert_int_equal(rate("shi", "ship it"), 0);
    assert_int_equal(rate("hip", "ship it"), 0);
    assert_true(rate("shi*", "ship it") > 0);
    assert_int_equal(rate("hip*", "ship it"), 0);
    assert_true(rate("\"ship it\"", "please: ship, it!") > 0);
    assert_int_equal(rate("\"ship it\"", "it ship"), 0);
    assert_true(rate("\"ship i\"*", "ship it") > 0);
}

static void filters_apply_besides(void **state) {
    (void)state;
    assert_true(rate("x from:ann", "x") > 0);
    assert_true(rate("x from:bob from:ANN", "x") > 0);
    assert_int_equal(rate("x from:bob", "x"), 0);
    assert_true(rate("x after:1970-01-02", "x") > 0);
    assert_int_equal(rate("x after:1970-01-03", "x"), 0);
    assert_int_equal(rate("x before:1970-01-02", "x"), 0);
    assert_true(rate("x before:1970-01-03", "x") > 0);
}

static void more_often_and_shorter_is_better(void **state) {
    (void)state;
    assert_true(rate("x", "x x a b") > rate("x", "x a b c"));
    assert_true(rate("x", "x a") > rate("x", "x a b c d e f"));
    assert_true(rate("x", "x x x") > rate("x", "x x y"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_phrases_and_prefixes_are_told_apart),
        cmocka_unit_test(filters_are_taken_out),
        cmocka_unit_test(what_makes_no_sense_is_words),
        cmocka_unit_test(nothing_to_look_for_is_refused),
        cmocka_unit_test(too_much_is_refused_and_too_many_words_are_left_out),
        cmocka_unit_test(any_bytes_can_be_asked_for),
        cmocka_unit_test(case_and_accents_do_not_matter),
        cmocka_unit_test(all_words_must_be_there_and_whole),
        cmocka_unit_test(filters_apply_besides),
        cmocka_unit_test(more_often_and_shorter_is_better),
    };
    return cmocka_run_group_tests_name("search_query", tests, NULL, NULL);
}
