#include "store/search_words.h"

#include <utf8proc.h>

#include "base/codepoint.h"
#include "base/text.h"

/* No single character decomposes to more than this many. */
#define DECOMPOSED 18
#define UTF8_LONGEST 4

static inline bool is_word_character(int32_t codepoint) {
    if (codepoint < 0) {
        return false;
    }
    if (codepoint < 0x80) {
        return (codepoint >= '0' && codepoint <= '9') || (codepoint >= 'A' && codepoint <= 'Z') ||
               (codepoint >= 'a' && codepoint <= 'z');
    }
    switch (utf8proc_category(codepoint)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_CO:
        return true;
    default:
        return false;
    }
}

bool search_word_next(struct slice *rest, struct slice *word) {
    const char *start = NULL;
    while (rest->length > 0) {
        struct slice after = *rest;
        bool belongs = is_word_character(codepoint_take(&after));
        if (belongs && start == NULL) {
            start = rest->data;
        }
        if (!belongs && start != NULL) {
            break;
        }
        *rest = after;
    }
    if (start == NULL) {
        return false;
    }
    *word = slice_from(start, (size_t)(rest->data - start));
    return true;
}

static void fold_character(int32_t codepoint, struct buffer *out) {
    utf8proc_int32_t parts[DECOMPOSED];
    int boundary = 0;
    utf8proc_ssize_t count =
        utf8proc_decompose_char(utf8proc_tolower(codepoint), parts, DECOMPOSED,
                                UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK, &boundary);
    for (utf8proc_ssize_t i = 0; i < count && i < DECOMPOSED; i++) {
        char *end = buffer_reserve(out, UTF8_LONGEST);
        buffer_commit(out, (size_t)utf8proc_encode_char(parts[i], (utf8proc_uint8_t *)end));
    }
}

void search_fold(struct slice text, struct buffer *out) {
    while (text.length > 0) {
        int32_t codepoint = codepoint_take(&text);
        if (codepoint >= 'A' && codepoint <= 'Z') {
            buffer_append_char(out, (char)(codepoint | 0x20));
        } else if (codepoint >= 0 && codepoint < 0x80) {
            buffer_append_char(out, (char)codepoint);
        } else if (codepoint >= 0) {
            fold_character(codepoint, out);
        }
    }
}

/* The beginning of it that is ASCII, which most texts are: a byte becomes a byte or nothing. */
static void fold_ascii(struct slice *rest, bool *within, unsigned *words, struct buffer *out) {
    char *begin = buffer_reserve(out, rest->length + 1), *end = begin;
    const char *at = rest->data, *stop = at + rest->length;
    for (; at < stop && (signed char)*at >= 0; at++) {
        if (is_word_character(*at)) {
            *end++ = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
            *within = true;
        } else if (*within) {
            *end++ = '\n';
            *within = false;
            ++*words;
        }
    }
    buffer_commit(out, (size_t)(end - begin));
    *rest = slice_from(at, (size_t)(stop - at));
}

unsigned search_fold_words(struct slice text, struct buffer *out) {
    bool within = false;
    unsigned words = 0;
    buffer_append_char(out, '\n');
    for (;;) {
        fold_ascii(&text, &within, &words, out);
        if (text.length == 0) {
            break;
        }
        int32_t codepoint = codepoint_take(&text);
        if (is_word_character(codepoint)) {
            fold_character(codepoint, out);
            within = true;
        } else if (within) {
            buffer_append_char(out, '\n');
            within = false;
            words++;
        }
    }
    if (within) {
        buffer_append_char(out, '\n');
        words++;
    }
    return words;
}

void search_fold_sender(struct slice sender, struct buffer *out) {
    if (name_fold(sender, out) < 0) {
        search_fold(sender, out);
    }
}
