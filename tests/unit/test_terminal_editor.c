/* The line one types in, and how it is completed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "terminal/completion.h"
#include "terminal/editor.h"

/* "|" is the cursor. */
static void check(const struct editor *editor, const char *expected) {
    struct slice text = editor_text(editor);
    char got[512] = "";

    strncat(got, text.data == NULL ? "" : text.data, editor->cursor);
    strcat(got, "|");
    strncat(got, text.data == NULL ? "" : text.data + editor->cursor, text.length - editor->cursor);
    assert_string_equal(got, expected);
}

static void type(struct editor *editor, const char *text) {
    assert_true(editor_insert(editor, slice_of_string(text)));
}

static void one_moves_by_characters_as_people_see_them(void **state) {
    struct editor editor = {0};

    (void)state;
    type(&editor, "a👨‍👩‍👧e\xcc\x81");
    editor_left(&editor);
    check(&editor, "a👨‍👩‍👧|e\xcc\x81");
    editor_left(&editor);
    check(&editor, "a|👨‍👩‍👧e\xcc\x81");
    editor_delete(&editor);
    check(&editor, "a|e\xcc\x81");
    editor_right(&editor);
    editor_delete_back(&editor);
    check(&editor, "a|");
    editor_delete_back(&editor);
    editor_delete_back(&editor);
    editor_left(&editor);
    editor_delete(&editor);
    check(&editor, "|");
    editor_close(&editor);
}

static void words_are_cut_and_put_back_in_one_piece(void **state) {
    struct editor editor = {0};

    (void)state;
    type(&editor, "one two-three four");
    editor_cut_word_back(&editor);
    editor_cut_word_back(&editor);
    check(&editor, "one |");
    editor_yank(&editor);
    check(&editor, "one two-three four|");
    editor_word_left(&editor);
    editor_word_left(&editor);
    check(&editor, "one two-|three four");
    editor_cut_word(&editor);
    check(&editor, "one two-| four");
    editor_word_right(&editor);
    check(&editor, "one two- four|");
    editor_cut_to_home(&editor);
    check(&editor, "|");
    editor_yank(&editor);
    check(&editor, "one two- four|");
    editor_home(&editor);
    editor_cut_to_end(&editor);
    check(&editor, "|");
    editor_close(&editor);
}

static void characters_change_places(void **state) {
    struct editor editor = {0};

    (void)state;
    editor_transpose(&editor);
    type(&editor, "x");
    editor_transpose(&editor);
    check(&editor, "x|");
    type(&editor, "日");
    editor_transpose(&editor);
    check(&editor, "日x|");
    editor_left(&editor);
    editor_transpose(&editor);
    check(&editor, "x日|");
    editor_close(&editor);
}

static void lines_are_gone_through_up_and_down(void **state) {
    struct editor editor = {0};

    (void)state;
    type(&editor, "first line\r\nab\nthird");
    assert_false(editor_down(&editor));
    assert_true(editor_up(&editor));
    check(&editor, "first line\nab|\nthird");
    assert_true(editor_up(&editor));
    check(&editor, "fi|rst line\nab\nthird");
    assert_false(editor_up(&editor));
    editor_end(&editor);
    check(&editor, "first line|\nab\nthird");
    editor_cut_to_end(&editor);
    check(&editor, "first line|ab\nthird");
    editor_close(&editor);
}

static void what_is_pasted_holds_no_controls(void **state) {
    struct editor editor = {0};

    (void)state;
    type(&editor, "a\x1b[31mb\tc\rd");
    check(&editor, "a\xef\xbf\xbd[31mb\tc\nd|");
    editor_close(&editor);
}

