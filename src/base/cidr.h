/* IP addresses as values, and sets of them written as CIDR: "192.0.2.0/24", "2001:db8::/32", or one
 * address alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/* The longest text of an address, without a terminating zero. */
#define ADDRESS_TEXT_LENGTH 45

/* An address of either family in network order; IPv4 as ::ffff:a.b.c.d, so that an address that
 * arrived over an IPv6 socket is the same one. */
struct address16 {
    uint8_t bytes[16];
};

struct cidr {
    struct address16 base; /* zero beyond the prefix */
    uint8_t prefix;        /* bits of `base` that count: 0 to 128, of IPv4 96 to 128 */
};

/* "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7". No zones, no brackets, no port.
 * ERR_BAD_REQUEST. */
int address16_parse(struct slice text, struct address16 *address) MUST_USE;

/* An address as the system gives it: 4 or 16 bytes in network order. */
struct address16 address16_from_v4(const void *bytes);
struct address16 address16_from_v6(const void *bytes);

bool address16_is_v4(const struct address16 *address);

/* The bytes that tell customers apart; for limits. A provider hands each at least a /64 of IPv6, so
 * counting single addresses there would limit nobody. They point into `address`. */
struct slice address16_customer(const struct address16 *address);

/* As it is usually written, IPv4 with dots. `text` holds ADDRESS_TEXT_LENGTH + 1 bytes. */
void address16_format(const struct address16 *address, char *text);

/* ADDRESS or ADDRESS/BITS. Bits set beyond the prefix are a mistake as likely as not, so they are
 * refused: ERR_BAD_REQUEST. */
int cidr_parse(struct slice text, struct cidr *cidr) MUST_USE;

bool cidr_contains(const struct cidr *cidr, const struct address16 *address);

/* Whether any of them does. */
bool cidr_any_contains(const struct cidr *cidrs, size_t count, const struct address16 *address);
