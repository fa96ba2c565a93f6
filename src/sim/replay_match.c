/* Expected bytes: literal stretches, with holes between them that take whatever came up to the next
 * stretch. */
#include "sim/replay_internal.h"

struct hole {
    bool open;         /* there is one, to be filled by what comes before the next literal */
    struct slice name; /* empty: it is not kept */
};

/* Appends literal bytes up to the next hole or the end, and takes the hole. */
static const char *take_literal(const struct replay_variables *variables, struct slice *rest,
                                struct buffer *literal, struct hole *hole) {
    const char *wrong = NULL;
    *hole = (struct hole){0};
    while (!wrong && rest->length > 0) {
        if (slice_starts_with(*rest, SLICE("..."))) {
            *rest = slice_skip(*rest, 3);
            hole->open = true;
            return NULL;
        }
        if (slice_starts_with(*rest, SLICE("${"))) {
            struct slice inside = replay_take_braces(rest);
            bool name = inside.length > 0 && replay_name_length(inside) == inside.length;
            if (name && !replay_variable_get(variables, inside)) {
                *hole = (struct hole){true, inside};
                return NULL;
            }
            wrong = inside.data ? replay_append_braces(variables, inside, false, literal)
                                : "${ without its }";
        } else if (rest->data[0] == '\\') {
            wrong = replay_take_escape(rest, literal);
        } else {
            buffer_append_char(literal, rest->data[0]);
            *rest = slice_skip(*rest, 1);
        }
    }
    return wrong;
}

/* How far the hole reaches: up to `literal`, or to the end of the line where nothing follows.
 * False: not within this line. */
static bool fill(struct slice came, struct slice literal, size_t *length) {
    for (*length = 0;; ++*length) {
        struct slice rest = slice_skip(came, *length);
        bool ends = rest.length == 0 || rest.data[0] == '\n';
        if (literal.length > 0 ? slice_starts_with(rest, literal) : ends) {
            return true;
        }
        if (ends) {
            return false;
        }
    }
}

static const char *match_bytes(struct replay_variables *variables, struct slice words,
                               struct slice came, struct replay_match *match) {
    struct hole hole = {0}, next;
    struct buffer literal = {0};
    const char *wrong = NULL;
    bool matches = true;
    do {
        size_t skipped = 0;
        buffer_clear(&literal);
        wrong = take_literal(variables, &words, &literal, &next);
        struct slice rest = slice_skip(came, match->length);
        matches = !wrong && (!hole.open || fill(rest, buffer_slice(&literal), &skipped)) &&
                  slice_starts_with(slice_skip(rest, skipped), buffer_slice(&literal));
        if (matches && hole.name.length > 0) {
            json_t *value = json_stringn_nocheck(rest.data, skipped);
            replay_variable_set(variables, hole.name, value);
            json_decref(value);
        }
        match->length += skipped + buffer_length(&literal);
        hole = next;
    } while (matches && (words.length > 0 || hole.open));
    match->matches = matches;
    buffer_close(&literal);
    return wrong;
}

const char *replay_words_match(struct replay_variables *variables, struct slice words,
                               struct slice came, struct replay_match *match) {
    *match = (struct replay_match){0};
    if (!replay_words_are_json(words)) {
        return match_bytes(variables, words, came, match);
    }
    match->length = came.length;
    return replay_match_json(variables, words, came, match);
}
