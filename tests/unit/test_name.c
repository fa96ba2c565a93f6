/* Which names there are, and which of them are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "base/text.h"

static int check(const char *name) {
    return name_check(slice_of_string(name));
}

static void assert_folds_to(const char *name, const char *expected) {
    struct buffer out = {0};

    assert_int_equal(name_fold(slice_of_string(name), &out), 0);
    buffer_append_char(&out, '\0');
    assert_string_equal(buffer_slice(&out).data, expected);
    buffer_close(&out);
}

static void assert_does_not_fold(struct slice name) {
    struct buffer out = {0};

    buffer_append_string(&out, "kept");
    assert_int_equal(name_fold(name, &out), ERR_BAD_REQUEST);
    assert_true(slice_equal(buffer_slice(&out), SLICE("kept")));
    buffer_close(&out);
}

static void letters_digits_and_three_signs_make_a_name(void **state) {
    (void)state;
    assert_int_equal(check("a"), 0);
    assert_int_equal(check("Jason"), 0);
    assert_int_equal(check("0"), 0);
    assert_int_equal(check("-_."), 0);
    assert_int_equal(check("build-42_x.log"), 0);
    assert_int_equal(check("Zoë"), 0);
    assert_int_equal(check("Zoe\u0308"), 0); /* with a combining diaeresis */
    assert_int_equal(check("名前"), 0);
    assert_int_equal(check("नमस्ते"), 0);
    assert_int_equal(check("٤٢"), 0); /* Arabic-Indic digits */
}

static void anything_else_is_no_name(void **state) {
    static const char *const bad[] = {
        "",     " ",   "a b",  "@a",  "$ready",  "#ops",    "a/b",     "a,b",    "a:b",
        "a\nb", "a\t", "\x7f", "😀",   "a\u200b", "a\u00a0", "½",       "\u2028", "a\u202e",
        "<b>",  "a\"", "a'",   "a\\", "a%20",    "+",       "\u0301a", "²"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (check(bad[i]) != ERR_BAD_REQUEST) {
            fail_msg("\"%s\"", bad[i]);
        }
        assert_does_not_fold(slice_of_string(bad[i]));
    }
    assert_int_equal(name_check(SLICE("a\0b")), ERR_BAD_REQUEST);
    assert_int_equal(name_check(SLICE("a\xff")), ERR_BAD_REQUEST);
    assert_int_equal(name_check(SLICE("a\xc3")), ERR_BAD_REQUEST);
    assert_int_equal(name_check(SLICE_NONE), ERR_BAD_REQUEST);
}

static void what_paths_are_made_of_is_no_name(void **state) {
    (void)state;
    assert_int_equal(check("."), ERR_BAD_REQUEST);
    assert_int_equal(check(".."), ERR_BAD_REQUEST);
    assert_does_not_fold(SLICE(".\ufe0f.")); /* only after folding */
    assert_int_equal(check("..."), 0);
    assert_int_equal(check("..a"), 0);
}

static void repeat(struct buffer *out, const char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buffer_append_string(out, text);
    }
}

static void a_name_has_at_most_64_characters(void **state) {
    static const char *const letters[] = {"a", "é", "語", "𐐀"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct buffer name = {0}, folded = {0};

        repeat(&name, letters[i], 64);
        assert_int_equal(name_check(buffer_slice(&name)), 0);
        assert_int_equal(name_fold(buffer_slice(&name), &folded), 0);
        repeat(&name, letters[i], 1);
        assert_int_equal(name_check(buffer_slice(&name)), ERR_TOO_LARGE);
        assert_does_not_fold(buffer_slice(&name));
        buffer_close(&name);
        buffer_close(&folded);
    }
}

static void a_name_that_grows_past_64_characters_by_folding_is_refused(void **state) {
    struct buffer name = {0}, folded = {0};

    (void)state;
    repeat(&name, "ß", 32); /* folds to ss */
    assert_int_equal(name_fold(buffer_slice(&name), &folded), 0);
    assert_int_equal(buffer_length(&folded), 64);
    repeat(&name, "ß", 1);
    assert_int_equal(name_check(buffer_slice(&name)), 0);
    assert_does_not_fold(buffer_slice(&name));
    buffer_close(&name);
    buffer_close(&folded);
}

