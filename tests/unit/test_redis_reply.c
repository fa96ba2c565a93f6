/* Answers of a Redis: read the same however they are cut, and refused when they are none or claim
 * to be endless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "redis/redis_reply.h"

/* One line that says all of it. */
static void describe(const struct redis_reply *reply, struct buffer *text) {
    static const char kinds[] = {[REDIS_STATUS] = '+', [REDIS_ERROR] = '-', [REDIS_BULK] = '$'};

    switch (reply->kind) {
    case REDIS_STATUS:
    case REDIS_ERROR:
    case REDIS_BULK:
        buffer_append_char(text, kinds[reply->kind]);
        buffer_append_slice(text, reply->text);
        break;
    case REDIS_INTEGER:
        buffer_append_format(text, ":%lld", (long long)reply->integer);
        break;
    case REDIS_NIL:
        buffer_append_string(text, "nil");
        break;
    case REDIS_LOST:
        buffer_append_string(text, "lost");
        break;
    case REDIS_ARRAY:
        buffer_append_char(text, '[');
        for (size_t i = 0; i < reply->count; i++) {
            buffer_append_string(text, i > 0 ? " " : "");
            describe(&reply->items[i], text);
        }
        buffer_append_char(text, ']');
        break;
    }
}

/* Feeds a part; describes what is complete, a line each. */
static int feed(struct redis_reader *reader, struct slice bytes, struct buffer *text) {
    const struct redis_reply *reply = NULL;
    int error = 0;

    do {
        error = redis_reader_next(reader, &bytes, &reply);
        if (error || !reply)
            break;
        describe(reply, text);
        buffer_append_char(text, '\n');
    } while (true);
    return error;
}

static const char conversation[] = "+OK\r\n"
                                   "-ERR no such thing\r\n"
                                   ":-9223372036854775808\r\n"
                                   "$-1\r\n"
                                   "*-1\r\n"
                                   "$0\r\n\r\n"
                                   "$7\r\na\r\nb\0+-\r\n"
                                   "*0\r\n"
                                   "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"
                                   "*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n*1\r\n"
                                   "-WRONG inside\r\n";
#define CONVERSATION slice_from(conversation, sizeof(conversation) - 1)
static const char meaning[] = "+OK\n"
                              "-ERR no such thing\n"
                              ":-9223372036854775808\n"
                              "nil\n"
                              "nil\n"
                              "$\n"
                              "$a\r\nb\0+-\n"
                              "[]\n"
                              "[$message $c $hi]\n"
                              "[[$1-0 [$k $v]] [-WRONG inside]]\n";

static void assert_meaning(struct buffer *text) {
    struct slice said = buffer_slice(text);

    assert_int_equal(said.length, sizeof(meaning) - 1);
    assert_memory_equal(said.data, meaning, said.length);
    buffer_close(text);
}

static void answers_mean_the_same_wherever_they_are_cut(void **state) {
    (void)state;
    for (size_t cut = 0; cut <= CONVERSATION.length; cut++) {
        struct redis_reader *reader = redis_reader_new();
        struct buffer text = {0};
        assert_int_equal(feed(reader, slice_from(conversation, cut), &text), 0);
        assert_int_equal(feed(reader, slice_skip(CONVERSATION, cut), &text), 0);
        assert_meaning(&text);
        redis_reader_free(reader);
    }
}

static void answers_mean_the_same_byte_by_byte(void **state) {
    struct redis_reader *reader = redis_reader_new();
    struct buffer text = {0};

    (void)state;
    for (size_t i = 0; i < CONVERSATION.length; i++)
        assert_int_equal(feed(reader, slice_from(conversation + i, 1), &text), 0);
    assert_meaning(&text);
    redis_reader_free(reader);
}

static void many_answers_in_one_piece_come_one_by_one(void **state) {
    struct redis_reader *reader = redis_reader_new();
    struct buffer many = {0}, text = {0};
    size_t count = 20000;

    (void)state;
    for (size_t i = 0; i < count; i++)
        buffer_append_format(&many, ":%zu\r\n$5\r\nhello\r\n", i);
    assert_int_equal(feed(reader, buffer_slice(&many), &text), 0);
    for (size_t i = 0; i < count; i++) {
        struct slice rest = buffer_slice(&text);
        char expected[32];
        snprintf(expected, sizeof(expected), ":%zu\n$hello\n", i);
        assert_true(slice_starts_with(rest, slice_of_string(expected)));
        buffer_consume(&text, strlen(expected));
    }
    buffer_close(&many);
    buffer_close(&text);
    redis_reader_free(reader);
}

static void what_is_no_answer_is_refused(void **state) {
    static const char *const wrong[] = {
        "hello\r\n",
        "\r\n",
        "HTTP/1.1 200 OK\r\n",
        "$x\r\n",
        ":1x\r\n",
        "*x\r\n",
        "*2\r\n:1\r\nhello\r\n",
        "_\r\n",
        "$-2\r\n",
        "*-2\r\n",
        ":99999999999999999999\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct redis_reader *reader = redis_reader_new();
        struct buffer text = {0};
        int error = feed(reader, slice_of_string(wrong[i]), &text);
        if (error != ERR_PROTOCOL)
            fail_msg("%s: %d", wrong[i], error);
        buffer_close(&text);
        redis_reader_free(reader);
    }
}

