/* ~RRRRRRRRPPPPCCCCCCCCTTTTTTTTTTTTTTTT~ in hexadecimal digits. */
#include "bench/tag.h"

#include <string.h>

#define MARK '~'

static char *write_number(char *at, uint64_t number, unsigned digits) {
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = "0123456789abcdef"[number & 15];
        number >>= 4;
    }
    return at + digits;
}

void tag_write(const struct tag *tag, char *text) {
    char *at = text;
    *at++ = MARK;
    at = write_number(at, tag->run, 8);
    at = write_number(at, tag->publisher, 4);
    at = write_number(at, tag->counter, 8);
    at = write_number(at, tag->time_ns, 16);
    *at = MARK;
}

/* Of what is no digit the result is of no use, but whoever wrote the marks and the run around it
 * wrote digits. */
static uint64_t read_number(const char **at, unsigned digits) {
    uint64_t number = 0;
    for (unsigned i = 0; i < digits; i++) {
        unsigned c = (unsigned char)*(*at)++;
        number = number << 4 | ((c & 15) + (c >> 6) * 9);
    }
    return number;
}

/* What else may stand between two marks is passed over from mark to mark. */
bool tag_find(struct slice *message, uint32_t run, struct tag *tag) {
    for (;;) {
        const char *at = message->length > 0 ? memchr(message->data, MARK, message->length) : NULL;
        if (at == NULL)
            return false;
        *message = slice_skip(*message, (size_t)(at - message->data));
        if (message->length < TAG_LENGTH)
            return false;
        *message = slice_skip(*message, 1);
        if (at[TAG_LENGTH - 1] != MARK)
            continue;
        at++;
        tag->run = (uint32_t)read_number(&at, 8);
        if (tag->run != run)
            continue;
        tag->publisher = (uint16_t)read_number(&at, 4);
        tag->counter = (uint32_t)read_number(&at, 8);
        tag->time_ns = read_number(&at, 16);
        *message = slice_skip(*message, TAG_LENGTH - 1);
        return true;
    }
}
