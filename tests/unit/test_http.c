/* HTTP messages as they arrive, whole and byte by byte: their parts, what follows them, their
 * limits. */
#include "http_feed.h"

#include "base/limits.h"

static void a_request_is_read_in_all_its_parts(void **state) {
    static const char request[] = "POST /r/disk%20full?after=3&x=%41 HTTP/1.1\r\n"
                                  "Host: localhost:8765\r\n"
                                  "Title:   Disk \t\r\n"
                                  "X-Empty:\r\n"
                                  "X-Last: Zoë\r\n"
                                  "Content-Length: 5\r\n"
                                  "\r\n"
                                  "hello";

    (void)state;
    for (size_t step = 1; step <= sizeof(request); step++) {
        struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
        struct slice text = SLICE(request);
        const struct http_message *message;

        assert_int_equal(feed(reader, &text, step), 1);
        assert_int_equal(text.length, 0);
        message = http_reader_message(reader);
        assert_slice(message->method, "POST");
        assert_slice(message->target, "/r/disk%20full?after=3&x=%41");
        assert_slice(message->path, "/r/disk full");
        assert_slice(message->query, "after=3&x=%41");
        assert_int_equal(message->header_count, 5);
        assert_slice(http_header(message, "hOST"), "localhost:8765");
        assert_slice(http_header(message, "title"), "Disk");
        assert_slice(http_header(message, "x-last"), "Zoë");
        assert_slice(http_header(message, "x-empty"), "");
        assert_non_null(http_header(message, "x-empty").data);
        assert_null(http_header(message, "x-absent").data);
        assert_slice(message->body, "hello");
        assert_true(message->keep_alive);
        assert_false(message->upgrade);
        http_reader_free(reader);
    }
}

static void requests_in_a_row_are_read_one_by_one(void **state) {
    static const char requests[] = "GET /1 HTTP/1.1\r\n" HOST "\r\n"
                                   "\r\n" /* some clients end a body with what is not of it */
                                   "POST /2 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                                   "POST /3 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nabc\r\n0\r\n\r\n"
                                   "HEAD /4 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";

    (void)state;
    for (size_t step = 1; step <= sizeof(requests); step++) {
        static const char *const paths[] = {"/1", "/2", "/3", "/4"};
        static const char *const bodies[] = {"", "abc", "abc", ""};
        struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
        struct slice text = SLICE(requests);

        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(feed(reader, &text, step), 1);
            assert_slice(http_reader_message(reader)->path, paths[i]);
            assert_slice(http_reader_message(reader)->body, bodies[i]);
            assert_true(http_reader_message(reader)->keep_alive == (i < 3));
            http_reader_next(reader);
        }
        assert_int_equal(text.length, 0);
        http_reader_free(reader);
    }
}

static void nothing_more_is_used_until_the_next_is_asked_for(void **state) {
    struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
    struct slice text = SLICE("GET / HTTP/1.1\r\n" HOST "\r\nGET");

    (void)state;
    assert_int_equal(http_reader_feed(reader, &text), 1);
    assert_slice(text, "GET");
    assert_int_equal(http_reader_feed(reader, &text), 1);
    assert_slice(text, "GET");
    http_reader_free(reader);
}

static void an_upgrade_leaves_what_follows_untouched(void **state) {
    static const char request[] = "GET /ws HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n"
                                  "Connection: keep-alive, Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                                  "\x81\x85\r\nGET / HTTP/1.1\r\n\r\n";

    (void)state;
    for (size_t step = 1; step <= sizeof(request); step++) {
        struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
        struct slice text = SLICE(request);

        assert_int_equal(feed(reader, &text, step), 1);
        assert_slice(text, "\x81\x85\r\nGET / HTTP/1.1\r\n\r\n");
        assert_true(http_reader_message(reader)->upgrade);
        assert_true(http_header_has(http_reader_message(reader), "connection", "upgrade"));
        assert_false(http_header_has(http_reader_message(reader), "connection", "up"));
        http_reader_free(reader);
    }
}

