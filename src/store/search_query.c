#include "store/search_query.h"

#include "base/buffer.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "store/search_words.h"

#define US_PER_DAY (INT64_C(86400) * 1000000)

/* One thing that was typed: what stands before a colon, and what follows it or all there is. */
struct item {
    struct slice filter; /* "from" of from:bob; empty: none */
    struct slice value;  /* without quotation marks */
    struct slice all;
};

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What stands between quotation marks at the front of `*rest`, or up to its end. */
static struct slice take_quoted(struct slice *rest) {
    struct slice quoted = slice_skip(*rest, 1);
    ptrdiff_t end = slice_find(quoted, '"');
    size_t length = end >= 0 ? (size_t)end : quoted.length;
    *rest = slice_skip(quoted, length + 1);
    if (rest->length > 0 && rest->data[0] == '*') {
        *rest = slice_skip(*rest, 1);
        return slice_from(quoted.data, length + 2); /* with the mark and the star after it */
    }
    return slice_from(quoted.data, length);
}

/* Up to white space or a quotation mark. */
static struct slice take_plain(struct slice *rest) {
    size_t length = 0;
    while (length < rest->length && !is_space(rest->data[length]) && rest->data[length] != '"') {
        length++;
    }
    struct slice plain = slice_from(rest->data, length);
    *rest = slice_skip(*rest, length);
    return plain;
}

static bool is_filter(struct slice name) {
    return slice_equal_ignoring_case(name, SLICE("from")) ||
           slice_equal_ignoring_case(name, SLICE("in")) ||
           slice_equal_ignoring_case(name, SLICE("after")) ||
           slice_equal_ignoring_case(name, SLICE("before"));
}

static bool take_item(struct slice *rest, struct item *item) {
    while (rest->length > 0 && is_space(rest->data[0])) {
        *rest = slice_skip(*rest, 1);
    }
    if (rest->length == 0) {
        return false;
    }
    const char *start = rest->data;
    *item = (struct item){.filter = SLICE_NONE};
    if (*start == '"') {
        item->all = take_quoted(rest);
        return true;
    }
    struct slice value = take_plain(rest);
    struct slice filter = slice_cut(&value, ':');
    if (value.data != NULL && is_filter(filter)) {
        bool quoted = value.length == 0 && rest->length > 0 && rest->data[0] == '"';
        item->filter = filter;
        item->value = quoted ? take_quoted(rest) : value;
    }
    item->all = slice_from(start, (size_t)(rest->data - start));
    return true;
}

static bool take_digits(struct slice *rest, size_t count, unsigned *number) {
    uint64_t value;
    if (rest->length < count || !slice_to_u64(slice_from(rest->data, count), &value)) {
        return false;
    }
    *rest = slice_skip(*rest, count);
    *number = (unsigned)value;
    return true;
}

static bool take_dash(struct slice *rest) {
    bool dash = rest->length > 0 && rest->data[0] == '-';
    *rest = slice_skip(*rest, dash);
    return dash;
}

/* The first microsecond of "2026-01-31". There is no other function for this, but one for the way
 * back: the days are counted from March on, so that the leap day is the last of its year, and what
 * comes out is written and compared. */
static bool parse_day(struct slice text, int64_t *start_us) {
    unsigned year, month, day;
    struct slice rest = text;
    if (!take_digits(&rest, 4, &year) || !take_dash(&rest) || !take_digits(&rest, 2, &month) ||
        !take_dash(&rest) || !take_digits(&rest, 2, &day) || rest.length > 0 || month < 1 ||
        month > 12 || year < 1970) {
        return false;
    }
    unsigned from_march = (month + 9) % 12;
    unsigned counted_year = year - (month <= 2);
    int64_t days = (int64_t)counted_year * 365 + counted_year / 4 - counted_year / 100 +
                   counted_year / 400 + (153 * from_march + 2) / 5 + day - 1;
    int64_t start = (days - 719468) * US_PER_DAY;
    char written[TIMESTAMP_LENGTH + 1];
    timestamp_format(start, written);
    if (!slice_equal(slice_from(written, text.length), text)) {
        return false; /* there is no such day */
    }
    *start_us = start;
    return true;
}

static bool add_name(struct slice *names, size_t *count, struct slice name) {
    if (name.length == 0) {
        return false;
    }
    if (*count < LIMIT_SEARCH_TERMS) {
        names[(*count)++] = name;
    }
    return true;
}

static bool add_day(struct search_question *question, struct slice text, bool after) {
    int64_t start_us;
    if (!parse_day(text, &start_us)) {
        return false;
    }
    if (after && start_us > question->from_us) {
        question->from_us = start_us;
    } else if (!after && start_us < question->until_us) {
        question->until_us = start_us;
    }
    return true;
}

/* False: it is none, or makes no sense. */
static bool add_filter(struct search_question *question, const struct item *item) {
    switch (item->filter.length) {
    case sizeof("in") - 1:
        return add_name(question->rooms, &question->room_count, item->value);
    case sizeof("from") - 1:
        return add_name(question->senders, &question->sender_count, item->value);
    case sizeof("after") - 1:
        return add_day(question, item->value, true);
    case sizeof("before") - 1:
        return add_day(question, item->value, false);
    default:
        return false;
    }
}

static void add_term(struct search_question *question, struct slice text) {
    struct slice rest = text, word, last = SLICE_NONE;
    bool found = false;
    while (search_word_next(&rest, &word)) {
        last = word;
        found = true;
    }
    if (!found || question->term_count == LIMIT_SEARCH_TERMS) {
        return;
    }
    const char *after = last.data + last.length;
    size_t after_length = (size_t)(text.data + text.length - after);
    bool prefix = after_length > 0 &&
                  (*after == '*' || (after_length > 1 && *after == '"' && after[1] == '*'));
    question->terms[question->term_count++] = (struct search_term){text, prefix};
}

int search_question_parse(struct slice text, struct search_question *question,
                          const char **reason) {
    struct item item;
    if (text.length > LIMIT_SEARCH_TEXT) {
        *reason = "That is too much to search for";
        return ERR_TOO_LARGE;
    }
    *question = (struct search_question){.from_us = INT64_MIN, .until_us = INT64_MAX};
    while (take_item(&text, &item)) {
        if (!add_filter(question, &item)) {
            add_term(question, item.all);
        }
    }
    bool filtered = question->from_us != INT64_MIN || question->until_us != INT64_MAX;
    if (question->term_count + question->sender_count + question->room_count == 0 && !filtered) {
        *reason = "There is nothing to search for: give a word, or from:NAME";
        return ERR_BAD_REQUEST;
    }
    return 0;
}

bool search_question_wants_room(const struct search_question *question, struct slice key,
                                struct slice name) {
    struct buffer folded = {0};
    bool wanted = question->room_count == 0;
    for (size_t i = 0; i < question->room_count && !wanted; i++) {
        buffer_clear(&folded);
        search_fold_sender(question->rooms[i], &folded);
        wanted = slice_equal(buffer_slice(&folded), key) ||
                 slice_equal_ignoring_case(question->rooms[i], name);
    }
    buffer_close(&folded);
    return wanted;
}
