/* Every byte is looked at a bounded number of times, whatever stands in the text: a reference ends
 * at the next '<' or line at the latest, and the mark that opens a style is not searched for its
 * end. It is written out like any other character, and its place remembered; when the end comes
 * on the same line, a zero takes its place, and in the end all zeros are taken out in one go. */
#include "protocol/slack_text.h"

#include <string.h>

#include "base/text.h"

#define STYLES 3
#define CLOSED SIZE_MAX

static const char marks[STYLES] = {'*', '_', '~'};

struct writer {
    struct buffer *out;
    struct slice text;
    size_t at;           /* of the text: what comes next */
    size_t open[STYLES]; /* where in `out` the mark stands; CLOSED: there is none */
    bool styled;
    bool fenceless; /* there is no ``` any more */
};

static struct slice rest_of(const struct writer *writer) {
    return slice_skip(writer->text, writer->at);
}

/* The byte `distance` from the one that comes next; 0 beyond the ends. */
static char byte_at(const struct writer *writer, ptrdiff_t distance) {
    ptrdiff_t at = (ptrdiff_t)writer->at + distance;

    return at >= 0 && (size_t)at < writer->text.length ? writer->text.data[at] : '\0';
}

static void write_char(struct buffer *out, char c) {
    if (c != '\0') {
        buffer_append_char(out, c);
    }
}

/* What an entity at the beginning of `text` stands for; 0: there is none. */
static char entity_of(struct slice text, size_t *length) {
    static const struct {
        struct slice name;
        char means;
    } entities[] = {{SLICE("&amp;"), '&'}, {SLICE("&lt;"), '<'}, {SLICE("&gt;"), '>'}};

    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (slice_starts_with(text, entities[i].name)) {
            *length = entities[i].name.length;
            return entities[i].means;
        }
    }
    return '\0';
}

static void write_plain(struct buffer *out, struct slice text) {
    while (text.length > 0) {
        size_t length = 1;
        char c = text.data[0] == '&' ? entity_of(text, &length) : '\0';

        write_char(out, c != '\0' ? c : text.data[0]);
        text = slice_skip(text, length);
    }
}

