#include "base/signature.h"

#include "base/codepoint.h"
#include "base/text.h"

static bool ends_with(struct slice s, struct slice end) {
    return s.length >= end.length && slice_equal(slice_skip(s, s.length - end.length), end);
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Between any two bytes that are no ASCII letters: there are many kinds of space. */
static bool has_word(struct slice text, struct slice word) {
    for (size_t i = 0; i + word.length <= text.length; i++) {
        struct slice rest = slice_skip(text, i);
        bool begins = i == 0 || !is_letter(text.data[i - 1]);
        bool ends = rest.length == word.length || !is_letter(rest.data[word.length]);
        if (begins && ends && slice_starts_with(rest, word))
            return true;
    }
    return false;
}

static void append_label(struct buffer *out, struct slice label) {
    static const struct slice announcements[] = {SLICE("edited"), SLICE("topic")};
    struct slice rest = label;
    char previous = '\0';
    while (rest.length > 0) {
        char c = rest.data[0];
        size_t here = label.length - rest.length;
        struct slice one = {rest.data, rest.length};
        codepoint_take(&rest);
        one.length -= rest.length;
        if (c == ':' || (c == '>' && previous == '-') || (c == '*' && here == 0))
            buffer_append_string(out, CODEPOINT_REPLACEMENT);
        else
            text_append_line(out, one);
        previous = c;
    }
    bool announces = has_word(label, SLICE("has")); /* "ann has kicked bob from ops" */
    for (size_t i = 0; i < sizeof announcements / sizeof announcements[0]; i++)
        announces = announces || ends_with(label, announcements[i]);
    if (announces)
        buffer_append_string(out, CODEPOINT_REPLACEMENT);
}

void signature_append(struct buffer *out, struct slice sender) {
    if (name_check(sender) == 0)
        buffer_append_slice(out, sender);
    else
        append_label(out, sender);
}
