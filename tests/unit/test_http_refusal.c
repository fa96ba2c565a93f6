/* Requests that must not pass, because somebody in front of the server may read them
 * differently, or because they mean nothing here. */
#include "http_feed.h"

static void the_length_of_a_body_has_one_answer(void **state) {
    (void)state;
    assert_result(POST("Content-Length: 3\r\n", "abc"), 1);
    assert_result(POST("Content-Length:\t003 \r\n", "abc"), 1);
    assert_result(POST("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length: 3, 3\r\n", "abc"), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length: +3\r\n", "abc"), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length: -3\r\n", "abc"), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length: 0x3\r\n", "abc"), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length: 3 3\r\n", "abc"), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length:\r\n", ""), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length: 99999999999999999999\r\n", ""), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                  ERR_BAD_REQUEST);
    assert_result(POST("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"),
                  ERR_BAD_REQUEST);
    assert_result(POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                  ERR_BAD_REQUEST);
    assert_result(POST("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(POST("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(POST("Transfer-Encoding: identity\r\n", ""), ERR_BAD_REQUEST);
    assert_result(POST("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(POST("Transfer-Encoding:\r\n", ""), ERR_BAD_REQUEST);
    assert_result(SLICE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                  ERR_BAD_REQUEST);
}

static void shapes_that_two_readers_may_read_differently_are_refused(void **state) {
    (void)state;
    assert_result(SLICE("GET / HTTP/1.1\nHost: h\n\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/1.1\r\nHost: h\n\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/1.1\r\nHost: h\r\n\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X: a\rb\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X: a\r\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X: a\r\n b\r\n"), ERR_BAD_REQUEST); /* folded */
    assert_result(GET("X: a\r\n\tb\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X : a\r\n"), ERR_BAD_REQUEST); /* space before the colon */
    assert_result(GET("X\t: a\r\n"), ERR_BAD_REQUEST);
    assert_result(POST("Content-Length : 3\r\n", "abc"), ERR_BAD_REQUEST);
    assert_result(POST("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(GET(": a\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X(: a\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("Xé: a\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X: a\0b\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X: a\x01\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X: a\x7f\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X\0: a\r\n"), ERR_BAD_REQUEST);
    assert_result(GET("X: a\tb é\r\n"), 1);
    assert_result(GET("!#$%&'*+-.^_`|~09azAZ: a\r\n"), 1);
}

static void chunks_are_framed_exactly(void **state) {
    (void)state;
#define CHUNKED(body) POST("Transfer-Encoding: chunked\r\n", body)
    assert_result(CHUNKED("3\r\nabc\r\n0\r\n\r\n"), 1);
    assert_result(CHUNKED("3\nabc\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("3\r\nabcXX0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("3\r\nabc\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("3\r\nabc0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("3\r\nabcd\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("3 \r\nabc\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED(" 3\r\nabc\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("+3\r\nabc\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("-3\r\nabc\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("0x3\r\nabc\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("3\rXabc\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("3\r\nabc\rX0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("g\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED(";x\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("3;a\nb\r\nabc\r\n0\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("fffffffffffffffff\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("0\r\nX : y\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(CHUNKED("0\r\nX: y\n\r\n"), ERR_BAD_REQUEST);
#undef CHUNKED
}

static void only_http_1_0_and_1_1_are_spoken(void **state) {
    (void)state;
    assert_result(SLICE("GET / HTTP/1.0\r\n\r\n"), 1);
    assert_result(SLICE("GET /\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/0.9\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/1.2\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/2.0\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / FTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("get / HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("\x16\x03\x01\x02"), ERR_BAD_REQUEST); /* TLS */
    assert_result(SLICE("hello there\r\n"), ERR_BAD_REQUEST);
}

static void a_request_names_one_host(void **state) {
    (void)state;
    assert_result(SLICE("GET / HTTP/1.1\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 1);
    assert_result(SLICE("GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n"), 1);
    assert_result(SLICE("GET http://evil/x HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET http://u@h/x HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET https://h/x HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_BAD_REQUEST);
}

static void a_path_that_is_no_text_is_refused(void **state) {
    (void)state;
    assert_result(SLICE("GET /a%00b HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /% HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /%4 HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /%4g HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /%g4 HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /%%41 HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /%ff HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /%c0%af HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET a HTTP/1.1\r\n" HOST "\r\n"), ERR_BAD_REQUEST);
    assert_result(SLICE("GET /%2541 HTTP/1.1\r\n" HOST "\r\n"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_length_of_a_body_has_one_answer),
        cmocka_unit_test(shapes_that_two_readers_may_read_differently_are_refused),
        cmocka_unit_test(chunks_are_framed_exactly),
        cmocka_unit_test(only_http_1_0_and_1_1_are_spoken),
        cmocka_unit_test(a_request_names_one_host),
        cmocka_unit_test(a_path_that_is_no_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
