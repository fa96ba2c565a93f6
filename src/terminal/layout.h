/* How one line of a room looks in so many columns: a front (time and name) that continuation rows
 * leave blank, and a body that is wrapped beside it. Above a line may stand a new day, the mark of
 * what is unread, or the beginning of the room.
 *
 *     ──── Friday, 13 February 2026 ────
 *     10:30          ann │ shall we deploy? there is not much that could
 *                        │ go wrong
 *                        │ 👍 2  🎉 1
 */
#pragma once

#include "terminal/rich.h"
#include "terminal/room.h"

#define LAYOUT_WIDE 60 /* columns from which on names have a column of their own */
#define LAYOUT_NAME 12 /* its columns */

struct layout_options {
    unsigned width;
    bool times;
    bool connected;    /* what is pending does not have to wait for a connection */
    struct slice self; /* the reader's name */
    uint64_t now_ms;
};

#define LAYOUT_ABOVE 3

struct layout {
    struct {
        char text[96];
        enum style style;
    } above[LAYOUT_ABOVE];
    unsigned above_count;
    struct rich front;
    unsigned indent; /* columns of the front */
    bool rule;       /* between front and body: "│ " */
    struct rich body;
    struct row *rows;
    size_t row_count, row_capacity;
};

/* A zeroed struct is ready; it can be filled again and again. */
void layout_close(struct layout *layout);
void layout_fill(struct layout *layout, const struct room *room, const struct line *line,
                 const struct layout_options *options);
unsigned layout_height(const struct layout *layout); /* rows, those above too; may be 0 */

/* layout_body.c: the words of a line. */
void layout_body(struct rich *body, const struct room *room, const struct line *line,
                 const struct layout_options *options);
