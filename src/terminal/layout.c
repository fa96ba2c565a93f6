#include "terminal/layout.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "terminal/glyph.h"

#define BODY_LEAST 10 /* columns; a time is only shown where that much is left */

void layout_close(struct layout *layout) {
    rich_close(&layout->front);
    rich_close(&layout->body);
    memory_free(layout->rows);
    *layout = (struct layout){0};
}

static struct tm local_time(int64_t time_us) {
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm = {0};

    localtime_r(&seconds, &tm);
    return tm;
}

/* Above the line. */

static void add_above(struct layout *layout, enum style style, const char *text) {
    if (layout->above_count == LAYOUT_ABOVE)
        return;
    snprintf(layout->above[layout->above_count].text, sizeof layout->above[0].text, "%s", text);
    layout->above[layout->above_count++].style = style;
}

static bool same_day(const struct tm *a, const struct tm *b) {
    return a->tm_year == b->tm_year && a->tm_yday == b->tm_yday;
}

static void add_day(struct layout *layout, const struct line *line, const struct line *previous) {
    struct tm day = local_time(line->time_us);
    char text[64] = "";

    if (line->time_us == 0)
        return;
    if (previous != NULL) {
        struct tm before = local_time(previous->time_us);
        if (same_day(&day, &before))
            return;
    }
    strftime(text, sizeof text, "%A, %e %B %Y", &day);
    add_above(layout, STYLE_DAY, text);
}

/* Whether what is unread begins with this line. */
static bool begins_unread(const struct room *room, const struct line *line) {
    if (!room->marked || line->seq <= room->marker || line->own)
        return false;
    for (const struct line *at = line_previous(line); at != NULL; at = line_previous(at))
        if (at->seq > 0 && !(at->own && at->seq > room->marker))
            return at->seq <= room->marker;
    return true;
}

static void add_beginning(struct layout *layout, const struct room *room) {
    if (room->complete)
        add_above(layout, STYLE_DAY, "the beginning");
    else if (room->loading)
        add_above(layout, STYLE_DIM, "reading what was said before");
    else if (room->first > 1)
        add_above(layout, STYLE_DIM, "more above");
}

static void fill_above(struct layout *layout, const struct room *room, const struct line *line) {
    const struct line *previous = line_previous(line);

    layout->above_count = 0;
    if (previous == NULL)
        add_beginning(layout, room);
    add_day(layout, line, previous);
    if (begins_unread(room, line))
        add_above(layout, STYLE_UNREAD, "new");
}

/* The front. */

static struct slice name_of(const struct line *line, const struct layout_options *options,
                            enum style *style) {
    struct slice action;

    switch (line->kind) {
    case LINE_MESSAGE:
        *style = line->mention ? STYLE_MENTION
                 : line->own   ? STYLE_OWN
                               : name_style(buffer_slice(&line->sender));
        return line_action(line, &action) ? SLICE("*") : buffer_slice(&line->sender);
    case LINE_PENDING:
        *style = STYLE_DIM;
        return line_action(line, &action) ? SLICE("*") : options->self;
    case LINE_ERROR:
    case LINE_GAP:
        *style = STYLE_ERROR;
        return SLICE("!");
    case LINE_NOTICE:
    case LINE_TOPIC:
        *style = STYLE_NOTICE;
        return SLICE("*");
    case LINE_PRESENCE:
        break;
    }
    *style = STYLE_DIM;
    return SLICE_NONE;
}

static void append_blanks(struct rich *rich, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        rich_append_string(rich, " ", STYLE_TEXT);
}

/* At the right of its column; too long a name is cut. */
static void append_name_column(struct rich *front, struct slice name, enum style style) {
    unsigned width = text_width(name);

    if (width <= LAYOUT_NAME) {
        append_blanks(front, LAYOUT_NAME - width);
        rich_append(front, name, style);
        return;
    }
    struct slice fit = text_fit(name, LAYOUT_NAME - 1);
    append_blanks(front, LAYOUT_NAME - 1 - text_width(fit));
    rich_append(front, fit, style);
    rich_append_string(front, "…", style);
}

static void fill_front(struct layout *layout, const struct line *line,
                       const struct layout_options *options) {
    enum style style = STYLE_TEXT;
    struct slice name = name_of(line, options, &style);
    bool wide = options->width >= LAYOUT_WIDE;
    char time[16] = "";

    rich_clear(&layout->front);
    append_blanks(&layout->front, wide ? 1 : 0);
    if (options->times && options->width >= BODY_LEAST + 6 + 10) {
        struct tm tm = local_time(line->time_us);
        strftime(time, sizeof time, "%H:%M ", &tm);
        rich_append_string(&layout->front, time, STYLE_DIM);
    }
    if (wide)
        append_name_column(&layout->front, name, style);
    layout->rule = wide;
    if (wide)
        rich_append_string(&layout->front, " │ ", STYLE_DIM);
    layout->indent = text_width(buffer_slice(&layout->front.text));
}

/* On narrow screens the name stands in the text. */
static void begin_body(struct layout *layout, const struct line *line,
                       const struct layout_options *options) {
    enum style style = STYLE_TEXT;
    struct slice name = name_of(line, options, &style);

    rich_clear(&layout->body);
    if (options->width >= LAYOUT_WIDE || name.length == 0)
        return;
    rich_append(&layout->body, name, style);
    rich_append_string(&layout->body,
                       line->kind == LINE_MESSAGE && name.data[0] != '*' ? ": " : " ", STYLE_DIM);
}

static void add_row(struct layout *layout, struct row row) {
    if (layout->row_count == layout->row_capacity) {
        layout->row_capacity = layout->row_capacity * 2 + 8;
        layout->rows = memory_resize(layout->rows, layout->row_capacity * sizeof row);
    }
    layout->rows[layout->row_count++] = row;
}

void layout_fill(struct layout *layout, const struct room *room, const struct line *line,
                 const struct layout_options *options) {
    size_t at = 0;
    struct row row;

    layout->row_count = 0;
    fill_above(layout, room, line);
    fill_front(layout, line, options);
    begin_body(layout, line, options);
    size_t before = rich_length(&layout->body);
    layout_body(&layout->body, room, line, options);
    if (rich_length(&layout->body) == before && line->kind == LINE_PENDING) {
        layout->above_count = 0;
        return;
    }
    unsigned width = options->width > layout->indent ? options->width - layout->indent : 1;
    while (rich_next_row(&layout->body, width, &at, &row))
        add_row(layout, row);
    if (layout->row_count == 0)
        add_row(layout, (struct row){0, 0});
}

unsigned layout_height(const struct layout *layout) {
    return layout->above_count + (unsigned)layout->row_count;
}
