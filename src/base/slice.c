#include "base/slice.h"

#include <string.h>

/* What slice_trim takes for white space: no locale, so not isspace(). */
static bool white(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

struct slice slice_from(const void *data, size_t length) {
    return (struct slice){data, length};
}

struct slice slice_of_string(const char *string) {
    return string == NULL ? SLICE_NONE : slice_from(string, strlen(string));
}

bool slice_equal(struct slice a, struct slice b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool slice_equal_ignoring_case(struct slice a, struct slice b) {
    if (a.length != b.length) {
        return false;
    }
    for (size_t i = 0; i < a.length; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts_with(struct slice s, struct slice prefix) {
    return s.length >= prefix.length && slice_equal(slice_from(s.data, prefix.length), prefix);
}

int slice_compare(struct slice a, struct slice b) {
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0) {
        return order;
    }
    return (a.length > b.length) - (a.length < b.length);
}

ptrdiff_t slice_find(struct slice s, char c) {
    const char *found = s.length == 0 ? NULL : memchr(s.data, c, s.length);

    return found == NULL ? -1 : found - s.data;
}

struct slice slice_skip(struct slice s, size_t count) {
    if (count == 0) {
        return s; /* data may be NULL, to which not even 0 may be added */
    }
    if (count > s.length) {
        count = s.length;
    }
    return count == 0 ? s : slice_from(s.data + count, s.length - count);
}

struct slice slice_trim(struct slice s) {
    while (s.length > 0 && white(s.data[0])) {
        s = slice_skip(s, 1);
    }
    while (s.length > 0 && white(s.data[s.length - 1])) {
        s.length--;
    }
    return s;
}

struct slice slice_cut(struct slice *rest, char separator) {
    struct slice all = *rest;
    ptrdiff_t at = slice_find(all, separator);

    if (at < 0) {
        *rest = SLICE_NONE;
        return all;
    }
    *rest = slice_skip(all, (size_t)at + 1);
    return slice_from(all.data, (size_t)at);
}

bool slice_to_u64(struct slice s, uint64_t *value) {
    uint64_t total = 0;

    if (s.length == 0) {
        return false;
    }
    for (size_t i = 0; i < s.length; i++) {
        if (s.data[i] < '0' || s.data[i] > '9' || __builtin_mul_overflow(total, 10u, &total) ||
            __builtin_add_overflow(total, (uint64_t)(s.data[i] - '0'), &total)) {
            return false;
        }
    }
    *value = total;
    return true;
}
