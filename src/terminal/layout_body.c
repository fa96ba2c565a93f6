/* The words of a line, with what is special in them: names, links, code. */
#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "terminal/glyph.h"
#include "terminal/layout.h"

#define QUOTE_COLUMNS 48
#define REACTED_SHOWN 12 /* kinds of reactions */

static bool begins_link(struct slice text) {
    return slice_starts_with(text, SLICE("https://")) || slice_starts_with(text, SLICE("http://"));
}

static size_t link_length(struct slice text) {
    size_t length = 0;

    while (length < text.length && (unsigned char)text.data[length] > ' ' &&
           strchr("<>\"`", text.data[length]) == NULL)
        length++;
    while (length > 0 && strchr(".,;:!?)'", text.data[length - 1]) != NULL)
        length--;
    return length;
}

/* "`make all`" at the front of `text`; 0: it is none. */
static size_t code_length(struct slice text) {
    struct slice inside = slice_skip(text, 1);
    ptrdiff_t end = slice_find(inside, '`');
    ptrdiff_t line_end = slice_find(inside, '\n');

    bool closed = end > 0 && (line_end < 0 || end < line_end);
    return text.data[0] == '`' && closed ? (size_t)end + 2 : 0;
}

static bool names_reader(struct slice text, struct slice self) {
    return self.length > 0 && text.length >= self.length &&
           slice_equal_ignoring_case(slice_from(text.data, self.length), self) &&
           (text.length == self.length || !glyph_is_word(text.data[self.length]));
}

/* How much at the front of `text` is special, and in what way; 0: nothing. */
static size_t special(struct slice text, struct slice self, enum style *style) {
    size_t length = 0;

    if (begins_link(text)) {
        *style = STYLE_LINK;
        return link_length(text);
    }
    if ((length = code_length(text)) > 0) {
        *style = STYLE_CODE;
        return length;
    }
    if (names_reader(text, self)) {
        *style = STYLE_MENTION;
        return self.length;
    }
    return 0;
}

static void append_marked_up(struct rich *body, struct slice text, struct slice self,
                             enum style plain) {
    size_t done = 0, at = 0;

    while (at < text.length) {
        enum style style = plain;
        bool boundary = at == 0 || !glyph_is_word(text.data[at - 1]);
        size_t length = boundary ? special(slice_skip(text, at), self, &style) : 0;
        if (length == 0) {
            at++;
            continue;
        }
        rich_append(body, slice_from(text.data + done, at - done), plain);
        rich_append(body, slice_from(text.data + at, length), style);
        at += length;
        done = at;
    }
    rich_append(body, slice_skip(text, done), plain);
}

/* The beginning of what a message answers. */
static void append_quote(struct rich *body, const struct room *room, const struct line *line) {
    const struct line *asked = room_find(room, line->re);
    struct slice rest = asked != NULL ? buffer_slice(&asked->content) : SLICE_NONE;
    struct slice first = text_fit(slice_cut(&rest, '\n'), QUOTE_COLUMNS);
    bool cut = asked != NULL && first.length < buffer_length(&asked->content);

    if (line->re == 0)
        return;
    rich_append_string(body, "↩ ", STYLE_QUOTE);
    if (asked == NULL) {
        rich_append_string(body, "an earlier message", STYLE_QUOTE);
    } else {
        bool action = slice_starts_with(first, SLICE("/me "));
        rich_append(body, buffer_slice(&asked->sender), STYLE_QUOTE);
        rich_append_string(body, asked->deleted ? ": deleted" : action ? " " : ": ", STYLE_QUOTE);
        rich_append(body, slice_skip(first, action ? 4 : 0), STYLE_QUOTE);
    }
    rich_append_string(body, cut ? "…\n" : "\n", STYLE_QUOTE);
}

static void append_title(struct rich *body, const struct line *line) {
    enum style style = line->priority >= 4 ? STYLE_URGENT : STYLE_STRONG;
    bool has_title = buffer_length(&line->title) > 0;

    rich_append(body, buffer_slice(&line->title), style);
    if (buffer_length(&line->tags) > 0) {
        rich_append_string(body, has_title ? "  " : "", STYLE_DIM);
        rich_append(body, buffer_slice(&line->tags), STYLE_DIM);
    }
    if (has_title || buffer_length(&line->tags) > 0)
        rich_append_string(body, "\n", STYLE_TEXT);
}

