#include "terminal/view.h"

#include "base/memory.h"

void view_close(struct view *view) {
    layout_close(&view->scratch);
}

static unsigned height_of(struct view *view, const struct room *room, const struct line *line) {
    layout_fill(&view->scratch, room, line, &view->options);
    return layout_height(&view->scratch);
}

/* The row at the bottom. */
struct place_in_room {
    struct line *line;
    unsigned row;
};

static struct place_in_room last_place(struct view *view, const struct room *room) {
    struct list_node *node = room->lines.last;

    while (node != NULL) {
        struct line *line = container_of(node, struct line, node);
        unsigned height = height_of(view, room, line);
        if (height > 0)
            return (struct place_in_room){line, height - 1};
        node = node->previous;
    }
    return (struct place_in_room){0};
}

static struct place_in_room bottom(struct view *view, const struct room *room) {
    struct place_in_room place = {room->anchor, room->anchor_row};

    if (room->anchor == NULL)
        return last_place(view, room);
    unsigned height = height_of(view, room, room->anchor);
    if (place.row >= height) /* it was wrapped differently when the reader came here */
        place.row = height > 0 ? height - 1 : 0;
    return place;
}

/* The row that stands `rows` above; as many as there are. `*missing`: how many there were not. */
static struct place_in_room above(struct view *view, const struct room *room,
                                  struct place_in_room place, unsigned rows, unsigned *missing) {
    while (rows > place.row) {
        struct line *previous = line_previous(place.line);
        unsigned height = 0;
        rows -= place.row;
        while (previous != NULL && (height = height_of(view, room, previous)) == 0)
            previous = line_previous(previous);
        if (previous == NULL) {
            *missing = rows;
            return (struct place_in_room){place.line, 0};
        }
        place = (struct place_in_room){previous, height};
    }
    *missing = 0;
    return (struct place_in_room){place.line, place.row - rows};
}

struct view_start view_begin(struct view *view, const struct room *room) {
    struct place_in_room place = bottom(view, room);
    unsigned missing = 0;

    if (place.line == NULL || view->height == 0)
        return (struct view_start){.blank = view->height};
    struct place_in_room top = above(view, room, place, view->height - 1, &missing);
    return (struct view_start){top.line, top.row, missing};
}

static void set_anchor(struct view *view, struct room *room, struct place_in_room place) {
    struct place_in_room last = last_place(view, room);
    bool at_end = place.line == NULL || (place.line == last.line && place.row >= last.row);

    room->anchor = at_end ? NULL : place.line;
    room->anchor_row = at_end ? 0 : place.row;
}

static struct place_in_room below(struct view *view, const struct room *room,
                                  struct place_in_room place, unsigned rows) {
    for (;;) {
        unsigned height = height_of(view, room, place.line);
        if (place.row + rows < height) {
            place.row += rows;
            return place;
        }
        struct line *next = line_next(place.line);
        if (next == NULL) {
            place.row = height > 0 ? height - 1 : 0;
            return place;
        }
        rows -= height - place.row;
        place = (struct place_in_room){next, 0};
    }
}

void view_scroll_up(struct view *view, struct room *room, unsigned rows) {
    struct place_in_room place = bottom(view, room);
    unsigned missing = 0;

    if (place.line == NULL || view->height == 0)
        return;
    struct place_in_room top = above(view, room, place, rows + view->height - 1, &missing);
    set_anchor(view, room, below(view, room, top, view->height - 1));
}

void view_scroll_down(struct view *view, struct room *room, unsigned rows) {
    struct place_in_room place = bottom(view, room);

    if (room->anchor != NULL && place.line != NULL)
        set_anchor(view, room, below(view, room, place, rows));
}

void view_to_beginning(struct view *view, struct room *room) {
    if (room->lines.first == NULL || view->height == 0)
        return;
    struct place_in_room top = {container_of(room->lines.first, struct line, node), 0};
    set_anchor(view, room, below(view, room, top, view->height - 1));
}

void view_to_end(struct room *room) {
    room->anchor = NULL;
    room->anchor_row = 0;
}

/* Whether the whole line is between top and bottom of the screen. */
static bool is_shown(struct view *view, const struct room *room, const struct line *wanted) {
    struct view_start start = view_begin(view, room);
    unsigned used = start.blank;

    for (struct line *line = start.line; line != NULL && used < view->height;
         line = line_next(line)) {
        unsigned height = height_of(view, room, line);
        unsigned skip = line == start.line ? start.skip : 0;
        if (line == wanted)
            return skip == 0 && used + height <= view->height;
        used += height - skip;
    }
    return false;
}

void view_show(struct view *view, struct room *room, struct line *line) {
    if (view->height == 0 || is_shown(view, room, line))
        return;
    struct place_in_room place =
        below(view, room, (struct place_in_room){line, 0}, view->height / 2);
    unsigned missing = 0;
    struct place_in_room top = above(view, room, place, view->height - 1, &missing);
    if (missing > 0) /* it stands so near the beginning that the screen would not be full */
        place = below(view, room, top, view->height - 1);
    set_anchor(view, room, place);
}

bool view_near_beginning(struct view *view, const struct room *room) {
    struct place_in_room place = bottom(view, room);
    unsigned missing = 0;

    if (place.line == NULL)
        return true;
    above(view, room, place, 2 * view->height, &missing);
    return missing > 0;
}
