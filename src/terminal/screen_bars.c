/* The bars: the topic above, the state below, and the input. */
#include <inttypes.h>
#include <time.h>

#include "base/memory.h"
#include "terminal/screen_internal.h"

/* At the right end of a row; what is there is written over. Returns the column it begins in. */
static unsigned write_right(struct pen pen, struct slice text, unsigned look) {
    unsigned width = text_width(text);

    if (width + 2 > pen.limit - pen.column)
        return pen.limit;
    pen.column = pen.limit - width;
    unsigned begin = pen.column;
    pen_write(&pen, text, look);
    return begin;
}

static void draw_title(struct pen *pen, const struct app *app) {
    const struct room *room = app->current;

    pen_write_string(pen, " ", LOOK_BAR);
    if (app->picker.open) {
        pen_write_cut(pen, buffer_slice(&app->picker.title), LOOK_BAR_STRONG);
        return;
    }
    if (room == NULL) {
        pen_write_string(pen, "banter", LOOK_BAR_STRONG);
        return;
    }
    pen_write_string(pen, room_is_direct(room) ? "@" : "", LOOK_BAR_STRONG);
    pen_write_cut(pen, room_title(room), LOOK_BAR_STRONG);
    if (buffer_length(&room->topic) > 0) {
        pen_write_string(pen, "  ", LOOK_BAR);
        pen_write_cut(pen, buffer_slice(&room->topic), LOOK_BAR);
    }
}

void draw_topic(struct screen *screen, const struct app *app) {
    struct pen pen = {.screen = screen, .limit = app->frame.columns};
    struct pen whole = pen;
    char right[64] = "";

    if (app->frame.top == 0)
        return;
    if (app->picker.open)
        snprintf(right, sizeof right, "%s ",
                 app->picker.leads ? "Enter: go there  Esc: back" : "Esc: back");
    else if (app->current != NULL && app->current->joined && !room_is_direct(app->current))
        snprintf(right, sizeof right, "%" PRIu64 " here ", app->current->present);
    pen_fill(&whole, LOOK_BAR);
    pen.limit = write_right(pen, slice_of_string(right), LOOK_BAR);
    if (pen.limit > 1 && pen.limit < app->frame.columns)
        pen.limit--;
    draw_title(&pen, app);
}

/* The state of the connection, and what waits for it. */
static void write_link(struct pen *pen, const struct app *app) {
    uint64_t left_ms = app->retry_ms > app->now_ms ? app->retry_ms - app->now_ms : 0;
    size_t waiting = session_unacked(app->session);

    switch (app->link) {
    case LINK_CONNECTING:
        pen_write_string(pen, " ○ connecting", LOOK_BAR_BAD);
        break;
    case LINK_UP:
        pen_write_string(pen, " ● ", LOOK_BAR_GOOD);
        pen_write(pen, buffer_slice(&app->self), LOOK_BAR_STRONG);
        break;
    case LINK_DOWN:
        if (left_ms > 0)
            pen_format(pen, LOOK_BAR_BAD, " ✗ connection lost, again in %" PRIu64 " s",
                       (left_ms + 999) / 1000);
        else
            pen_write_string(pen, " ✗ connection lost, trying", LOOK_BAR_BAD);
        break;
    case LINK_OVER:
        pen_write_string(pen, " ✗ over", LOOK_BAR_BAD);
        break;
    }
    if (app->leaving)
        pen_format(pen, LOOK_BAR_BAD, " │ leaving, %zu to send (Ctrl+C: now)", waiting);
    else if (waiting > 0 && (app->link != LINK_UP || app_send_is_held(app)))
        pen_format(pen, LOOK_BAR_BAD, " │ %zu to send", waiting);
}

/* What is new elsewhere, where the list of rooms is folded away. */
static void write_activity(struct pen *pen, const struct app *app) {
    unsigned number = 1;

    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next, number++) {
        const struct room *room = container_of(node, struct room, node);
        if (room == app->current || room->unread == 0)
            continue;
        unsigned look = room->mentions > 0 ? LOOK_BAR_MENTION : LOOK_BAR;
        pen_format(pen, look, " │ %u:", number);
        pen_write(pen, room_title(room), look);
        pen_format(pen, look, " %u", room->unread);
    }
}

static void append_right(struct buffer *text, const struct app *app) {
    const struct room *room = app->current;
    time_t seconds = (time_t)(app->wall_us / 1000000);
    struct tm tm = {0};
    char clock[16] = "";

    if (room != NULL && room->typing_until_ms > app->now_ms) {
        buffer_append_slice(text, buffer_slice(&room->typist));
        buffer_append_string(text, " is writing… ");
    }
    if (room != NULL && room->anchor != NULL && room->unread > 0)
        buffer_append_format(text, "↓ %u new below ", room->unread);
    else if (room != NULL && room->anchor != NULL)
        buffer_append_string(text, "↓ more below ");
    localtime_r(&seconds, &tm);
    strftime(clock, sizeof clock, "%H:%M ", &tm);
    buffer_append_string(text, clock);
}

