/* The protocol of server-sent events, from the handover by HTTP on. */
#include "protocol_driver.h"

static const struct resume_point points[] = {
    {.room = SLICE("Ops"), .epoch = SLICE("k3f"), .after = 7},
    {.room = SLICE("dev"), .fresh = true},
};

static void ask_as(struct driver *driver, uint64_t number, size_t count, bool from_browser) {
    struct handover handover = {.format = count == 1 ? FORMAT_SSE : FORMAT_SSE_MANY,
                                .points = points,
                                .point_count = count,
                                .from_browser = from_browser,
                                .number = number};
    driver_init(driver, &sse_protocol, &handover, false);
    assert_int_equal(driver_next(driver), FEED_REQUEST);
}

static void ask(struct driver *driver, size_t count, bool from_browser) {
    ask_as(driver, 1, count, from_browser);
}

static void welcome(struct driver *driver) {
    const struct reply_item items[] = {
        {.name = SLICE("ops"), .epoch = SLICE("k3f"), .last = 9},
        {.name = SLICE("dev"), .epoch = SLICE("k3f"), .last = 4},
    };
    struct reply reply = {
        .kind = REPLY_WELCOME, .session = SLICE("secret"), .items = items, .item_count = 2};
    driver_reply(driver, &reply);
}

/* Everything behind the head of the answer; the rest is gone. */
static struct slice body(struct driver *driver) {
    const char *text, *end;
    buffer_append_char(&driver->output, '\0');
    text = buffer_slice(&driver->output).data;
    end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    return slice_of_string(end + 4);
}

static bool starts(struct driver *driver, const char *expected) {
    return slice_starts_with(buffer_slice(&driver->output), slice_of_string(expected));
}

static void test_it_asks_once_for_all_rooms_or_none(void **state) {
    (void)state;
    struct driver driver;
    ask(&driver, 2, false);
    const struct request *request = &driver.feed.request;
    assert_int_equal(request->kind, REQUEST_HELLO);
    assert_true(request->whole);
    assert_int_equal(request->resume_count, 2);
    assert_true(slice_equal(request->resume[0].room, SLICE("Ops")));
    assert_int_equal(request->resume[0].after, 7);
    assert_true(request->resume[1].fresh);
    assert_int_equal(buffer_length(&driver.output), 0);
    buffer_append_string(&driver.input, "GET / HTTP/1.1\r\n\r\n"); /* nobody listens any more */
    assert_int_equal(driver_next(&driver), FEED_MORE);
    assert_int_equal(buffer_length(&driver.input), 0);
    driver_free(&driver);
}

static void test_places_are_those_of_the_rooms_as_they_are_called(void **state) {
    (void)state;
    struct driver driver;
    ask(&driver, 2, false);
    welcome(&driver);
    struct slice text = body(&driver);
    slice_cut(&text, '\n');
    assert_true(slice_equal(text, SLICE("id: ops=k3f:7,dev=k3f:4\n\n")));
    buffer_clear(&driver.output);
    sse_protocol.stands(driver.state, SLICE("dev"), 5);
    sse_protocol.tell_places(driver.state, &driver.output);
    assert_true(slice_equal(buffer_slice(&driver.output), SLICE("id: ops=k3f:7,dev=k3f:5\n\n")));
    driver_free(&driver);
}

static void test_times_to_come_back_are_spread_and_in_bounds(void **state) {
    (void)state;
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (unsigned i = 0; i < 200; i++) {
        struct driver driver;
        uint64_t retry_ms = 0;
        ask_as(&driver, i, 2, false);
        welcome(&driver);
        struct slice text = body(&driver), line = slice_cut(&text, '\n');
        assert_true(slice_starts_with(line, SLICE("retry: ")));
        assert_true(slice_to_u64(slice_skip(line, 7), &retry_ms));
        lowest = retry_ms < lowest ? retry_ms : lowest;
        highest = retry_ms > highest ? retry_ms : highest;
        driver_free(&driver);
    }
    assert_in_range(lowest, 500, 1500);
    assert_in_range(highest, 7000, 8000);
}

static void test_what_is_refused_is_refused_before_the_stream(void **state) {
    (void)state;
    const struct {
        int error;
        const char *first;
    } cases[] = {{ERR_NOT_FOUND, "HTTP/1.1 404 "},
                 {ERR_FORBIDDEN, "HTTP/1.1 403 "},
                 {ERR_UNAUTHORIZED, "HTTP/1.1 401 "},
                 {ERR_UNAVAILABLE, "HTTP/1.1 503 "}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        struct reply reply = {.kind = REPLY_ERROR, .error = cases[i].error};
        ask(&driver, 1, false);
        driver_reply(&driver, &reply);
        assert_true(starts(&driver, cases[i].first));
        assert_int_equal(sse_protocol.close_wanted(driver.state), 1000);
        driver_free(&driver);
    }
}

/* EventSource does not come back after any other status. */
static void test_a_browser_is_asked_to_come_back_by_a_stream(void **state) {
    (void)state;
    struct driver driver;
    struct reply reply = {.kind = REPLY_ERROR, .error = ERR_UNAVAILABLE};
    ask(&driver, 1, true);
    driver_reply(&driver, &reply);
    assert_true(starts(&driver, "HTTP/1.1 200 "));
    assert_true(slice_equal(body(&driver), SLICE("retry: 1000\n\n")));
    assert_int_equal(sse_protocol.close_wanted(driver.state), 1000);
    driver_free(&driver);
    reply.error = ERR_NOT_FOUND; /* that will not change */
    ask(&driver, 1, true);
    driver_reply(&driver, &reply);
    assert_true(starts(&driver, "HTTP/1.1 404 "));
    driver_free(&driver);
}

static void test_goodbye_says_why_there_is_no_stream(void **state) {
    (void)state;
    struct driver driver;
    ask(&driver, 1, false);
    sse_protocol.goodbye(driver.state, &driver.settings, 1008, &driver.output);
    assert_true(starts(&driver, "HTTP/1.1 401 "));
    driver_free(&driver);
    ask(&driver, 1, false);
    sse_protocol.goodbye(driver.state, &driver.settings, 1001, &driver.output);
    assert_true(starts(&driver, "HTTP/1.1 503 "));
    driver_free(&driver);
    ask(&driver, 2, false);
    welcome(&driver);
    buffer_clear(&driver.output);
    sse_protocol.goodbye(driver.state, &driver.settings, 1001, &driver.output);
    assert_int_equal(buffer_length(&driver.output), 0); /* a stream just ends */
    driver_free(&driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_asks_once_for_all_rooms_or_none),
        cmocka_unit_test(test_places_are_those_of_the_rooms_as_they_are_called),
        cmocka_unit_test(test_times_to_come_back_are_spread_and_in_bounds),
        cmocka_unit_test(test_what_is_refused_is_refused_before_the_stream),
        cmocka_unit_test(test_a_browser_is_asked_to_come_back_by_a_stream),
        cmocka_unit_test(test_goodbye_says_why_there_is_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
