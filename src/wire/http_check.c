#include "wire/http_check.h"

#include "base/text.h"
#include "wire/http_percent.h"

static size_t count_headers(const struct http_message *message, const char *name) {
    size_t count = 0;

    for (size_t i = 0; i < message->header_count; i++) {
        count += slice_equal_ignoring_case(message->headers[i].name, slice_of_string(name));
    }
    return count;
}

bool http_length_is_plain(const struct http_message *message, unsigned minor) {
    size_t lengths = count_headers(message, "Content-Length");
    size_t encodings = count_headers(message, "Transfer-Encoding");
    uint64_t length;

    if (lengths + encodings > 1) {
        return false;
    }
    if (lengths == 1) {
        return slice_to_u64(http_header(message, "Content-Length"), &length);
    }
    if (encodings == 1) {
        return minor == 1 && slice_equal_ignoring_case(http_header(message, "Transfer-Encoding"),
                                                       SLICE("chunked"));
    }
    return true;
}

bool http_host_is_plain(const struct http_message *message, unsigned minor) {
    size_t hosts = count_headers(message, "Host");

    return hosts == 1 || (hosts == 0 && minor == 0);
}

/* The absolute form that a client sends to a proxy: "http://host/path". Its host must be the one
 * of the Host header, by which requests are judged. Leaves the path and query in `*rest`. */
static int cut_authority(const struct http_message *message, struct slice *rest) {
    const struct slice scheme = SLICE("http://");
    struct slice start, authority;
    size_t end = 0;

    start = slice_from(rest->data, rest->length < scheme.length ? rest->length : scheme.length);
    if (!slice_equal_ignoring_case(start, scheme)) {
        return ERR_BAD_REQUEST;
    }
    *rest = slice_skip(*rest, scheme.length);
    while (end < rest->length && rest->data[end] != '/' && rest->data[end] != '?') {
        end++;
    }
    authority = slice_from(rest->data, end);
    if (!slice_equal_ignoring_case(authority, http_header(message, "Host"))) {
        return ERR_BAD_REQUEST;
    }
    *rest = slice_skip(*rest, end);
    return 0;
}

int http_resolve_target(struct http_message *message, struct buffer *decoded) {
    struct slice rest = message->target;
    struct slice encoded;

    if (slice_find(rest, '#') >= 0) {
        return ERR_BAD_REQUEST;
    }
    if (!slice_starts_with(rest, SLICE("/")) && !slice_equal(rest, SLICE("*"))) {
        int error = cut_authority(message, &rest);

        if (error < 0) {
            return error;
        }
    }
    encoded = slice_cut(&rest, '?');
    if (http_percent_decode(encoded.length > 0 ? encoded : SLICE("/"), false, decoded) < 0) {
        return ERR_BAD_REQUEST;
    }
    message->path = buffer_slice(decoded);
    message->query = rest;
    if (slice_find(message->path, '\0') >= 0 || !utf8_valid(message->path)) {
        return ERR_BAD_REQUEST;
    }
    return 0;
}