static void names_that_look_the_same_fold_to_the_same(void **state) {
    (void)state;
    assert_folds_to("ann", "ann");
    assert_folds_to("ANN", "ann");
    assert_folds_to("Ann-B_0.z", "ann-b_0.z");
    assert_folds_to("ＡＮＮ", "ann"); /* fullwidth */
    assert_folds_to("ﬁn", "fin");     /* ligature */
    assert_folds_to("𝐚𝐧𝐧", "ann");    /* mathematical bold */
    assert_folds_to("STRASSE", "strasse");
    assert_folds_to("Straße", "strasse");
    assert_folds_to("ZOË", "zoë");
    assert_folds_to("Zoe\u0308", "zoë");  /* decomposed */
    assert_folds_to("\u212b", "å");       /* angstrom sign */
    assert_folds_to("\u212aate", "kate"); /* kelvin sign */
    assert_folds_to("ΣΊΣΥΦΟΣ", "σίσυφοσ");
    assert_folds_to("σίσυφος", "σίσυφοσ");     /* final sigma */
    assert_folds_to("a\u034fn\ufe0fn", "ann"); /* invisible: grapheme joiner, variation selector */
    assert_folds_to("４２", "42");
}

static void marks_in_another_order_make_the_same_name(void **state) {
    struct buffer one = {0}, other = {0};

    (void)state;
    assert_int_equal(name_fold(SLICE("e\u0323\u0301"), &one), 0);
    assert_int_equal(name_fold(SLICE("e\u0301\u0323"), &other), 0);
    assert_true(slice_equal(buffer_slice(&one), buffer_slice(&other)));
    buffer_close(&one);
    buffer_close(&other);
}

static void a_name_is_checked_again_after_folding(void **state) {
    (void)state;
    /* A letter that is invisible, an Arabic ligature with spaces inside, a letter that is an
     * accent behind a space. */
    assert_int_equal(check("\u3164"), 0);
    assert_does_not_fold(SLICE("\u3164"));
    assert_int_equal(check("\ufdfa"), ERR_NONE);
    assert_does_not_fold(SLICE("\ufdfa"));
    assert_int_equal(check("\u037a"), 0);
    assert_does_not_fold(SLICE("\u037a"));
    assert_does_not_fold(SLICE("\u3164\u0301")); /* only a mark is left */
}

static void folding_appends_and_folding_again_changes_nothing(void **state) {
    struct buffer once = {0}, twice = {0};

    (void)state;
    for (int32_t codepoint = 1; codepoint <= 0x10ffff; codepoint++) {
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t length = utf8proc_encode_char(codepoint, bytes);

        buffer_clear(&once);
        buffer_clear(&twice);
        if ((codepoint & ~0x7ff) == 0xd800 ||
            name_fold(slice_from(bytes, (size_t)length), &once) < 0) {
            continue;
        }
        if (name_fold(buffer_slice(&once), &twice) < 0 ||
            !slice_equal(buffer_slice(&once), buffer_slice(&twice))) {
            fail_msg("U+%04X", (unsigned)codepoint);
        }
    }
    buffer_close(&once);
    buffer_close(&twice);
}

static void labels_fold_like_names_whatever_is_in_them(void **state) {
    struct buffer out = {0};
    char long_label[65];

    (void)state;
    assert_int_equal(label_fold(SLICE("\uff23LIENT\u00a0\u2460: \u200bZo\u00cb"), &out), 0);
    assert_true(slice_equal(buffer_slice(&out), SLICE("client 1: zo\u00eb")));
    memset(long_label, 'x', sizeof(long_label));
    assert_int_equal(label_fold(slice_from(long_label, 65), &out), ERR_TOO_LARGE);
    assert_int_equal(label_fold(SLICE("\xff"), &out), ERR_BAD_REQUEST);
    assert_true(slice_equal(buffer_slice(&out), SLICE("client 1: zo\u00eb")));
    assert_int_equal(label_fold(slice_from(long_label, 64), &out), 0);
    buffer_close(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_digits_and_three_signs_make_a_name),
        cmocka_unit_test(anything_else_is_no_name),
        cmocka_unit_test(what_paths_are_made_of_is_no_name),
        cmocka_unit_test(a_name_has_at_most_64_characters),
        cmocka_unit_test(a_name_that_grows_past_64_characters_by_folding_is_refused),
        cmocka_unit_test(names_that_look_the_same_fold_to_the_same),
        cmocka_unit_test(marks_in_another_order_make_the_same_name),
        cmocka_unit_test(a_name_is_checked_again_after_folding),
        cmocka_unit_test(folding_appends_and_folding_again_changes_nothing),
        cmocka_unit_test(labels_fold_like_names_whatever_is_in_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
