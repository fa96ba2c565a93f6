#include "terminal/glyph.h"

#include <ctype.h>
#include <string.h>
#include <utf8proc.h>

#include "base/codepoint.h"

#define MARKS_MAX 4 /* on one base; who wants more wants to draw over the lines above */
#define JOINER 0x200d
#define ZERO_WIDTH_SPACE 0x200b
#define DOTTED_CIRCLE 0x25cc /* what Unicode shows a mark on that has no base */
#define SOFT_HYPHEN 0xad

static bool is_regional(int32_t c) {
    return c >= 0x1f1e6 && c <= 0x1f1ff;
}

/* Only changes how the character before it looks, and not in how many columns on every terminal. */
static bool is_variant(int32_t c) {
    return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0x1f3fb && c <= 0x1f3ff) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

static bool is_pictographic(int32_t c) {
    return utf8proc_get_property(c)->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

unsigned codepoint_width(int32_t codepoint) {
    if (codepoint < 0 || codepoint == SOFT_HYPHEN)
        return 0;
    int width = utf8proc_charwidth(codepoint);
    return width > 0 ? (unsigned)width : 0;
}

/* What is being put together. */
struct assembly {
    struct glyph *glyph;
    size_t length;
    unsigned marks;
    bool pictographic; /* the last base is */
};

static void append(struct assembly *assembly, int32_t codepoint, unsigned width) {
    struct glyph *glyph = assembly->glyph;
    utf8proc_uint8_t bytes[4];
    size_t size = (size_t)utf8proc_encode_char(codepoint, bytes);

    if (assembly->length + size >= sizeof glyph->shown || glyph->width + width > 32)
        return;
    memcpy(glyph->shown + assembly->length, bytes, size);
    assembly->length += size;
    glyph->shown[assembly->length] = '\0';
    glyph->width = (uint8_t)(glyph->width + width);
}

static void append_mark(struct assembly *assembly, int32_t codepoint) {
    if (assembly->pictographic && codepoint == JOINER)
        return;
    if (assembly->length == 0)
        append(assembly, DOTTED_CIRCLE, 1);
    if (assembly->marks++ < MARKS_MAX)
        append(assembly, codepoint, 0);
}

/* Formats that are not seen and join nothing: U+FEFF, marks of direction … */
static bool is_invisible(int32_t codepoint) {
    return utf8proc_category(codepoint) == UTF8PROC_CATEGORY_CF && codepoint != JOINER;
}

static void append_codepoint(struct assembly *assembly, int32_t codepoint) {
    if (codepoint == '\n')
        return;
    if (codepoint == '\t') {
        for (unsigned i = 0; i < GLYPH_TAB; i++)
            append(assembly, ' ', 1);
    } else if (codepoint < 0 || codepoint_is_control(codepoint) ||
               codepoint_is_deceptive(codepoint)) {
        append(assembly, 0xfffd, 1);
    } else if (is_regional(codepoint)) {
        append(assembly, 'A' + (codepoint - 0x1f1e6), 1);
    } else if ((is_variant(codepoint) && assembly->length > 0) || is_invisible(codepoint) ||
               codepoint == ZERO_WIDTH_SPACE) {
        return;
    } else if (codepoint_width(codepoint) == 0) {
        append_mark(assembly, codepoint);
    } else {
        assembly->marks = 0;
        assembly->pictographic = is_pictographic(codepoint);
        append(assembly, codepoint, codepoint_width(codepoint));
    }
}

bool glyph_next(struct slice *rest, struct glyph *glyph) {
    struct assembly assembly = {.glyph = glyph};
    struct slice at = *rest;
    utf8proc_int32_t state = 0;

    if (rest->length == 0)
        return false;
    *glyph = (struct glyph){0};
    int32_t previous = codepoint_take(&at);
    append_codepoint(&assembly, previous);
    while (at.length > 0 && previous >= 0) {
        struct slice behind = at;
        int32_t next = codepoint_take(&behind);
        if (next < 0 || utf8proc_grapheme_break_stateful(previous, next, &state))
            break;
        append_codepoint(&assembly, next);
        previous = next;
        at = behind;
    }
    glyph->source = slice_from(rest->data, rest->length - at.length);
    *rest = at;
    return true;
}

unsigned text_width(struct slice text) {
    struct glyph glyph;
    unsigned width = 0;

    while (glyph_next(&text, &glyph))
        width += glyph.width;
    return width;
}

struct slice text_fit(struct slice text, unsigned columns) {
    struct slice rest = text;
    struct glyph glyph;
    size_t length = 0;

    while (glyph_next(&rest, &glyph) && glyph.width <= columns) {
        columns -= glyph.width;
        length += glyph.source.length;
    }
    return slice_from(text.data, length);
}

size_t glyph_next_position(struct slice text, size_t at) {
    struct slice rest = slice_skip(text, at);
    struct glyph glyph;

    return glyph_next(&rest, &glyph) ? at + glyph.source.length : at;
}

/* Clusters can only be told from the front; a line's beginning is front enough. */
size_t glyph_previous_position(struct slice text, size_t at) {
    size_t position = at;

    if (at == 0)
        return 0;
    while (position > 0 && (position == at || text.data[position - 1] != '\n'))
        position--;
    for (;;) {
        size_t next = glyph_next_position(text, position);
        if (next >= at)
            return position;
        position = next;
    }
}

bool glyph_is_word(char byte) {
    unsigned char c = (unsigned char)byte;
    return c >= 0x80 || isalnum(c) || c == '_';
}

char codepoint_ascii(int32_t codepoint) {
    static const struct {
        int32_t from;
        char to;
    } nearest[] = {{0x2018, '\''}, {0x2019, '\''}, {0x201a, '\''}, {0x201c, '"'}, {0x201d, '"'},
                   {0x201e, '"'},  {0x2013, '-'},  {0x2014, '-'},  {0x2026, '.'}, {0xa0, ' '},
                   {0x2022, '*'},  {0xb7, '.'},    {0x2192, '>'},  {0x2190, '<'}, {0x21a9, '>'},
                   {0x2502, '|'},  {0x2500, '-'},  {0x2713, '+'},  {0x2717, 'x'}, {0xd7, 'x'},
                   {0xdf, 's'},    {0x2193, 'v'},  {0x2191, '^'},  {0x25cc, ' '}, {0x25cf, '*'},
                   {0x25cb, 'o'}};
    utf8proc_int32_t parts[8];
    int class = 0;

    if (codepoint >= ' ' && codepoint < 0x7f)
        return (char)codepoint;
    for (size_t i = 0; i < sizeof nearest / sizeof *nearest; i++)
        if (nearest[i].from == codepoint)
            return nearest[i].to;
    if (codepoint_width(codepoint) == 0)
        return 0;
    utf8proc_ssize_t count =
        utf8proc_decompose_char(codepoint, parts, 8, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &class);
    return count > 0 && count <= 8 && parts[0] >= ' ' && parts[0] < 0x7f ? (char)parts[0] : '?';
}
