#include "terminal/completion.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"

void candidates_add(struct candidates *candidates, struct slice word) {
    if (candidates->count == candidates->capacity) {
        candidates->capacity = candidates->capacity * 2 + 16;
        candidates->words =
            memory_resize(candidates->words, candidates->capacity * sizeof *candidates->words);
    }
    candidates->words[candidates->count++] = memory_copy_string(word);
}

void candidates_close(struct candidates *candidates) {
    for (size_t i = 0; i < candidates->count; i++)
        memory_free(candidates->words[i]);
    memory_free(candidates->words);
    *candidates = (struct candidates){0};
}

void completion_end(struct completion *completion) {
    candidates_close(&completion->fitting);
    completion->active = false;
}

/* Commands whose first argument is a room. */
static bool takes_room(struct slice command) {
    static const char *const words[] = {"/join", "/j", "/leave", "/part", "/goto"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_equal(command, slice_of_string(words[i])))
            return true;
    return false;
}

enum completion_kind completion_word(const struct editor *editor, size_t *start) {
    struct slice text = slice_from(editor_text(editor).data, editor->cursor);
    struct slice rest = text;
    size_t at = text.length;

    while (at > 0 && strchr(" \n\t", text.data[at - 1]) == NULL)
        at--;
    *start = at;
    if (at == text.length)
        return text.length == 0 ? COMPLETE_NOTHING : COMPLETE_NAME;
    if (at == 0 && text.data[0] == '/')
        return COMPLETE_COMMAND;
    if (text.data[at] == '#') {
        *start = at + 1;
        return COMPLETE_ROOM;
    }
    if (text.data[at] == '@')
        *start = at + 1;
    struct slice command = slice_cut(&rest, ' ');
    bool first_argument = text.data[0] == '/' && at == command.length + 1;
    return first_argument && takes_room(command) ? COMPLETE_ROOM : COMPLETE_NAME;
}

/* Folded as Unicode says, for comparing. NULL: it is not UTF-8. */
static char *fold(struct slice text) {
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t length =
        utf8proc_map((const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)text.length, &folded,
                     UTF8PROC_CASEFOLD | UTF8PROC_COMPAT | UTF8PROC_COMPOSE);
    return length < 0 ? NULL : (char *)folded;
}

static bool begins_like(const char *word, const char *beginning) {
    char *folded = fold(slice_of_string(word));
    bool fits = folded != NULL && strncmp(folded, beginning, strlen(beginning)) == 0;

    free(folded);
    return fits;
}

static void place(struct completion *completion, struct editor *editor, const char *suffix) {
    struct buffer text = {0};

    buffer_append_string(&text, completion->fitting.words[completion->at]);
    buffer_append_string(&text, suffix);
    editor_replace(editor, completion->start, completion->end, buffer_slice(&text));
    completion->end = completion->start + buffer_length(&text);
    buffer_close(&text);
}

bool completion_begin(struct completion *completion, struct editor *editor, size_t start,
                      const struct candidates *candidates, const char *suffix) {
    struct slice word = slice_from(editor_text(editor).data + start, editor->cursor - start);
    char *beginning = fold(word);

    completion_end(completion);
    for (size_t i = 0; i < candidates->count && beginning != NULL; i++)
        if (begins_like(candidates->words[i], beginning))
            candidates_add(&completion->fitting, slice_of_string(candidates->words[i]));
    free(beginning);
    if (completion->fitting.count == 0)
        return false;
    completion->start = start;
    completion->end = editor->cursor;
    completion->at = 0;
    completion->active = true;
    place(completion, editor, suffix);
    return true;
}

void completion_next(struct completion *completion, struct editor *editor, const char *suffix,
                     bool backwards) {
    size_t count = completion->fitting.count;

    completion->at = (completion->at + (backwards ? count - 1 : 1)) % count;
    place(completion, editor, suffix);
}
