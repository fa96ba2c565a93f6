#include "base/cidr.h"

#include <arpa/inet.h>
#include <string.h>

#define V4_PREFIX 96 /* bits of ::ffff:0:0, before an IPv4 address */

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct address16 address16_from_v4(const void *bytes) {
    struct address16 address;

    memcpy(address.bytes, v4_mapped, sizeof(v4_mapped));
    memcpy(address.bytes + sizeof(v4_mapped), bytes, 4);
    return address;
}

struct address16 address16_from_v6(const void *bytes) {
    struct address16 address;

    memcpy(address.bytes, bytes, sizeof(address.bytes));
    return address;
}

bool address16_is_v4(const struct address16 *address) {
    return memcmp(address->bytes, v4_mapped, sizeof(v4_mapped)) == 0;
}

struct slice address16_customer(const struct address16 *address) {
    size_t whole = sizeof(address->bytes);

    return slice_from(address->bytes, address16_is_v4(address) ? whole : whole / 2);
}

int address16_parse(struct slice text, struct address16 *address) {
    char copy[ADDRESS_TEXT_LENGTH + 1];
    uint8_t bytes[16];

    if (text.length == 0 || text.length > ADDRESS_TEXT_LENGTH ||
        memchr(text.data, 0, text.length) != NULL)
        return ERR_BAD_REQUEST;
    memcpy(copy, text.data, text.length);
    copy[text.length] = 0;
    if (inet_pton(AF_INET, copy, bytes) == 1)
        *address = address16_from_v4(bytes);
    else if (inet_pton(AF_INET6, copy, bytes) == 1)
        *address = address16_from_v6(bytes);
    else
        return ERR_BAD_REQUEST;
    return 0;
}

void address16_format(const struct address16 *address, char *text) {
    if (address16_is_v4(address))
        inet_ntop(AF_INET, address->bytes + sizeof(v4_mapped), text, ADDRESS_TEXT_LENGTH + 1);
    else
        inet_ntop(AF_INET6, address->bytes, text, ADDRESS_TEXT_LENGTH + 1);
}

/* The bits of byte `index` that a prefix of `prefix` bits counts. */
static uint8_t byte_mask(unsigned prefix, unsigned index) {
    if (prefix >= (index + 1) * 8)
        return 0xff;
    if (prefix <= index * 8)
        return 0;
    return (uint8_t)(0xff << (8 - (prefix - index * 8)));
}

static bool is_base(const struct address16 *address, unsigned prefix) {
    for (unsigned i = 0; i < sizeof(address->bytes); i++) {
        if (address->bytes[i] & ~byte_mask(prefix, i))
            return false;
    }
    return true;
}

/* Whether the text is written with colons decides what the bits count: of ::ffff:192.0.2.0/120 all
 * 128, of 192.0.2.0/24 the last 32. */
int cidr_parse(struct slice text, struct cidr *cidr) {
    struct slice bits = text;
    struct slice address = slice_cut(&bits, '/');
    bool dotted = slice_find(address, ':') < 0;
    uint64_t length = dotted ? 32 : 128;
    struct address16 base;
    unsigned prefix;

    if (address16_parse(address, &base) != 0)
        return ERR_BAD_REQUEST;
    if (bits.data && (!slice_to_u64(bits, &length) || length > (dotted ? 32 : 128)))
        return ERR_BAD_REQUEST;
    prefix = (unsigned)length + (dotted ? V4_PREFIX : 0);
    if (!is_base(&base, prefix))
        return ERR_BAD_REQUEST;
    *cidr = (struct cidr){.base = base, .prefix = (uint8_t)prefix};
    return 0;
}

/* ::/0 says "every IPv6 address", and the mapped ones are none of these: they are IPv4. */
bool cidr_contains(const struct cidr *cidr, const struct address16 *address) {
    if (cidr->prefix < V4_PREFIX && address16_is_v4(address))
        return false;
    for (unsigned i = 0; i < sizeof(address->bytes); i++) {
        if ((address->bytes[i] ^ cidr->base.bytes[i]) & byte_mask(cidr->prefix, i))
            return false;
    }
    return true;
}

bool cidr_any_contains(const struct cidr *cidrs, size_t count, const struct address16 *address) {
    for (size_t i = 0; i < count; i++) {
        if (cidr_contains(&cidrs[i], address))
            return true;
    }
    return false;
}
