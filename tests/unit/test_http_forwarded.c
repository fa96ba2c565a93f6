/* Whom a request comes from, behind proxies and before attackers. */
#include "http_driver.h"

#include "wire/secret.h"

#define HANDSHAKE                                                                                  \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static const char *const trusted_texts[] = {"192.0.2.7", "10.0.0.0/8", "2001:db8:1::/48"};
static struct cidr trusted[3];

static int read_trusted(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cidr_parse(slice_of_string(trusted_texts[i]), &trusted[i]), 0);
    }
    return 0;
}

static void open_behind_proxy(struct driver *driver, bool bytewise) {
    open_front(driver, &http_protocol, bytewise);
    driver->settings.trusted_proxies = trusted;
    driver->settings.trusted_proxy_count = 3;
}

/* Whom a request with these headers comes from. */
static void expect_caller(struct driver *driver, const char *headers, const char *caller) {
    struct identity expected;
    write_head(driver, "GET /r/ops", "localhost", headers);
    assert_int_equal(driver_next(driver), FEED_REQUEST);
    assert_slice_equal(driver->feed.request.address, caller);
    secret_digest_pair(slice_of_string(caller), SLICE_NONE, expected.bytes);
    assert_memory_equal(driver->feed.request.session_identity.bytes, expected.bytes,
                        sizeof(expected.bytes));
    driver_reply(driver, &(struct reply){.kind = REPLY_ERROR, .error = ERR_NOT_FOUND});
    take_response(driver, 404, false);
}

static void test_the_last_address_that_is_not_trusted_counts(void **state) {
    static const char *const cases[][2] = {
        {"X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"},
        {"X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n", "203.0.113.9"},
        {"X-Forwarded-For: 203.0.113.9, 10.1.2.3\r\n", "203.0.113.9"},
        {"X-Forwarded-For: 198.51.100.1,203.0.113.9,10.1.2.3,2001:db8:1::5\r\n", "203.0.113.9"},
        {"x-forwarded-for:\t203.0.113.9 ,, \r\n", "203.0.113.9"},
        {"X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9"},
        {"X-Forwarded-For: [2001:db8::9]:4711\r\n", "2001:db8::9"},
        {"X-Forwarded-For: [2001:db8::9]\r\n", "2001:db8::9"},
        {"X-Forwarded-For: 2001:DB8:0:0::9\r\n", "2001:db8::9"},
        {"X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9"},
        {"X-Forwarded-For: 10.1.2.3, 10.9.9.9\r\n", "10.1.2.3"}, /* all are ours: the first */
        {"", "192.0.2.7"},
        {"X-Forwarded-For: \r\n", "192.0.2.7"},
    };
    struct driver driver;
    open_behind_proxy(&driver, *(bool *)*state);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_caller(&driver, cases[i][0], cases[i][1]);
    }
    driver_free(&driver);
}

/* Each header is what another proxy has added, or what the client sent before them. */
static void test_several_headers_are_one_list(void **state) {
    struct driver driver;
    open_behind_proxy(&driver, *(bool *)*state);
    expect_caller(
        &driver, "X-Forwarded-For: 198.51.100.1\r\nAccept: */*\r\nX-Forwarded-For: 203.0.113.9\r\n",
        "203.0.113.9");
    expect_caller(&driver, "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.1.2.3\r\n",
                  "203.0.113.9");
    expect_caller(&driver, "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: \r\n", "203.0.113.9");
    driver_free(&driver);
}

static void test_beyond_what_is_no_address_nothing_is_believed(void **state) {
    static const char *const cases[][2] = {
        {"X-Forwarded-For: 203.0.113.9, unknown\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 203.0.113.9, <script>\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 203.0.113.9, unknown, 10.1.2.3\r\n", "10.1.2.3"},
        {"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: garbage\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 203.0.113.9, 10.1.2.3:http\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 203.0.113.9, [10.1.2.3\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 203.0.113.9, [::1]x\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 203.0.113.9, 010.1.2.3\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 203.0.113.9, 10.1.2\r\n", "192.0.2.7"},
        {"X-Forwarded-For: fe80::1%eth0\r\n", "192.0.2.7"},
        {"X-Forwarded-For: \"203.0.113.9\"\r\n", "192.0.2.7"},
    };
    struct driver driver;
    open_behind_proxy(&driver, *(bool *)*state);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_caller(&driver, cases[i][0], cases[i][1]);
    }
    driver_free(&driver);
}

