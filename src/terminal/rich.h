/* A text of which each byte has a style, and how it falls into rows of a given width. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

#define STYLE_NAMES 12

/* What something is; screen_colours.c says how that looks. */
enum style {
    STYLE_TEXT,
    STYLE_DIM,     /* times, joins and leaves, what is not sent yet */
    STYLE_STRONG,  /* titles */
    STYLE_MENTION, /* of the reader */
    STYLE_OWN,     /* the reader's own name */
    STYLE_LINK,
    STYLE_CODE,
    STYLE_QUOTE,
    STYLE_REACTION,
    STYLE_NOTICE, /* what the program says */
    STYLE_ERROR,
    STYLE_DAY,
    STYLE_UNREAD,
    STYLE_ACTION, /* /me */
    STYLE_URGENT, /* notifications of high priority */
    STYLE_NAME,   /* the first of STYLE_NAMES colours for names */
    STYLE_COUNT = STYLE_NAME + STYLE_NAMES
};

/* A zeroed struct is empty. */
struct rich {
    struct buffer text;   /* valid UTF-8, unless what came was not */
    struct buffer styles; /* one byte for each of the text */
};

void rich_close(struct rich *rich);
void rich_clear(struct rich *rich);
void rich_append(struct rich *rich, struct slice text, enum style style);
void rich_append_string(struct rich *rich, const char *text, enum style style);
size_t rich_length(const struct rich *rich);
enum style rich_style(const struct rich *rich, size_t at);

/* The next row of at most `width` columns (1 at least) from `*at` on; `*at` moves behind it, and
 * behind the line end or blank that ended it. Breaks behind blanks where it can. False: there is
 * none. A text that ends with LF has no empty row behind it. */
struct row {
    size_t start, end; /* bytes */
};
bool rich_next_row(const struct rich *rich, unsigned width, size_t *at, struct row *row);

/* The style in which a name is shown: always the same for the same name. */
enum style name_style(struct slice name);
