/* The client's way to a server: name or socket file to connected socket. */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* Connects to `host_port` (see endpoint.h; a port must be written), trying each of the host's
 * addresses until one answers, for at most `timeout_ms` over all of them. Blocks, and the resolver
 * may take longer than the timeout. The descriptor is the caller's to close; it is non-blocking,
 * closed on exec, and sends small writes at once. ERR_BAD_REQUEST, ERR_TOO_LARGE: no such form of
 * address. ERR_NOT_FOUND: the name is not known. ERR_IO: nobody answers. On failure one line for
 * people is in `message`. */
int io_dial(const char *host_port, int timeout_ms, int *descriptor, char *message,
            size_t size) MUST_USE;
