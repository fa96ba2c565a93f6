/* The HTTP front: pages, who may ask for them, and the connection. */
#include "http_driver.h"

static void test_the_client_is_served(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    struct response response = answer_to(&driver, "GET /?x=1", "localhost:8765", "", 200);
    assert_slice_equal(response.body, "<!doctype html>");
    assert_true(contains(response.head, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
    response = answer_to(&driver, "GET /client.js", "127.0.0.1", "", 200);
    assert_slice_equal(response.body, "let a;");
    response = answer_to(&driver, "HEAD /client.js", "[::1]:8765", "", 200);
    assert_true(contains(response.head, "\r\nContent-Length: 6\r\n"));
    answer_to(&driver, "GET /nothing", "localhost", "", 404);
    answer_to(&driver, "GET /../client.js", "localhost", "", 404);
    assert_int_equal(driver_next(&driver), FEED_MORE);
    driver_free(&driver);
}

static void test_it_says_that_it_is_alive(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    struct response response = answer_to(&driver, "GET /healthz", "localhost", "", 200);
    assert_slice_equal(response.body, "ok\n");
    driver_free(&driver);
}

static void test_a_wrong_method_is_told_the_right_ones(void **state) {
    const struct {
        const char *line, *allow;
    } cases[] = {
        {"POST /client.js", "\r\nAllow: GET, HEAD\r\n"},
        {"DELETE /healthz", "\r\nAllow: GET, HEAD\r\n"},
        {"PUT /r/ops", "\r\nAllow: GET, HEAD, POST\r\n"},
        {"OPTIONS /ws", "\r\nAllow: GET\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        struct response response =
            answer_to(&driver, cases[i].line, "localhost", "Content-Length: 0\r\n", 405);
        assert_true(contains(response.head, cases[i].allow));
        assert_true(contains(response.body, "{\"error\":\"bad_request\",\"message\":\""));
        driver_free(&driver);
    }
}

static void test_only_known_hosts_and_addresses_are_answered(void **state) {
    const char *const good[] = {"localhost",        "LOCALHOST:1",          "127.0.0.1:8765",
                                "192.0.2.1",        "[2001:db8::1]",        "[::1]:8765",
                                "chat.example.org", "Chat.Example.Org:8765"};
    const char *const bad[] = {"evil.example", "localhost.evil.example",
                               "chat.example.org.evil:8765", "127.0.0.1.evil.example",
                               "2130706433"};
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        answer_to(&driver, "GET /healthz", good[i], "", 200);
        assert_null(driver.feed.note);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct response response = answer_to(&driver, "GET /healthz", bad[i], "", 421);
        assert_true(contains(response.body, "public_host"));
        assert_non_null(driver.feed.note);
        assert_non_null(strstr(driver.feed.note, "public_host"));
    }
    driver_free(&driver);
}

static void test_a_host_must_be_given_once_and_be_one(void **state) {
    const struct {
        const char *host, *headers;
    } cases[] = {{NULL, ""},
                 {"localhost", "Host: localhost\r\n"},
                 {"", ""},
                 {"a\"b", ""},
                 {"localhost:x", ""},
                 {"[::1", ""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        answer_to(&driver, "GET /healthz", cases[i].host, cases[i].headers, 400);
        driver_free(&driver);
    }
}

static void test_only_allowed_origins_are_answered(void **state) {
    static const char *const allowed[] = {"https://app.example.org", "*.example.net",
                                          "http://localhost:3000"};
    const struct {
        const char *host, *origin;
        unsigned status;
    } cases[] = {
        {"localhost:8765", "http://localhost:8765", 200},
        {"localhost:8765", "https://LOCALHOST:8765", 200},
        {"chat.example.org", "https://chat.example.org", 200},
        {"chat.example.org:443", "https://chat.example.org", 200},
        {"localhost:8765", "https://app.example.org", 200},
        {"localhost:8765", "https://a.example.net", 200},
        {"localhost:8765", "http://a.b.example.net", 200},
        {"localhost:8765", "http://localhost:3000", 200},
        {"localhost:8765", "http://localhost", 403},
        {"localhost:8765", "http://localhost:8766", 403},
        {"chat.example.org:80", "https://chat.example.org", 403},
        {"localhost:8765", "ftp://localhost:8765", 403},
        {"localhost:8765", "http://app.example.org", 403},
        {"localhost:8765", "https://app.example.org:8443", 403},
        {"localhost:8765", "https://example.net", 403},
        {"localhost:8765", "https://evilexample.net", 403},
        {"localhost:8765", "http://localhost:3000.evil.example", 403},
        {"localhost:8765", "null", 403},
        {"localhost:8765", "", 403},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        char header[128];
        snprintf(header, sizeof(header), "Origin: %s\r\n", cases[i].origin);
        open_front(&driver, &http_protocol, *(bool *)*state);
        driver.settings.allowed_origins = allowed;
        driver.settings.allowed_origin_count = 3;
        answer_to(&driver, "GET /healthz", cases[i].host, header, cases[i].status);
        driver_free(&driver);
    }
}

static void test_null_and_all_origins_are_allowed_where_written(void **state) {
    static const char *const words[] = {"null", "*"};
    for (size_t i = 0; i < 2; i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        driver.settings.allowed_origins = &words[i];
        driver.settings.allowed_origin_count = 1;
        answer_to(&driver, "GET /healthz", "localhost", "Origin: null\r\n", 200);
        answer_to(&driver, "GET /healthz", "localhost", "Origin: https://evil.example\r\n",
                  i == 0 ? 403 : 200);
        driver_free(&driver);
    }
}

static void test_requests_are_answered_in_their_order(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    write_head(&driver, "GET /healthz", "localhost", "");
    write_head(&driver, "GET /r/ops", "localhost", "");
    write_head(&driver, "GET /client.js", "localhost", "");
    assert_int_equal(driver_next_request(&driver), FEED_REQUEST);
    assert_slice_equal(take_response(&driver, 200, false).body, "ok\n");
    assert_int_equal(driver_next(&driver), FEED_WAIT);
    assert_int_equal(driver_next(&driver), FEED_WAIT);
    driver_reply(&driver, &(struct reply){.kind = REPLY_ERROR, .error = ERR_NOT_FOUND});
    take_response(&driver, 404, false);
    assert_int_equal(driver_next(&driver), FEED_AGAIN);
    assert_slice_equal(take_response(&driver, 200, false).body, "let a;");
    assert_int_equal(driver_next(&driver), FEED_MORE);
    driver_free(&driver);
}

static void test_a_connection_is_closed_when_asked(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    struct response response =
        answer_to(&driver, "GET /healthz", "localhost", "Connection: close\r\n", 200);
    assert_true(contains(response.head, "\r\nConnection: close\r\n"));
    write_head(&driver, "GET /healthz", "localhost", "");
    expect_quit(&driver, 1000, false);
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_int_equal(buffer_length(&driver.input), 0);
    http_protocol.goodbye(driver.state, &driver.settings, 1000, &driver.output);
    expect_nothing(&driver);
    driver_free(&driver);

    publish(&driver, *(bool *)*state, "Connection: close\r\n", "x");
    assert_int_equal(http_protocol.close_wanted(driver.state), 0);
    driver_reply(&driver, &(struct reply){.kind = REPLY_ERROR, .error = ERR_INTERNAL});
    assert_int_equal(http_protocol.close_wanted(driver.state), 1000);
    driver_free(&driver);
}

static void test_what_is_no_request_is_answered_and_ends_the_connection(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    write_input(&driver, "Hello there!\n\n");
    assert_int_equal(driver_next(&driver), FEED_AGAIN);
    struct response response = take_response(&driver, 400, false);
    assert_true(contains(response.head, "\r\nConnection: close\r\n"));
    expect_quit(&driver, 1000, false);
    driver_free(&driver);
}

static void test_what_is_too_large_is_refused(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    write_head(&driver, "POST /r/ops", "localhost", "Content-Length: 20000\r\n");
    assert_int_equal(driver_next(&driver), FEED_AGAIN);
    assert_true(contains(take_response(&driver, 413, false).body, "\"too_large\""));
    expect_quit(&driver, 1000, false);
    driver_free(&driver);

    open_front(&driver, &http_protocol, *(bool *)*state);
    write_input(&driver, "GET / HTTP/1.1\r\nX: ");
    for (size_t i = 0; i < LIMIT_HTTP_HEAD; i++) {
        buffer_append_char(&driver.input, 'x');
    }
    assert_int_equal(driver_next(&driver), FEED_AGAIN);
    take_response(&driver, 431, false);
    driver_free(&driver);
}

static void test_a_body_that_waits_to_be_asked_for_is(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    write_head(&driver, "POST /r/ops", "localhost",
               "Expect: 100-continue\r\nContent-Length: 4\r\n");
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_slice_equal(buffer_slice(&driver.output), "HTTP/1.1 100 Continue\r\n\r\n");
    buffer_clear(&driver.output);
    write_input(&driver, "full");
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_slice_equal(driver.feed.request.content, "full");
    expect_nothing(&driver);
    driver_free(&driver);
}

static void test_who_waits_for_an_answer_gets_one_at_the_end(void **state) {
    struct driver driver;
    publish(&driver, *(bool *)*state, "", "x");
    http_protocol.goodbye(driver.state, &driver.settings, 1001, &driver.output);
    struct response response = take_response(&driver, 503, false);
    assert_true(contains(response.head, "\r\nRetry-After: 1\r\n"));
    driver_free(&driver);

    open_front(&driver, &http_protocol, *(bool *)*state);
    http_protocol.goodbye(driver.state, &driver.settings, 4001, &driver.output);
    expect_nothing(&driver); /* nothing was asked */
    write_input(&driver, "GET / HTTP/1.1\r\nHost: loc");
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_false(http_protocol.established(driver.state));
    http_protocol.goodbye(driver.state, &driver.settings, 4001, &driver.output);
    take_response(&driver, 408, false);
    expect_nothing(&driver);
    driver_free(&driver);
}

static void test_it_tells_whether_it_is_in_the_middle_of_a_request(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    assert_false(http_protocol.established(driver.state)); /* has said nothing yet */
    for (int i = 0; i < 2; i++) {
        answer_to(&driver, "GET /healthz", "localhost", "", 200);
        assert_true(http_protocol.established(driver.state));
        assert_int_equal(driver_next(&driver), FEED_MORE);
        assert_true(http_protocol.established(driver.state));
    }
    write_input(&driver, "P");
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_false(http_protocol.established(driver.state));
    write_input(&driver, "OST /r/ops HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx");
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_true(http_protocol.established(driver.state)); /* its head is there */
    assert_true(http_protocol.half_read(driver.state));
    write_input(&driver, "y");
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_true(http_protocol.established(driver.state));
    assert_false(http_protocol.half_read(driver.state));
    driver_reply(&driver, &(struct reply){.kind = REPLY_ERROR, .error = ERR_NOT_FOUND});
    assert_true(http_protocol.established(driver.state));
    driver_free(&driver);
}

static void test_protocols_are_found_by_scheme(void **state) {
    (void)state;
    assert_ptr_equal(protocol_find(SLICE("ws")), &http_protocol);
    assert_ptr_equal(protocol_find(SLICE("ws+text")), &text_only_protocol);
    assert_ptr_equal(protocol_find(SLICE("line")), &line_protocol);
    assert_ptr_equal(protocol_find(SLICE("numbered")), &numbered_protocol);
    assert_ptr_equal(protocol_find(SLICE("command")), &command_protocol);
    assert_null(protocol_find(SLICE("gopher")));
    assert_null(protocol_find(SLICE("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FED_BOTH_WAYS(test_the_client_is_served),
        FED_BOTH_WAYS(test_it_says_that_it_is_alive),
        FED_BOTH_WAYS(test_a_wrong_method_is_told_the_right_ones),
        FED_BOTH_WAYS(test_only_known_hosts_and_addresses_are_answered),
        FED_BOTH_WAYS(test_a_host_must_be_given_once_and_be_one),
        FED_BOTH_WAYS(test_only_allowed_origins_are_answered),
        FED_BOTH_WAYS(test_null_and_all_origins_are_allowed_where_written),
        FED_BOTH_WAYS(test_requests_are_answered_in_their_order),
        FED_BOTH_WAYS(test_a_connection_is_closed_when_asked),
        FED_BOTH_WAYS(test_what_is_no_request_is_answered_and_ends_the_connection),
        FED_BOTH_WAYS(test_what_is_too_large_is_refused),
        FED_BOTH_WAYS(test_a_body_that_waits_to_be_asked_for_is),
        FED_BOTH_WAYS(test_who_waits_for_an_answer_gets_one_at_the_end),
        FED_BOTH_WAYS(test_it_tells_whether_it_is_in_the_middle_of_a_request),
        cmocka_unit_test(test_protocols_are_found_by_scheme),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
