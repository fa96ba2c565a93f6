#include "client/url.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

struct scheme {
    const char *name;
    enum url_scheme scheme;
    unsigned port, secure_port; /* 0: must be given */
};

static const struct scheme schemes[] = {
    {"ws", URL_WEBSOCKET, 80, 443},   {"http", URL_WEBSOCKET, 80, 443},
    {"command", URL_COMMAND, 0, 0},   {"line", URL_LINE, 0, 0},
    {"numbered", URL_NUMBERED, 0, 0},
};

static bool is_scheme_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
}

static size_t scheme_length(const char *text) {
    size_t length = 0;
    while (is_scheme_character(text[length]))
        length++;
    return strncmp(text + length, "://", 3) == 0 ? length : 0;
}

bool url_recognise(const char *text) {
    return scheme_length(text) > 0;
}

static const struct scheme *find_scheme(struct slice name) {
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (slice_equal_ignoring_case(name, slice_of_string(schemes[i].name)))
            return &schemes[i];
    return NULL;
}

/* Takes what says "over TLS" off the scheme: the s of wss and https, or +tls. */
static bool take_security(struct slice *name) {
    struct slice suffix = SLICE("+tls");

    if (slice_equal_ignoring_case(*name, SLICE("wss")) ||
        slice_equal_ignoring_case(*name, SLICE("https"))) {
        name->length--;
        return true;
    }
    if (name->length <= suffix.length ||
        !slice_equal_ignoring_case(slice_skip(*name, name->length - suffix.length), suffix))
        return false;
    name->length -= suffix.length;
    return true;
}

/* Cuts "HOST:PORT", "[::1]:PORT" or "HOST" in two; the port is empty where there is none. */
static bool split_authority(struct slice authority, struct slice *host, struct slice *port) {
    ptrdiff_t colon = -1;
    size_t from = 0;
    if (authority.length > 0 && authority.data[0] == '[') {
        ptrdiff_t bracket = slice_find(authority, ']');
        if (bracket < 0)
            return false;
        from = (size_t)bracket + 1;
        if (from < authority.length && authority.data[from] != ':')
            return false;
    }
    colon = slice_find(slice_skip(authority, from), ':');
    *host = colon < 0 ? authority : slice_from(authority.data, from + (size_t)colon);
    *port = colon < 0 ? SLICE_NONE : slice_skip(authority, from + (size_t)colon + 1);
    return host->length > 0 && (colon < 0 || port->length > 0);
}

/* What would end up in a request line or a header unquoted. */
static bool has_blank_or_control(const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++)
        if (*c <= ' ' || *c == 0x7f)
            return true;
    return false;
}

static int parse_authority(struct slice authority, unsigned default_port, struct url *url,
                           char *message, size_t size) {
    struct slice host, port;
    uint64_t number = default_port;

    if (slice_find(authority, '@') >= 0) {
        snprintf(message, size, "a URL with a user name is not supported");
        return -1;
    }
    if (!split_authority(authority, &host, &port) || host.length >= URL_PART_MAX - 8) {
        snprintf(message, size, "'%.*s' is not HOST:PORT", SLICE_ARGS(authority));
        return -1;
    }
    if (port.length > 0 && !slice_to_u64(port, &number))
        number = 0;
    if (number == 0 || number > 65535) {
        snprintf(message, size, "a port from 1 to 65535 is needed, as in HOST:8765");
        return -1;
    }
    snprintf(url->host_port, sizeof url->host_port, "%.*s:%u", SLICE_ARGS(host), (unsigned)number);
    if (number == default_port)
        snprintf(url->host, sizeof url->host, "%.*s", SLICE_ARGS(host));
    else
        snprintf(url->host, sizeof url->host, "%s", url->host_port);
    return 0;
}

static int parse_target(const char *target, struct url *url, char *message, size_t size) {
    size_t length = strcspn(target, "#"); /* a fragment is never sent */
    if (length + 2 > sizeof url->target) {
        snprintf(message, size, "the URL is too long");
        return -1;
    }
    snprintf(url->target, sizeof url->target, "%s%.*s", target[0] == '/' ? "" : "/", (int)length,
             target);
    return 0;
}

int url_parse(const char *text, struct url *url, char *message, size_t size) {
    size_t length = scheme_length(text);
    struct slice name = slice_from(text, length);
    bool secure = take_security(&name);
    const struct scheme *scheme = find_scheme(name);

    if (length == 0) {
        snprintf(message, size, "'%s' is not a URL; write it as " URL_DEFAULT, text);
        return -1;
    }
    if (scheme == NULL) {
        snprintf(message, size, "cannot speak %.*s://; use ws://HOST:PORT or wss://HOST:PORT",
                 (int)length, text);
        return -1;
    }
    if (has_blank_or_control(text)) {
        snprintf(message, size, "a URL holds no blanks or control characters");
        return -1;
    }
    const char *authority = text + length + 3;
    size_t authority_length = strcspn(authority, "/?#");
    url->scheme = scheme->scheme;
    url->secure = secure;
    if (parse_authority(slice_from(authority, authority_length),
                        secure ? scheme->secure_port : scheme->port, url, message, size) < 0)
        return -1;
    return parse_target(authority + authority_length, url, message, size);
}
