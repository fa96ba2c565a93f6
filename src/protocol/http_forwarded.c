/* Whom a request comes from, where a proxy stands between.
 *
 * A proxy appends to X-Forwarded-For whom it was asked by. What stands there to the left was
 * written by others, and anybody can send such a header. So the list is read from its right end,
 * and only as far as those who wrote it are trusted: the connection's own address must be a trusted
 * proxy's, then the last address is what that proxy saw; if that is a trusted proxy too, the one
 * before it is what that one saw, and so on. The first that is not trusted is the caller. Where
 * something stands that is no address, what is to the left of it cannot be relied on.
 *
 * Of X-Forwarded-Proto the last word counts, which the nearest proxy has written. The Forwarded
 * header of RFC 7239 is not looked at: a proxy that writes the one passes the other on as it came,
 * and then its client would be free to choose. */
#include <string.h>

#include "protocol/http.h"

static bool is_trusted(const struct protocol_settings *settings, const struct address16 *address) {
    return cidr_any_contains(settings->trusted_proxies, settings->trusted_proxy_count, address);
}

/* Takes the last item off a list with commas; empty ones count for nothing. False: there is none.
 */
static bool take_last(struct slice *list, struct slice *item) {
    while (list->length > 0) {
        size_t start = list->length;
        while (start > 0 && list->data[start - 1] != ',') {
            start--;
        }
        *item = slice_trim(slice_skip(*list, start));
        list->length = start > 0 ? start - 1 : 0;
        if (item->length > 0) {
            return true;
        }
    }
    return false;
}

/* Some proxies write the port as well: "192.0.2.7:4711", "[2001:db8::1]:4711". */
static int parse_hop(struct slice text, struct address16 *address) {
    uint64_t port;
    struct slice rest = text;
    if (slice_starts_with(text, SLICE("["))) {
        rest = slice_skip(text, 1);
        text = slice_cut(&rest, ']');
        if (rest.data == NULL) {
            return ERR_BAD_REQUEST;
        }
        bool plain =
            rest.length == 0 || (rest.data[0] == ':' && slice_to_u64(slice_skip(rest, 1), &port));
        return plain ? address16_parse(text, address) : ERR_BAD_REQUEST;
    }
    struct slice host = slice_cut(&rest, ':');
    bool one_colon = rest.data != NULL && slice_find(rest, ':') < 0;
    if (one_colon && !slice_to_u64(rest, &port)) {
        return ERR_BAD_REQUEST;
    }
    return address16_parse(one_colon ? host : text, address);
}

/* Goes on from `*caller`, a trusted proxy, through one header. True: the end of the trail. */
static bool follow(const struct protocol_settings *settings, struct slice list,
                   struct address16 *caller) {
    struct slice item;
    while (take_last(&list, &item)) {
        struct address16 hop;
        if (parse_hop(item, &hop) < 0) {
            return true;
        }
        *caller = hop;
        if (!is_trusted(settings, &hop)) {
            return true;
        }
    }
    return false;
}

static bool is_header(const struct http_header *header, struct slice name) {
    return slice_equal_ignoring_case(header->name, name);
}

static enum http_scheme scheme_of(const struct http_message *message) {
    struct slice word;
    for (size_t i = message->header_count; i > 0; i--) {
        struct slice list = message->headers[i - 1].value;
        if (!is_header(&message->headers[i - 1], SLICE("X-Forwarded-Proto")) ||
            !take_last(&list, &word)) {
            continue;
        }
        if (slice_equal_ignoring_case(word, SLICE("https")) ||
            slice_equal_ignoring_case(word, SLICE("wss"))) {
            return HTTP_SCHEME_HTTPS;
        }
        bool plain = slice_equal_ignoring_case(word, SLICE("http")) ||
                     slice_equal_ignoring_case(word, SLICE("ws"));
        return plain ? HTTP_SCHEME_HTTP : HTTP_SCHEME_UNKNOWN;
    }
    return HTTP_SCHEME_UNKNOWN;
}

bool http_is_forwarded(const struct http_message *message) {
    static const struct slice names[] = {SLICE("X-Forwarded-For"),   SLICE("X-Forwarded-Host"),
                                         SLICE("X-Forwarded-Proto"), SLICE("X-Real-IP"),
                                         SLICE("Forwarded"),         SLICE("Via")};
    for (size_t i = 0; i < message->header_count; i++) {
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            if (is_header(&message->headers[i], names[n])) {
                return true;
            }
        }
    }
    return false;
}

void http_find_caller(struct http_exchange *exchange) {
    struct http_connection *connection = exchange->connection;
    const struct http_message *message = exchange->message;
    struct feed *feed = exchange->feed;
    struct address16 caller;
    exchange->scheme = feed->secure ? HTTP_SCHEME_HTTPS : HTTP_SCHEME_UNKNOWN;
    if (exchange->settings->trusted_proxy_count == 0 ||
        address16_parse(feed->address, &caller) < 0 || !is_trusted(exchange->settings, &caller)) {
        return;
    }
    for (size_t i = message->header_count; i > 0; i--) {
        if (is_header(&message->headers[i - 1], SLICE("X-Forwarded-For")) &&
            follow(exchange->settings, message->headers[i - 1].value, &caller)) {
            break;
        }
    }
    address16_format(&caller, connection->caller);
    feed->address = slice_of_string(connection->caller);
    enum http_scheme scheme = scheme_of(message);
    if (scheme != HTTP_SCHEME_UNKNOWN) {
        exchange->scheme = scheme;
        feed->secure = scheme == HTTP_SCHEME_HTTPS;
    }
}
