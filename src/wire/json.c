/* Incoming JSON is jansson's work; this file only adds the limits of a public server. Outgoing
 * JSON is written by hand, because building a tree first costs several times as much: nearly all
 * of it is strings, and nearly all of a string can be copied as it is. */
#include "wire/json.h"

#include <string.h>

#include "base/limits.h"

#define PARSE_FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)
#define EXACT_REAL_MAX 9007199254740992.0 /* 2^53: past it a real may stand for its neighbours */

/* One bit in each of eight bytes. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static bool deeper_than(const json_t *value, unsigned depth) {
    const char *key;
    json_t *member;
    size_t i;

    if (!json_is_object(value) && !json_is_array(value)) {
        return false;
    }
    if (depth == 0) {
        return true;
    }
    json_object_foreach((json_t *)value, key, member) {
        if (deeper_than(member, depth - 1)) {
            return true;
        }
    }
    json_array_foreach(value, i, member) {
        if (deeper_than(member, depth - 1)) {
            return true;
        }
    }
    return false;
}

json_t *json_parse_object(struct slice text) {
    json_error_t error;
    json_t *root;

    if (text.length == 0) {
        return NULL;
    }
    root = json_loadb(text.data, text.length, PARSE_FLAGS, &error);
    if (root == NULL && json_error_code(&error) == json_error_numeric_overflow) {
        root = json_loadb(text.data, text.length, PARSE_FLAGS | JSON_DECODE_INT_AS_REAL, &error);
    }
    if (!json_is_object(root) || deeper_than(root, LIMIT_JSON_DEPTH)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* Each value but the first follows one of these. A string is over at the first quote that no
 * backslash precedes. */
static bool has_many_values(struct slice text) {
    size_t count = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            i += c == '\\';
        } else {
            count += c == ',' || c == '[' || c == '{';
        }
    }
    return count > LIMIT_JSON_VALUES;
}

json_t *json_parse_message(struct slice text) {
    /* A value takes two bytes at least, so what is short need not be counted. */
    if (text.length > LIMIT_JSON_VALUES * 2 && has_many_values(text)) {
        return NULL;
    }
    return json_parse_object(text);
}

int json_get_string(const json_t *object, const char *key, struct slice *value) {
    const json_t *member = json_object_get(object, key);

    if (member == NULL || json_is_null(member)) {
        *value = SLICE_NONE;
        return 0;
    }
    if (!json_is_string(member)) {
        return ERR_BAD_REQUEST;
    }
    *value = slice_from(json_string_value(member), json_string_length(member));
    return 0;
}

int json_get_u64(const json_t *object, const char *key, uint64_t *value, bool *present) {
    const json_t *member = json_object_get(object, key);

    if (member == NULL || json_is_null(member)) {
        *present = false;
        return 0;
    }
    if (json_is_integer(member) && json_integer_value(member) >= 0) {
        *value = (uint64_t)json_integer_value(member);
    } else if (json_is_real(member) && json_real_value(member) >= 0 &&
               json_real_value(member) <= EXACT_REAL_MAX &&
               json_real_value(member) == (double)(uint64_t)json_real_value(member)) {
        *value = (uint64_t)json_real_value(member);
    } else {
        return ERR_BAD_REQUEST;
    }
    *present = true;
    return 0;
}

/* Whether a byte of eight may need attention: a control, '"', '\\', DEL, or anything that is not
 * ASCII. With all high bits clear, subtracting borrows into a high bit exactly where a byte is
 * smaller than what is subtracted from it (and perhaps in bytes above such a one, which changes
 * nothing). */
static bool any_special(uint64_t word) {
    uint64_t found = word | (word - EACH(0x20)) | ((word ^ EACH('"')) - EACH(1)) |
                     ((word ^ EACH('\\')) - EACH(1)) | ((word ^ EACH(0x7f)) - EACH(1));

    return (found & EACH(0x80)) != 0;
}

/* How many bytes at the front of `s`, not empty, must be escaped together; 0: the first is fine. */
static size_t special_length(struct slice s) {
    const unsigned char *bytes = (const unsigned char *)s.data;

    if (bytes[0] < 0x20 || bytes[0] == '"' || bytes[0] == '\\' || bytes[0] == 0x7f) {
        return 1;
    }
    if (bytes[0] == 0xc2 && s.length >= 2 && bytes[1] < 0xa0) {
        return 2; /* C1 */
    }
    if (bytes[0] == 0xe2 && s.length >= 3 && bytes[1] == 0x80 && (bytes[2] & 0xfe) == 0xa8) {
        return 3; /* U+2028, U+2029: line ends in JavaScript */
    }
    return 0;
}

/* The longest beginning of `s` that may be copied as it is. */
static size_t plain_length(struct slice s) {
    size_t at = 0;

    while (at < s.length) {
        uint64_t word;

        if (s.length - at >= sizeof(word)) {
            memcpy(&word, s.data + at, sizeof(word));
            if (!any_special(word)) {
                at += sizeof(word);
                continue;
            }
        }
        if (special_length(slice_skip(s, at)) > 0) {
            break;
        }
        at++;
    }
    return at;
}

static void append_escape(struct buffer *out, unsigned codepoint) {
    static const char digits[] = "0123456789abcdef";
    static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";

    for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
        if (codepoint == (unsigned char)short_forms[i]) {
            buffer_append(out, (char[]){'\\', short_forms[i + 1]}, 2);
            return;
        }
    }
    buffer_append(out,
                  (char[]){'\\', 'u', digits[codepoint >> 12 & 0xf], digits[codepoint >> 8 & 0xf],
                           digits[codepoint >> 4 & 0xf], digits[codepoint & 0xf]},
                  6);
}

static unsigned decode_special(struct slice s, size_t length) {
    const unsigned char *bytes = (const unsigned char *)s.data;

    switch (length) {
    case 1:
        return bytes[0];
    case 2:
        return bytes[1]; /* C2 80 is U+0080 */
    default:
        return 0x2000u | (bytes[2] & 0x3fu);
    }
}

void json_append_string(struct buffer *out, struct slice s) {
    buffer_reserve(out, s.length + 2);
    buffer_append_char(out, '"');
    while (s.length > 0) {
        size_t plain = plain_length(s);

        buffer_append(out, s.data, plain);
        s = slice_skip(s, plain);
        if (s.length > 0) {
            size_t length = special_length(s);

            append_escape(out, decode_special(s, length));
            s = slice_skip(s, length);
        }
    }
    buffer_append_char(out, '"');
}

void json_append_key(struct buffer *out, const char *key) {
    buffer_append(out, ",\"", 2);
    buffer_append_string(out, key);
    buffer_append(out, "\":", 2);
}

void json_append_string_member(struct buffer *out, const char *key, struct slice value) {
    json_append_key(out, key);
    json_append_string(out, value);
}

void json_append_u64_member(struct buffer *out, const char *key, uint64_t value) {
    json_append_key(out, key);
    buffer_append_u64(out, value);
}
