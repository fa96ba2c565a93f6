/* Checking UTF-8 while it arrives and cleaning what is shown to others. Both are on the way of
 * every message, so both have a fast path: the check takes plain ASCII eight bytes at a time,
 * the cleaning copies clean runs whole. */
#include "base/text.h"

#include <string.h>

#include "base/codepoint.h"
#include "base/limits.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* A byte where a character begins. */
static int check_first(struct utf8_check *check, unsigned char byte) {
    check->low = 0x80;
    check->high = 0xbf;
    if (byte < 0x80) {
        return 0;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return ERR_UTF8;
    }
    check->remaining = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    switch (byte) {
    case 0xe0: /* below A0, F0 90: an overlong form */
        check->low = 0xa0;
        break;
    case 0xed: /* above 9F: a surrogate */
        check->high = 0x9f;
        break;
    case 0xf0:
        check->low = 0x90;
        break;
    case 0xf4: /* above 8F: past U+10FFFF */
        check->high = 0x8f;
        break;
    }
    return 0;
}

static int check_byte(struct utf8_check *check, unsigned char byte) {
    if (check->remaining == 0) {
        return check_first(check, byte);
    }
    if (byte < check->low || byte > check->high) {
        return ERR_UTF8;
    }
    check->remaining--;
    check->low = 0x80;
    check->high = 0xbf;
    return 0;
}

int utf8_check_feed(struct utf8_check *check, struct slice bytes) {
    size_t at = 0;

    while (at < bytes.length) {
        uint64_t word;

        if (check->remaining == 0 && bytes.length - at >= sizeof(word)) {
            memcpy(&word, bytes.data + at, sizeof(word));
            if ((word & HIGH_BITS) == 0) {
                at += sizeof(word);
                continue;
            }
        }
        if (check_byte(check, (unsigned char)bytes.data[at]) < 0) {
            return ERR_UTF8;
        }
        at++;
    }
    return 0;
}

bool utf8_check_complete(const struct utf8_check *check) {
    return check->remaining == 0;
}

bool utf8_valid(struct slice s) {
    struct utf8_check check = {0};

    return utf8_check_feed(&check, s) == 0 && utf8_check_complete(&check);
}

bool text_is_ascii(struct slice s) {
    for (size_t i = 0; i < s.length; i++) {
        if ((unsigned char)s.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

struct slice text_beginning(struct slice s, size_t size) {
    if (s.length > size) {
        s.length = size;
        while (s.length > 0 && ((unsigned char)s.data[s.length] & 0xc0) == 0x80) {
            s.length--;
        }
    }
    return s;
}

struct slice text_first(struct slice s, size_t characters) {
    size_t length = 0;

    while (length < s.length) {
        bool begins = ((unsigned char)s.data[length] & 0xc0) != 0x80;

        if (begins && characters-- == 0) {
            break;
        }
        length++;
    }
    return slice_from(s.data, length);
}

/* How many bytes of the control at `at` to replace: 0 when there is none. C1 controls are C2 80
 * to C2 9F. */
static size_t control_length(struct slice s, size_t at) {
    unsigned char byte = (unsigned char)s.data[at];

    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
        return 1;
    }
    if (byte == 0xc2 && at + 1 < s.length && (unsigned char)s.data[at + 1] < 0xa0) {
        return 2;
    }
    return 0;
}

void text_append_line(struct buffer *out, struct slice s) {
    size_t clean = 0; /* from here on nothing is appended yet */
    size_t at = 0;

    while (at < s.length) {
        size_t length = control_length(s, at);

        if (length == 0) {
            at++;
            continue;
        }
        buffer_append(out, s.data + clean, at - clean);
        buffer_append_string(out, CODEPOINT_REPLACEMENT);
        at += length;
        clean = at;
    }
    if (clean < s.length) {
        buffer_append(out, s.data + clean, s.length - clean);
    }
}

static int count_characters(struct slice s, size_t *count) {
    *count = 0;
    while (s.length > 0) {
        if (codepoint_take(&s) < 0) {
            return ERR_BAD_REQUEST;
        }
        (*count)++;
    }
    return 0;
}

int text_append_label(struct buffer *out, struct slice s) {
    size_t count;

    s = slice_trim(s);
    if (count_characters(s, &count) < 0) {
        return ERR_BAD_REQUEST;
    }
    if (count > LIMIT_NAME_CHARACTERS) {
        return ERR_TOO_LARGE;
    }
    if (count == 0) {
        buffer_append_string(out, "anonymous");
    }
    while (s.length > 0) {
        const char *character = s.data;
        int32_t codepoint = codepoint_take(&s);

        if (codepoint_is_control(codepoint) || codepoint_is_deceptive(codepoint)) {
            buffer_append_string(out, CODEPOINT_REPLACEMENT);
        } else {
            buffer_append(out, character, (size_t)(s.data - character));
        }
    }
    return 0;
}
