/* Slack's markup as plain text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "protocol/slack_text.h"

static void expect(const char *text, bool styled, const char *plain) {
    struct buffer out = {0};
    size_t length = strlen(text);
    char *exactly = malloc(length + 1); /* a sanitizer sees what is read behind it */

    memcpy(exactly, text, length);
    buffer_append_string(&out, "*before_");
    slack_text_append(&out, slice_from(exactly, length), styled);
    struct slice written = slice_skip(buffer_slice(&out), 8);

    if (!slice_equal(written, slice_of_string(plain))) {
        fail_msg("\"%s\" is \"%.*s\", not \"%s\"", text, SLICE_ARGS(written), plain);
    }
    assert_true(slice_starts_with(buffer_slice(&out), SLICE("*before_")));
    free(exactly);
    buffer_close(&out);
}

struct example {
    const char *text, *plain;
};

static void expect_all(const struct example *examples, size_t count, bool styled) {
    for (size_t i = 0; i < count; i++) {
        expect(examples[i].text, styled, examples[i].plain);
    }
}

#define EXPECT_ALL(styled, ...)                                                                    \
    do {                                                                                           \
        const struct example examples[] = {__VA_ARGS__};                                           \
        expect_all(examples, sizeof(examples) / sizeof(examples[0]), styled);                      \
    } while (false)

static void a_link_shows_where_it_goes(void **state) {
    (void)state;
    EXPECT_ALL(true, {"<https://x.org/a?b=1&amp;c=2>", "https://x.org/a?b=1&c=2"},
               {"see <https://x.org|the *page*>.", "see the *page* (https://x.org)."},
               {"<https://x.org|https://x.org>", "https://x.org"},
               {"<http://www.x.org|www.x.org>", "http://www.x.org"},
               {"<https://evil.example|https://bank.example>",
                "https://bank.example (https://evil.example)"},
               {"<mailto:a@b.c|a@b.c>", "a@b.c"}, {"<mailto:a@b.c|Ann>", "Ann (a@b.c)"},
               {"<tel:123>", "123"}, {"<https://x.org|>", "https://x.org"},
               {"<slack+x-1.0://a|b>", "b (slack+x-1.0://a)"});
}

static void who_is_spoken_to_can_be_read(void **state) {
    (void)state;
    EXPECT_ALL(true, {"<!here> <!channel> <!everyone>", "@here @channel @everyone"},
               {"<!here|here>", "@here"}, {"<@U024BE7LH>", "@U024BE7LH"},
               {"<@U024BE7LH|ann>", "@ann"}, {"<#C024BE7LR|ops>", "#ops"}, {"<#C1|#ops>", "#ops"},
               {"<!subteam^SAZ94GDB8|@team>", "@team"},
               {"<!date^1392734382^{date} at {time}|Feb 18, 2014>", "Feb 18, 2014"});
}

static void entities_are_decoded_once(void **state) {
    (void)state;
    EXPECT_ALL(true, {"a &amp; b &lt;c&gt;", "a & b <c>"}, {"&amp;lt;", "&lt;"},
               {"&lt;https://x.org|y&gt;", "<https://x.org|y>"}, {"&nbsp; & &am", "&nbsp; & &am"},
               {"`a &amp;&amp; b`", "`a && b`"});
}

static void styles_are_left_out(void **state) {
    (void)state;
    EXPECT_ALL(true, {"*bold* _it_ ~gone~", "bold it gone"},
               {"*two words*, (_x_)", "two words, (x)"}, {"*_both_*", "both"},
               {"*a _b* c_", "a b c"}, {"*a*\n*b*", "a\nb"},
               {"*f\xc3\xbc"
                "nf*",
                "f\xc3\xbcnf"});
    EXPECT_ALL(false, {"*bold* _it_ `x", "*bold* _it_ `x"}, {"*<!here>*", "*@here*"});
}

static void what_only_looks_like_markup_stays(void **state) {
    static const char *const texts[] = {"snake_case_name",
                                        "5*3*2 = 30",
                                        "2 * 3 * 4",
                                        "*.log and *.txt",
                                        "__init__",
                                        "**Firing**",
                                        "* item",
                                        "*open\nclose*",
                                        "_private",
                                        "a ~ b ~ c",
                                        "/path/*/x/*",
                                        "a <b> c",
                                        "a < b and c",
                                        "x <- y -> z",
                                        "<",
                                        "<>",
                                        "<|>",
                                        "<!>",
                                        "<@>",
                                        "<a\nb:c>",
                                        "<:x>",
                                        "*",
                                        "**",
                                        "***",
                                        "`",
                                        "``",
                                        "```",
                                        "`open",
                                        "<http",
                                        "a>b",
                                        "```never\nclosed",
                                        "*\xc3\xbc",
                                        "",
                                        "\n\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect(texts[i], true, texts[i]);
    }
}

static void code_stays_as_it_is(void **state) {
    (void)state;
    EXPECT_ALL(true, {"`*a* _b_`", "`*a* _b_`"},
               {"```\n*a*\n_b_ &lt;\n```", "```\n*a*\n_b_ <\n```"},
               {"run `x_y` *now*", "run `x_y` now"}, {"`open *now*", "`open now"});
}

/* Nothing is looked for again and again: each of these would take hours if it were. */
static void time_grows_with_the_text_and_not_faster(void **state) {
    static const char *const pieces[] = {"*a ",  "<",    "<a",    "`a\n", "&am",  "```a``",
                                         "_a *", "<!a|", "*a*\n", "~a~ ", "<a:|", "``` `"};
    const size_t size = 4 << 20;
    char *text = malloc(size);

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        size_t length = strlen(pieces[i]);
        struct buffer out = {0};
        clock_t begun = clock();

        for (size_t at = 0; at < size; at++) {
            text[at] = pieces[i][at % length];
        }
        slack_text_append(&out, slice_from(text, size), true);
        assert_true(buffer_length(&out) <= size);
        assert_true((clock() - begun) / CLOCKS_PER_SEC < 10);
        buffer_close(&out);
    }
    free(text);
}

static void a_zero_is_left_out(void **state) {
    struct buffer out = {0};

    (void)state;
    slack_text_append(&out, SLICE("a\0b <@\0|x\0>"), true);
    assert_true(slice_equal(buffer_slice(&out), SLICE("ab @x")));
    buffer_close(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_shows_where_it_goes),
        cmocka_unit_test(who_is_spoken_to_can_be_read),
        cmocka_unit_test(entities_are_decoded_once),
        cmocka_unit_test(styles_are_left_out),
        cmocka_unit_test(what_only_looks_like_markup_stays),
        cmocka_unit_test(code_stays_as_it_is),
        cmocka_unit_test(time_grows_with_the_text_and_not_faster),
        cmocka_unit_test(a_zero_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
