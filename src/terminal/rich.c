#include "terminal/rich.h"

#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "terminal/glyph.h"

void rich_close(struct rich *rich) {
    buffer_close(&rich->text);
    buffer_close(&rich->styles);
}

void rich_clear(struct rich *rich) {
    buffer_clear(&rich->text);
    buffer_clear(&rich->styles);
}

void rich_append(struct rich *rich, struct slice text, enum style style) {
    if (text.length == 0)
        return;
    buffer_append_slice(&rich->text, text);
    memset(buffer_reserve(&rich->styles, text.length), style, text.length);
    buffer_commit(&rich->styles, text.length);
}

void rich_append_string(struct rich *rich, const char *text, enum style style) {
    rich_append(rich, slice_of_string(text), style);
}

size_t rich_length(const struct rich *rich) {
    return buffer_length(&rich->text);
}

enum style rich_style(const struct rich *rich, size_t at) {
    return (enum style)(unsigned char)buffer_slice(&rich->styles).data[at];
}

/* A place where a row may end: the row ends at `end`, the next one starts at `next`. */
struct opening {
    size_t end, next;
};

bool rich_next_row(const struct rich *rich, unsigned width, size_t *at, struct row *row) {
    struct slice text = buffer_slice(&rich->text);
    struct slice rest = slice_skip(text, *at);
    struct opening best = {0};
    struct glyph glyph;
    unsigned used = 0;
    size_t position = *at;

    if (*at >= text.length)
        return false;
    *row = (struct row){*at, text.length};
    while (glyph_next(&rest, &glyph)) {
        size_t behind = position + glyph.source.length;
        char first = glyph.source.data[0];
        if (first == '\n' || (first == '\r' && slice_find(glyph.source, '\n') >= 0)) {
            row->end = position;
            *at = behind;
            return true;
        }
        if (first == ' ')
            best = (struct opening){position, behind};
        if (used + glyph.width > width && position > row->start) {
            /* A blank that does not fit is the break itself. */
            bool found = best.next > row->start && best.end > row->start;
            row->end = found ? best.end : position;
            *at = found ? best.next : position;
            return true;
        }
        used += glyph.width;
        position = behind;
        if (first == '-' || glyph.width == 2) /* scripts of wide characters break anywhere */
            best = (struct opening){behind, behind};
    }
    *at = text.length;
    return true;
}

enum style name_style(struct slice name) {
    struct buffer folded = {0};
    enum style style = STYLE_NAME;

    if (label_fold(name, &folded) == 0)
        style = (enum style)(STYLE_NAME + hash_slice(0, buffer_slice(&folded)) % STYLE_NAMES);
    buffer_close(&folded);
    return style;
}