static void test_other_headers_say_nothing(void **state) {
    struct driver driver;
    open_behind_proxy(&driver, *(bool *)*state);
    expect_caller(&driver,
                  "Forwarded: for=203.0.113.9;proto=https\r\nX-Real-IP: 203.0.113.9\r\n"
                  "X-Forwarded-For-: 203.0.113.9\r\nX_Forwarded_For: 203.0.113.9\r\n"
                  "X-Forwarded-Host: evil.example\r\n",
                  "192.0.2.7");
    driver_free(&driver);
}

static void test_only_trusted_proxies_are_believed(void **state) {
    static const char headers[] = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n";
    struct driver driver;
    open_behind_proxy(&driver, *(bool *)*state);
    driver.address = SLICE("192.0.2.8");
    expect_caller(&driver, headers, "192.0.2.8");
    driver.address = SLICE("unix");
    expect_caller(&driver, headers, "unix");
    driver.address = SLICE("10.200.0.1");
    expect_caller(&driver, headers, "127.0.0.1");
    driver.settings.trusted_proxy_count = 0;
    expect_caller(&driver, headers, "10.200.0.1");
    driver_free(&driver);
}

/* A proxy uses one connection for many. */
static void test_each_request_has_a_caller_of_its_own(void **state) {
    struct driver driver;
    open_behind_proxy(&driver, *(bool *)*state);
    expect_caller(&driver, "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9");
    expect_caller(&driver, "X-Forwarded-For: 203.0.113.10\r\n", "203.0.113.10");
    expect_caller(&driver, "", "192.0.2.7");
    driver_free(&driver);
}

static void test_what_it_switches_to_has_the_callers_address(void **state) {
    struct driver driver;
    open_behind_proxy(&driver, *(bool *)*state);
    write_head(&driver, "GET /ws", "localhost", HANDSHAKE "X-Forwarded-For: 203.0.113.9\r\n");
    assert_int_equal(driver_next(&driver), FEED_SWITCH);
    assert_slice_equal(driver.feed.handover.address, "203.0.113.9");
    driver_free(&driver);
}

static void test_the_scheme_of_the_own_origin_is_what_the_proxy_says(void **state) {
    static const struct {
        const char *headers, *origin;
        bool secure;
        unsigned status;
    } cases[] = {
        {"X-Forwarded-Proto: https\r\n", "https://localhost", false, 200},
        {"X-Forwarded-Proto: https\r\n", "http://localhost", false, 403},
        {"X-Forwarded-Proto: HTTP\r\n", "http://localhost", false, 200},
        {"X-Forwarded-Proto: http\r\n", "https://localhost", false, 403},
        {"X-Forwarded-Proto: https, http\r\n", "http://localhost", false, 200},
        {"X-Forwarded-Proto: http\r\nX-Forwarded-Proto: https\r\n", "http://localhost", false, 403},
        {"X-Forwarded-Proto: gopher\r\n", "http://localhost", false, 200},
        {"X-Forwarded-Proto: http\r\n", "http://localhost", true, 200},
        {"", "http://localhost", true, 403},
        {"", "https://localhost", true, 200},
        {"", "https://localhost", false, 200}, /* a proxy may stand between and not say so */
        {"", "ftp://localhost", false, 403},
        {"X-Forwarded-Proto: https\r\n", "https://evil.example", false, 403},
    };
    struct driver driver;
    open_behind_proxy(&driver, *(bool *)*state);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char headers[256];
        driver.secure = cases[i].secure;
        snprintf(headers, sizeof(headers), "%sOrigin: %s\r\n", cases[i].headers, cases[i].origin);
        answer_to(&driver, "GET /healthz", "localhost", headers, cases[i].status);
    }
    driver.address = SLICE("192.0.2.8"); /* whom nobody trusts */
    driver.secure = true;
    answer_to(&driver, "GET /healthz", "localhost",
              "X-Forwarded-Proto: http\r\nOrigin: http://localhost\r\n", 403);
    driver_free(&driver);
}

