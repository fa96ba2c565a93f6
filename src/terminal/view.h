/* Which rows of a room are on the screen. The reader's place is the row at the bottom
 * (room.anchor): what comes in below or above does not move it. */
#pragma once

#include "terminal/layout.h"
#include "terminal/room.h"

struct view {
    struct layout_options options;
    unsigned height;
    struct layout scratch; /* of the line that was measured last */
};

void view_close(struct view *view);

/* Where the screen begins: a line, and how many of its rows are above the screen. Where there is
 * less than a screen, `blank` rows at the top stay empty. */
struct view_start {
    struct line *line; /* NULL: there is nothing to show */
    unsigned skip, blank;
};
struct view_start view_begin(struct view *view, const struct room *room);

void view_scroll_up(struct view *view, struct room *room, unsigned rows);
void view_scroll_down(struct view *view, struct room *room, unsigned rows);
void view_to_beginning(struct view *view, struct room *room);
void view_to_end(struct room *room);
/* Brings a line onto the screen, if it is not there: then to its middle. */
void view_show(struct view *view, struct room *room, struct line *line);
/* Whether the first line of the room is on the screen, or close: then what is before it is wanted.
 */
bool view_near_beginning(struct view *view, const struct room *room);