static void counts_that_cannot_be_meant_are_refused_before_memory_is_taken(void **state) {
    static const char *const wrong[] = {
        "*2147483647\r\n",
        "*2000000\r\n",
        "*3\r\n*1000000\r\n",
        "*1000000\r\n*1000000\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct redis_reader *reader = redis_reader_new();
        struct buffer text = {0};
        int error = feed(reader, slice_of_string(wrong[i]), &text);
        if (i == 2)
            assert_int_equal(error, 0); /* as much as may be */
        else
            assert_int_equal(error, ERR_TOO_LARGE);
        buffer_close(&text);
        redis_reader_free(reader);
    }
}

/* Feeds `piece` until it is refused; returns how much was taken. */
static size_t feed_without_end(const char *beginning, const char *piece) {
    struct redis_reader *reader = redis_reader_new();
    struct buffer text = {0};
    struct buffer large = {0};
    size_t taken = 0;

    while (buffer_length(&large) < (size_t)256 * 1024)
        buffer_append_string(&large, piece);
    assert_int_equal(feed(reader, slice_of_string(beginning), &text), 0);
    while (taken < 2 * REDIS_REPLY_MAX) {
        int error = feed(reader, buffer_slice(&large), &text);
        if (error) {
            assert_int_equal(error, ERR_TOO_LARGE);
            break;
        }
        taken += buffer_length(&large);
    }
    buffer_close(&large);
    buffer_close(&text);
    redis_reader_free(reader);
    return taken;
}

static void an_answer_without_end_is_refused_at_the_limit(void **state) {
    (void)state;
    assert_in_range(feed_without_end("$2000000000\r\n", "x"), REDIS_REPLY_MAX / 2, REDIS_REPLY_MAX);
    assert_in_range(feed_without_end("*1000000\r\n", "$30\r\n123456789012345678901234567890\r\n"),
                    0, REDIS_REPLY_MAX);
    assert_in_range(feed_without_end("+", "x"), 0, (size_t)1024 * 1024);
    assert_in_range(feed_without_end("$", "1"), 0, (size_t)1024 * 1024);
}

static void a_large_answer_below_the_limit_is_read_and_its_memory_given_back(void **state) {
    struct redis_reader *reader = redis_reader_new();
    struct buffer bytes = {0};
    struct slice input;
    const struct redis_reply *reply = NULL;
    size_t size = (size_t)20 * 1024 * 1024;

    (void)state;
    for (int round = 0; round < 2; round++) {
        buffer_append_format(&bytes, "$%zu\r\n", size);
        memset(buffer_reserve(&bytes, size), 'x', size);
        buffer_commit(&bytes, size);
        buffer_append_string(&bytes, "\r\n:1\r\n");
        input = buffer_slice(&bytes);
        assert_int_equal(redis_reader_next(reader, &input, &reply), 0);
        assert_int_equal(reply->text.length, size);
        assert_int_equal(reply->text.data[size - 1], 'x');
        assert_int_equal(redis_reader_next(reader, &input, &reply), 0);
        assert_int_equal(reply->integer, 1);
        assert_int_equal(input.length, 0);
        buffer_close(&bytes);
    }
    redis_reader_free(reader);
}

static void a_command_is_an_array_of_its_words(void **state) {
    const struct slice words[] = {SLICE("SET"), SLICE(""), slice_from("a\r\n\0b", 5)};
    static const char expected[] = "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n";
    struct buffer output = {0};

    (void)state;
    redis_append_command(&output, words, 3);
    assert_int_equal(buffer_length(&output), sizeof(expected) - 1);
    assert_memory_equal(buffer_slice(&output).data, expected, sizeof(expected) - 1);
    buffer_close(&output);
}

static void a_copy_outlives_the_answer(void **state) {
    struct redis_reader *reader = redis_reader_new();
    struct slice input = SLICE("*3\r\n$3\r\nabc\r\n*2\r\n:7\r\n$-1\r\n+OK\r\n");
    const struct redis_reply *reply = NULL;
    struct redis_reply *copy;
    struct buffer text = {0};

    (void)state;
    assert_int_equal(redis_reader_next(reader, &input, &reply), 0);
    copy = redis_reply_copy(reply);
    redis_reader_free(reader);
    describe(copy, &text);
    buffer_append_char(&text, 0);
    assert_string_equal(buffer_slice(&text).data, "[$abc [:7 nil] +OK]");
    memory_free(copy);
    buffer_close(&text);
}

static void errors_have_a_kind(void **state) {
    const struct redis_reply wrong = {.kind = REDIS_ERROR, .text = SLICE("READONLY You can't")};
    const struct redis_reply longer = {.kind = REDIS_ERROR, .text = SLICE("READONLYX You can't")};
    const struct redis_reply text = {.kind = REDIS_BULK, .text = SLICE("READONLY")};

    (void)state;
    assert_true(redis_reply_is_error(&wrong, "READONLY"));
    assert_false(redis_reply_is_error(&longer, "READONLY"));
    assert_false(redis_reply_is_error(&text, "READONLY"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_mean_the_same_wherever_they_are_cut),
        cmocka_unit_test(answers_mean_the_same_byte_by_byte),
        cmocka_unit_test(many_answers_in_one_piece_come_one_by_one),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(counts_that_cannot_be_meant_are_refused_before_memory_is_taken),
        cmocka_unit_test(an_answer_without_end_is_refused_at_the_limit),
        cmocka_unit_test(a_large_answer_below_the_limit_is_read_and_its_memory_given_back),
        cmocka_unit_test(a_command_is_an_array_of_its_words),
        cmocka_unit_test(a_copy_outlives_the_answer),
        cmocka_unit_test(errors_have_a_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
