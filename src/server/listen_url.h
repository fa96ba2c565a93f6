/* What `listen` says: a protocol, whether over TLS, and where to speak it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "io/endpoint.h"

struct protocol;

#define LISTEN_SCHEME_LENGTH 31

struct listen_url {
    const struct protocol *protocol;
    bool secure;                           /* over TLS */
    char scheme[LISTEN_SCHEME_LENGTH + 1]; /* as it is written: "ws", "wss", "line+tls" */
    struct endpoint endpoint;
};

/* SCHEME://HOST:PORT or SCHEME://unix:PATH; ws, wss, line and line+tls have a port by default. The
 * scheme is a protocol's, followed by +tls for TLS; wss is ws+tls. ERR_BAD_REQUEST with one line in
 * `message`. */
int listen_url_parse(const char *text, struct listen_url *url, char *message, size_t size) MUST_USE;
/* Only looks whether it can be parsed. */
int listen_url_check(const char *text, char *message, size_t size) MUST_USE;
