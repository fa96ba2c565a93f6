/* What people type to search: what was understood points into the text, each term has a word, and
 * is the same when it is asked for alone. And the forms in which words are compared. */
#include "base/text.h"
#include "fuzz.h"
#include "store/search_query.h"
#include "store/search_words.h"

static void check_within(struct slice text, const struct slice *parts, size_t count) {
    REQUIRE(count <= LIMIT_SEARCH_TERMS);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(parts[i].length > 0 && parts[i].data >= text.data &&
                parts[i].data + parts[i].length <= text.data + text.length);
    }
}

static size_t count_words(struct slice text) {
    struct slice word;
    size_t count = 0;

    while (search_word_next(&text, &word)) {
        REQUIRE(word.length > 0 && utf8_valid(word));
        count++;
    }
    return count;
}

static void check_question(struct slice text, const struct search_question *question) {
    check_within(text, question->senders, question->sender_count);
    check_within(text, question->rooms, question->room_count);
    REQUIRE(question->term_count <= LIMIT_SEARCH_TERMS);
    for (size_t i = 0; i < question->term_count; i++) {
        check_within(text, &question->terms[i].text, 1);
        REQUIRE(count_words(question->terms[i].text) > 0);
    }
    REQUIRE(question->term_count + question->sender_count + question->room_count > 0 ||
            question->from_us != INT64_MIN || question->until_us != INT64_MAX);
}

/* What words are compared by does not change when it is made a second time. */
static void check_folding(struct slice text, void (*fold)(struct slice, struct buffer *)) {
    struct buffer once = {0}, twice = {0};

    fold(text, &once);
    REQUIRE(utf8_valid(buffer_slice(&once)));
    fold(buffer_slice(&once), &twice);
    require_equal(buffer_slice(&once), buffer_slice(&twice));
    buffer_close(&once);
    buffer_close(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *own = own_bytes(slice_from(data, size));
    struct slice text = slice_from(own, size);
    struct search_question question;
    const char *reason = NULL;

    if (utf8_valid(text)) { /* as all that comes out of a protocol is */
        int error = search_question_parse(text, &question, &reason);

        REQUIRE((error != 0) == (reason != NULL));
        REQUIRE((error == ERR_TOO_LARGE) == (size > LIMIT_SEARCH_TEXT));
        if (error == 0) {
            check_question(text, &question);
        }
        check_folding(text, search_fold);
    }
    free(own);
    return 0;
}
