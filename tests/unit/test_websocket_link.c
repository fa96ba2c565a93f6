/* How a WebSocket connection lives and ends, with JSON on it. */
#include "protocol_driver.h"

static const struct handover plain = {.format = FORMAT_JSON_PLAIN};

static void test_an_idle_connection_costs_little(void **state) {
    (void)state;
    assert_true(json_protocol.state_size <= 130);
    assert_true(text_protocol.state_size <= 130);
}

static void test_a_binary_frame_closes(void **state) {
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
    driver_frame(&driver, 0x82, SLICE("{}"));
    driver_text(&driver, "{\"content\":\"too late\"}");
    expect_quit(&driver, 1003, true);
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_int_equal(buffer_length(&driver.input), 0);
    json_protocol.goodbye(driver.state, &driver.settings, 1003, &driver.output);
    expect_close(&driver, 1003, "");
    driver_free(&driver);
}

static void test_broken_frames_close(void **state) {
    const struct {
        unsigned first;
        struct slice payload;
        unsigned code;
    } cases[] = {
        {0x81, SLICE("{\"content\":\"\xff\"}"), 1007},
        {0x83, SLICE("?"), 1002},
        {0xc1, SLICE("{}"), 1002}, /* compressed, though that was not agreed on */
        {0x80, SLICE("{}"), 1002}, /* continues nothing */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
        driver_frame(&driver, cases[i].first, cases[i].payload);
        expect_quit(&driver, cases[i].code, true);
        driver_free(&driver);
    }
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
    buffer_append(&driver.input, "\x81\x02{}", 4); /* not masked */
    expect_quit(&driver, 1002, true);
    driver_free(&driver);
}

static void test_only_a_message_over_its_limit_closes(void **state) {
    (void)state;
    const size_t limit = 6 * MAX_MESSAGE + 4096;
    for (size_t over = 0; over < 2; over++) {
        struct driver driver;
        struct buffer text = {0};
        buffer_append_string(&text, "{\"content\":\"");
        while (buffer_length(&text) < limit + over - 2) {
            buffer_append_char(&text, 'x');
        }
        buffer_append_string(&text, "\"}");
        driver_init(&driver, &json_protocol, &plain, false);
        driver_frame(&driver, 0x81, buffer_slice(&text));
        if (over) {
            expect_quit(&driver, 1009, true);
        } else {
            assert_int_equal(driver_next(&driver), FEED_REQUEST);
            assert_int_equal(driver.feed.request.kind, REQUEST_PUBLISH);
        }
        buffer_close(&text);
        driver_free(&driver);
    }
}

static void test_a_close_is_answered_once_and_ends_everything(void **state) {
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
    driver_text(&driver, "{\"content\":\"last words\"}");
    driver_frame(&driver, 0x88,
                 SLICE("\x03\xe8"
                       "bye"));
    driver_text(&driver, "{\"content\":\"after the end\"}");
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_slice_equal(driver.feed.request.content, "last words");
    expect_quit(&driver, 1000, false);
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_int_equal(buffer_length(&driver.input), 0);
    assert_int_equal(json_protocol.end_of_file(driver.state, &driver.settings, &driver.feed),
                     FEED_MORE);
    expect_nothing(&driver);
    json_protocol.goodbye(driver.state, &driver.settings, 1000, &driver.output);
    expect_close(&driver, 1000, "");
    json_protocol.goodbye(driver.state, &driver.settings, 1001, &driver.output);
    json_protocol.ping(driver.state, &driver.output);
    expect_nothing(&driver);
    driver_free(&driver);
}

static void test_who_goes_without_a_clean_close_is_lost(void **state) {
    const struct {
        struct slice payload;
        unsigned code;
    } cases[] = {{SLICE("\x03\xe9"), 1001}, {SLICE(""), 1005}};
    struct driver driver;
    for (size_t i = 0; i < 2; i++) {
        driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
        driver_frame(&driver, 0x88, cases[i].payload);
        expect_quit(&driver, cases[i].code, true);
        json_protocol.goodbye(driver.state, &driver.settings, (uint16_t)cases[i].code,
                              &driver.output);
        struct slice answer = take_frame(&driver.output, 0x88);
        assert_true(slice_equal(answer, cases[i].payload));
        driver_free(&driver);
    }
    driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
    driver_text(&driver, "{\"content\":\"cut of");
    buffer_truncate(&driver.input, buffer_length(&driver.input) - 1);
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_int_equal(json_protocol.end_of_file(driver.state, &driver.settings, &driver.feed),
                     FEED_REQUEST);
    assert_int_equal(driver.feed.request.kind, REQUEST_QUIT);
    assert_true(driver.feed.request.lost);
    json_protocol.goodbye(driver.state, &driver.settings, driver.feed.request.close_code,
                          &driver.output);
    expect_nothing(&driver);
    driver_free(&driver);
}

