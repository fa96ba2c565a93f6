/* What a target and a query say, and the responses. */
#include "http_feed.h"

static void assert_target(const char *target, const char *path, const char *query) {
    struct http_reader *reader = http_reader_new(HTTP_SERVER, MAX_BODY);
    struct buffer request = {0};
    struct slice text;

    buffer_append_format(&request, "GET %s HTTP/1.1\r\nHost: h:1\r\n\r\n", target);
    text = buffer_slice(&request);
    assert_int_equal(http_reader_feed(reader, &text), 1);
    assert_slice(http_reader_message(reader)->path, path);
    assert_slice(http_reader_message(reader)->query, query);
    http_reader_free(reader);
    buffer_close(&request);
}

static void a_target_is_split_and_its_path_decoded(void **state) {
    (void)state;
    assert_target("/", "/", "");
    assert_target("/?", "/", "");
    assert_target("/a?b?c", "/a", "b?c");
    assert_target("/%e5%90%8D+x%2Fy", "/名+x/y", "");
    assert_target("/r/%25", "/r/%", "");
    assert_target("*", "*", "");
    assert_target("http://H:1/a?b", "/a", "b");
    assert_target("http://h:1", "/", "");
    assert_target("http://h:1?b", "/", "b");
}

static void assert_query(const char *query, const char *name, const char *expected) {
    struct buffer out = {0};

    assert_true(http_query(slice_of_string(query), name, &out) == (expected != NULL));
    assert_slice(buffer_slice(&out), expected != NULL ? expected : "");
    buffer_close(&out);
}

static void a_query_gives_decoded_values(void **state) {
    (void)state;
    assert_query("after=3&limit=5", "after", "3");
    assert_query("after=3&limit=5", "limit", "5");
    assert_query("after=3&limit=5", "lim", NULL);
    assert_query("", "a", NULL);
    assert_query("a", "a", "");
    assert_query("a=", "a", "");
    assert_query("&&a=b=c&", "a", "b=c");
    assert_query("t=a+b%20c%2B%26", "t", "a b c+&");
    assert_query("%61=x", "a", "x");
    assert_query("a=1&a=2", "a", "1");
    assert_query("a=%E5%90%8D", "a", "名");
    assert_query("a=100%&b=%zz%4", "a", "100%");
    assert_query("a=100%&b=%zz%4", "b", "%zz%4");
}

static void an_escape_is_not_read_past_its_text(void **state) {
    struct buffer out = {0};

    (void)state;
    assert_true(http_query(slice_from("a=%41", 4), "a", &out));
    assert_slice(buffer_slice(&out), "%4");
    buffer_close(&out);
}

static void a_parameter_may_come_several_times(void **state) {
    struct slice query = SLICE("room=a&x=1&room=b&room=");
    struct buffer out = {0};

    (void)state;
    while (http_query_next(&query, "room", &out)) {
        buffer_append_char(&out, '|');
    }
    assert_slice(buffer_slice(&out), "a|b||");
    buffer_close(&out);
}

static void make_response(struct buffer *out, unsigned status, const char *type, const char *extra,
                          const char *body, bool keep_alive, bool head_only) {
    buffer_clear(out);
    http_append_response(out, status, type, slice_of_string(extra), slice_of_string(body),
                         keep_alive, head_only);
}

static bool holds(const struct buffer *out, const char *text) {
    return memmem(buffer_slice(out).data, buffer_length(out), text, strlen(text)) != NULL;
}

