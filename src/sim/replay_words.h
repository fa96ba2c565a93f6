/* The words of scenarios: what is sent, what is expected, and the variables that carry values from
 * one to the other.
 *
 * Words are bytes with escapes, or, when they begin with '{', JSON. In both, ${name} stands for a
 * variable and ${5*text} for `text` five times. In expected bytes an unknown ${name} takes what
 * came up to the words behind it, within one line, and becomes known; "..." takes it without a
 * name. In JSON $name stands in the same way for a whole value, $_ for any value, $absent for a
 * member that is not there, and "..." at the end allows further members or items. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

struct replay_variable;

struct replay_variables {
    struct replay_variable *first;
};

void replay_variables_close(struct replay_variables *variables);
void replay_variable_set(struct replay_variables *variables, struct slice name, json_t *value);

bool replay_words_are_json(struct slice words);

/* Appends what is to be sent. Returns NULL, or what is wrong with the words. */
const char *replay_words_expand(const struct replay_variables *variables, struct slice words,
                                struct buffer *out) MUST_USE;

/* What became of a comparison. */
struct replay_match {
    bool matches;
    size_t length;     /* bytes that were matched; for JSON all */
    struct buffer why; /* where there is more to say than that it differs; close it */
};

/* Compares what came with what was expected. Bytes match at the beginning of `came`. Returns NULL,
 * or what is wrong with the words. */
const char *replay_words_match(struct replay_variables *variables, struct slice words,
                               struct slice came, struct replay_match *match) MUST_USE;

/* As it would be written: with escapes, shortened when long. */
void replay_words_show(struct buffer *out, struct slice bytes);
