#include "terminal/editor.h"

#include <string.h>

#include "base/codepoint.h"
#include "base/memory.h"
#include "terminal/glyph.h"

void editor_close(struct editor *editor) {
    for (size_t i = 0; i < editor->history_count; i++)
        memory_free(editor->history[i]);
    memory_free(editor->history);
    buffer_close(&editor->text);
    buffer_close(&editor->cut);
    buffer_close(&editor->unfinished);
    *editor = (struct editor){0};
}

struct slice editor_text(const struct editor *editor) {
    return buffer_slice(&editor->text);
}

void editor_set(struct editor *editor, struct slice text, size_t cursor) {
    struct buffer copy = {0};

    buffer_append_slice(&copy, text); /* it may be a part of what stands there */
    buffer_close(&editor->text);
    editor->text = copy;
    editor->cursor = cursor < text.length ? cursor : text.length;
    editor->cutting = false;
}

void editor_clear(struct editor *editor) {
    buffer_clear(&editor->text);
    editor->cursor = 0;
    editor->cutting = false;
    editor->history_at = editor->history_count;
}

void editor_replace(struct editor *editor, size_t start, size_t end, struct slice text) {
    struct slice all = editor_text(editor);
    struct buffer result = {0};

    buffer_append_slice(&result, slice_from(all.data, start));
    buffer_append_slice(&result, text);
    buffer_append_slice(&result, slice_skip(all, end));
    buffer_close(&editor->text);
    editor->text = result;
    editor->cursor = start + text.length;
    editor->cutting = false;
}

static void append_clean(struct buffer *out, struct slice text) {
    while (text.length > 0) {
        const char *start = text.data;
        int32_t codepoint = codepoint_take(&text);
        bool line_end = codepoint == '\r';
        if (line_end && text.length > 0 && text.data[0] == '\n')
            continue;
        if (line_end)
            buffer_append_char(out, '\n');
        else if (codepoint < 0 ||
                 (codepoint_is_control(codepoint) && codepoint != '\n' && codepoint != '\t'))
            buffer_append_string(out, CODEPOINT_REPLACEMENT);
        else
            buffer_append(out, start, (size_t)(text.data - start));
    }
}

bool editor_insert(struct editor *editor, struct slice text) {
    struct buffer clean = {0};

    append_clean(&clean, text);
    bool fits = buffer_length(&clean) + buffer_length(&editor->text) <= EDITOR_TEXT_MAX;
    if (fits)
        editor_replace(editor, editor->cursor, editor->cursor, buffer_slice(&clean));
    buffer_close(&clean);
    return fits;
}

/* Moving. */

static void move(struct editor *editor, size_t position) {
    editor->cursor = position;
    editor->cutting = false;
}

void editor_left(struct editor *editor) {
    move(editor, glyph_previous_position(editor_text(editor), editor->cursor));
}

void editor_right(struct editor *editor) {
    move(editor, glyph_next_position(editor_text(editor), editor->cursor));
}

static size_t word_before(const struct editor *editor) {
    struct slice text = editor_text(editor);
    size_t at = editor->cursor;

    while (at > 0 && !glyph_is_word(text.data[at - 1]))
        at--;
    while (at > 0 && glyph_is_word(text.data[at - 1]))
        at--;
    return at;
}

static size_t word_behind(const struct editor *editor) {
    struct slice text = editor_text(editor);
    size_t at = editor->cursor;

    while (at < text.length && !glyph_is_word(text.data[at]))
        at++;
    while (at < text.length && glyph_is_word(text.data[at]))
        at++;
    return at;
}

void editor_word_left(struct editor *editor) {
    move(editor, word_before(editor));
}

void editor_word_right(struct editor *editor) {
    move(editor, word_behind(editor));
}