static void test_a_goodbye_says_why(void **state) {
    (void)state;
    const struct {
        uint16_t code;
        const char *reason;
    } cases[] = {
        {1000, ""},         {1001, "shutting down"}, {1013, "try later"},
        {4000, "too slow"}, {4502, "replaced"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        driver_init(&driver, &json_protocol, &plain, false);
        json_protocol.goodbye(driver.state, &driver.settings, cases[i].code, &driver.output);
        expect_close(&driver, cases[i].code, cases[i].reason);
        driver_free(&driver);
    }
}

static void test_who_is_refused_is_told_and_not_heard(void **state) {
    struct handover refused = {.format = FORMAT_JSON_PLAIN, .refuse = 1008, .wrong_origin = true};
    struct driver driver;
    driver_init(&driver, &json_protocol, &refused, *(bool *)*state);
    assert_int_equal(json_protocol.close_wanted(driver.state), 1008);
    driver_text(&driver, "{\"content\":\"x\"}");
    assert_int_equal(driver_next(&driver), FEED_MORE);
    expect_nothing(&driver);
    json_protocol.goodbye(driver.state, &driver.settings, 1008, &driver.output);
    expect_close(&driver, 1008, "Invalid origin");
    driver_free(&driver);
}

static void test_a_ping_waits_for_its_pong(void **state) {
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
    assert_true(json_protocol.answered(driver.state));
    json_protocol.ping(driver.state, &driver.output);
    assert_slice_equal(take_frame(&driver.output, 0x89), "");
    assert_false(json_protocol.answered(driver.state));
    driver_frame(&driver, 0x8a, SLICE_NONE);
    assert_int_equal(driver_next_request(&driver), FEED_MORE);
    assert_true(json_protocol.answered(driver.state));
    driver_free(&driver);
}

static void test_deflate_is_used_both_ways(void **state) {
    struct handover deflate = {.format = FORMAT_JSON_V1, .window_bits = 9, .inflate = 1};
    struct driver driver;
    driver_init(&driver, &json_protocol, &deflate, *(bool *)*state);
    assert_int_equal(json_protocol.encoding(driver.state).window_bits, 9);

    struct buffer compressed = {0};
    deflater_compress(driver.settings.deflater, 15, SLICE("{\"content\":\"squeezed\"}"),
                      &compressed);
    driver_frame(&driver, 0xc1, buffer_slice(&compressed));
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_slice_equal(driver.feed.request.content, "squeezed");

    struct entry *entry =
        make_entry(7, (struct entry_body){.sender = SLICE("ann"), .content = SLICE("it")});
    assert_true(render_entry_in(&driver, json_protocol.encoding(driver.state), "a", entry));
    struct buffer expanded = {0};
    assert_int_equal(inflater_expand(driver.settings.inflater, take_frame(&driver.output, 0xc1),
                                     1000, &expanded),
                     0);
    assert_slice_equal(buffer_slice(&expanded),
                       "{\"type\":\"message\",\"content\":\"it\",\"sender\":\"ann\",\"timestamp\":"
                       "\"" SOME_TIMESTAMP "\",\"room\":\"a\",\"seq\":7,\"id\":\"" SOME_ID "\"}");
    entry_unref(entry);
    buffer_close(&compressed);
    buffer_close(&expanded);
    driver_free(&driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_idle_connection_costs_little),
        FED_BOTH_WAYS(test_a_binary_frame_closes),
        FED_BOTH_WAYS(test_broken_frames_close),
        cmocka_unit_test(test_only_a_message_over_its_limit_closes),
        FED_BOTH_WAYS(test_a_close_is_answered_once_and_ends_everything),
        FED_BOTH_WAYS(test_who_goes_without_a_clean_close_is_lost),
        cmocka_unit_test(test_a_goodbye_says_why),
        FED_BOTH_WAYS(test_who_is_refused_is_told_and_not_heard),
        FED_BOTH_WAYS(test_a_ping_waits_for_its_pong),
        FED_BOTH_WAYS(test_deflate_is_used_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
