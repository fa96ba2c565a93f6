#include "terminal/line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "terminal/glyph.h"
#include "wire/json.h"

struct line *line_new(enum line_kind kind, int64_t time_us) {
    struct line *line = memory_new_struct(struct line);

    line->kind = kind;
    line->time_us = time_us;
    return line;
}

static void free_reaction(struct reaction *reaction) {
    buffer_close(&reaction->key);
    buffer_close(&reaction->names);
    memory_free(reaction);
}

static void drop_reactions(struct line *line) {
    struct list_node *node;

    while ((node = list_take_first(&line->reactions)) != NULL)
        free_reaction(container_of(node, struct reaction, node));
}

void line_free(struct line *line) {
    if (line == NULL)
        return;
    drop_reactions(line);
    buffer_close(&line->sender);
    buffer_close(&line->content);
    buffer_close(&line->title);
    buffer_close(&line->tags);
    buffer_close(&line->click);
    buffer_close(&line->key);
    buffer_close(&line->trouble);
    memory_free(line);
}

void line_set(struct buffer *field, struct slice text) {
    buffer_clear(field);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '\r') {
            if (i + 1 < text.length && text.data[i + 1] == '\n')
                continue;
            c = '\n';
        }
        buffer_append_char(field, c);
    }
    while (buffer_length(field) > 0 && field->data[field->end - 1] == '\n')
        buffer_truncate(field, buffer_length(field) - 1);
}

struct slice line_member(const json_t *object, const char *key) {
    struct slice value = SLICE_NONE;
    return json_get_string(object, key, &value) == 0 ? value : SLICE_NONE;
}

uint64_t line_number(const json_t *object, const char *key) {
    uint64_t value = 0;
    bool present = false;
    return json_get_u64(object, key, &value, &present) == 0 && present ? value : 0;
}

int64_t line_time(struct slice timestamp) {
    char text[40] = "";
    struct tm tm = {0};
    int micros = 0;

    if (timestamp.length >= sizeof text)
        return 0;
    snprintf(text, sizeof text, "%.*s", SLICE_ARGS(timestamp));
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &micros) != 7)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000000 + micros;
}

/* "ann" is not mentioned in "annual". */
bool line_mentions(struct slice text, struct slice name) {
    if (name.length == 0)
        return false;
    for (size_t i = 0; i + name.length <= text.length; i++) {
        size_t end = i + name.length;
        if ((i == 0 || !glyph_is_word(text.data[i - 1])) &&
            (end == text.length || !glyph_is_word(text.data[end])) &&
            slice_equal_ignoring_case(slice_from(text.data + i, name.length), name))
            return true;
    }
    return false;
}

bool line_action(const struct line *line, struct slice *action) {
    struct slice content = buffer_slice(&line->content);

    if ((line->kind != LINE_MESSAGE && line->kind != LINE_PENDING) ||
        !slice_starts_with(content, SLICE("/me ")))
        return false;
    *action = slice_skip(content, 4);
    return true;
}

static void take_notification(struct line *line, const json_t *entry) {
    const json_t *tags = json_object_get(entry, "tags");

    line_set(&line->title, line_member(entry, "title"));
    line_set(&line->click, line_member(entry, "click"));
    line->priority = (unsigned)line_number(entry, "priority");
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const json_t *tag = json_array_get(tags, i);
        buffer_append_string(&line->tags, i > 0 ? " #" : "#");
        buffer_append(&line->tags, json_string_value(tag), json_string_length(tag));
    }
}

struct line *line_from_entry(const json_t *entry, struct slice self) {
    struct slice type = line_member(entry, "type");
    bool is_topic = slice_equal(type, SLICE("topic"));

    if (!is_topic && !slice_equal(type, SLICE("message")))
        return NULL;
    struct line *line =
        line_new(is_topic ? LINE_TOPIC : LINE_MESSAGE, line_time(line_member(entry, "timestamp")));
    line->seq = line_number(entry, "seq");
    line->re = line_number(entry, "re");
    line->deleted = json_is_true(json_object_get(entry, "deleted"));
    line_set(&line->sender, line_member(entry, "sender"));
    line_set(&line->content, line_member(entry, "content"));
    take_notification(line, entry);
    line->own = slice_equal_ignoring_case(buffer_slice(&line->sender), self);
    line->mention = !line->own && !is_topic && line_mentions(buffer_slice(&line->content), self);
    return line;
}

/* Whether the list of names has this one; `*start` is where. */
static bool find_name(const struct reaction *reaction, struct slice name, size_t *start) {
    struct slice all = buffer_slice(&reaction->names);
    struct slice rest = all;

    while (rest.length > 0) {
        *start = all.length - rest.length;
        if (slice_equal(slice_cut(&rest, '\n'), name))
            return true;
    }
    return false;
}

static void remove_name(struct reaction *reaction, size_t start, size_t length) {
    struct buffer names = {0};
    struct slice all = buffer_slice(&reaction->names);

    buffer_append_slice(&names, slice_from(all.data, start));
    buffer_append_slice(&names, slice_skip(all, start + length + 1));
    buffer_close(&reaction->names);
    reaction->names = names;
    reaction->count--;
}

static struct reaction *find_reaction(const struct line *line, struct slice key) {
    for (struct list_node *node = line->reactions.first; node != NULL; node = node->next) {
        struct reaction *reaction = container_of(node, struct reaction, node);
        if (slice_equal(buffer_slice(&reaction->key), key))
            return reaction;
    }
    return NULL;
}

void line_react(struct line *line, struct slice key, struct slice name, bool remove, bool own) {
    struct reaction *reaction = find_reaction(line, key);
    size_t start = 0;
    bool there = reaction != NULL && find_name(reaction, name, &start);

    if (there != remove)
        return;
    if (remove) {
        remove_name(reaction, start, name.length);
        reaction->own = reaction->own && !own;
        if (reaction->count == 0) {
            list_remove(&line->reactions, &reaction->node);
            free_reaction(reaction);
        }
        return;
    }
    if (reaction == NULL) {
        reaction = memory_new_struct(struct reaction);
        line_set(&reaction->key, key);
        list_append(&line->reactions, &reaction->node);
    }
    buffer_append_slice(&reaction->names, name);
    buffer_append_char(&reaction->names, '\n');
    reaction->count++;
    reaction->own = reaction->own || own;
}
