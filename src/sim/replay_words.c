#include "sim/replay_words.h"

#include <string.h>

#include "base/memory.h"
#include "sim/replay_internal.h"

#define SHOW_MOST 400
#define LONGEST (16 * 1024 * 1024)

struct replay_variable {
    struct replay_variable *next;
    char *name;
    json_t *value;
};

void replay_variables_close(struct replay_variables *variables) {
    while (variables->first) {
        struct replay_variable *variable = variables->first;
        variables->first = variable->next;
        json_decref(variable->value);
        memory_free(variable->name);
        memory_free(variable);
    }
}

static struct replay_variable *find(const struct replay_variables *variables, struct slice name) {
    struct replay_variable *variable = variables->first;
    while (variable && !slice_equal(slice_of_string(variable->name), name)) {
        variable = variable->next;
    }
    return variable;
}

json_t *replay_variable_get(const struct replay_variables *variables, struct slice name) {
    struct replay_variable *variable = find(variables, name);
    return variable ? variable->value : NULL;
}

void replay_variable_set(struct replay_variables *variables, struct slice name, json_t *value) {
    struct replay_variable *variable = find(variables, name);
    if (!variable) {
        variable = memory_new_struct(struct replay_variable);
        variable->name = memory_copy_string(name);
        variable->next = variables->first;
        variables->first = variable;
    }
    json_decref(variable->value);
    variable->value = json_incref(value);
}

bool replay_words_are_json(struct slice words) {
    return slice_starts_with(words, SLICE("{"));
}

size_t replay_name_length(struct slice s) {
    size_t length = 0;
    while (length < s.length &&
           (s.data[length] == '_' || (s.data[length] >= 'a' && s.data[length] <= 'z') ||
            (length > 0 && s.data[length] >= '0' && s.data[length] <= '9'))) {
        length++;
    }
    return length;
}

static int hex_digit(char c) {
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

const char *replay_take_escape(struct slice *rest, struct buffer *out) {
    static const char letters[] = "nrts0\\.$", meanings[] = "\n\r\t \0\\.$";
    char letter = rest->length > 1 ? rest->data[1] : '\0';
    const char *at = letter ? strchr(letters, letter) : NULL;
    if (at) {
        buffer_append_char(out, meanings[at - letters]);
        *rest = slice_skip(*rest, 2);
        return NULL;
    }
    int high = letter == 'x' && rest->length > 3 ? hex_digit(rest->data[2]) : -1;
    int low = high >= 0 ? hex_digit(rest->data[3]) : -1;
    if (low < 0) {
        return "an escape is one of \\n \\r \\t \\s \\0 \\\\ \\. \\$ or \\xNN in small letters";
    }
    buffer_append_char(out, (char)(high * 16 + low));
    *rest = slice_skip(*rest, 4);
    return NULL;
}

struct slice replay_take_braces(struct slice *rest) {
    size_t depth = 0;
    for (size_t i = 1; i < rest->length; i++) {
        depth += rest->data[i] == '{';
        if (rest->data[i] == '}' && --depth == 0) {
            struct slice inside = slice_from(rest->data + 2, i - 2);
            *rest = slice_skip(*rest, i + 1);
            return inside;
        }
    }
    return SLICE_NONE;
}

static void append_value(json_t *value, bool json, struct buffer *out) {
    struct slice text = json_is_string(value)
                            ? slice_from(json_string_value(value), json_string_length(value))
                            : SLICE_NONE;
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!json_is_string(value)) {
        buffer_append_string(out, dump);
    } else if (!json) {
        buffer_append_slice(out, text);
    } else {
        buffer_append(out, dump + 1, strlen(dump) - 2); /* escaped, without its quotes */
    }
    free(dump);
}

/* "5*text" */
static const char *append_times(const struct replay_variables *variables, struct slice count_text,
                                struct slice text, bool json, struct buffer *out) {
    struct buffer once = {0};
    uint64_t count = 0;
    const char *wrong = slice_to_u64(count_text, &count) ? NULL : "${N*text} wants a number";
    if (!wrong) {
        wrong = replay_expand(variables, text, json, &once);
    }
    if (!wrong && count > LONGEST / (buffer_length(&once) + 1)) {
        wrong = "that is too much text";
    }
    for (uint64_t i = 0; !wrong && i < count; i++) {
        buffer_append_slice(out, buffer_slice(&once));
    }
    buffer_close(&once);
    return wrong;
}

const char *replay_append_braces(const struct replay_variables *variables, struct slice inside,
                                 bool json, struct buffer *out) {
    json_t *value = replay_variable_get(variables, inside);
    if (value) {
        append_value(value, json, out);
        return NULL;
    }
    struct slice rest = inside, count = slice_cut(&rest, '*');
    return rest.data ? append_times(variables, count, rest, json, out) : "no such variable";
}

/* Appends the next piece: a variable, an escape, or a byte. */
static const char *expand_piece(const struct replay_variables *variables, struct slice *rest,
                                bool json, bool *quoted, struct buffer *out) {
    char c = rest->data[0];
    if (slice_starts_with(*rest, SLICE("${"))) {
        struct slice inside = replay_take_braces(rest);
        return inside.data ? replay_append_braces(variables, inside, json, out)
                           : "${ without its }";
    }
    if (!json && c == '\\') {
        return replay_take_escape(rest, out);
    }
    if (json && c == '$' && !*quoted) {
        size_t length = replay_name_length(slice_skip(*rest, 1));
        json_t *value = replay_variable_get(variables, slice_from(rest->data + 1, length));
        char *dump = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        buffer_append_string(out, dump ? dump : "");
        free(dump);
        *rest = slice_skip(*rest, 1 + length);
        return value ? NULL : "no such variable";
    }
    bool escaped = json && c == '\\' && rest->length > 1;
    *quoted ^= json && c == '"';
    buffer_append(out, rest->data, escaped ? 2 : 1);
    *rest = slice_skip(*rest, escaped ? 2 : 1);
    return NULL;
}

const char *replay_expand(const struct replay_variables *variables, struct slice words, bool json,
                          struct buffer *out) {
    bool quoted = false;
    const char *wrong = NULL;
    while (!wrong && words.length > 0) {
        wrong = expand_piece(variables, &words, json, &quoted, out);
    }
    return wrong;
}

const char *replay_words_expand(const struct replay_variables *variables, struct slice words,
                                struct buffer *out) {
    return replay_expand(variables, words, replay_words_are_json(words), out);
}

void replay_words_show(struct buffer *out, struct slice bytes) {
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        if (i == SHOW_MOST) {
            buffer_append_format(out, " [… %zu bytes more]", bytes.length - i);
            return;
        }
        if (c == '\n' || c == '\r' || c == '\t') {
            buffer_append_string(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        } else if (c < ' ' || c == 0x7f) {
            buffer_append_format(out, "\\x%02x", c);
        } else {
            buffer_append_char(out, (char)c);
        }
    }
}
