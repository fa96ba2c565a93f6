/* What the files of the screen share. */
#pragma once

#include <ncurses.h>

#include "terminal/glyph.h"
#include "terminal/screen.h"

/* How the frame around the messages looks; those of the text are in rich.h. */
enum look {
    LOOK_BAR = STYLE_COUNT,
    LOOK_BAR_STRONG,
    LOOK_BAR_GOOD,
    LOOK_BAR_BAD,
    LOOK_BAR_MENTION,
    LOOK_RULE,
    LOOK_ROOM,
    LOOK_ROOM_CURRENT,
    LOOK_ROOM_UNREAD,
    LOOK_SELECTED,
    LOOK_COUNT
};

struct appearance {
    attr_t attributes;
    short pair;
};

struct screen {
    SCREEN *curses;
    bool unicode; /* the locale has it */
    bool mouse;
    struct appearance looks[LOOK_COUNT];

    /* Keys. */
    struct buffer typed; /* a character half done, or what is pasted */
    struct buffer given; /* what the last input pointed to */
    bool pasting;
};

/* screen_colours.c */
void screen_colours(struct screen *screen, enum colours wanted);

/* screen_text.c: text in cells. A pen writes in one row up to a column. */
struct pen {
    struct screen *screen;
    unsigned row, column, limit;
    bool selected; /* everything looks like what is selected */
};
void pen_write(struct pen *pen, struct slice text, unsigned look);
void pen_write_string(struct pen *pen, const char *text, unsigned look);
void pen_format(struct pen *pen, unsigned look, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void pen_fill(struct pen *pen, unsigned look); /* blanks up to the limit */
/* A part of a rich text. Whatever does not fit is cut. */
void pen_write_rich(struct pen *pen, const struct rich *rich, size_t start, size_t end);
/* Cut with "…" where it does not fit. */
void pen_write_cut(struct pen *pen, struct slice text, unsigned look);
void pen_line(struct pen *pen, unsigned columns, unsigned look); /* "────" */

/* The rest draws a part each. */
void draw_messages(struct screen *screen, struct app *app);
void draw_picker(struct screen *screen, struct app *app);
void draw_rooms(struct screen *screen, const struct app *app);
void draw_people(struct screen *screen, const struct app *app);
void draw_topic(struct screen *screen, const struct app *app);
void draw_status(struct screen *screen, const struct app *app);
/* Also puts the cursor where the next character goes. */
void draw_input(struct screen *screen, const struct app *app);
