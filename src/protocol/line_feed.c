/* How the feed of a room reads in the line protocol:
 *
 *     Jason: Hello there!             a message; each line of one that has several
 *     * Jason waves                   a message "/me waves"
 *     Jason edited: Hello!            Jason set the topic: Release day
 *     [ann -> you] text               a direct message; its sender sees [you -> bob] text
 *     Jason has connected             Jason has disconnected
 *     Jason is now known as Jay
 *     Jason has kicked Jay from lobby: spam          and other changes of a room's rules */
#include "base/signature.h"
#include "base/text.h"
#include "protocol/plain.h"

#define ACTION SLICE("/me ")

/* Only of a name: a label could be the beginning of somebody else's action ("Jason thanks"). */
static bool is_action(const struct entry_body *body) {
    return body->kind == ENTRY_MESSAGE && slice_starts_with(body->content, ACTION) &&
           name_check(body->sender) == 0;
}

/* Whoever catches up with pages may read them from either side: then both are named. */
static void append_direct(struct buffer *prefix, enum side reader, enum side author,
                          struct slice sender, struct slice first, struct slice second) {
    struct slice other = author == SIDE_FIRST ? second : first;
    bool to_oneself = slice_equal(first, second);
    buffer_append_char(prefix, '[');
    if (reader == author && !to_oneself)
        buffer_append_string(prefix, "you");
    else
        signature_append(prefix, sender);
    buffer_append_string(prefix, " -> ");
    if (reader == SIDE_PUBLIC || (reader == author && !to_oneself))
        signature_append(prefix, other);
    else
        buffer_append_string(prefix, "you");
    buffer_append_string(prefix, "] ");
}

static void append_prefix(struct buffer *prefix, enum side side, const struct effect *show) {
    const struct entry_body *body = &show->show.entry->body;
    struct slice first, second;
    bool direct = plain_direct_names(show->room, &first, &second);
    if (direct)
        append_direct(prefix, side, show->show.author, body->sender, first, second);
    if (is_action(body))
        buffer_append_string(prefix, "* ");
    if (!direct || body->kind != ENTRY_MESSAGE || is_action(body))
        signature_append(prefix, body->sender);
    if (body->kind == ENTRY_EDIT)
        buffer_append_string(prefix, " edited: ");
    else if (body->kind == ENTRY_TOPIC)
        buffer_append_string(prefix, " set the topic: ");
    else if (is_action(body))
        buffer_append_char(prefix, ' ');
    else if (!direct)
        buffer_append_string(prefix, ": ");
}

static bool line_entry(enum format format, enum side side, const struct effect *show,
                       struct buffer *output) {
    (void)format;
    const struct entry_body *body = &show->show.entry->body;
    if (body->kind == ENTRY_DELETE || body->kind == ENTRY_REACTION || body->deleted)
        return false;
    struct slice content = body->content;
    if (is_action(body))
        content = slice_trim(slice_skip(content, ACTION.length));
    struct buffer prefix = {0};
    append_prefix(&prefix, side, show);
    plain_append_lines(output, buffer_slice(&prefix), content);
    buffer_close(&prefix);
    return true;
}

static void append_event(struct buffer *output, struct slice name, const char *what,
                         struct slice other) {
    signature_append(output, name);
    buffer_append_string(output, what);
    if (other.length > 0)
        signature_append(output, other);
    buffer_append_char(output, '\n');
}

static bool line_signal(enum format format, enum side side, const struct effect *show,
                        struct buffer *output) {
    (void)format;
    const struct signal *signal = show->signal;
    if (signal->kind == SIGNAL_NOTICE) {
        plain_append_text(output, signal->payload);
        buffer_append_char(output, '\n');
        return true;
    }
    if (side != SIDE_PUBLIC || !signal->announced || signal->name.length == 0)
        return false;
    switch (signal->kind) {
    case SIGNAL_JOINED:
        append_event(output, signal->name, " has connected", SLICE_NONE);
        return true;
    case SIGNAL_LEFT:
        append_event(output, signal->name, " has disconnected", SLICE_NONE);
        return true;
    case SIGNAL_RENAMED:
        if (signal->former.length > 0)
            append_event(output, signal->former, " is now known as ", signal->name);
        else
            append_event(output, signal->name, " has connected", SLICE_NONE);
        return true;
    case SIGNAL_NOTICE: /* see above */
    case SIGNAL_COUNT:
    case SIGNAL_TYPING:
    case SIGNAL_BINARY:
    case SIGNAL_FENCE:
        break;
    }
    return false;
}

const struct feed_format line_feed = {.entry = line_entry, .signal = line_signal};
