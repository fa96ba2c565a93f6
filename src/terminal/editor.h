/* The line one types in: text, a cursor between two glyphs, what was cut, and what was typed
 * before. Positions are bytes. It knows nothing of keys and of the screen. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

#define EDITOR_TEXT_MAX (1024 * 1024) /* bytes; what does not fit is not taken */
#define EDITOR_HISTORY_MAX 500        /* lines */

struct editor {
    struct buffer text; /* valid UTF-8 */
    size_t cursor;
    struct buffer cut; /* for editor_yank */
    bool cutting;      /* the last thing done was a cut: the next one joins it */

    char **history; /* the oldest first; zero-terminated */
    size_t history_count, history_at;
    struct buffer unfinished; /* what stood there when history was entered */
};

void editor_close(struct editor *editor);

struct slice editor_text(const struct editor *editor);
void editor_set(struct editor *editor, struct slice text, size_t cursor);
void editor_clear(struct editor *editor);

/* Puts valid UTF-8 at the cursor; controls but LF and TAB become U+FFFD. False: there is no room.
 */
bool editor_insert(struct editor *editor, struct slice text);
/* Replaces what stands between two positions; the cursor goes behind it. */
void editor_replace(struct editor *editor, size_t start, size_t end, struct slice text);

void editor_left(struct editor *editor);
void editor_right(struct editor *editor);
void editor_word_left(struct editor *editor);
void editor_word_right(struct editor *editor);
void editor_home(struct editor *editor); /* of the line the cursor is in */
void editor_end(struct editor *editor);

void editor_delete_back(struct editor *editor);
void editor_delete(struct editor *editor);
void editor_cut_word_back(struct editor *editor); /* up to a blank, as ^W */
void editor_cut_word(struct editor *editor);      /* up to the end of a word, as Alt+D */
void editor_cut_to_home(struct editor *editor);
void editor_cut_to_end(struct editor *editor);
void editor_yank(struct editor *editor);
void editor_transpose(struct editor *editor);

/* To the line above or below; false: there is none. */
bool editor_up(struct editor *editor);
bool editor_down(struct editor *editor);

/* Remembers what stands there, unless it is the same as the last. */
void editor_remember(struct editor *editor);
bool editor_older(struct editor *editor); /* false: there is nothing older */
bool editor_newer(struct editor *editor);
