/* Who may ask: the rules for Host and Origin, both of them against pages of other sites in a
 * visitor's browser.
 *
 * A page can make a browser connect anywhere, and it can make a name of its own point to this
 * server (DNS rebinding); then its requests count as same-origin. It cannot make the browser lie in
 * Host and Origin. So Host must be a name that this server is meant to be reached by, or an
 * address, which no page can make point elsewhere. Programs that are no browsers send no Origin and
 * are not concerned. */
#include <arpa/inet.h>
#include <string.h>

#include "protocol/http.h"

/* What a name or an address is made of; anything else in a Host header is not worth repeating in an
 * answer. */
static bool host_characters(struct slice host) {
    for (size_t i = 0; i < host.length; i++) {
        unsigned char c = (unsigned char)host.data[i];
        bool alphanumeric = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alphanumeric && strchr("-._:*", c) == NULL) {
            return false;
        }
    }
    return host.length > 0;
}

/* HOST[:PORT]; an IPv6 address in brackets, which `host` is without. */
struct authority {
    struct slice host, port; /* port: empty when there is none */
    bool bracketed;
};

static bool authority_parse(struct slice text, struct authority *authority) {
    struct slice rest = text;
    *authority = (struct authority){0};
    if (slice_starts_with(text, SLICE("["))) {
        rest = slice_skip(text, 1);
        if (slice_find(rest, ']') < 0) {
            return false;
        }
        authority->bracketed = true;
        authority->host = slice_cut(&rest, ']');
        if (rest.length > 0 && rest.data[0] != ':') {
            return false;
        }
        authority->port = slice_skip(rest, 1);
    } else {
        authority->host = slice_cut(&rest, ':');
        authority->port = rest;
    }
    uint64_t port = 0;
    if (authority->port.length > 0 && (!slice_to_u64(authority->port, &port) || port > 65535)) {
        return false;
    }
    return host_characters(authority->host);
}

static bool is_address(const struct authority *authority) {
    char text[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    if (authority->host.length >= sizeof(text)) {
        return false;
    }
    memcpy(text, authority->host.data, authority->host.length);
    text[authority->host.length] = '\0';
    return inet_pton(authority->bracketed ? AF_INET6 : AF_INET, text, address) == 1;
}

static bool is_public_host(const struct protocol_settings *settings, struct slice host) {
    for (size_t i = 0; i < settings->public_host_count; i++) {
        struct authority known;
        if (authority_parse(slice_of_string(settings->public_hosts[i]), &known) &&
            slice_equal_ignoring_case(known.host, host)) {
            return true;
        }
    }
    return false;
}

int http_host_check(const struct protocol_settings *settings, const struct http_message *message,
                    struct slice *host) {
    const struct http_header *found = NULL;
    for (size_t i = 0; i < message->header_count; i++) {
        if (!slice_equal_ignoring_case(message->headers[i].name, SLICE("Host"))) {
            continue;
        }
        if (found != NULL) {
            return ERR_BAD_REQUEST;
        }
        found = &message->headers[i];
    }
    struct authority authority;
    if (found == NULL && message->minor == 0) {
        *host = SLICE_NONE;
        return 0;
    }
    if (found == NULL || !authority_parse(found->value, &authority)) {
        return ERR_BAD_REQUEST;
    }
    *host = authority.host;
    if (is_address(&authority) || slice_equal_ignoring_case(authority.host, SLICE("localhost")) ||
        is_public_host(settings, authority.host)) {
        return 0;
    }
    return ERR_FORBIDDEN;
}

struct origin_parts {
    struct slice scheme; /* empty: any, in a pattern */
    struct authority authority;
};

/* SCHEME://HOST[:PORT]; the scheme may be missing. */
static bool origin_parse(struct slice text, struct origin_parts *parts) {
    ptrdiff_t colon = slice_find(text, ':');
    struct slice rest = text;
    parts->scheme = SLICE_NONE;
    if (colon > 0 && slice_starts_with(slice_skip(text, (size_t)colon), SLICE("://"))) {
        parts->scheme = slice_from(text.data, (size_t)colon);
        rest = slice_skip(text, (size_t)colon + 3);
    }
    return authority_parse(rest, &parts->authority);
}

static uint64_t port_of(struct slice scheme, const struct authority *authority) {
    uint64_t port = slice_equal_ignoring_case(scheme, SLICE("https")) ? 443 : 80;
    if (authority->port.length > 0) {
        slice_to_u64(authority->port, &port);
    }
    return port;
}

static bool same_host(struct slice pattern, struct slice host) {
    if (!slice_starts_with(pattern, SLICE("*."))) {
        return slice_equal_ignoring_case(pattern, host);
    }
    struct slice suffix = slice_skip(pattern, 1);
    return host.length > suffix.length &&
           slice_equal_ignoring_case(slice_skip(host, host.length - suffix.length), suffix);
}

static bool origin_matches(const struct origin_parts *pattern, const struct origin_parts *origin) {
    if (pattern->scheme.length > 0 && !slice_equal_ignoring_case(pattern->scheme, origin->scheme)) {
        return false;
    }
    return same_host(pattern->authority.host, origin->authority.host) &&
           port_of(origin->scheme, &pattern->authority) ==
               port_of(origin->scheme, &origin->authority);
}

static bool is_listed(const struct protocol_settings *settings, struct slice text,
                      const struct origin_parts *origin) {
    for (size_t i = 0; i < settings->allowed_origin_count; i++) {
        struct slice entry = slice_of_string(settings->allowed_origins[i]);
        struct origin_parts pattern;
        if (slice_equal(entry, SLICE("*")) || slice_equal_ignoring_case(entry, text)) {
            return true;
        }
        if (origin != NULL && origin_parse(entry, &pattern) && origin_matches(&pattern, origin)) {
            return true;
        }
    }
    return false;
}

bool http_origin_is_plain(const struct http_message *message) {
    size_t count = 0;
    for (size_t i = 0; i < message->header_count; i++) {
        count += slice_equal_ignoring_case(message->headers[i].name, SLICE("Origin"));
    }
    return count <= 1;
}

/* Whether a page of this scheme can be of the same origin. Where no proxy says otherwise, one that
 * speaks TLS may stand between and not tell. */
static bool scheme_fits(enum http_scheme own, struct slice scheme) {
    bool web = slice_equal_ignoring_case(scheme, SLICE("http"));
    bool secure = slice_equal_ignoring_case(scheme, SLICE("https"));
    return own == HTTP_SCHEME_UNKNOWN ? web || secure : own == HTTP_SCHEME_HTTPS ? secure : web;
}

bool http_origin_allowed(const struct http_exchange *exchange) {
    const struct protocol_settings *settings = exchange->settings;
    const struct http_message *message = exchange->message;
    struct slice text = http_header(message, "Origin");
    if (text.data == NULL) {
        return true;
    }
    struct origin_parts origin;
    if (!origin_parse(text, &origin) || origin.scheme.length == 0) {
        return is_listed(settings, text, NULL); /* "null" above all */
    }
    struct origin_parts own = {0};
    if (scheme_fits(exchange->scheme, origin.scheme) &&
        authority_parse(http_header(message, "Host"), &own.authority) &&
        slice_equal_ignoring_case(own.authority.host, origin.authority.host) &&
        port_of(origin.scheme, &own.authority) == port_of(origin.scheme, &origin.authority)) {
        return true;
    }
    return is_listed(settings, text, &origin);
}
