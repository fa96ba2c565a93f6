/* Text on a screen: what takes how many columns, what must not be shown, and where rows end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "terminal/editor.h"
#include "terminal/glyph.h"
#include "terminal/rich.h"

static void check_shown(const char *text, const char *shown, unsigned width) {
    struct slice rest = slice_of_string(text);
    struct glyph glyph;
    char all[256] = "";

    while (glyph_next(&rest, &glyph))
        strncat(all, glyph.shown, sizeof all - strlen(all) - 1);
    assert_string_equal(all, shown);
    assert_int_equal(text_width(slice_of_string(text)), width);
}

static void wide_characters_take_two_columns(void **state) {
    (void)state;
    check_shown("abc", "abc", 3);
    check_shown("日本", "日本", 4);
    check_shown("한글", "한글", 4);
    check_shown("👍", "👍", 2);
    check_shown("e\xcc\x81", "e\xcc\x81", 1);
    check_shown("שלום", "שלום", 4);
}

static void what_terminals_disagree_on_is_shown_in_parts(void **state) {
    (void)state;
    check_shown("👨‍👩‍👧", "👨👩👧", 6);
    check_shown("👍🏽", "👍", 2);
    check_shown("🇩🇪", "DE", 2);
    check_shown("❤\xef\xb8\x8f", "❤", 1);
}

static void controls_never_get_through(void **state) {
    (void)state;
    check_shown("\x1b[2J", "\xef\xbf\xbd[2J", 4);
    check_shown("a\x07\x7f", "a\xef\xbf\xbd\xef\xbf\xbd", 3);
    check_shown("\xc2\x9b", "\xef\xbf\xbd", 1); /* C1 */
    check_shown("\xe2\x80\xae"
                "abc",
                "\xef\xbf\xbd"
                "abc",
                4);                         /* turns the direction */
    check_shown("\xff", "\xef\xbf\xbd", 1); /* not UTF-8 */
    check_shown("a\xe2\x80\x8b"
                "b",
                "ab", 2); /* without width */
    check_shown("\t", "    ", 4);
}

static void marks_are_few_and_never_alone(void **state) {
    char zalgo[256] = "z";

    (void)state;
    for (int i = 0; i < 60; i++)
        strcat(zalgo, "\xcc\xb5");
    check_shown(zalgo, "z\xcc\xb5\xcc\xb5\xcc\xb5\xcc\xb5", 1);
    check_shown("\xcc\x81", "\xe2\x97\x8c\xcc\x81", 1);
}

static void positions_are_between_clusters(void **state) {
    struct slice text = SLICE("a👨‍👩‍👧e\xcc\x81"
                              "b");
    size_t family = sizeof "👨‍👩‍👧" - 1;

    (void)state;
    assert_int_equal(glyph_next_position(text, 0), 1);
    assert_int_equal(glyph_next_position(text, 1), 1 + family);
    assert_int_equal(glyph_next_position(text, 1 + family), 4 + family);
    assert_int_equal(glyph_previous_position(text, 1 + family), 1);
    assert_int_equal(glyph_previous_position(text, 4 + family), 1 + family);
    assert_int_equal(glyph_previous_position(text, 0), 0);
    assert_int_equal(glyph_next_position(text, text.length), text.length);
}

static void ascii_is_the_nearest_there_is(void **state) {
    (void)state;
    assert_int_equal(codepoint_ascii(0xe9), 'e');
    assert_int_equal(codepoint_ascii(0x201c), '"');
    assert_int_equal(codepoint_ascii(0x65e5), '?');
    assert_int_equal(codepoint_ascii(0x301), 0);
}

/* The rows of a text with "|" between them. */
static void check_rows(const char *text, unsigned width, const char *expected) {
    struct rich rich = {0};
    struct row row;
    size_t at = 0;
    char rows[256] = "";

    rich_append_string(&rich, text, STYLE_TEXT);
    while (rich_next_row(&rich, width, &at, &row)) {
        if (rows[0] != 0)
            strcat(rows, "|");
        strncat(rows, text + row.start, row.end - row.start);
    }
    assert_string_equal(rows, expected);
    rich_close(&rich);
}

static void rows_end_behind_words(void **state) {
    (void)state;
    check_rows("", 10, "");
    check_rows("one two three", 7, "one two|three");
    check_rows("one two three", 6, "one|two|three");
    check_rows("one two three", 100, "one two three");
    check_rows("abcdefghij", 4, "abcd|efgh|ij");
    check_rows("well-known words", 6, "well-|known|words");
    check_rows("a\nb\n", 10, "a|b");
    check_rows("x\n\ny", 10, "x||y");
}

static void wide_characters_are_not_cut_in_two(void **state) {
    (void)state;
    check_rows("日本語", 5, "日本|語");
    check_rows("日本語", 1, "日|本|語");
    check_rows("ab日本", 3, "ab|日|本");
    check_rows("e\xcc\x81"
               "e\xcc\x81"
               "e\xcc\x81",
               2,
               "e\xcc\x81"
               "e\xcc\x81|e\xcc\x81");
}

static void every_byte_is_in_a_row_whatever_the_width(void **state) {
    const char *text =
        "mixed 日本 text-with 👨‍👩‍👧 breaks and averyveryverylongword\nend";

    (void)state;
    for (unsigned width = 1; width < 60; width++) {
        struct rich rich = {0};
        struct row row;
        size_t at = 0, end = 0;
        rich_append_string(&rich, text, STYLE_TEXT);
        while (rich_next_row(&rich, width, &at, &row)) {
            assert_true(row.start >= end && row.start - end <= 1);
            assert_true(row.end >= row.start && at >= row.end);
            end = row.end;
        }
        assert_int_equal(end, strlen(text));
        rich_close(&rich);
    }
}

static void a_name_always_has_the_same_colour(void **state) {
    (void)state;
    assert_int_equal(name_style(SLICE("Ann")), name_style(SLICE("ann")));
    assert_true(name_style(SLICE("ann")) >= STYLE_NAME && name_style(SLICE("ann")) < STYLE_COUNT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_characters_take_two_columns),
        cmocka_unit_test(what_terminals_disagree_on_is_shown_in_parts),
        cmocka_unit_test(controls_never_get_through),
        cmocka_unit_test(marks_are_few_and_never_alone),
        cmocka_unit_test(positions_are_between_clusters),
        cmocka_unit_test(ascii_is_the_nearest_there_is),
        cmocka_unit_test(rows_end_behind_words),
        cmocka_unit_test(wide_characters_are_not_cut_in_two),
        cmocka_unit_test(every_byte_is_in_a_row_whatever_the_width),
        cmocka_unit_test(a_name_always_has_the_same_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
