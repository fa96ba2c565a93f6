/* Only what http-parser lets pass is looked at, and a header without a colon: whether it says first
 * that this is malformed, or that it is one header too many, depends on how the bytes arrive. That
 * a chunk has a size and a request its three parts, it checks itself. */
#include "wire/http_guard.h"

#include <string.h>

static bool is_hexadecimal(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* tchar of RFC 9110 section 5.6.2. */
static bool belongs_in_token(char c) {
    return is_letter_or_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Bytes past ASCII are let through: some clients send names as plain UTF-8. */
static bool is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool header_accepts(struct http_guard *guard, char c) {
    if (guard->named) {
        return c == '\t' || !is_control(c);
    }
    if (c == ':') {
        guard->named = true;
        return true;
    }
    return belongs_in_token(c);
}

static bool accepts(struct http_guard *guard, char c) {
    switch (guard->kind) {
    case HTTP_LINE_START:
        return !is_control(c);
    case HTTP_LINE_HEADER:
        return header_accepts(guard, c);
    case HTTP_LINE_CHUNK_SIZE:
        if (guard->named) { /* in an extension */
            return c == '\t' || !is_control(c);
        }
        guard->named = c == ';';
        return guard->named || is_hexadecimal(c);
    case HTTP_LINE_CHUNK_END:
        break;
    }
    return false;
}

static bool may_end(const struct http_guard *guard) {
    return guard->kind != HTTP_LINE_HEADER || guard->named || guard->length == 0;
}

/* Changes the guard by one byte. */
static bool take(struct http_guard *guard, char c) {
    if (guard->cr) {
        guard->cr = false;
        return c == '\n';
    }
    if (c == '\r') {
        guard->cr = true;
        return may_end(guard);
    }
    guard->length++;
    return accepts(guard, c);
}

size_t http_guard_pass(struct http_guard *guard, struct slice part) {
    size_t passed = 0;

    while (passed < part.length && take(guard, part.data[passed])) {
        passed++;
    }
    return passed;
}

void http_guard_next(struct http_guard *guard, enum http_line kind) {
    *guard = (struct http_guard){.kind = kind};
}
