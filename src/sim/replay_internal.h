/* What the two files behind replay_words.h share. */
#pragma once

#include "sim/replay_words.h"

json_t *replay_variable_get(const struct replay_variables *variables,
                            struct slice name); /* borrowed; NULL: unknown */

/* Bytes of the name of a variable that `s` begins with: small letters, '_', and digits behind them.
 */
size_t replay_name_length(struct slice s);

/* Takes a backslash and what it escapes. */
const char *replay_take_escape(struct slice *rest, struct buffer *out);
/* Takes "${…}", returns what is inside; data NULL: it does not end. */
struct slice replay_take_braces(struct slice *rest);
/* What that stands for. */
const char *replay_append_braces(const struct replay_variables *variables, struct slice inside,
                                 bool json, struct buffer *out);
/* Words in which everything must be known. */
const char *replay_expand(const struct replay_variables *variables, struct slice words, bool json,
                          struct buffer *out);

/* replay_match_json.c. `length` of the match is not set. */
const char *replay_match_json(struct replay_variables *variables, struct slice words,
                              struct slice came, struct replay_match *match);
