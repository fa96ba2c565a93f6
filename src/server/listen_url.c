#include "server/listen_url.h"

#include <stdio.h>
#include <string.h>

#include "protocol/protocol.h"

/* Ports people expect where they write none. */
static const struct {
    const char *scheme;
    uint16_t port, secure_port;
} default_ports[] = {{"ws", 8765, 8766}, {"line", 8888, 8889}};

static uint16_t default_port(const struct listen_url *url) {
    for (size_t i = 0; i < sizeof(default_ports) / sizeof(default_ports[0]); i++) {
        if (strcmp(default_ports[i].scheme, url->protocol->scheme) == 0)
            return url->secure ? default_ports[i].secure_port : default_ports[i].port;
    }
    return 0;
}

/* Takes what says "over TLS" off the scheme; returns whether it was there. */
static bool take_security(struct slice *scheme) {
    struct slice suffix = SLICE("+tls");

    if (slice_equal(*scheme, SLICE("wss"))) {
        *scheme = SLICE("ws");
        return true;
    }
    if (scheme->length <= suffix.length ||
        !slice_equal(slice_skip(*scheme, scheme->length - suffix.length), suffix))
        return false;
    scheme->length -= suffix.length;
    return true;
}

static int refuse(const char *text, const char *why, char *message, size_t size) {
    snprintf(message, size, "listen = %s: %s", text, why);
    return ERR_BAD_REQUEST;
}

int listen_url_parse(const char *text, struct listen_url *url, char *message, size_t size) {
    const char *separator = strstr(text, "://");
    struct listen_url parsed = {0};
    struct slice scheme;

    if (!separator)
        return refuse(text, "write it as ws://HOST:PORT or line://unix:PATH", message, size);
    scheme = slice_from(text, (size_t)(separator - text));
    snprintf(parsed.scheme, sizeof(parsed.scheme), "%.*s", SLICE_ARGS(scheme));
    parsed.secure = take_security(&scheme);
    parsed.protocol = protocol_find(scheme);
    if (!parsed.protocol)
        return refuse(
            text,
            "the protocol must be ws, ws+text, line, numbered or command; for TLS wss, or "
            "one of the others with +tls",
            message, size);
    if (endpoint_parse(slice_of_string(separator + strlen("://")), default_port(&parsed),
                       &parsed.endpoint) != 0)
        return refuse(text,
                      "after the protocol must stand HOST:PORT, [V6]:PORT, *:PORT or unix:PATH",
                      message, size);
    *url = parsed;
    return 0;
}

int listen_url_check(const char *text, char *message, size_t size) {
    struct listen_url url;

    return listen_url_parse(text, &url, message, size);
}
