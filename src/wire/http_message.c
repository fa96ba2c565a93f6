/* Looking things up in a message. */
#include "wire/http.h"
#include "wire/http_percent.h"

struct slice http_header(const struct http_message *message, const char *name) {
    for (size_t i = 0; i < message->header_count; i++) {
        if (slice_equal_ignoring_case(message->headers[i].name, slice_of_string(name))) {
            return message->headers[i].value;
        }
    }
    return SLICE_NONE;
}

static bool list_has(struct slice list, struct slice token) {
    while (list.length > 0) {
        if (slice_equal_ignoring_case(slice_trim(slice_cut(&list, ',')), token)) {
            return true;
        }
    }
    return false;
}

bool http_header_has(const struct http_message *message, const char *name, const char *token) {
    for (size_t i = 0; i < message->header_count; i++) {
        const struct http_header *header = &message->headers[i];

        if (slice_equal_ignoring_case(header->name, slice_of_string(name)) &&
            list_has(header->value, slice_of_string(token))) {
            return true;
        }
    }
    return false;
}

/* Browsers take a malformed escape in a query for plain text; so does this. */
static void append_form_text(struct buffer *out, struct slice s) {
    if (http_percent_decode(s, true, out) < 0) {
        return;
    }
}

static bool is_name(struct slice encoded, const char *name) {
    struct buffer decoded = {0};
    bool equal;

    append_form_text(&decoded, encoded);
    equal = slice_equal(buffer_slice(&decoded), slice_of_string(name));
    buffer_close(&decoded);
    return equal;
}

bool http_query_next(struct slice *query, const char *name, struct buffer *out) {
    while (query->length > 0) {
        struct slice value = slice_cut(query, '&');

        if (is_name(slice_cut(&value, '='), name)) {
            append_form_text(out, value);
            return true;
        }
    }
    return false;
}

bool http_query(struct slice query, const char *name, struct buffer *out) {
    return http_query_next(&query, name, out);
}
