/* The header that a proxy puts in front of a connection to tell whose it is: versions 1 (a line)
 * and 2 (binary) of https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt. Whoever is not a
 * trusted proxy can write anything into it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/slice.h"

/* Of version 1, with CR and LF (section 2.1). */
#define PROXY_LINE_MAX 107
/* Of version 2, with what else the proxy tells (TLVs), which is skipped. */
#define PROXY_BINARY_MAX 4096

/* Zeroed memory is a header of which nothing has come. */
struct proxy_header {
    uint8_t bytes[PROXY_LINE_MAX];
    uint8_t length;   /* of what is kept */
    uint16_t skipped; /* bytes of version 2 that came and are not kept */

    bool has_source; /* else the connection speaks for itself: a health check, or unknown */
    struct address16 source;
};

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_WRONG };

/* Takes what belongs to the header from the front of `*input`. After DONE or WRONG it must not be
 * called again. */
enum proxy_result proxy_header_feed(struct proxy_header *header, struct slice *input);
