/* What somebody types to search: words, all of which a message must hold, and filters.
 *
 *     deploy staging          both words, anywhere
 *     "rolled back"           these words, next to each other
 *     depl*                   words that begin so; also at the end of a phrase: "rolled ba*"
 *     from:bob                signed by bob; of several names any; from:"Ann Smith"
 *     in:general              in this room; of several rooms any
 *     after:2026-01-31        from the beginning of that day on, UTC
 *     before:2026-02-28       before that day began
 *
 * There are no errors but one: nothing to look for. A filter that makes no sense ("after:lunch") is
 * words like any others, punctuation stands between words, a quotation mark without a second one
 * quotes the rest. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/slice.h"

/* Words next to each other: what search_word_next finds in `text`, at least one. */
struct search_term {
    struct slice text;
    bool prefix; /* of the last one: any word that begins so */
};

/* Slices point into the text that was parsed. */
struct search_question {
    struct search_term terms[LIMIT_SEARCH_TERMS]; /* all of them */
    size_t term_count;
    struct slice senders[LIMIT_SEARCH_TERMS]; /* any of them; none: whoever */
    size_t sender_count;
    struct slice rooms[LIMIT_SEARCH_TERMS]; /* any of them; none: wherever */
    size_t room_count;
    int64_t from_us;  /* entries with a timestamp ≥ this … */
    int64_t until_us; /* … and < this */
};

/* ERR_BAD_REQUEST when there is nothing to look for, ERR_TOO_LARGE when the text is longer than
 * LIMIT_SEARCH_TEXT; then
 * `*reason` says it for people. Terms and filters past their limit are left out. */
int search_question_parse(struct slice text, struct search_question *question,
                          const char **reason) MUST_USE;

/* Whether the question asks for a room of this key and name. */
bool search_question_wants_room(const struct search_question *question, struct slice key,
                                struct slice name);
