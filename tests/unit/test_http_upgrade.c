/* From HTTP to WebSocket. */
#include "http_driver.h"

/* Key and accept are those of RFC 6455 section 1.3. */

#define HANDSHAKE                                                                                  \
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"       \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define SWITCHED                                                                                   \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static void expect_switch(struct driver *driver, const char *path, const char *headers,
                          const struct protocol *next, const char *answer) {
    char line[64];
    snprintf(line, sizeof(line), "GET %s", path);
    write_head(driver, line, "localhost:8765", headers);
    write_input(driver, "\x81\x80...."); /* the next protocol's */
    assert_int_equal(driver_next(driver), FEED_SWITCH);
    assert_ptr_equal(driver->feed.next, next);
    assert_slice_equal(buffer_slice(&driver->output), answer);
    assert_int_equal(driver->feed.handover.refuse, 0);
    if (!driver->bytewise) {
        assert_slice_equal(buffer_slice(&driver->input), "\x81\x80....");
    }
}

static void test_json_is_spoken_at_two_paths(void **state) {
    const char *const paths[] = {"/", "/ws", "/ws?x=y"};
    for (size_t i = 0; i < 3; i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        expect_switch(&driver, paths[i], HANDSHAKE, &json_protocol, SWITCHED "\r\n");
        const struct handover *handover = &driver.feed.handover;
        assert_int_equal(handover->format, FORMAT_JSON_PLAIN);
        assert_int_equal(handover->window_bits, 0);
        assert_false(handover->inflate);
        assert_true(handover->traits.lobby_at_open && handover->traits.default_room &&
                    handover->traits.backlog && handover->traits.direct &&
                    handover->traits.lingers);
        assert_false(handover->traits.transient);
        driver_free(&driver);
    }
}

static void test_the_subprotocol_is_taken_from_among_others(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    expect_switch(&driver, "/", HANDSHAKE "Sec-WebSocket-Protocol: mqtt, banter.v1\r\n",
                  &json_protocol, SWITCHED "Sec-WebSocket-Protocol: banter.v1\r\n\r\n");
    assert_int_equal(driver.feed.handover.format, FORMAT_JSON_V1);
    assert_false(driver.feed.handover.traits.lobby_at_open);
    assert_false(driver.feed.handover.traits.default_room);
    assert_true(driver.feed.handover.traits.direct);
    driver_free(&driver);

    open_front(&driver, &http_protocol, *(bool *)*state);
    expect_switch(&driver, "/", HANDSHAKE "Sec-WebSocket-Protocol: mqtt\r\n", &json_protocol,
                  SWITCHED "\r\n");
    assert_int_equal(driver.feed.handover.format, FORMAT_JSON_PLAIN);
    driver_free(&driver);
}

static void test_raw_text_has_its_path_and_its_listener(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    expect_switch(&driver, "/text", HANDSHAKE "Sec-WebSocket-Protocol: banter.v1\r\n",
                  &text_protocol, SWITCHED "\r\n");
    assert_int_equal(driver.feed.handover.format, FORMAT_TEXT);
    assert_true(driver.feed.handover.traits.lobby_at_open);
    assert_false(driver.feed.handover.traits.backlog);
    driver_free(&driver);

    const char *const paths[] = {"/", "/ws", "/any/where"};
    for (size_t i = 0; i < 3; i++) {
        open_front(&driver, &text_only_protocol, *(bool *)*state);
        expect_switch(&driver, paths[i], HANDSHAKE, &text_protocol, SWITCHED "\r\n");
        driver_free(&driver);
    }
    open_front(&driver, &text_only_protocol, *(bool *)*state);
    answer_to(&driver, "GET /", "localhost", "", 426);
    driver_free(&driver);
}

static void test_deflate_is_agreed_on(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    expect_switch(&driver, "/",
                  HANDSHAKE "Sec-WebSocket-Extensions: x-other\r\nSec-WebSocket-Extensions: "
                            "permessage-deflate; server_max_window_bits=10\r\n",
                  &json_protocol,
                  SWITCHED "Sec-WebSocket-Extensions: permessage-deflate; "
                           "server_no_context_takeover; client_no_context_takeover; "
                           "server_max_window_bits=10\r\n\r\n");
    assert_int_equal(driver.feed.handover.window_bits, 10);
    assert_true(driver.feed.handover.inflate);
    driver_free(&driver);
}

static void test_a_bad_handshake_is_refused(void **state) {
    const struct {
        const char *line, *headers, *contains;
        unsigned status;
    } cases[] = {
        {"GET /other", HANDSHAKE, "not_found", 404},
        {"POST /ws", HANDSHAKE "Content-Length: 0\r\n", "bad_request", 405},
        {"GET /ws",
         "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         "bad_request", 426},
        {"GET /ws",
         "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: c2hvcnQ=\r\n",
         "bad_request", 400},
        {"GET /ws",
         "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         "bad_request", 400},
        {"GET /ws", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
         "bad_request", 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        struct response response =
            answer_to(&driver, cases[i].line, "localhost", cases[i].headers, cases[i].status);
        assert_true(contains(response.body, cases[i].contains));
        assert_true(contains(response.head, "\r\nConnection: close\r\n"));
        if (cases[i].status == 426) {
            assert_true(contains(response.head, "\r\nSec-WebSocket-Version: 13\r\n"));
            assert_true(contains(response.head, "\r\nUpgrade: websocket\r\n"));
        }
        expect_quit(&driver, 1000, false);
        driver_free(&driver);
    }
}

static void test_a_websocket_path_asks_for_an_upgrade(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    struct response response = answer_to(&driver, "GET /ws", "localhost", "", 426);
    assert_true(contains(response.head, "\r\nUpgrade: websocket\r\n"));
    answer_to(&driver, "GET /text", "localhost", "", 426);
    driver_free(&driver);
}

static void test_another_upgrade_is_not_taken(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    answer_to(&driver, "GET /healthz", "localhost", "Connection: Upgrade\r\nUpgrade: h2c\r\n", 200);
    driver_free(&driver);
}

static void test_a_websocket_of_a_strange_origin_is_closed_with_1008(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    write_head(&driver, "GET /", "localhost:8765", HANDSHAKE "Origin: https://evil.example\r\n");
    assert_int_equal(driver_next(&driver), FEED_SWITCH);
    assert_int_equal(driver.feed.handover.refuse, 1008);
    assert_true(driver.feed.handover.wrong_origin);
    driver_free(&driver);
}

static void test_a_websocket_of_a_strange_host_is_not_accepted(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    answer_to(&driver, "GET /", "evil.example", HANDSHAKE, 421);
    driver_free(&driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FED_BOTH_WAYS(test_json_is_spoken_at_two_paths),
        FED_BOTH_WAYS(test_the_subprotocol_is_taken_from_among_others),
        FED_BOTH_WAYS(test_raw_text_has_its_path_and_its_listener),
        FED_BOTH_WAYS(test_deflate_is_agreed_on),
        FED_BOTH_WAYS(test_a_bad_handshake_is_refused),
        FED_BOTH_WAYS(test_a_websocket_path_asks_for_an_upgrade),
        FED_BOTH_WAYS(test_another_upgrade_is_not_taken),
        FED_BOTH_WAYS(test_a_websocket_of_a_strange_origin_is_closed_with_1008),
        FED_BOTH_WAYS(test_a_websocket_of_a_strange_host_is_not_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
