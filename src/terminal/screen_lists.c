/* The lists at the sides: rooms and people. */
#include <inttypes.h>

#include "base/memory.h"
#include "terminal/screen_internal.h"

static void draw_rule(struct screen *screen, const struct frame *frame, unsigned column) {
    for (unsigned row = 0; row < frame->height; row++) {
        struct pen pen = {
            .screen = screen, .row = frame->top + row, .column = column, .limit = column + 1};
        pen_write_string(&pen, "│", LOOK_RULE);
    }
}

static unsigned look_of(const struct app *app, const struct room *room) {
    if (room == app->current)
        return LOOK_ROOM_CURRENT;
    if (!room->joined && !room_is_direct(room))
        return STYLE_DIM;
    return room->unread > 0 ? LOOK_ROOM_UNREAD : LOOK_ROOM;
}

static void draw_room(struct screen *screen, const struct app *app, const struct room *room,
                      unsigned row, unsigned number) {
    struct pen pen = {.screen = screen, .row = row, .limit = app->frame.rooms};
    unsigned look = look_of(app, room);
    char count[16] = "";

    if (room->unread > 0)
        snprintf(count, sizeof count, "%u", room->unread > 999 ? 999 : room->unread);
    unsigned reserved = room->unread > 0 ? text_width(slice_of_string(count)) + 2 : 1;

    if (number <= 9)
        pen_format(&pen, room == app->current ? look : STYLE_DIM, " %u ", number);
    else
        pen_write_string(&pen, "   ", look);
    pen_write_string(&pen, room_is_direct(room) ? "@" : "", look);
    pen.limit -= reserved;
    pen_write_cut(&pen, room_title(room), look);
    pen_fill(&pen, look);
    pen.limit += reserved;
    if (room->unread > 0) {
        unsigned loud = room->mentions > 0 ? STYLE_MENTION : STYLE_REACTION;
        pen_format(&pen, loud, " %s ", count);
    }
    pen_fill(&pen, look);
}

/* The first room to show, so that the current one is among them. */
static unsigned first_row(const struct app *app) {
    unsigned row = 0;

    for (; row < 2000; row++)
        if (app_room_at_row(app, row) == app->current)
            break;
    return row < app->frame.height ? 0 : row - app->frame.height + 1;
}

void draw_rooms(struct screen *screen, const struct app *app) {
    const struct frame *frame = &app->frame;
    bool directs = false;
    unsigned row = 0, number = 1;
    unsigned first = first_row(app);

    if (frame->rooms == 0)
        return;
    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next) {
        const struct room *room = container_of(node, struct room, node);
        if (room_is_direct(room) && !directs) {
            directs = true;
            row += node->previous != NULL ? 1 : 0;
        }
        if (row >= first && row - first < frame->height)
            draw_room(screen, app, room, frame->top + row - first, number);
        row++;
        number++;
    }
    draw_rule(screen, frame, frame->rooms);
}

void draw_people(struct screen *screen, const struct app *app) {
    const struct frame *frame = &app->frame;
    const struct room *room = app->current;
    unsigned column = frame->columns - frame->people;

    if (frame->people == 0)
        return;
    draw_rule(screen, frame, column - 1);
    if (room == NULL || frame->height == 0)
        return;
    struct pen pen = {
        .screen = screen, .row = frame->top, .column = column, .limit = frame->columns};
    if (!room_is_direct(room))
        pen_format(&pen, STYLE_DIM, " %" PRIu64 " here", room->present);
    for (size_t i = 0; i < room->people_count && i + 1 < frame->height; i++) {
        const struct person *person = &room->people[i];
        struct slice name = buffer_slice(&person->name);
        bool more = i + 2 == frame->height && i + 1 < room->people_count;
        bool own = slice_equal_ignoring_case(name, buffer_slice(&app->self));
        pen.row++;
        pen.column = column;
        if (more) {
            pen_format(&pen, STYLE_DIM, " … %zu more", room->people_count - i);
            break;
        }
        pen_format(&pen, STYLE_NOTICE, "%c", person->role);
        pen_write_cut(&pen, name, own ? STYLE_OWN : (unsigned)name_style(name));
    }
}