/* "https" of "https://x": a letter, then letters, digits, '+', '-' and '.' before a colon. */
static bool has_scheme(struct slice url) {
    ptrdiff_t colon = slice_find(url, ':');

    for (ptrdiff_t i = 0; i < colon; i++) {
        char c = url.data[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';

        if (!letter && (i == 0 || !other)) {
            return false;
        }
    }
    return colon > 0;
}

/* Without "https://" or "mailto:", which people leave out. */
static struct slice without_scheme(struct slice url) {
    struct slice rest = url;

    slice_cut(&rest, ':');
    return slice_starts_with(rest, SLICE("//")) ? slice_skip(rest, 2) : rest;
}

static void write_link(struct buffer *out, struct slice url, struct slice label) {
    struct slice bare = without_scheme(url);
    bool mail = slice_starts_with(url, SLICE("mailto:")) || slice_starts_with(url, SLICE("tel:"));

    if (label.length == 0 || slice_equal(label, url) || slice_equal(label, bare)) {
        write_plain(out, mail ? bare : url);
        return;
    }
    write_plain(out, label);
    buffer_append_string(out, " (");
    write_plain(out, mail ? bare : url);
    buffer_append_char(out, ')');
}

/* "!here", "!subteam^S1|@ops", "!date^1^{date}|May 1": what people see stands behind the bar. */
static void write_special(struct buffer *out, struct slice name, struct slice label) {
    bool whole = slice_find(name, '^') < 0;

    if (whole) {
        buffer_append_char(out, '@');
        write_plain(out, name);
    } else {
        write_plain(out, label.length > 0 ? label : name);
    }
}

static void write_mention(struct buffer *out, char sign, struct slice id, struct slice label) {
    if (label.length > 0 && label.data[0] == sign) {
        label = slice_skip(label, 1);
    }
    buffer_append_char(out, sign);
    write_plain(out, label.length > 0 ? label : id);
}

/* What stands between < and >. False: it is no reference. */
static bool write_reference(struct buffer *out, struct slice inside) {
    struct slice label = inside, name = slice_cut(&label, '|');

    if (name.length > 1 && name.data[0] == '!') {
        write_special(out, slice_skip(name, 1), label);
    } else if (name.length > 1 && (name.data[0] == '@' || name.data[0] == '#')) {
        write_mention(out, name.data[0], slice_skip(name, 1), label);
    } else if (has_scheme(name)) {
        write_link(out, name, label);
    } else {
        return false;
    }
    return true;
}

static bool take_reference(struct writer *writer) {
    struct slice rest = slice_skip(rest_of(writer), 1);
    size_t length = 0;

    while (length < rest.length && memchr("<>\n", rest.data[length], 3) == NULL) {
        length++;
    }
    if (length == rest.length || rest.data[length] != '>' ||
        !write_reference(writer->out, slice_from(rest.data, length))) {
        return false;
    }
    writer->at += length + 2;
    return true;
}

static bool take_entity(struct writer *writer) {
    size_t length;
    char c = entity_of(rest_of(writer), &length);

    if (c != '\0') {
        buffer_append_char(writer->out, c);
        writer->at += length;
    }
    return c != '\0';
}

/* Code keeps its marks; a piece of it ends on its line, a block of it anywhere. */
static bool take_code(struct writer *writer) {
    static const struct slice fence = SLICE("```");
    struct slice rest = rest_of(writer);
    bool block = !writer->fenceless && slice_starts_with(rest, fence);
    size_t width = block ? fence.length : 1;
    size_t end = width;

    while (end < rest.length &&
           !slice_starts_with(slice_skip(rest, end), block ? fence : SLICE("`")) &&
           (block || rest.data[end] != '\n')) {
        end++;
    }
    if (end >= rest.length || rest.data[end] != '`') {
        writer->fenceless = writer->fenceless || block;
        return false;
    }
    write_plain(writer->out, slice_from(rest.data, end + width));
    writer->at += end + width;
    return true;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* So that snake_case, 5*3, *.log and __init__ stay what they are. */
static bool may_open(const struct writer *writer, char mark) {
    char before = byte_at(writer, -1), next = byte_at(writer, 1);
    bool apart = before == '\0' || is_space(before) || strchr("([{\"'*_~", before) != NULL;

    return apart && before != mark && next != '\0' && next != mark && !is_space(next);
}

static bool may_close(const struct writer *writer, char mark) {
    char before = byte_at(writer, -1), next = byte_at(writer, 1);
    bool apart = next == '\0' || is_space(next) || strchr(".,;:!?)]}\"'*_~", next) != NULL;

    return apart && next != mark && before != mark && !is_space(before);
}

static void close_all(struct writer *writer) {
    for (size_t i = 0; i < STYLES; i++) {
        writer->open[i] = CLOSED;
    }
}

static bool take_mark(struct writer *writer) {
    char mark = byte_at(writer, 0);
    size_t style = (size_t)((const char *)memchr(marks, mark, STYLES) - marks);
    size_t *open = &writer->open[style];

    if (*open != CLOSED && may_close(writer, mark)) {
        writer->out->data[writer->out->start + *open] = '\0';
        *open = CLOSED;
    } else if (may_open(writer, mark)) {
        *open = buffer_length(writer->out);
        buffer_append_char(writer->out, mark);
    } else {
        return false;
    }
    writer->at++;
    return true;
}

/* False: it is a character like any other. */
static bool take_markup(struct writer *writer) {
    char c = byte_at(writer, 0);

    if (c == '<') {
        return take_reference(writer);
    }
    if (c == '&') {
        return take_entity(writer);
    }
    if (!writer->styled) {
        return false;
    }
    if (c == '`') {
        return take_code(writer);
    }
    return c != '\0' && memchr(marks, c, STYLES) != NULL && take_mark(writer);
}

/* Takes out the zeros that stand where styles began. */
static void close_gaps(struct buffer *out, size_t start) {
    struct slice written = buffer_slice(out);
    char *data = out->data + out->start;
    size_t kept = start;

    for (size_t i = start; i < written.length; i++) {
        data[kept] = data[i];
        kept += data[i] != '\0';
    }
    buffer_truncate(out, kept);
}

void slack_text_append(struct buffer *out, struct slice text, bool styled) {
    struct writer writer = {.out = out, .text = text, .styled = styled};
    size_t start = buffer_length(out);

    close_all(&writer);
    while (writer.at < text.length) {
        if (take_markup(&writer)) {
            continue;
        }
        if (byte_at(&writer, 0) == '\n') {
            close_all(&writer);
        }
        write_char(out, byte_at(&writer, 0));
        writer.at++;
    }
    if (buffer_length(out) > start) {
        close_gaps(out, start);
    }
}
