/* The middle of the screen: the messages, or a list in their place. */
#include "terminal/screen_internal.h"

#include "base/memory.h"

/* "──── Friday, 13 February 2026 ────" */
static void draw_above(struct pen pen, const char *text, enum style style) {
    unsigned space = pen.limit - pen.column;
    unsigned width = text_width(slice_of_string(text)) + 2;
    unsigned left = width < space ? (space - width) / 2 : 0;

    pen_line(&pen, left, style == STYLE_UNREAD ? STYLE_UNREAD : LOOK_RULE);
    pen_write_string(&pen, " ", style);
    pen_write_string(&pen, text, style);
    pen_write_string(&pen, " ", style);
    pen_line(&pen, space, style == STYLE_UNREAD ? STYLE_UNREAD : LOOK_RULE);
}

static void draw_row(struct pen pen, const struct layout *layout, unsigned index) {
    unsigned start = pen.column;
    struct pen whole = pen;

    if (index < layout->above_count) {
        draw_above(pen, layout->above[index].text, layout->above[index].style);
        return;
    }
    const struct row *row = &layout->rows[index - layout->above_count];
    if (pen.selected)
        pen_fill(&whole, STYLE_TEXT);
    if (index == layout->above_count) {
        pen_write_rich(&pen, &layout->front, 0, rich_length(&layout->front));
    } else if (layout->rule) {
        pen.column = start + layout->indent - 2;
        pen_write_string(&pen, "│", STYLE_DIM);
    }
    pen.column = start + layout->indent;
    pen_write_rich(&pen, &layout->body, row->start, row->end);
}

void draw_messages(struct screen *screen, struct app *app) {
    const struct frame *frame = &app->frame;
    struct room *room = app->current;
    struct layout layout = {0};

    if (room == NULL)
        return;
    struct view_start start = view_begin(&app->view, room);
    unsigned used = start.blank;
    for (struct line *line = start.line; line != NULL && used < frame->height;
         line = line_next(line)) {
        layout_fill(&layout, room, line, &app->view.options);
        unsigned height = layout_height(&layout);
        unsigned first = line == start.line ? start.skip : 0;
        for (unsigned i = first; i < height && used < frame->height; i++, used++) {
            bool selected = line == room->selected && i >= layout.above_count;
            draw_row((struct pen){.screen = screen,
                                  .row = frame->top + used,
                                  .column = frame->left,
                                  .limit = frame->left + frame->width,
                                  .selected = selected},
                     &layout, i);
        }
    }
    layout_close(&layout);
}

/* An item that is only read may take several rows. */
static unsigned draw_item(struct screen *screen, const struct app *app,
                          const struct picker_item *item, unsigned used, bool selected) {
    const struct frame *frame = &app->frame;
    struct row row = {0, rich_length(&item->text)};
    size_t at = 0;
    unsigned count = 0;

    struct pen pen = {.screen = screen,
                      .row = frame->top + used,
                      .column = 1,
                      .limit = frame->columns - 1,
                      .selected = selected};
    if (app->picker.leads) {
        pen_write_rich(&pen, &item->text, row.start, row.end);
        if (selected)
            pen_fill(&pen, STYLE_TEXT);
        return 1;
    }
    while (used + count < frame->height &&
           rich_next_row(&item->text, frame->columns - 2, &at, &row)) {
        pen.column = 1;
        pen_write_rich(&pen, &item->text, row.start, row.end);
        pen.row++;
        count++;
    }
    return count > 0 ? count : 1;
}

void draw_picker(struct screen *screen, struct app *app) {
    const struct frame *frame = &app->frame;
    unsigned rows_each = app->picker.leads || frame->columns >= 80 ? 1 : 2;
    size_t first = picker_first(&app->picker, frame->height, rows_each);
    unsigned used = 0;

    /* The list does not scroll on where its end is on the screen. */
    if (!app->picker.leads)
        app->picker.selected = first;
    for (size_t i = first; i < app->picker.count && used < frame->height; i++)
        used += draw_item(screen, app, &app->picker.items[i], used,
                          app->picker.leads && i == app->picker.selected);
}