static bool upgrades(struct slice text) {
    struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
    bool upgrade;

    assert_int_equal(http_reader_feed(reader, &text), 1);
    upgrade = http_reader_message(reader)->upgrade;
    http_reader_free(reader);
    return upgrade;
}

static void an_upgrade_needs_both_headers(void **state) {
    (void)state;
    assert_true(upgrades(GET("Connection: Upgrade\r\nUpgrade: websocket\r\n")));
    assert_false(upgrades(GET("Connection: close\r\nUpgrade: websocket\r\n")));
    assert_false(upgrades(GET("Upgrade: websocket\r\n")));
    assert_false(upgrades(GET("Connection: Upgrade\r\n")));
    assert_false(upgrades(SLICE("CONNECT h:80 HTTP/1.1\r\n" HOST "\r\n")));
}

static bool keeps_alive(struct slice text) {
    struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
    bool keep_alive;

    assert_int_equal(http_reader_feed(reader, &text), 1);
    keep_alive = http_reader_message(reader)->keep_alive;
    http_reader_free(reader);
    return keep_alive;
}

static void a_connection_is_kept_as_its_version_says(void **state) {
    (void)state;
    assert_true(keeps_alive(GET("")));
    assert_false(keeps_alive(GET("Connection: close\r\n")));
    assert_false(keeps_alive(SLICE("GET / HTTP/1.0\r\n\r\n")));
    assert_true(keeps_alive(SLICE("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")));
    assert_false(keeps_alive(SLICE("CONNECT h:80 HTTP/1.1\r\n" HOST "\r\n")));
}

static void a_chunked_body_is_joined_and_its_trailer_ignored(void **state) {
    static const char request[] = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
                                  "5\r\nhello\r\n"
                                  "00A;name=\"va l\"\r\n, big worl\r\n"
                                  "1;x\r\nd\r\n"
                                  "0\r\n"
                                  "Host: evil\r\nX-Trailer: 1\r\nConnection: close\r\n\r\n";

    (void)state;
    for (size_t step = 1; step <= sizeof(request); step++) {
        struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
        struct slice text = SLICE(request);

        assert_int_equal(feed(reader, &text, step), 1);
        assert_slice(http_reader_message(reader)->body, "hello, big world");
        assert_slice(http_header(http_reader_message(reader), "host"), "h");
        assert_null(http_header(http_reader_message(reader), "x-trailer").data);
        assert_true(http_reader_message(reader)->keep_alive);
        http_reader_free(reader);
    }
}

/* A request with a head of `size` bytes. */
static void make_head(struct buffer *out, size_t size) {
    const struct slice start = SLICE("GET / HTTP/1.1\r\n" HOST "X: "), end = SLICE("\r\n\r\n");

    buffer_clear(out);
    buffer_append_slice(out, start);
    while (buffer_length(out) < size - end.length) {
        buffer_append_char(out, 'a');
    }
    buffer_append_slice(out, end);
}

static void a_head_has_a_limit(void **state) {
    struct buffer text = {0};

    (void)state;
    make_head(&text, LIMIT_HTTP_HEAD);
    assert_result(buffer_slice(&text), 1);
    make_head(&text, LIMIT_HTTP_HEAD + 1);
    assert_result(buffer_slice(&text), ERR_TOO_LARGE);
    make_head(&text, 10 * LIMIT_HTTP_HEAD);
    buffer_truncate(&text, 10 * LIMIT_HTTP_HEAD - 4);
    assert_result(buffer_slice(&text), ERR_TOO_LARGE);
    buffer_clear(&text);
    for (size_t i = 0; i < LIMIT_HTTP_HEAD; i++) { /* only empty lines */
        buffer_append_string(&text, "\r\n");
    }
    assert_result(buffer_slice(&text), ERR_TOO_LARGE);
    buffer_close(&text);
}

static void headers_are_counted(void **state) {
    struct buffer text = {0};

    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        buffer_clear(&text);
        buffer_append_string(&text, "GET / HTTP/1.1\r\n" HOST);
        for (size_t i = 1; i < HTTP_HEADERS_MAX + extra; i++) {
            buffer_append_string(&text, "X:\r\n");
        }
        buffer_append_string(&text, "\r\n");
        assert_result(buffer_slice(&text), extra == 0 ? 1 : ERR_TOO_LARGE);
    }
    buffer_close(&text);
}