static void append_reactions(struct rich *body, const struct line *line) {
    struct buffer text = {0};
    unsigned shown = 0;

    if (list_empty(&line->reactions))
        return;
    rich_append_string(body, "\n", STYLE_TEXT);
    for (struct list_node *node = line->reactions.first; node != NULL && shown < REACTED_SHOWN;
         node = node->next, shown++) {
        const struct reaction *reaction = container_of(node, struct reaction, node);
        buffer_clear(&text);
        buffer_append_slice(&text, buffer_slice(&reaction->key));
        buffer_append_format(&text, " %u", reaction->count);
        rich_append(body, buffer_slice(&text), reaction->own ? STYLE_OWN : STYLE_REACTION);
        rich_append_string(body, node->next != NULL ? "  " : "", STYLE_TEXT);
    }
    buffer_close(&text);
}

static void append_message(struct rich *body, const struct room *room, const struct line *line,
                           const struct layout_options *options) {
    struct slice text = buffer_slice(&line->content);
    enum style plain = STYLE_TEXT;

    append_quote(body, room, line);
    if (line->deleted) {
        rich_append_string(body, "this message was deleted", STYLE_DIM);
        return;
    }
    append_title(body, line);
    if (line_action(line, &text)) {
        plain = STYLE_ACTION;
        rich_append(body, buffer_slice(&line->sender), STYLE_ACTION);
        rich_append_string(body, " ", STYLE_ACTION);
    }
    append_marked_up(body, text, line->own ? SLICE_NONE : options->self, plain);
    if (line->edited)
        rich_append_string(body, " (edited)", STYLE_DIM);
    if (buffer_length(&line->click) > 0) {
        rich_append_string(body, "\n→ ", STYLE_DIM);
        rich_append(body, buffer_slice(&line->click), STYLE_LINK);
    }
    append_reactions(body, line);
}

/* What the matter is, and what can be done. */
static void append_trouble(struct rich *body, const struct line *line,
                           const struct layout_options *options) {
    struct buffer text = {0};

    switch (line->state) {
    case PENDING_WAITING:
        if (!options->connected)
            buffer_append_string(&text, "\n… is sent when the connection is back");
        break;
    case PENDING_HELD:
        buffer_append_string(&text, "\n… ");
        buffer_append_slice(&text, buffer_slice(&line->trouble));
        buffer_append_format(
            &text, "; is sent in %" PRIu64 " s",
            line->until_ms > options->now_ms ? (line->until_ms - options->now_ms + 999) / 1000 : 0);
        break;
    case PENDING_REFUSED:
        buffer_append_string(&text, "\n✗ not sent: ");
        buffer_append_slice(&text, buffer_slice(&line->trouble));
        buffer_append_string(&text, "  (/retry sends it again, /drop forgets it)");
        break;
    }
    rich_append(body, buffer_slice(&text),
                line->state == PENDING_REFUSED ? STYLE_ERROR : STYLE_NOTICE);
    buffer_close(&text);
}

/* What is no message happens so fast that it is only shown when something is in its way. */
static void append_pending(struct rich *body, const struct line *line,
                           const struct layout_options *options) {
    struct slice action;

    if (line->type != NULL && line->state == PENDING_WAITING && options->connected)
        return;
    if (line->type != NULL) {
        rich_append_string(body, "(", STYLE_DIM);
        rich_append_string(body, line->type, STYLE_DIM);
        rich_append_string(body, ") ", STYLE_DIM);
        rich_append(body, buffer_slice(&line->key), STYLE_DIM);
    }
    if (line_action(line, &action)) {
        rich_append(body, options->self, STYLE_DIM);
        rich_append_string(body, " ", STYLE_DIM);
        rich_append(body, action, STYLE_DIM);
    } else {
        rich_append(body, buffer_slice(&line->content), STYLE_DIM);
    }
    append_trouble(body, line, options);
}

void layout_body(struct rich *body, const struct room *room, const struct line *line,
                 const struct layout_options *options) {
    switch (line->kind) {
    case LINE_MESSAGE:
        append_message(body, room, line, options);
        break;
    case LINE_TOPIC:
        rich_append(body, buffer_slice(&line->sender), STYLE_NOTICE);
        rich_append_string(body, " set the topic: ", STYLE_NOTICE);
        rich_append(body, buffer_slice(&line->content), STYLE_TEXT);
        break;
    case LINE_PRESENCE:
        rich_append(body, buffer_slice(&line->content), STYLE_DIM);
        break;
    case LINE_NOTICE:
        rich_append(body, buffer_slice(&line->content), STYLE_NOTICE);
        break;
    case LINE_ERROR:
    case LINE_GAP:
        rich_append(body, buffer_slice(&line->content), STYLE_ERROR);
        break;
    case LINE_PENDING:
        append_pending(body, line, options);
        break;
    }
}
