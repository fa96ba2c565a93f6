#include "wire/http_percent.h"

/* -1: none. */
static int digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that stands behind a %, or -1. */
static int decode_byte(struct slice s) {
    if (s.length < 3 || digit_value(s.data[1]) < 0 || digit_value(s.data[2]) < 0) {
        return -1;
    }
    return digit_value(s.data[1]) * 16 + digit_value(s.data[2]);
}

int http_percent_decode(struct slice s, bool form, struct buffer *out) {
    int result = 0;

    while (s.length > 0) {
        char c = s.data[0];
        size_t used = 1;

        if (c == '%') {
            int byte = decode_byte(s);

            if (byte < 0) {
                result = ERR_BAD_REQUEST;
            } else {
                c = (char)byte;
                used = 3;
            }
        } else if (c == '+' && form) {
            c = ' ';
        }
        buffer_append_char(out, c);
        s = slice_skip(s, used);
    }
    return result;
}
