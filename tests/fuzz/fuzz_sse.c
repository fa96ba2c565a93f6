/* GET /sse: its query on the first line of the input, then what Last-Event-ID says. And queries as
 * such: what was written can be found again. */
#include "talk.h"
#include "wire/http.h"

static void check_query(struct slice query) {
    struct buffer value = {0}, all = {0};
    struct slice rest = query;
    size_t count = 0;
    bool found = http_query(query, "room", &value);

    while (http_query_next(&rest, "room", &all)) {
        if (count++ == 0) {
            require_equal(buffer_slice(&value), buffer_slice(&all)); /* the first */
        }
        REQUIRE(rest.length <= query.length && buffer_length(&all) <= query.length);
    }
    REQUIRE(found == (count > 0));
    buffer_close(&value);
    buffer_close(&all);
}

/* As a form writes it. */
static void append_encoded(struct buffer *out, struct slice value) {
    for (size_t i = 0; i < value.length; i++) {
        buffer_append_format(out, "%%%02X", (unsigned char)value.data[i]);
    }
}

static void check_value(struct slice value) {
    struct buffer query = {0}, found = {0};

    buffer_append_string(&query, "other=1&room=");
    append_encoded(&query, value);
    buffer_append_string(&query, "&room=2");
    REQUIRE(http_query(buffer_slice(&query), "room", &found));
    require_equal(buffer_slice(&found), value);
    buffer_close(&query);
    buffer_close(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice id = slice_from(data, size);
    struct slice query = slice_cut(&id, '\n');
    struct buffer request = {0};

    buffer_append_string(&request, "GET /sse?");
    buffer_append_slice(&request, query);
    buffer_append_string(&request, " HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: ");
    buffer_append_slice(&request, id);
    buffer_append_string(&request, "\r\n\r\n");
    talk_both_ways(&(struct talk_options){.scheme = "ws"}, buffer_slice(&request), 5);
    buffer_close(&request);
    check_query(query);
    check_value(id);
    return 0;
}
