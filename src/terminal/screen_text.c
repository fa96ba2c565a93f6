/* Text in cells. Each glyph goes to the column where it belongs by our own count, so that where the
 * C library thinks otherwise of one character, that one is replaced and nothing is moved. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/codepoint.h"
#include "terminal/screen_internal.h"

static void put_cell(struct pen *pen, const wchar_t *text, unsigned look) {
    const struct appearance *appearance = &pen->screen->looks[pen->selected ? LOOK_SELECTED : look];
    cchar_t cell;

    if (setcchar(&cell, text, appearance->attributes, appearance->pair, NULL) == OK)
        mvadd_wch((int)pen->row, (int)pen->column, &cell);
}

static void put_ascii(struct pen *pen, char c, unsigned look) {
    wchar_t text[2] = {(wchar_t)c, 0};

    if (pen->column < pen->limit)
        put_cell(pen, text, look);
    pen->column++;
}

/* A base and its marks. What the C library does not know, or gives another width, is a '?'. */
static void put_cluster(struct pen *pen, wchar_t *text, unsigned width, unsigned look) {
    if (wcwidth(text[0]) == (int)width) {
        put_cell(pen, text, look);
        pen->column += width;
        return;
    }
    for (unsigned i = 0; i < width; i++)
        put_ascii(pen, i == 0 ? '?' : ' ', look);
}

static void put_unicode(struct pen *pen, struct slice shown, unsigned look) {
    wchar_t text[CCHARW_MAX + 1] = {0};
    unsigned count = 0, width = 0;

    while (shown.length > 0) {
        int32_t codepoint = codepoint_take(&shown);
        unsigned columns = codepoint_width(codepoint);
        if (columns > 0 && count > 0) {
            text[count] = 0;
            put_cluster(pen, text, width, look);
            count = 0;
        }
        if (columns > 0)
            width = columns;
        else if (count == 0 || wcwidth((wchar_t)codepoint) != 0)
            continue;
        if (count < CCHARW_MAX)
            text[count++] = (wchar_t)codepoint;
    }
    text[count] = 0;
    if (count > 0)
        put_cluster(pen, text, width, look);
}

/* The same number of columns, whatever can be shown in them. */
static void put_plain(struct pen *pen, struct slice shown, unsigned look) {
    while (shown.length > 0) {
        int32_t codepoint = codepoint_take(&shown);
        unsigned width = codepoint_width(codepoint);
        for (unsigned i = 0; i < width; i++)
            put_ascii(pen, i == 0 ? codepoint_ascii(codepoint) : ' ', look);
    }
}

static bool put_glyph(struct pen *pen, const struct glyph *glyph, unsigned look) {
    if (pen->column + glyph->width > pen->limit)
        return false;
    if (pen->screen->unicode)
        put_unicode(pen, slice_of_string(glyph->shown), look);
    else
        put_plain(pen, slice_of_string(glyph->shown), look);
    return true;
}

void pen_write(struct pen *pen, struct slice text, unsigned look) {
    struct glyph glyph;

    while (glyph_next(&text, &glyph) && put_glyph(pen, &glyph, look)) {
    }
}

void pen_write_string(struct pen *pen, const char *text, unsigned look) {
    pen_write(pen, slice_of_string(text), look);
}

void pen_format(struct pen *pen, unsigned look, const char *format, ...) {
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pen_write_string(pen, text, look);
}

void pen_fill(struct pen *pen, unsigned look) {
    while (pen->column < pen->limit)
        put_ascii(pen, ' ', look);
}

void pen_write_rich(struct pen *pen, const struct rich *rich, size_t start, size_t end) {
    struct slice text = buffer_slice(&rich->text);
    struct slice rest = slice_from(text.data + start, end - start);
    struct glyph glyph;

    while (glyph_next(&rest, &glyph)) {
        size_t at = (size_t)(glyph.source.data - text.data);
        if (!put_glyph(pen, &glyph, rich_style(rich, at)))
            break;
    }
}

void pen_write_cut(struct pen *pen, struct slice text, unsigned look) {
    unsigned left = pen->limit > pen->column ? pen->limit - pen->column : 0;

    if (text_width(text) <= left) {
        pen_write(pen, text, look);
        return;
    }
    if (left == 0)
        return;
    pen_write(pen, text_fit(text, left - 1), look);
    pen_write_string(pen, "…", look);
}

void pen_line(struct pen *pen, unsigned columns, unsigned look) {
    for (unsigned i = 0; i < columns && pen->column < pen->limit; i++)
        pen_write_string(pen, "─", look);
}