static void a_response_can_be_read_and_has_its_guards(void **state) {
    struct http_reader *reader = http_reader_new(HTTP_CLIENT, MAX_BODY);
    struct buffer out = {0};
    const struct http_message *message;
    struct slice text;

    (void)state;
    make_response(&out, 404, "application/json", "Retry-After: 2\r\n", "{}", true, false);
    assert_true(slice_starts_with(buffer_slice(&out), SLICE("HTTP/1.1 404 Not Found\r\n")));
    text = buffer_slice(&out);
    assert_int_equal(http_reader_feed(reader, &text), 1);
    message = http_reader_message(reader);
    assert_int_equal(text.length, 0);
    assert_slice(message->body, "{}");
    assert_true(message->keep_alive);
    assert_slice(http_header(message, "Content-Type"), "application/json");
    assert_slice(http_header(message, "Retry-After"), "2");
    assert_slice(http_header(message, "X-Content-Type-Options"), "nosniff");
    assert_slice(http_header(message, "Referrer-Policy"), "no-referrer");
    assert_slice(http_header(message, "Cross-Origin-Resource-Policy"), "same-origin");
    assert_slice(http_header(message, "X-Frame-Options"), "DENY");
    assert_slice(http_header(message, "Cache-Control"), "no-store");
    assert_slice(http_header(message, "Cross-Origin-Opener-Policy"), "same-origin");
    assert_slice(
        http_header(message, "Permissions-Policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()");
    assert_slice(http_header(message, "Content-Security-Policy"),
                 "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    http_reader_free(reader);
    buffer_close(&out);
}

static void a_page_says_what_may_run_in_it(void **state) {
    struct buffer out = {0};

    (void)state;
    make_response(&out, 200, "text/html; charset=utf-8", "", "<p>", false, false);
    assert_true(holds(&out, "\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; "
                            "style-src 'self'; connect-src 'self'; img-src 'self' data:; "
                            "manifest-src 'self'; base-uri 'none'; form-action 'none'; "
                            "frame-ancestors 'none'\r\n"));
    assert_true(holds(&out, "\r\nConnection: close\r\n"));
    buffer_close(&out);
}

static void an_answer_may_choose_its_own_caching(void **state) {
    struct buffer out = {0};

    (void)state;
    make_response(&out, 200, "text/css", "ETag: \"1\"\r\ncache-control: max-age=60\r\n", "", true,
                  false);
    assert_false(holds(&out, "no-store"));
    make_response(&out, 200, "text/css", "X: Cache-Control: no\r\n", "", true, false);
    assert_true(holds(&out, "Cache-Control: no-store\r\n"));
    buffer_close(&out);
}

static void an_answer_without_body_sends_none(void **state) {
    struct buffer out = {0};

    (void)state;
    make_response(&out, 200, "text/plain", "", "hello", true, true);
    assert_true(holds(&out, "Content-Length: 5\r\n"));
    assert_false(holds(&out, "hello"));
    make_response(&out, 204, NULL, "", "hello", true, false);
    assert_false(holds(&out, "hello"));
    assert_false(holds(&out, "Content-Length"));
    assert_false(holds(&out, "Content-Type:"));
    make_response(&out, 404, NULL, "", "", true, false);
    assert_true(holds(&out, "Content-Length: 0\r\n"));
    buffer_close(&out);
}

static void statuses_have_their_texts(void **state) {
    (void)state;
    assert_string_equal(http_status_text(200), "OK");
    assert_string_equal(http_status_text(413), "Payload Too Large");
    assert_string_equal(http_status_text(421), "Misdirected Request");
    assert_string_equal(http_status_text(431), "Request Header Fields Too Large");
    assert_string_equal(http_status_text(599), "Unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_split_and_its_path_decoded),
        cmocka_unit_test(a_query_gives_decoded_values),
        cmocka_unit_test(an_escape_is_not_read_past_its_text),
        cmocka_unit_test(a_parameter_may_come_several_times),
        cmocka_unit_test(a_response_can_be_read_and_has_its_guards),
        cmocka_unit_test(a_page_says_what_may_run_in_it),
        cmocka_unit_test(an_answer_may_choose_its_own_caching),
        cmocka_unit_test(an_answer_without_body_sends_none),
        cmocka_unit_test(statuses_have_their_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