static void assert_body_limit(const char *headers, const char *before, size_t size,
                              const char *after, int expected) {
    struct buffer text = {0};
    struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
    struct slice rest;

    buffer_append_format(&text, "POST / HTTP/1.1\r\n" HOST "%s\r\n%s", headers, before);
    for (size_t i = 0; i < size; i++) {
        buffer_append_char(&text, 'x');
    }
    buffer_append_string(&text, after);
    assert_result(buffer_slice(&text), expected);
    rest = buffer_slice(&text);
    assert_int_equal(http_reader_feed(reader, &rest), expected);
    assert_true(http_reader_body_too_large(reader) == (expected == ERR_TOO_LARGE));
    http_reader_free(reader);
    buffer_close(&text);
}

static void a_body_has_a_limit(void **state) {
    (void)state;
    assert_body_limit("Content-Length: 100\r\n", "", 100, "", 1);
    assert_body_limit("Content-Length: 101\r\n", "", 0, "", ERR_TOO_LARGE); /* before it comes */
    assert_body_limit("Content-Length: 9223372036854775807\r\n", "", 0, "", ERR_TOO_LARGE);
    assert_body_limit("Transfer-Encoding: chunked\r\n", "64\r\n", 100, "\r\n0\r\n\r\n", 1);
    assert_body_limit("Transfer-Encoding: chunked\r\n", "65\r\n", 101, "\r\n0\r\n\r\n",
                      ERR_TOO_LARGE);
    assert_body_limit("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n64\r\n", 100, "\r\n0\r\n\r\n",
                      ERR_TOO_LARGE);
    assert_body_limit("Transfer-Encoding: chunked\r\n", "ffffffffffffff\r\n", 101, "",
                      ERR_TOO_LARGE);
}

