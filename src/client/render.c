#include "client/render.h"

#include <inttypes.h>

#include "base/signature.h"
#include "base/text.h"
#include "wire/json.h"

static struct slice text_of(const json_t *object, const char *key) {
    struct slice value = SLICE_NONE;
    return json_get_string(object, key, &value) == 0 ? value : SLICE_NONE;
}

static uint64_t number_of(const json_t *object, const char *key) {
    uint64_t value = 0;
    bool present = false;
    return json_get_u64(object, key, &value, &present) == 0 ? value : 0;
}

/* Cuts off the first line, whatever ends it. */
static struct slice cut_line(struct slice *rest) {
    struct slice text = *rest;
    size_t end = 0;

    while (end < text.length && text.data[end] != '\n' && text.data[end] != '\r')
        end++;
    bool pair = end + 1 < text.length && text.data[end] == '\r' && text.data[end + 1] == '\n';
    *rest = slice_skip(text, end + (pair ? 2 : 1));
    return slice_from(text.data, end);
}

void render_lines(struct buffer *out, struct slice prefix, const char *separator,
                  struct slice text) {
    do {
        struct slice line = cut_line(&text);
        text_append_line(out, prefix);
        buffer_append_string(out, separator);
        text_append_line(out, line);
        buffer_append_char(out, '\n');
    } while (text.length > 0);
}

/* Who a direct message is with: the other of the two in "@ann,bob". */
static struct slice other_side(struct slice room, struct slice self) {
    struct slice second = slice_skip(room, 1);
    struct slice first = slice_cut(&second, ',');
    return slice_equal_ignoring_case(first, self) ? second : first;
}

static void render_direct(struct buffer *out, struct slice room, struct slice sender,
                          struct slice content, struct slice self) {
    struct buffer prefix = {0};

    buffer_append_char(&prefix, '[');
    if (slice_equal_ignoring_case(sender, self)) {
        buffer_append_string(&prefix, "you -> ");
        buffer_append_slice(&prefix, other_side(room, self));
    } else {
        buffer_append_slice(&prefix, sender);
        buffer_append_string(&prefix, " -> you");
    }
    render_lines(out, buffer_slice(&prefix), "] ", content);
    buffer_close(&prefix);
}

void render_entry_lines(struct buffer *out, const json_t *entry, struct slice self) {
    struct slice type = text_of(entry, "type");
    struct slice room = text_of(entry, "room");
    struct slice content = text_of(entry, "content");
    struct buffer signature = {0};

    signature_append(&signature, text_of(entry, "sender"));
    struct slice sender = buffer_slice(&signature);

    if (slice_equal(type, SLICE("edit"))) {
        render_lines(out, sender, " edited: ", content);
    } else if (slice_equal(type, SLICE("topic"))) {
        buffer_append_string(out, "* ");
        render_lines(out, sender, " changed the topic: ", content);
    } else if (slice_equal(type, SLICE("message")) &&
               !json_is_true(json_object_get(entry, "deleted"))) {
        if (slice_starts_with(room, SLICE("@")))
            render_direct(out, room, sender, content, self);
        else
            render_lines(out, sender, ": ", content);
    }
    buffer_close(&signature);
}

static void render_movements(struct buffer *out, const json_t *names, const char *words,
                             struct slice self) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *name = json_array_get(names, i);
        struct slice who = slice_from(json_string_value(name), json_string_length(name));
        if (who.length == 0 || slice_equal_ignoring_case(who, self))
            continue;
        buffer_append_string(out, "* ");
        text_append_line(out, who);
        buffer_append_string(out, words);
    }
}

void render_presence_lines(struct buffer *out, const json_t *frame, struct slice self) {
    render_movements(out, json_object_get(frame, "join"), " joined\n", self);
    render_movements(out, json_object_get(frame, "leave"), " left\n", self);
}

void render_notice_line(struct buffer *out, const json_t *frame) {
    buffer_append_string(out, "* ");
    text_append_line(out, text_of(frame, "message"));
    buffer_append_char(out, '\n');
}

void render_rooms_lines(struct buffer *out, const json_t *frame) {
    const json_t *items = json_object_get(frame, "items");

    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        struct slice topic = text_of(item, "topic");
        text_append_line(out, text_of(item, "room"));
        buffer_append_format(out, " (%" PRIu64 ")", number_of(item, "client_count"));
        buffer_append_string(out, topic.length > 0 ? ": " : "");
        text_append_line(out, topic);
        buffer_append_char(out, '\n');
    }
    if (json_array_size(items) == 0)
        buffer_append_string(out, "no rooms yet\n");
}

void render_members_lines(struct buffer *out, const json_t *frame) {
    const json_t *items = json_object_get(frame, "items");

    buffer_append_string(out, "in ");
    text_append_line(out, text_of(frame, "room"));
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        buffer_append_string(out, i == 0 ? ": " : ", ");
        text_append_line(out, text_of(item, "name"));
    }
    buffer_append_string(out, json_array_size(items) == 0 ? ": nobody with a name\n" : "\n");
}

void render_gap(struct buffer *out, const json_t *frame) {
    struct slice reason = text_of(frame, "reason");
    uint64_t after = number_of(frame, "after");
    uint64_t first = number_of(frame, "first");

    if (slice_equal(reason, SLICE("retention")) && first > after + 1) {
        buffer_append_format(out, "entries %" PRIu64 " to %" PRIu64 " of ", after + 1, first - 1);
        text_append_line(out, text_of(frame, "room"));
        buffer_append_string(out, " are gone");
    } else {
        text_append_line(out, text_of(frame, "room"));
        buffer_append_format(out, " has another history now, from %" PRIu64, first);
    }
    buffer_append_string(out, " (");
    text_append_line(out, reason);
    buffer_append_char(out, ')');
}

/* The library leaves DEL and C1 controls as they are, which are harmless in JSON but not on a
 * terminal. They occur in strings only, where an escape means the same. */
void render_json_line(struct buffer *out, const json_t *entry) {
    char *text = json_dumps(entry, JSON_COMPACT | JSON_PRESERVE_ORDER);

    for (const unsigned char *c = (const unsigned char *)text; c != NULL && *c != 0; c++) {
        if (*c == 0x7f) {
            buffer_append_string(out, "\\u007F");
        } else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) {
            buffer_append_format(out, "\\u%04X", c[1]);
            c++;
        } else {
            buffer_append_char(out, (char)*c);
        }
    }
    buffer_append_char(out, '\n');
    free(text);
}
