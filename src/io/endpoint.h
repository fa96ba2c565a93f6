/* Where a socket listens or connects to, as people write it: HOST:PORT, [V6]:PORT, :PORT, *:PORT or
 * unix:PATH. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buffer.h"
#include "base/cidr.h"
#include "base/error.h"
#include "base/slice.h"

#define ENDPOINT_HOST_LENGTH 253 /* the longest name of the DNS */
#define ENDPOINT_PATH_LENGTH (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define ENDPOINT_ADDRESSES 8 /* addresses of one host that are used */

struct endpoint {
    bool local;     /* a socket file at `path`; else TCP */
    bool bracketed; /* host was written as [V6] */
    uint16_t port;
    char host[ENDPOINT_HOST_LENGTH + 1]; /* "" and "*": every address of this machine */
    char path[ENDPOINT_PATH_LENGTH + 1];
};

struct endpoint_address {
    socklen_t length;
    struct sockaddr_storage storage;
};

/* `default_port` stands in where none is written; 0: one must be. A "/" at the end, as URLs have,
 * is ignored. ERR_BAD_REQUEST when it is none of the forms, ERR_TOO_LARGE when host or path is too
 * long. */
int endpoint_parse(struct slice text, uint16_t default_port, struct endpoint *endpoint) MUST_USE;

/* The addresses it stands for: at most ENDPOINT_ADDRESSES, best first, at least one, none twice.
 * Asks the resolver, so it may block: for starting up and for clients. ERR_NOT_FOUND with one line
 * about it in `message` when there is none. */
int endpoint_resolve(const struct endpoint *endpoint, bool listening,
                     struct endpoint_address *addresses, size_t *count, char *message,
                     size_t size) MUST_USE;

/* The port; 0 of a socket file, where setting it does nothing. */
uint16_t endpoint_address_port(const struct endpoint_address *address);
void endpoint_address_set_port(struct endpoint_address *address, uint16_t port);

/* "127.0.0.1:8765", "[::1]:8765" or "unix:PATH". */
void endpoint_append_address(const struct endpoint_address *address, struct buffer *output);

/* The IP address, without port. False, and `*address` untouched: it is a socket file. */
bool endpoint_address_ip(const struct endpoint_address *endpoint, struct address16 *address);

/* The other side's address for logs and limits, without its port: "127.0.0.1" (IPv4 mapped into
 * IPv6 too), "::1" or "unix". `text` holds at least ENDPOINT_PEER_LENGTH + 1 bytes. */
#define ENDPOINT_PEER_LENGTH 63
void endpoint_format_peer(const struct endpoint_address *address, char *text);
