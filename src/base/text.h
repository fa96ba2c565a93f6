/* UTF-8: checking it as it arrives, cleaning what people send, and comparing names (Unicode through
 * utf8proc). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

/* Incremental check (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF). A zeroed
 * struct is at the start of a text. */
struct utf8_check {
    uint8_t remaining; /* continuation bytes still to come */
    uint8_t low, high; /* range allowed for the next one */
};

/* ERR_UTF8 as soon as a byte cannot continue a valid text. */
int utf8_check_feed(struct utf8_check *check, struct slice bytes) MUST_USE;
/* Whether the text may end here: no character is half done. */
bool utf8_check_complete(const struct utf8_check *check);
bool utf8_valid(struct slice s);
/* Whether there is nothing in it but ASCII. */
bool text_is_ascii(struct slice s);

/* As much of the beginning of `s` (valid UTF-8) as fits in `size` bytes, in whole characters. */
struct slice text_beginning(struct slice s, size_t size);

/* The first characters of `s` (valid UTF-8), so many at most. */
struct slice text_first(struct slice s, size_t characters);

/* Appends `s` (valid UTF-8) with every C0 and C1 control except TAB, and DEL, as U+FFFD; used for
 * one line, so LF counts as a control too. */
void text_append_line(struct buffer *out, struct slice s);

/* A label for signing a message: trimmed, controls (TAB too), bidi overrides and line separators as
 * U+FFFD, "anonymous" when empty. ERR_TOO_LARGE over 64 characters, ERR_BAD_REQUEST when `s` is not
 * UTF-8. */
int text_append_label(struct buffer *out, struct slice s) MUST_USE;

/* A name of a person or room: 1 to 64 characters of letters, marks, digits, '-', '_', '.'; not "."
 * or "..", and no mark first. ERR_BAD_REQUEST if it is none; ERR_TOO_LARGE when too long. */
int name_check(struct slice name) MUST_USE;

/* The form in which labels are compared: as of names (below), but of any text. ERR_TOO_LARGE over
 * 64 characters, ERR_BAD_REQUEST when `s` is not UTF-8; `out` is unchanged then. */
int label_fold(struct slice s, struct buffer *out) MUST_USE;

/* The form in which names are compared (NFKC, case folded, without what cannot be seen), appended
 * to `out`. ERR_BAD_REQUEST when the name is not valid, before or after folding; `out` is unchanged
 * then. */
int name_fold(struct slice name, struct buffer *out) MUST_USE;
