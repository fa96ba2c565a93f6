#include "server/listen_url.h"

#include <stdio.h>
#include <string.h>

#include "protocol/protocol.h"

/* Ports people expect where they write none. */
static const struct {
    const char *scheme;
    uint16_t port;
} default_ports[] = {{"ws", 8765}, {"line", 8888}};

static uint16_t default_port(const char *scheme) {
    for (size_t i = 0; i < sizeof(default_ports) / sizeof(default_ports[0]); i++) {
        if (strcmp(default_ports[i].scheme, scheme) == 0)
            return default_ports[i].port;
    }
    return 0;
}

static bool is_secure(struct slice scheme) {
    struct slice suffix = SLICE("+tls");
    bool has_suffix = scheme.length > suffix.length &&
                      slice_equal(slice_skip(scheme, scheme.length - suffix.length), suffix);

    return has_suffix || slice_starts_with(scheme, SLICE("wss"));
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
    if (is_secure(scheme))
        return refuse(text,
                      "this version speaks no TLS itself: listen on ws:// behind a proxy that does",
                      message, size);
    parsed.protocol = protocol_find(scheme);
    if (!parsed.protocol)
        return refuse(text, "the protocol must be ws, ws+text, line, numbered or command", message,
                      size);
    if (endpoint_parse(slice_of_string(separator + strlen("://")),
                       default_port(parsed.protocol->scheme), &parsed.endpoint) != 0)
        return refuse(text,
                      "after the protocol must stand HOST:PORT, [V6]:PORT, *:PORT or unix:PATH",
                      message, size);
    *url = parsed;
    return 0;
}
