/* What stands in one place on a screen: a base character with its marks, made safe to show.
 *
 * A terminal and the program that draws on it must agree on how many columns a text takes, or every
 * line with an emoji in it tears. They do agree on single characters (utf8proc's table), and
 * on nothing else: families joined by U+200D, skin tones, flags and emoji variants take what the
 * terminal's author thought right. So those are shown as what all agree on: the members of a
 * family side by side, people without their tone, a flag as its two letters.
 *
 * Nothing that comes from others reaches the terminal but through here: controls, and characters
 * that turn or hide the text around them, become U+FFFD. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define GLYPH_TAB 4 /* columns */

struct glyph {
    struct slice source; /* what of the text it is */
    char shown[64];      /* zero-terminated; nothing where nothing can be seen */
    uint8_t width;       /* columns; 0: nothing is shown */
};

/* Takes the next one, a cluster of Unicode's text segmentation (UAX 29), off the front of `*rest`.
 * False: there is none. LF is shown as nothing; who has lines looks at `source`. */
bool glyph_next(struct slice *rest, struct glyph *glyph);

/* The columns of one character: 0 for marks and what is not seen. */
unsigned codepoint_width(int32_t codepoint);

/* The columns of a text that is one line. */
unsigned text_width(struct slice text);

/* As much of the beginning of `text` as fits in so many columns. */
struct slice text_fit(struct slice text, unsigned columns);

/* Where the cluster before, or behind, the position `at` begins or ends. At the end of the text:
 * `at` itself. */
size_t glyph_previous_position(struct slice text, size_t at);
size_t glyph_next_position(struct slice text, size_t at);

/* Whether a byte of UTF-8 is part of a word: letters, digits, '_', and all that is not ASCII. */
bool glyph_is_word(char byte);

/* The nearest that ASCII has: letters without their marks, quotes, dashes; '?' for everything else.
 * 0: nothing is to be shown for it. */
char codepoint_ascii(int32_t codepoint);
