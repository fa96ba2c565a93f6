/* Names of people and rooms. What is compared is NFKC_Casefold of Unicode: compatibility forms
 * and case are folded, and characters that leave no trace on a screen are dropped, so that
 * "ann", "ＡＮＮ" and "ann" with a variation selector behind it are one name. */
#include "base/text.h"

#include <utf8proc.h>

#include "base/codepoint.h"
#include "base/limits.h"

/* No single character folds to more than this many (U+FDFA does). */
#define FOLD_EXPANSION 18

static bool is_mark(int32_t codepoint) {
    utf8proc_category_t category = utf8proc_category(codepoint);

    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

/* Letters, digits and '-', '_', '.'; and combining marks, without which many scripts (Devanagari,
 * Thai, Hebrew with its points) and decomposed Latin letters could not be written. What composes is
 * one form when names are compared. */
static bool belongs_in_name(int32_t codepoint) {
    utf8proc_category_t category;

    if (codepoint == '-' || codepoint == '_' || codepoint == '.') {
        return true;
    }
    category = utf8proc_category(codepoint);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           category == UTF8PROC_CATEGORY_ND || is_mark(codepoint);
}

int name_check(struct slice name) {
    size_t count = 0;

    if (name.length > LIMIT_NAME) {
        return ERR_TOO_LARGE;
    }
    if (slice_equal(name, SLICE(".")) || slice_equal(name, SLICE(".."))) {
        return ERR_BAD_REQUEST; /* a path of HTTP would never get there */
    }
    while (name.length > 0) {
        int32_t codepoint = codepoint_take(&name);

        if (codepoint < 0 || !belongs_in_name(codepoint) || (count == 0 && is_mark(codepoint))) {
            return ERR_BAD_REQUEST;
        }
        count++;
    }
    if (count > LIMIT_NAME_CHARACTERS) {
        return ERR_TOO_LARGE;
    }
    return count == 0 ? ERR_BAD_REQUEST : 0;
}

static void fold_ascii(struct slice name, struct buffer *out) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];

        buffer_append_char(out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
    }
}

/* Of at most LIMIT_NAME_CHARACTERS characters. `check_folded` (NULL: anything goes) looks at the
 * result. */
static int fold(struct slice s, int (*check_folded)(struct slice), struct buffer *out) {
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    /* One more than can be used: utf8proc_reencode ends its text with a zero. */
    utf8proc_int32_t folded[LIMIT_NAME_CHARACTERS * FOLD_EXPANSION + 1];
    utf8proc_ssize_t length;
    struct slice result;

    if (text_is_ascii(s)) {
        fold_ascii(s, out);
        return 0;
    }
    length = utf8proc_decompose((const utf8proc_uint8_t *)s.data, (utf8proc_ssize_t)s.length,
                                folded, LIMIT_NAME_CHARACTERS * FOLD_EXPANSION, options);
    if (length < 0 || length > LIMIT_NAME_CHARACTERS * FOLD_EXPANSION) {
        return ERR_BAD_REQUEST;
    }
    length = utf8proc_reencode(folded, length, options);
    if (length < 0) {
        return ERR_BAD_REQUEST;
    }
    result = slice_from(folded, (size_t)length);
    if (check_folded != NULL && check_folded(result) < 0) {
        return ERR_BAD_REQUEST;
    }
    buffer_append_slice(out, result);
    return 0;
}

int name_fold(struct slice name, struct buffer *out) {
    return name_check(name) < 0 ? ERR_BAD_REQUEST : fold(name, name_check, out);
}

int label_fold(struct slice s, struct buffer *out) {
    struct slice rest = s;
    size_t count = 0;

    while (rest.length > 0) {
        if (codepoint_take(&rest) < 0) {
            return ERR_BAD_REQUEST;
        }
        if (++count > LIMIT_NAME_CHARACTERS) {
            return ERR_TOO_LARGE;
        }
    }
    return fold(s, NULL, out);
}
