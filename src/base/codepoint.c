#include "base/codepoint.h"

#include <assert.h>

struct lead {
    unsigned continuations;
    unsigned low, high; /* of the first continuation byte; the later ones are 80 to BF */
    unsigned bits;      /* of the character that the lead byte holds */
};

/* The table of RFC 3629 section 4; no continuations: not a lead byte. */
static struct lead read_lead(unsigned byte) {
    struct lead lead = {0, 0x80, 0xbf, 0};

    if (byte >= 0xc2 && byte <= 0xdf) {
        lead.continuations = 1;
        lead.bits = byte & 0x1f;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        lead.continuations = 2;
        lead.bits = byte & 0x0f;
        lead.low = byte == 0xe0 ? 0xa0 : 0x80;  /* no overlong forms */
        lead.high = byte == 0xed ? 0x9f : 0xbf; /* no surrogates */
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        lead.continuations = 3;
        lead.bits = byte & 0x07;
        lead.low = byte == 0xf0 ? 0x90 : 0x80;
        lead.high = byte == 0xf4 ? 0x8f : 0xbf; /* nothing past U+10FFFF */
    }
    return lead;
}

int32_t codepoint_take(struct slice *rest) {
    assert(rest->length > 0);
    const unsigned char *bytes = (const unsigned char *)rest->data;
    size_t length = rest->length;
    struct lead lead = read_lead(bytes[0]);
    unsigned codepoint = lead.bits;

    *rest = slice_skip(*rest, 1);
    if (bytes[0] < 0x80) {
        return bytes[0];
    }
    if (lead.continuations == 0 || length <= lead.continuations || bytes[1] < lead.low ||
        bytes[1] > lead.high) {
        return -1;
    }
    for (unsigned i = 1; i <= lead.continuations; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return -1;
        }
        codepoint = codepoint << 6 | (bytes[i] & 0x3f);
    }
    *rest = slice_skip(*rest, lead.continuations);
    return (int32_t)codepoint;
}

bool codepoint_is_control(int32_t codepoint) {
    return (codepoint >= 0 && codepoint < 0x20) || (codepoint >= 0x7f && codepoint <= 0x9f);
}

bool codepoint_is_deceptive(int32_t codepoint) {
    return (codepoint >= 0x2028 && codepoint <= 0x202e) ||
           (codepoint >= 0x2065 && codepoint <= 0x2069) ||
           (codepoint >= 0xfff9 && codepoint <= 0xfffb) || codepoint == 0x2800;
}
