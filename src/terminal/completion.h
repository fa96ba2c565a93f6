/* Completing what is typed: pressed again, the next of what fits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "terminal/editor.h"

struct candidates {
    char **words; /* zero-terminated; the likeliest first; ours */
    size_t count, capacity;
};

void candidates_add(struct candidates *candidates, struct slice word);
void candidates_close(struct candidates *candidates);

/* A zeroed struct has nothing under way. */
struct completion {
    struct candidates fitting;
    size_t at;         /* the one that stands in the text */
    size_t start, end; /* of it in the text, with what follows it */
    bool active;
};

/* What is to be completed. */
enum completion_kind { COMPLETE_NOTHING, COMPLETE_COMMAND, COMPLETE_ROOM, COMPLETE_NAME };

/* The word before the cursor: where it begins and what it can be. A name at the beginning of the
 * text gets a ": ". */
enum completion_kind completion_word(const struct editor *editor, size_t *start);

/* Begins with all candidates: those that begin like the word are kept. `suffix` stands behind it.
 * False: nothing fits. */
bool completion_begin(struct completion *completion, struct editor *editor, size_t start,
                      const struct candidates *candidates, const char *suffix);
/* The next one, or the one before. */
void completion_next(struct completion *completion, struct editor *editor, const char *suffix,
                     bool backwards);
/* Something else was typed. */
void completion_end(struct completion *completion);
