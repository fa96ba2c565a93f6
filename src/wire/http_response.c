/* Responses. Every answer forbids what a browser might do with it beyond what it is for: guess
 * another type, run something in it, frame it, keep a hold on its window, tell other sites where it
 * was, keep it. */
#include <http_parser.h>

#include "wire/http.h"

static const char security_headers[] = "X-Content-Type-Options: nosniff\r\n"
                                       "X-Frame-Options: DENY\r\n"
                                       "Referrer-Policy: no-referrer\r\n"
                                       "Cross-Origin-Opener-Policy: same-origin\r\n"
                                       "Cross-Origin-Resource-Policy: same-origin\r\n"
                                       "Permissions-Policy: camera=(), display-capture=(), "
                                       "geolocation=(), microphone=(), payment=(), usb=()\r\n";

/* For pages: only what this server itself serves runs, and it talks to this server alone, its
 * WebSocket included ('self' has meant that since CSP 3). */
static const char page_policy[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'\r\n";

/* For all else, should somebody have a browser show it. */
static const char other_policy[] = "Content-Security-Policy: default-src 'none'; base-uri 'none'; "
                                   "form-action 'none'; frame-ancestors 'none'\r\n";

const char *http_status_text(unsigned status) {
    switch (status) {
#define STATUS_CASE(number, name, text)                                                            \
    case number:                                                                                   \
        return #text;
        HTTP_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "Unknown";
    }
}

/* Whether one of the header lines in `lines` has this name. */
static bool lines_have(struct slice lines, struct slice name) {
    while (lines.length > 0) {
        struct slice line = slice_cut(&lines, '\n');

        if (slice_equal_ignoring_case(slice_cut(&line, ':'), name)) {
            return true;
        }
    }
    return false;
}

static bool is_page(const char *type) {
    return type != NULL && slice_starts_with(slice_of_string(type), SLICE("text/html"));
}

/* Answers that have no body by their nature must not announce one: RFC 9110 section 8.6. */
static bool may_have_body(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

void http_append_response(struct buffer *out, unsigned status, const char *type, struct slice extra,
                          struct slice body, bool keep_alive, bool head_only) {
    buffer_append_format(out, "HTTP/1.1 %u %s\r\n", status, http_status_text(status));
    if (type != NULL) {
        buffer_append_format(out, "Content-Type: %s\r\n", type);
    }
    if (may_have_body(status)) {
        buffer_append_format(out, "Content-Length: %zu\r\n", body.length);
    }
    buffer_append_string(out, keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
    buffer_append_string(out, security_headers);
    if (!lines_have(extra, SLICE("Cache-Control"))) {
        buffer_append_string(out, "Cache-Control: no-store\r\n");
    }
    buffer_append_string(out, is_page(type) ? page_policy : other_policy);
    buffer_append_slice(out, extra);
    buffer_append_string(out, "\r\n");
    if (may_have_body(status) && !head_only) {
        buffer_append_slice(out, body);
    }
}

void http_append_stream_head(struct buffer *out, const char *type, struct slice extra) {
    buffer_append_format(out,
                         "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n"
                         "Cache-Control: no-store\r\n",
                         type);
    buffer_append_string(out, security_headers);
    buffer_append_string(out, other_policy);
    buffer_append_slice(out, extra);
    buffer_append_string(out, "\r\n");
}