static void test_two_origins_are_none(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    answer_to(&driver, "GET /healthz", "localhost",
              "Origin: http://localhost\r\nOrigin: http://evil.example\r\n", 400);
    answer_to(&driver, "GET /ws", "localhost",
              HANDSHAKE "Origin: http://localhost\r\norigin: http://localhost\r\n", 400);
    driver_free(&driver);
}

static void test_http_1_0_has_no_upgrade(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    write_input(&driver, "GET /ws HTTP/1.0\r\nHost: localhost\r\n" HANDSHAKE "\r\n");
    assert_int_equal(driver_next(&driver), FEED_AGAIN);
    take_response(&driver, 400, false);
    driver_free(&driver);
}

static void count_scrape(void *context, struct buffer *output) {
    ++*(int *)context;
    buffer_append_string(output, "up 1\n");
}

static void expect_metrics(struct driver *driver, const char *address, const char *headers,
                           unsigned status) {
    driver->address = slice_of_string(address);
    answer_to(driver, "GET /metrics", "localhost", headers, status);
}

static void test_metrics_are_for_this_machine_alone(void **state) {
    struct driver driver;
    int scrapes = 0;
    open_behind_proxy(&driver, *(bool *)*state);
    expect_metrics(&driver, "127.0.0.1", "", 404); /* there are none */
    driver.settings.metrics = count_scrape;
    driver.settings.metrics_context = &scrapes;
    expect_metrics(&driver, "127.0.0.1", "", 200);
    expect_metrics(&driver, "127.9.9.9", "", 200);
    expect_metrics(&driver, "::1", "", 200);
    expect_metrics(&driver, "unix", "", 200);
    expect_metrics(&driver, "128.0.0.1", "", 404);
    expect_metrics(&driver, "192.0.2.7", "", 404);
    expect_metrics(&driver, "192.0.2.7", "X-Forwarded-For: 127.0.0.1\r\n", 404);
    expect_metrics(&driver, "::2", "", 404);
    expect_metrics(&driver, "127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n", 404);
    expect_metrics(&driver, "127.0.0.1", "Forwarded: for=203.0.113.9\r\n", 404);
    expect_metrics(&driver, "127.0.0.1", "Via: 1.1 proxy\r\n", 404);
    assert_int_equal(scrapes, 4);
    driver.settings.metrics_for_all = true;
    expect_metrics(&driver, "203.0.113.9", "X-Forwarded-For: 127.0.0.1\r\n", 200);
    driver.address = SLICE("::1");
    answer_to(&driver, "POST /metrics", "localhost", "", 405);
    answer_to(&driver, "HEAD /metrics", "localhost", "", 200);
    driver_free(&driver);
}

static void test_nothing_comes_before_the_first_entry(void **state) {
    struct driver driver;
    open_front(&driver, &http_protocol, *(bool *)*state);
    answer_to(&driver, "GET /r/ops?before=0", "localhost", "", 400);
    write_head(&driver, "GET /r/ops?before=1", "localhost", "");
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_int_equal(driver.feed.request.before, 1);
    driver_free(&driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FED_BOTH_WAYS(test_the_last_address_that_is_not_trusted_counts),
        FED_BOTH_WAYS(test_several_headers_are_one_list),
        FED_BOTH_WAYS(test_beyond_what_is_no_address_nothing_is_believed),
        FED_BOTH_WAYS(test_other_headers_say_nothing),
        FED_BOTH_WAYS(test_only_trusted_proxies_are_believed),
        FED_BOTH_WAYS(test_each_request_has_a_caller_of_its_own),
        FED_BOTH_WAYS(test_what_it_switches_to_has_the_callers_address),
        FED_BOTH_WAYS(test_the_scheme_of_the_own_origin_is_what_the_proxy_says),
        FED_BOTH_WAYS(test_two_origins_are_none),
        FED_BOTH_WAYS(test_http_1_0_has_no_upgrade),
        FED_BOTH_WAYS(test_metrics_are_for_this_machine_alone),
        FED_BOTH_WAYS(test_nothing_comes_before_the_first_entry),
    };
    return cmocka_run_group_tests(tests, read_trusted, NULL);
}