void draw_status(struct screen *screen, const struct app *app) {
    const struct frame *frame = &app->frame;
    struct pen pen = {.screen = screen, .row = frame->status, .limit = frame->columns};
    struct pen whole = pen;
    struct buffer right = {0};

    if (frame->rows < 3)
        return;
    pen_fill(&whole, LOOK_BAR);
    append_right(&right, app);
    pen.limit = write_right(pen, buffer_slice(&right), LOOK_BAR);
    write_link(&pen, app);
    if (frame->rooms == 0 && app->current != NULL) {
        pen_write_string(&pen, room_is_direct(app->current) ? " │ @" : " │ ", LOOK_BAR);
        pen_write_cut(&pen, room_title(app->current), LOOK_BAR);
    }
    if (frame->rooms == 0)
        write_activity(&pen, app);
    buffer_close(&right);
}

static void draw_banner(struct screen *screen, const struct app *app) {
    const struct room *room = app->current;
    struct pen pen = {.screen = screen, .row = app->frame.banner, .limit = app->frame.columns};

    if (app->frame.banner == 0 || room == NULL)
        return;
    bool editing = room->draft.of > 0;
    const struct line *line = room_find(room, editing ? room->draft.of : room->draft.re);
    pen_write_string(&pen, editing ? "editing " : "reply to ", STYLE_NOTICE);
    if (line != NULL) {
        struct slice rest = buffer_slice(&line->content);
        pen_write(&pen, buffer_slice(&line->sender), name_style(buffer_slice(&line->sender)));
        pen_write_string(&pen, ": ", STYLE_DIM);
        pen.limit -= 10;
        pen_write_cut(&pen, slice_cut(&rest, '\n'), STYLE_QUOTE);
        pen.limit += 10;
    }
    pen_write_string(&pen, "  Esc: no", STYLE_DIM);
}

/* The row of the text in which a position is, and its column there. */
struct spot {
    unsigned row, column;
};

static struct spot spot_of(const struct rich *text, unsigned width, size_t position) {
    struct slice all = buffer_slice(&text->text);
    struct spot spot = {0};
    struct row row;
    size_t at = 0;
    unsigned index = 0;

    for (; rich_next_row(text, width, &at, &row); index++) {
        if (position < row.start)
            break;
        size_t until = position < row.end ? position : row.end;
        spot =
            (struct spot){index, text_width(slice_from(all.data + row.start, until - row.start))};
    }
    if (position == all.length && all.length > 0 && all.data[all.length - 1] == '\n')
        spot = (struct spot){index, 0};
    if (spot.column >= width)
        spot.column = width - 1;
    return spot;
}

static void draw_rows(struct screen *screen, const struct app *app, const struct rich *text,
                      unsigned indent, unsigned first) {
    const struct frame *frame = &app->frame;
    unsigned width = frame->columns > indent + 1 ? frame->columns - indent - 1 : 1;
    struct row row;
    size_t at = 0;

    for (unsigned i = 0; rich_next_row(text, width, &at, &row); i++) {
        if (i < first || i >= first + frame->input_rows)
            continue;
        struct pen pen = {.screen = screen,
                          .row = frame->input + i - first,
                          .column = indent,
                          .limit = frame->columns};
        pen_write_rich(&pen, text, row.start, row.end);
    }
}

void draw_input(struct screen *screen, const struct app *app) {
    const struct frame *frame = &app->frame;
    unsigned indent = app->question == QUESTION_NONE ? 2 : 0;
    unsigned width = frame->columns > indent + 1 ? frame->columns - indent - 1 : 1;
    struct rich text = {0};
    struct buffer question = {0};
    size_t cursor = app->editor.cursor;

    draw_banner(screen, app);
    app_question_text(app, &question);
    if (app->question == QUESTION_NONE) {
        struct pen pen = {.screen = screen, .row = frame->input, .limit = frame->columns};
        pen_write_string(&pen, screen->unicode ? "› " : "> ", STYLE_DIM);
        rich_append(&text, editor_text(&app->editor), STYLE_TEXT);
    } else {
        rich_append(&text, buffer_slice(&question), STYLE_NOTICE);
        cursor = rich_length(&text);
    }
    struct spot spot = spot_of(&text, width, cursor);
    unsigned first = spot.row >= frame->input_rows ? spot.row - frame->input_rows + 1 : 0;
    draw_rows(screen, app, &text, indent, first);
    move((int)(frame->input + spot.row - first), (int)(indent + spot.column));
    buffer_close(&question);
    rich_close(&text);
}