static void the_overhead_of_chunks_has_a_limit(void **state) {
    struct buffer text = {0};

    (void)state;
    buffer_append_string(&text, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3;");
    for (size_t i = 0; i < 1000; i++) {
        buffer_append_char(&text, 'x');
    }
    assert_result(buffer_slice(&text), ERR_TOO_LARGE);
    buffer_clear(&text);
    buffer_append_string(&text,
                         "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n");
    for (size_t i = 0; i < LIMIT_HTTP_HEAD; i++) {
        buffer_append_string(&text, "X: y\r\n");
    }
    assert_result(buffer_slice(&text), ERR_TOO_LARGE);
    buffer_close(&text);
}

/* It is too long before it is wrong, or the other way round: however it is cut in pieces. */
static void what_is_wrong_first_is_the_error(void **state) {
    struct buffer text = {0};

    (void)state;
    buffer_append_string(&text, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3;");
    for (size_t i = 0; i < 250; i++) {
        buffer_append_char(&text, 'x');
    }
    buffer_append_string(&text, "\x7f and much more\r\n");
    assert_result(buffer_slice(&text), ERR_BAD_REQUEST);
    buffer_clear(&text);
    buffer_append_string(&text, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3;");
    for (size_t i = 0; i < 300; i++) {
        buffer_append_char(&text, 'x');
    }
    buffer_append_string(&text, "\x7f\r\n");
    assert_result(buffer_slice(&text), ERR_TOO_LARGE);
    buffer_clear(&text);
    buffer_append_string(&text, "GET / HTTP/1.1\r\n" HOST);
    for (size_t i = 1; i < HTTP_HEADERS_MAX; i++) {
        buffer_append_string(&text, "X:\r\n");
    }
    buffer_append_string(&text, "One-too-many-and-without-a-colon\r\n\r\n");
    assert_result(buffer_slice(&text), ERR_TOO_LARGE);
    buffer_close(&text);
}

static void the_overhead_counts_for_each_chunk_by_itself(void **state) {
    struct buffer text = {0};

    (void)state;
    buffer_append_string(&text, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < MAX_BODY; i++) {
        buffer_append_string(&text, "1;some=extension\r\nx\r\n");
    }
    buffer_append_string(&text, "0\r\n\r\n");
    assert_result(buffer_slice(&text), 1);
    buffer_close(&text);
}

static bool expects(struct slice text) {
    struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
    bool expected;

    assert_true(http_reader_feed(reader, &text) >= 0);
    expected = http_reader_take_expectation(reader);
    assert_false(http_reader_take_expectation(reader));
    http_reader_free(reader);
    return expected;
}

static void a_client_that_waits_for_100_is_told_once(void **state) {
    (void)state;
    assert_true(expects(POST("Expect: 100-continue\r\nContent-Length: 3\r\n", "")));
    assert_true(expects(POST("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", "")));
    assert_false(expects(POST("Expect: 100-continue\r\nContent-Length: 3\r\n", "a")));
    assert_false(expects(POST("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc")));
    assert_false(expects(POST("Expect: 100-continue\r\n", "")));
    assert_false(expects(POST("Content-Length: 3\r\n", "")));
    assert_false(expects(SLICE("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n")));
    assert_false(
        expects(SLICE("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")));
}

static void a_client_reads_responses(void **state) {
    static const char responses[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                                    "HTTP/1.1 429 \r\nContent-Length: 0\r\nRetry-After: 2\r\n\r\n"
                                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                    "Connection: Upgrade\r\n\r\n\x81";

    (void)state;
    for (size_t step = 1; step <= sizeof(responses); step++) {
        struct http_reader *reader = http_reader_new(HTTP_CLIENT, MAX_BODY);
        struct slice text = SLICE(responses);

        assert_int_equal(feed(reader, &text, step), 1);
        assert_int_equal(http_reader_message(reader)->status, 200);
        assert_slice(http_reader_message(reader)->body, "ok");
        http_reader_next(reader);
        assert_int_equal(feed(reader, &text, step), 1);
        assert_int_equal(http_reader_message(reader)->status, 429);
        assert_slice(http_header(http_reader_message(reader), "Retry-After"), "2");
        http_reader_next(reader);
        assert_int_equal(feed(reader, &text, step), 1);
        assert_int_equal(http_reader_message(reader)->status, 101);
        assert_true(http_reader_message(reader)->upgrade);
        assert_slice(text, "\x81");
        http_reader_free(reader);
    }
}

static void a_response_without_length_goes_on_until_its_limit(void **state) {
    (void)state;
    assert_int_equal(result_of(HTTP_CLIENT, SLICE("HTTP/1.1 200 OK\r\n\r\nabc")), 0);
    assert_int_equal(result_of(HTTP_CLIENT, SLICE("HTTP/1.1 200 OK\r\n\r\n"
                                                  "0123456789012345678901234567890123456789"
                                                  "0123456789012345678901234567890123456789"
                                                  "0123456789012345678901234567890123456789")),
                     ERR_TOO_LARGE);
    assert_int_equal(result_of(HTTP_CLIENT, SLICE("GET / HTTP/1.1\r\n" HOST "\r\n")),
                     ERR_BAD_REQUEST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_in_all_its_parts),
        cmocka_unit_test(requests_in_a_row_are_read_one_by_one),
        cmocka_unit_test(nothing_more_is_used_until_the_next_is_asked_for),
        cmocka_unit_test(an_upgrade_leaves_what_follows_untouched),
        cmocka_unit_test(an_upgrade_needs_both_headers),
        cmocka_unit_test(a_connection_is_kept_as_its_version_says),
        cmocka_unit_test(a_chunked_body_is_joined_and_its_trailer_ignored),
        cmocka_unit_test(a_head_has_a_limit),
        cmocka_unit_test(headers_are_counted),
        cmocka_unit_test(a_body_has_a_limit),
        cmocka_unit_test(the_overhead_of_chunks_has_a_limit),
        cmocka_unit_test(what_is_wrong_first_is_the_error),
        cmocka_unit_test(the_overhead_counts_for_each_chunk_by_itself),
        cmocka_unit_test(a_client_that_waits_for_100_is_told_once),
        cmocka_unit_test(a_client_reads_responses),
        cmocka_unit_test(a_response_without_length_goes_on_until_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
