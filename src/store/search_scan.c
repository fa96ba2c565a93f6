/* A text is compared as its folded words with a line end around each: "\nship\nit\n". A phrase is
 * then looked for as "\nship\nit\n", and one that ends in a prefix as "\nship\ni". */
#include "store/search_scan.h"

#include <string.h>

#include "store/search_words.h"

#define RATE_ONE 1000000u /* of one hit in a text of one word */
#define WORDS_BESIDE 8    /* so that very short texts are not all there is */

void search_scan_init(struct search_scan *scan, const struct search_question *question) {
    *scan = (struct search_scan){.question = question};
    for (size_t i = 0; i < question->term_count; i++) {
        const struct search_term *term = &question->terms[i];
        search_fold_words(term->text, &scan->terms[i]);
        if (term->prefix) {
            buffer_truncate(&scan->terms[i], buffer_length(&scan->terms[i]) - 1);
        }
    }
    for (size_t i = 0; i < question->sender_count; i++) {
        search_fold_sender(question->senders[i], &scan->senders[i]);
    }
}

void search_scan_close(struct search_scan *scan) {
    for (size_t i = 0; i < LIMIT_SEARCH_TERMS; i++) {
        buffer_close(&scan->terms[i]);
        buffer_close(&scan->senders[i]);
    }
    buffer_close(&scan->text);
}

static bool wants_sender(struct search_scan *scan, struct slice sender) {
    bool wanted = scan->question->sender_count == 0;
    if (wanted) {
        return true;
    }
    buffer_clear(&scan->text);
    search_fold_sender(sender, &scan->text);
    for (size_t i = 0; i < scan->question->sender_count && !wanted; i++) {
        wanted = slice_equal(buffer_slice(&scan->senders[i]), buffer_slice(&scan->text));
    }
    return wanted;
}

/* The line end after one hit may be the one before the next. */
static unsigned count_hits(struct slice text, struct slice term) {
    unsigned hits = 0;
    const char *hit;
    while (text.length >= term.length &&
           (hit = memmem(text.data, text.length, term.data, term.length)) != NULL) {
        hits++;
        text = slice_skip(text, (size_t)(hit - text.data) + 1);
    }
    return hits;
}

unsigned search_scan_rate(struct search_scan *scan, struct slice sender, int64_t timestamp_us,
                          struct slice content) {
    const struct search_question *question = scan->question;
    unsigned hits = 0;
    if (timestamp_us < question->from_us || timestamp_us >= question->until_us ||
        !wants_sender(scan, sender)) {
        return 0;
    }
    if (question->term_count == 0) {
        return 1;
    }
    buffer_clear(&scan->text);
    unsigned words = search_fold_words(content, &scan->text);
    for (size_t i = 0; i < question->term_count; i++) {
        unsigned of_term = count_hits(buffer_slice(&scan->text), buffer_slice(&scan->terms[i]));
        if (of_term == 0) {
            return 0;
        }
        hits += of_term;
    }
    return hits * (RATE_ONE / (words + WORDS_BESIDE)) + 1;
}
