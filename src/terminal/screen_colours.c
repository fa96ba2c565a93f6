/* How everything looks, with 256, 16, 8 or no colours. The terminal's own background and
 * foreground stay what they are, so it has to look well on dark and on light. */
#include <stdlib.h>

#include "terminal/screen_internal.h"

#define DEFAULT (-1)

/* One row for each style and look: colours with 256, with 8, and what there is without any. */
struct palette_row {
    unsigned look;
    short front, back; /* of 256 */
    short front8, back8;
    attr_t attributes, plain;
};

static const struct palette_row rows[] = {
    {STYLE_TEXT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, A_NORMAL, A_NORMAL},
    {STYLE_DIM, 244, DEFAULT, DEFAULT, DEFAULT, A_NORMAL, A_DIM},
    {STYLE_STRONG, DEFAULT, DEFAULT, DEFAULT, DEFAULT, A_BOLD, A_BOLD},
    {STYLE_MENTION, 16, 214, COLOR_BLACK, COLOR_YELLOW, A_BOLD, A_BOLD | A_REVERSE},
    {STYLE_OWN, DEFAULT, DEFAULT, DEFAULT, DEFAULT, A_BOLD, A_BOLD},
    {STYLE_LINK, 68, DEFAULT, COLOR_BLUE, DEFAULT, A_UNDERLINE, A_UNDERLINE},
    {STYLE_CODE, 173, DEFAULT, COLOR_CYAN, DEFAULT, A_NORMAL, A_BOLD},
    {STYLE_QUOTE, 103, DEFAULT, COLOR_CYAN, DEFAULT, A_NORMAL, A_DIM},
    {STYLE_REACTION, 136, DEFAULT, COLOR_YELLOW, DEFAULT, A_NORMAL, A_NORMAL},
    {STYLE_NOTICE, 72, DEFAULT, COLOR_GREEN, DEFAULT, A_NORMAL, A_NORMAL},
    {STYLE_ERROR, 167, DEFAULT, COLOR_RED, DEFAULT, A_NORMAL, A_BOLD},
    {STYLE_DAY, 244, DEFAULT, DEFAULT, DEFAULT, A_NORMAL, A_DIM},
    {STYLE_UNREAD, 208, DEFAULT, COLOR_RED, DEFAULT, A_BOLD, A_BOLD},
    {STYLE_ACTION, 133, DEFAULT, COLOR_MAGENTA, DEFAULT, A_NORMAL, A_NORMAL},
    {STYLE_URGENT, 196, DEFAULT, COLOR_RED, DEFAULT, A_BOLD, A_BOLD | A_UNDERLINE},
    {LOOK_BAR, 252, 237, COLOR_WHITE, COLOR_BLUE, A_NORMAL, A_REVERSE},
    {LOOK_BAR_STRONG, 231, 237, COLOR_WHITE, COLOR_BLUE, A_BOLD, A_REVERSE | A_BOLD},
    {LOOK_BAR_GOOD, 114, 237, COLOR_GREEN, COLOR_BLUE, A_BOLD, A_REVERSE},
    {LOOK_BAR_BAD, 210, 237, COLOR_YELLOW, COLOR_BLUE, A_BOLD, A_REVERSE | A_BOLD},
    {LOOK_BAR_MENTION, 214, 237, COLOR_YELLOW, COLOR_BLUE, A_BOLD, A_REVERSE | A_BOLD},
    {LOOK_RULE, 240, DEFAULT, COLOR_BLUE, DEFAULT, A_NORMAL, A_DIM},
    {LOOK_ROOM, DEFAULT, DEFAULT, DEFAULT, DEFAULT, A_NORMAL, A_NORMAL},
    {LOOK_ROOM_CURRENT, 231, 60, COLOR_WHITE, COLOR_BLUE, A_BOLD, A_REVERSE},
    {LOOK_ROOM_UNREAD, DEFAULT, DEFAULT, DEFAULT, DEFAULT, A_BOLD, A_BOLD},
    {LOOK_SELECTED, 231, 60, COLOR_WHITE, COLOR_BLUE, A_NORMAL, A_REVERSE},
};

/* Neither too light nor too dark, and far apart. */
static const short names256[STYLE_NAMES] = {68, 167, 71, 136, 133, 73, 173, 98, 107, 168, 74, 137};
static const short names16[STYLE_NAMES] = {COLOR_BLUE + 8, COLOR_RED + 8,     COLOR_GREEN,
                                           COLOR_YELLOW,   COLOR_MAGENTA + 8, COLOR_CYAN,
                                           COLOR_RED,      COLOR_BLUE,        COLOR_GREEN + 8,
                                           COLOR_CYAN + 8, COLOR_MAGENTA,     COLOR_YELLOW + 8};
static const short names8[STYLE_NAMES] = {COLOR_BLUE, COLOR_RED,     COLOR_GREEN,  COLOR_YELLOW,
                                          COLOR_CYAN, COLOR_MAGENTA, COLOR_RED,    COLOR_BLUE,
                                          COLOR_CYAN, COLOR_GREEN,   COLOR_YELLOW, COLOR_MAGENTA};

/* How many may be used: NO_COLOR (no-color.org) counts unless the user has set a number. */
static int colours_of(enum colours wanted) {
    const char *no_colour = getenv("NO_COLOR");

    switch (wanted) {
    case COLOURS_NONE:
        return 0;
    case COLOURS_8:
        return COLORS < 8 ? 0 : 8;
    case COLOURS_16:
        return COLORS < 16 ? (COLORS < 8 ? 0 : 8) : 16;
    case COLOURS_256:
    case COLOURS_AUTO:
        break;
    }
    if (wanted == COLOURS_AUTO && no_colour != NULL && no_colour[0] != '\0')
        return 0;
    return COLORS >= 256 ? 256 : COLORS >= 16 ? 16 : COLORS >= 8 ? 8 : 0;
}

static void set_name(struct screen *screen, int index, int count) {
    unsigned look = STYLE_NAME + (unsigned)index;
    short pair = (short)(look + 1);
    short colour = count >= 256 ? names256[index] : count >= 16 ? names16[index] : names8[index];

    screen->looks[look] = (struct appearance){A_BOLD, 0};
    if (count == 0)
        return;
    init_pair(pair, colour, DEFAULT);
    screen->looks[look] = (struct appearance){count >= 256 ? A_BOLD : A_NORMAL, pair};
}

void screen_colours(struct screen *screen, enum colours wanted) {
    int count = has_colors() ? colours_of(wanted) : 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct palette_row *row = &rows[i];
        short pair = (short)(row->look + 1);
        if (count == 0) {
            screen->looks[row->look] = (struct appearance){row->plain, 0};
            continue;
        }
        if (count >= 256)
            init_pair(pair, row->front, row->back);
        else
            init_pair(pair, row->front8, row->back8);
        bool dim = count < 256 && (row->plain & A_DIM) != 0;
        screen->looks[row->look] = (struct appearance){row->attributes | (dim ? A_DIM : 0), pair};
    }
    for (int i = 0; i < STYLE_NAMES; i++)
        set_name(screen, i, count);
}
