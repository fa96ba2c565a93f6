/* What a reader on a terminal or in a pipe gets to see of a room: plain lines. Whatever came
 * from others is cleaned, so that nobody can colour or move the terminal, and each line of a
 * message carries its author, so that nobody can write a line that looks like somebody else's. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

/* `text` as lines, each "PREFIX" + "SEPARATOR" + line + LF; LF, CR LF and CR end a line, one at
 * the very end is dropped. */
void render_lines(struct buffer *out, struct slice prefix, const char *separator,
                  struct slice text);

/* An entry of a room's log: "ann: text", "ann edited: text", "[ann -> you] text", "* ann changed
 * the topic: text". What has no words (deletes, reactions) appends nothing. `self`: the reader's
 * name, may be empty. */
void render_entry_lines(struct buffer *out, const json_t *entry, struct slice self);

/* "* ann joined", "* bob left", without the reader's own. */
void render_presence_lines(struct buffer *out, const json_t *frame, struct slice self);

/* What was done by a room's rules: "* ann has kicked bob from ops: spam". */
void render_notice_line(struct buffer *out, const json_t *frame);

/* Answers to requests: "general (3): topic" for each room; "in general: ann, bob". */
void render_rooms_lines(struct buffer *out, const json_t *frame);
void render_members_lines(struct buffer *out, const json_t *frame);

/* "entries 78 to 89 of general are gone (retention)". One line without its end. */
void render_gap(struct buffer *out, const json_t *frame);

/* An entry as one line of JSON, controls escaped. */
void render_json_line(struct buffer *out, const json_t *entry);
