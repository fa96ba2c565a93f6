/* Expected JSON. Variables and "..." are made into strings that nobody would write, so that a
 * parser can read the rest. */
#include "sim/replay_internal.h"

#include <string.h>

#define MARK "\x01"
#define MARK_JSON "\\u0001"
#define MORE MARK "..."

/* A place in what came, to tell where it differs. */
struct place {
    struct replay_variables *variables;
    struct replay_match *match;
    const struct place *outer; /* NULL: it is all of it */
    const char *key;           /* in an object; NULL: `index` in an array */
    size_t index;
};

/* Takes $name or "..." where a value or a member may stand. */
static bool take_mark(struct slice *rest, struct buffer *out) {
    size_t name = rest->data[0] == '$' ? replay_name_length(slice_skip(*rest, 1)) : 0;
    bool more = slice_starts_with(*rest, SLICE("..."));
    if (name > 0) {
        buffer_append_format(out, "\"" MARK_JSON "%.*s\"", (int)name, rest->data + 1);
        *rest = slice_skip(*rest, 1 + name);
    } else if (more) {
        *rest = slice_skip(*rest, 3);
        bool in_object = rest->length > 0 && rest->data[0] == '}';
        buffer_append_format(out, "\"" MARK_JSON "...\"%s", in_object ? ":0" : "");
    }
    return name > 0 || more;
}

static const char *prepare(const struct replay_variables *variables, struct slice words,
                           struct buffer *out) {
    bool quoted = false;
    const char *wrong = NULL;
    while (!wrong && words.length > 0) {
        if (slice_starts_with(words, SLICE("${"))) {
            struct slice braces = replay_take_braces(&words);
            wrong = braces.data ? replay_append_braces(variables, braces, true, out)
                                : "${ without its }";
            continue;
        }
        if (!quoted && take_mark(&words, out)) {
            continue;
        }
        size_t length = words.data[0] == '\\' && words.length > 1 ? 2 : 1;
        quoted ^= words.data[0] == '"';
        buffer_append(out, words.data, length);
        words = slice_skip(words, length);
    }
    return wrong;
}

static void append_place(const struct place *place, struct buffer *out) {
    if (!place->outer) {
        buffer_append_string(out, "it");
        return;
    }
    append_place(place->outer, out);
    if (place->key) {
        buffer_append_format(out, ".%s", place->key);
    } else {
        buffer_append_format(out, "[%zu]", place->index);
    }
}

/* Notes what is the matter with `value`, which may be NULL. Returns false. */
static bool differs(const struct place *place, const char *matter, json_t *value) {
    struct buffer *why = &place->match->why;
    char *dump = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    append_place(place, why);
    buffer_append_format(why, " %s%s%s", matter, dump ? " " : "", dump ? dump : "");
    free(dump);
    return false;
}

static struct place inside(const struct place *outer, const char *key, size_t index) {
    return (struct place){outer->variables, outer->match, outer, key, index};
}

static bool matches(const struct place *place, json_t *expected, json_t *came);

static bool match_object(const struct place *place, json_t *expected, json_t *came) {
    const char *key;
    json_t *value;
    bool more = json_object_get(expected, MORE) != NULL;
    if (!json_is_object(came)) {
        return differs(place, "is no object but", came);
    }
    json_object_foreach(expected, key, value) {
        struct place member = inside(place, key, 0);
        if (strcmp(key, MORE) != 0 && !matches(&member, value, json_object_get(came, key))) {
            return false;
        }
    }
    json_object_foreach(came, key, value) {
        if (!more && !json_object_get(expected, key)) {
            struct place member = inside(place, key, 0);
            return differs(&member, "was not expected, and is", value);
        }
    }
    return true;
}

static bool is_more(json_t *value) {
    return json_is_string(value) && strcmp(json_string_value(value), MORE) == 0;
}

static bool match_array(const struct place *place, json_t *expected, json_t *came) {
    size_t count = json_array_size(expected);
    bool more = count > 0 && is_more(json_array_get(expected, count - 1));
    count -= more;
    if (!json_is_array(came)) {
        return differs(place, "is no array but", came);
    }
    for (size_t i = 0; i < count && i < json_array_size(came); i++) {
        struct place item = inside(place, NULL, i);
        if (!matches(&item, json_array_get(expected, i), json_array_get(came, i))) {
            return false;
        }
    }
    if (json_array_size(came) < count || (json_array_size(came) > count && !more)) {
        return differs(place, "has more items, or fewer:", came);
    }
    return true;
}

static bool match_variable(const struct place *place, struct slice name, json_t *came) {
    json_t *known = replay_variable_get(place->variables, name);
    if (slice_equal(name, SLICE("absent"))) {
        return !came || differs(place, "should not be there, and is", came);
    }
    if (!came) {
        return differs(place, "is missing", NULL);
    }
    if (known && !json_equal(known, came)) {
        return differs(place, "is", came);
    }
    if (!known && !slice_equal(name, SLICE("_"))) {
        replay_variable_set(place->variables, name, came);
    }
    return true;
}

static bool matches(const struct place *place, json_t *expected, json_t *came) {
    const char *text = json_string_value(expected);
    if (text && text[0] == MARK[0]) {
        return match_variable(place, slice_of_string(text + 1), came);
    }
    if (!came) {
        return differs(place, "is missing", NULL);
    }
    if (json_is_object(expected)) {
        return match_object(place, expected, came);
    }
    if (json_is_array(expected)) {
        return match_array(place, expected, came);
    }
    return json_equal(expected, came) || differs(place, "is", came);
}

const char *replay_match_json(struct replay_variables *variables, struct slice words,
                              struct slice came, struct replay_match *match) {
    struct buffer text = {0};
    struct place place = {.variables = variables, .match = match};
    json_t *expected = NULL, *object = NULL;
    const char *wrong = prepare(variables, words, &text);
    if (!wrong) {
        struct slice json = buffer_slice(&text);
        expected = json_loadb(json.data, json.length, JSON_REJECT_DUPLICATES, NULL);
        wrong = expected ? NULL : "this is no JSON";
    }
    if (!wrong) {
        object = json_loadb(came.data, came.length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        match->matches =
            object ? matches(&place, expected, object) : differs(&place, "is no JSON object", NULL);
    }
    json_decref(object);
    json_decref(expected);
    buffer_close(&text);
    return wrong;
}
