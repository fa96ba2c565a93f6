#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "io/endpoint.h"

static struct endpoint parse(const char *text) {
    struct endpoint endpoint;

    assert_int_equal(endpoint_parse(slice_of_string(text), 0, &endpoint), 0);
    return endpoint;
}

static void host_and_port_are_taken_apart(void **state) {
    static const struct {
        const char *text, *host;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:8765", "127.0.0.1", 8765},
        {"localhost:0", "localhost", 0},
        {"[::1]:8765", "::1", 8765},
        {"[fe80::1]:65535", "fe80::1", 65535},
        {":8765", "", 8765},
        {"*:8765", "*", 8765},
        {"chat.example.org:80/", "chat.example.org", 80},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct endpoint endpoint = parse(cases[i].text);
        assert_false(endpoint.local);
        assert_string_equal(endpoint.host, cases[i].host);
        assert_int_equal(endpoint.port, cases[i].port);
    }
}

static void a_socket_file_is_taken_as_it_is_written(void **state) {
    struct endpoint endpoint = parse("unix:/run/banter:8765/chat.sock");

    (void)state;
    assert_true(endpoint.local);
    assert_string_equal(endpoint.path, "/run/banter:8765/chat.sock");
}

static void the_default_port_stands_in_where_none_is_written(void **state) {
    static const char *const texts[] = {"127.0.0.1", "[::1]", "localhost/"};
    struct endpoint endpoint;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(endpoint_parse(slice_of_string(texts[i]), 8888, &endpoint), 0);
        assert_int_equal(endpoint.port, 8888);
        assert_int_equal(endpoint_parse(slice_of_string(texts[i]), 0, &endpoint), ERR_BAD_REQUEST);
    }
}

static void what_is_no_address_is_refused(void **state) {
    static const char *const texts[] = {
        "",
        ":",
        "host",
        "host:",
        "host:65536",
        "host:-1",
        "host:80x",
        "host: 80",
        "::1:8",
        "[::1]",
        "[::1",
        "[::1]8765",
        "[host]:80",
        "[]:80",
        "unix:",
        "a:b:80",
        "/:80",
        "host/x:1",
        "host:80//",
        "[::1]:",
        "[127.0.0.1]:80",
        "host:99999999999999999999",
    };
    struct endpoint endpoint;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (endpoint_parse(slice_of_string(texts[i]), 0, &endpoint) == 0)
            fail_msg("\"%s\" was taken for an address", texts[i]);
    }
}

static void what_is_too_long_is_refused(void **state) {
    char text[512];
    struct endpoint endpoint;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "unix:/", 6);
    text[5 + ENDPOINT_PATH_LENGTH] = 0;
    assert_int_equal(endpoint_parse(slice_of_string(text), 0, &endpoint), 0);
    text[5 + ENDPOINT_PATH_LENGTH] = 'a';
    text[6 + ENDPOINT_PATH_LENGTH] = 0;
    assert_int_equal(endpoint_parse(slice_of_string(text), 0, &endpoint), ERR_TOO_LARGE);
    memset(text, 'a', sizeof(text));
    snprintf(text + 254, sizeof(text) - 254, ":80");
    assert_int_equal(endpoint_parse(slice_of_string(text), 0, &endpoint), ERR_TOO_LARGE);
}

static void a_failure_leaves_the_output_untouched(void **state) {
    struct endpoint endpoint = parse("127.0.0.1:8765");

    (void)state;
    assert_int_equal(endpoint_parse(SLICE("127.0.0.2:x"), 0, &endpoint), ERR_BAD_REQUEST);
    assert_string_equal(endpoint.host, "127.0.0.1");
}

static struct endpoint_address address_of(const char *text) {
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    struct endpoint endpoint = parse(text);
    char message[128];
    size_t count = 0;

    assert_int_equal(endpoint_resolve(&endpoint, true, addresses, &count, message, sizeof(message)),
                     0);
    assert_int_equal(count, 1);
    return addresses[0];
}

static void assert_written(const struct endpoint_address *address, const char *expected) {
    struct buffer text = {0};

    endpoint_append_address(address, &text);
    assert_true(slice_equal(buffer_slice(&text), slice_of_string(expected)));
    buffer_close(&text);
}

static void an_address_is_written_as_it_is_read(void **state) {
    static const char *const texts[] = {"127.0.0.1:8765", "[::1]:80", "unix:/tmp/chat.sock"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct endpoint_address address = address_of(texts[i]);
        assert_written(&address, texts[i]);
    }
}

static void a_port_can_be_changed(void **state) {
    struct endpoint_address four = address_of("127.0.0.1:8765");
    struct endpoint_address six = address_of("[::1]:0");

    (void)state;
    endpoint_address_set_port(&four, 1);
    endpoint_address_set_port(&six, 65535);
    assert_int_equal(endpoint_address_port(&four), 1);
    assert_int_equal(endpoint_address_port(&six), 65535);
    assert_written(&six, "[::1]:65535");
}

static void a_peer_is_named_without_its_port(void **state) {
    struct endpoint_address four = address_of("192.0.2.7:5000");
    struct endpoint_address mapped = address_of("[::ffff:192.0.2.7]:5000");
    struct endpoint_address six = address_of("[2001:db8::1]:5000");
    struct endpoint_address local = address_of("unix:/tmp/chat.sock");
    char text[ENDPOINT_PEER_LENGTH + 1];

    (void)state;
    endpoint_format_peer(&four, text);
    assert_string_equal(text, "192.0.2.7");
    endpoint_format_peer(&mapped, text);
    assert_string_equal(text, "192.0.2.7");
    endpoint_format_peer(&six, text);
    assert_string_equal(text, "2001:db8::1");
    endpoint_format_peer(&local, text);
    assert_string_equal(text, "unix");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_and_port_are_taken_apart),
        cmocka_unit_test(a_socket_file_is_taken_as_it_is_written),
        cmocka_unit_test(the_default_port_stands_in_where_none_is_written),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(a_failure_leaves_the_output_untouched),
        cmocka_unit_test(an_address_is_written_as_it_is_read),
        cmocka_unit_test(a_port_can_be_changed),
        cmocka_unit_test(a_peer_is_named_without_its_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