static void what_was_typed_comes_back_and_so_does_what_was_not_finished(void **state) {
    struct editor editor = {0};

    (void)state;
    assert_false(editor_older(&editor));
    type(&editor, "one");
    editor_remember(&editor);
    editor_remember(&editor); /* the same again is kept once */
    editor_clear(&editor);
    type(&editor, "two");
    editor_remember(&editor);
    editor_clear(&editor);
    type(&editor, "unfinis");
    assert_true(editor_older(&editor));
    check(&editor, "two|");
    assert_true(editor_older(&editor));
    check(&editor, "one|");
    assert_false(editor_older(&editor));
    assert_true(editor_newer(&editor));
    assert_true(editor_newer(&editor));
    check(&editor, "unfinis|");
    assert_false(editor_newer(&editor));
    editor_close(&editor);
}

static void history_forgets_its_oldest(void **state) {
    struct editor editor = {0};
    char line[32];

    (void)state;
    for (int i = 0; i < EDITOR_HISTORY_MAX + 10; i++) {
        snprintf(line, sizeof line, "line %d", i);
        editor_set(&editor, slice_of_string(line), 0);
        editor_remember(&editor);
    }
    assert_int_equal(editor.history_count, EDITOR_HISTORY_MAX);
    assert_string_equal(editor.history[0], "line 10");
    editor_close(&editor);
}

static void what_does_not_fit_is_not_taken(void **state) {
    struct editor editor = {0};
    struct buffer much = {0};

    (void)state;
    for (int i = 0; i < EDITOR_TEXT_MAX / 8; i++)
        buffer_append_string(&much, "12345678");
    assert_true(editor_insert(&editor, buffer_slice(&much)));
    assert_false(editor_insert(&editor, SLICE("x")));
    buffer_close(&much);
    editor_close(&editor);
}

static void check_word(const char *text, enum completion_kind kind, size_t start) {
    struct editor editor = {0};
    size_t got = 0;

    type(&editor, text);
    assert_int_equal(completion_word(&editor, &got), kind);
    if (kind != COMPLETE_NOTHING)
        assert_int_equal(got, start);
    editor_close(&editor);
}

static void the_word_says_what_it_can_be(void **state) {
    (void)state;
    check_word("", COMPLETE_NOTHING, 0);
    check_word("/jo", COMPLETE_COMMAND, 0);
    check_word("/join ge", COMPLETE_ROOM, 6);
    check_word("an", COMPLETE_NAME, 0);
    check_word("hello an", COMPLETE_NAME, 6);
    check_word("see #ge", COMPLETE_ROOM, 5);
    check_word("ask @an", COMPLETE_NAME, 5);
    check_word("/msg bo", COMPLETE_NAME, 5);
}

static void completing_goes_around(void **state) {
    struct editor editor = {0};
    struct candidates names = {0};
    struct completion completion = {0};

    (void)state;
    candidates_add(&names, SLICE("Robert"));
    candidates_add(&names, SLICE("ann"));
    candidates_add(&names, SLICE("roberta"));
    type(&editor, "ask ROB");
    assert_true(completion_begin(&completion, &editor, 4, &names, " "));
    check(&editor, "ask Robert |");
    completion_next(&completion, &editor, " ", false);
    check(&editor, "ask roberta |");
    completion_next(&completion, &editor, " ", false);
    check(&editor, "ask Robert |");
    completion_next(&completion, &editor, " ", true);
    check(&editor, "ask roberta |");
    editor_clear(&editor);
    type(&editor, "zo");
    assert_false(completion_begin(&completion, &editor, 0, &names, " "));
    check(&editor, "zo|");
    candidates_close(&names);
    completion_end(&completion);
    editor_close(&editor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_moves_by_characters_as_people_see_them),
        cmocka_unit_test(words_are_cut_and_put_back_in_one_piece),
        cmocka_unit_test(characters_change_places),
        cmocka_unit_test(lines_are_gone_through_up_and_down),
        cmocka_unit_test(what_is_pasted_holds_no_controls),
        cmocka_unit_test(what_was_typed_comes_back_and_so_does_what_was_not_finished),
        cmocka_unit_test(history_forgets_its_oldest),
        cmocka_unit_test(what_does_not_fit_is_not_taken),
        cmocka_unit_test(the_word_says_what_it_can_be),
        cmocka_unit_test(completing_goes_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
