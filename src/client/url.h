/* Where a server is: the URLs that banter takes on its command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define URL_DEFAULT "ws://127.0.0.1:8765"
#define URL_PART_MAX 512 /* bytes of an address or a target, with the final zero */

enum url_scheme { URL_WEBSOCKET, URL_COMMAND, URL_LINE, URL_NUMBERED };

struct url {
    enum url_scheme scheme;
    bool secure;                  /* over TLS */
    char host_port[URL_PART_MAX]; /* to dial: "127.0.0.1:8765", "[::1]:8765" */
    /* For the Host header: without the port where that is the scheme's own. */
    char host[URL_PART_MAX];
    char target[URL_PART_MAX]; /* path and query, "/" at least */
};

/* Whether an argument of the command line looks like a URL: a scheme and "://" at its front. */
bool url_recognise(const char *text);

/* ws:// and http:// (the same thing, port 80 unless given); wss:// and https:// (over TLS, port
 * 443); command://, line:// and numbered:// (port needed), and all of them over TLS with +tls
 * behind their names. Returns 0, or -1 with a sentence for people in `message`. */
int url_parse(const char *text, struct url *url, char *message, size_t size);