static size_t line_start(struct slice text, size_t at) {
    while (at > 0 && text.data[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(struct slice text, size_t at) {
    while (at < text.length && text.data[at] != '\n')
        at++;
    return at;
}

void editor_home(struct editor *editor) {
    move(editor, line_start(editor_text(editor), editor->cursor));
}

void editor_end(struct editor *editor) {
    move(editor, line_end(editor_text(editor), editor->cursor));
}

/* The same column of the line that starts at `start`. */
static void move_to_line(struct editor *editor, size_t start) {
    struct slice text = editor_text(editor);
    size_t own = line_start(text, editor->cursor);
    unsigned column = text_width(slice_from(text.data + own, editor->cursor - own));
    struct slice line = slice_from(text.data + start, line_end(text, start) - start);

    move(editor, start + text_fit(line, column).length);
}

bool editor_up(struct editor *editor) {
    struct slice text = editor_text(editor);
    size_t start = line_start(text, editor->cursor);

    if (start == 0)
        return false;
    move_to_line(editor, line_start(text, start - 1));
    return true;
}

bool editor_down(struct editor *editor) {
    struct slice text = editor_text(editor);
    size_t end = line_end(text, editor->cursor);

    if (end == text.length)
        return false;
    move_to_line(editor, end + 1);
    return true;
}

/* Deleting. */

void editor_delete_back(struct editor *editor) {
    size_t start = glyph_previous_position(editor_text(editor), editor->cursor);
    editor_replace(editor, start, editor->cursor, SLICE_NONE);
}

void editor_delete(struct editor *editor) {
    size_t start = editor->cursor;
    editor_replace(editor, start, glyph_next_position(editor_text(editor), start), SLICE_NONE);
}

/* What is cut in a row is one piece. */
static void cut(struct editor *editor, size_t start, size_t end, bool backwards) {
    struct slice piece = slice_from(editor_text(editor).data + start, end - start);
    struct buffer joined = {0};

    if (start == end)
        return;
    if (backwards)
        buffer_append_slice(&joined, piece);
    if (editor->cutting)
        buffer_append_slice(&joined, buffer_slice(&editor->cut));
    if (!backwards)
        buffer_append_slice(&joined, piece);
    buffer_close(&editor->cut);
    editor->cut = joined;
    editor_replace(editor, start, end, SLICE_NONE);
    editor->cutting = true;
}

void editor_cut_word_back(struct editor *editor) {
    struct slice text = editor_text(editor);
    size_t start = editor->cursor;

    while (start > 0 && strchr(" \t\n", text.data[start - 1]) != NULL)
        start--;
    while (start > 0 && strchr(" \t\n", text.data[start - 1]) == NULL)
        start--;
    cut(editor, start, editor->cursor, true);
}

void editor_cut_word(struct editor *editor) {
    cut(editor, editor->cursor, word_behind(editor), false);
}

void editor_cut_to_home(struct editor *editor) {
    cut(editor, line_start(editor_text(editor), editor->cursor), editor->cursor, true);
}

/* At the end of a line it is the line end that goes. */
void editor_cut_to_end(struct editor *editor) {
    struct slice text = editor_text(editor);
    size_t end = line_end(text, editor->cursor);

    if (end == editor->cursor && end < text.length)
        end++;
    cut(editor, editor->cursor, end, false);
}

void editor_yank(struct editor *editor) {
    editor_insert(editor, buffer_slice(&editor->cut));
}

/* The glyphs on both sides of the cursor change places; at the end, the last two. */
void editor_transpose(struct editor *editor) {
    struct slice text = editor_text(editor);
    size_t end = glyph_next_position(text, editor->cursor);
    struct buffer swapped = {0};

    size_t middle = glyph_previous_position(text, end);
    size_t start = glyph_previous_position(text, middle);
    if (start == middle || middle == end)
        return;
    buffer_append_slice(&swapped, slice_from(text.data + middle, end - middle));
    buffer_append_slice(&swapped, slice_from(text.data + start, middle - start));
    editor_replace(editor, start, end, buffer_slice(&swapped));
    buffer_close(&swapped);
}

/* History. */

static bool is_last_remembered(const struct editor *editor) {
    return editor->history_count > 0 &&
           slice_equal(slice_of_string(editor->history[editor->history_count - 1]),
                       editor_text(editor));
}

void editor_remember(struct editor *editor) {
    if (buffer_length(&editor->text) > 0 && !is_last_remembered(editor)) {
        if (editor->history == NULL)
            editor->history = memory_new(EDITOR_HISTORY_MAX * sizeof *editor->history);
        if (editor->history_count == EDITOR_HISTORY_MAX) {
            memory_free(editor->history[0]);
            editor->history_count--;
            memmove(editor->history, editor->history + 1,
                    editor->history_count * sizeof *editor->history);
        }
        editor->history[editor->history_count++] = memory_copy_string(editor_text(editor));
    }
    editor->history_at = editor->history_count;
}

static void show_history(struct editor *editor) {
    bool newest = editor->history_at == editor->history_count;
    struct slice text = newest ? buffer_slice(&editor->unfinished)
                               : slice_of_string(editor->history[editor->history_at]);
    editor_set(editor, text, text.length);
}

bool editor_older(struct editor *editor) {
    if (editor->history_at == 0)
        return false;
    if (editor->history_at == editor->history_count) {
        buffer_clear(&editor->unfinished);
        buffer_append_slice(&editor->unfinished, editor_text(editor));
    }
    editor->history_at--;
    show_history(editor);
    return true;
}

bool editor_newer(struct editor *editor) {
    if (editor->history_at == editor->history_count)
        return false;
    editor->history_at++;
    show_history(editor);
    return true;
}
