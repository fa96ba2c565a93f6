/* What `listen` says: a protocol, and where to speak it. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "io/endpoint.h"

struct protocol;

struct listen_url {
    const struct protocol *protocol;
    struct endpoint endpoint;
};

/* SCHEME://HOST:PORT or SCHEME://unix:PATH; ws and line have a port by default. ERR_BAD_REQUEST
 * with one line in `message`. */
int listen_url_parse(const char *text, struct listen_url *url, char *message, size_t size) MUST_USE;
