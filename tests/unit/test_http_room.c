/* Rooms over HTTP. */
#include "http_driver.h"
#include "wire/secret.h"

static void test_a_body_of_any_type_is_text(void **state) {
    const char *const types[] = {"", "Content-Type: application/x-www-form-urlencoded\r\n",
                                 "Content-Type: text/plain; charset=utf-8\r\n"};
    uint8_t digest[IDENTITY_SIZE];
    secret_digest_pair(SLICE("192.0.2.7"), SLICE_NONE, digest);
    for (size_t i = 0; i < 3; i++) {
        struct driver driver;
        const struct request *request =
            publish(&driver, *(bool *)*state, types[i], "disk full: 99% & {\"content\":1}");
        assert_slice_equal(request->content, "disk full: 99% & {\"content\":1}");
        assert_int_equal(request->cid.length, 0);
        assert_int_equal(request->meta.length, 0);
        assert_memory_equal(request->session_identity.bytes, digest, sizeof(digest));
        driver_free(&driver);
    }
}

static void test_headers_say_what_stands_beside_the_text(void **state) {
    struct driver driver;
    const struct request *request =
        publish(&driver, *(bool *)*state,
                "Title: Disk \"a\"\r\nX-Priority: high\r\nTags: warning, skull ,\r\n"
                "Click: https://example.org/\r\nSender: cron\r\nIdempotency-Key: k-1\r\n",
                "full");
    uint8_t digest[IDENTITY_SIZE];
    secret_digest_pair(SLICE("192.0.2.7"), SLICE("cron"), digest);
    assert_slice_equal(
        request->meta,
        "\"title\":\"Disk \\\"a\\\"\",\"priority\":4,\"tags\":[\"warning\",\"skull\"],"
        "\"click\":\"https://example.org/\"");
    assert_slice_equal(request->sender, "cron");
    assert_slice_equal(request->cid, "k-1");
    assert_memory_equal(request->session_identity.bytes, digest, sizeof(digest));
    driver_free(&driver);
}

static void test_a_json_body_says_the_same(void **state) {
    struct driver driver;
    const struct request *request = publish(
        &driver, *(bool *)*state,
        "Content-Type: Application/JSON; charset=utf-8\r\nTitle: header\r\nSender: header\r\n",
        "{\"content\":\"full\",\"sender\":\"cron\",\"title\":\"Disk\",\"priority\":5,"
        "\"tags\":[\"a\",\"b\"],\"click\":\"x:y\"}");
    assert_slice_equal(request->content, "full");
    assert_slice_equal(request->sender, "cron");
    assert_slice_equal(request->meta, "\"title\":\"Disk\",\"priority\":5,\"tags\":[\"a\",\"b\"],"
                                      "\"click\":\"x:y\"");
    driver_free(&driver);
}

static void test_a_publication_that_makes_no_sense_is_refused(void **state) {
    static const char json[] = "Content-Type: application/json\r\n";
    static char long_title[2200];
    const struct {
        const char *headers, *body;
        unsigned status;
    } cases[] = {
        {"", "\xff", 400},
        {json, "not json", 400},
        {json, "{\"content\":5}", 400},
        {json, "{\"tags\":[5]}", 400},
        {json, "{\"title\":{}}", 400},
        {"Priority: 6\r\n", "x", 400},
        {"Priority: soon\r\n", "x", 400},
        {"Title: \xff\r\n", "x", 400},
        {"Idempotency-Key: 01234567890123456789012345678901234567890123456789012345678901234\r\n",
         "x", 400},
        {long_title, "x", 413},
    };
    memset(long_title, 'x', sizeof(long_title));
    memcpy(long_title, "Title: ", 7);
    memcpy(long_title + sizeof(long_title) - 3, "\r\n", 3);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        buffer_append_format(
            &driver.input,
            "POST /r/ops HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
            cases[i].headers, strlen(cases[i].body), cases[i].body);
        assert_int_equal(driver_next(&driver), FEED_AGAIN);
        struct response response = take_response(&driver, cases[i].status, false);
        assert_true(slice_starts_with(response.body, SLICE("{\"error\":\"")));
        driver_free(&driver);
    }
}

static void test_a_publication_is_answered_when_it_is_stored(void **state) {
    struct driver driver;
    publish(&driver, *(bool *)*state, "", "x");
    write_head(&driver, "GET /healthz", "localhost", "");
    assert_int_equal(driver_next(&driver), FEED_WAIT);
    expect_nothing(&driver);
    driver_reply(&driver,
                 &(struct reply){.kind = REPLY_ACK,
                                 .room = SLICE("ops"),
                                 .outcome = {.seq = 42, .timestamp_us = SOME_TIME, .id = SOME_ID}});
    struct response response = take_response(&driver, 200, false);
    assert_true(contains(response.head, "\r\nContent-Type: application/json\r\n"));
    assert_slice_equal(response.body, "{\"room\":\"ops\",\"seq\":42,\"id\":\"" SOME_ID
                                      "\",\"timestamp\":\"" SOME_TIMESTAMP "\"}\n");
    assert_int_equal(driver_next(&driver), FEED_AGAIN); /* the one that came meanwhile */
    assert_slice_equal(take_response(&driver, 200, false).body, "ok\n");
    driver_free(&driver);
}

static void test_errors_of_the_hub_have_their_status(void **state) {
    const struct {
        int error;
        unsigned status;
        const char *code;
    } cases[] = {
        {ERR_BAD_REQUEST, 400, "bad_request"}, {ERR_UNAUTHORIZED, 401, "unauthorized"},
        {ERR_FORBIDDEN, 403, "forbidden"},     {ERR_NOT_FOUND, 404, "not_found"},
        {ERR_NAME_TAKEN, 409, "name_taken"},   {ERR_TOO_LARGE, 413, "too_large"},
        {ERR_CID_REUSED, 422, "cid_reused"},   {ERR_RATE_LIMITED, 429, "rate_limited"},
        {ERR_UNAVAILABLE, 503, "unavailable"}, {ERR_INTERNAL, 500, "internal"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        char expected[64];
        publish(&driver, *(bool *)*state, "", "x");
        driver_reply(&driver, &(struct reply){.kind = REPLY_ERROR,
                                              .error = cases[i].error,
                                              .text = SLICE("why"),
                                              .retry_ms = 1001});
        struct response response = take_response(&driver, cases[i].status, false);
        snprintf(expected, sizeof(expected), "{\"error\":\"%s\",\"message\":\"why\"}\n",
                 cases[i].code);
        assert_slice_equal(response.body, expected);
        assert_int_equal(contains(response.head, "\r\nRetry-After: 2\r\n"),
                         cases[i].status == 429 || cases[i].status == 503);
        driver_free(&driver);
    }
}

static const struct request *list(struct driver *driver, bool bytewise, const char *line,
                                  const char *headers) {
    open_front(driver, &http_protocol, bytewise);
    write_head(driver, line, "localhost", headers);
    assert_int_equal(driver_next(driver), FEED_REQUEST);
    assert_int_equal(driver->feed.request.kind, REQUEST_HISTORY);
    assert_slice_equal(driver->feed.request.room, "ops");
    return &driver->feed.request;
}

static void test_a_room_is_read_within_bounds(void **state) {
    struct driver driver;
    const struct request *request = list(&driver, *(bool *)*state, "GET /r/ops", "");
    assert_false(request->has_after);
    assert_int_equal(request->before, 0);
    assert_int_equal(request->limit, 0);
    driver_free(&driver);
    request = list(&driver, *(bool *)*state, "GET /r/%6fps?after=0&before=90&limit=5000", "");
    assert_true(request->has_after);
    assert_int_equal(request->after, 0);
    assert_int_equal(request->before, 90);
    assert_int_equal(request->limit, 100);
    driver_free(&driver);
    open_front(&driver, &http_protocol, *(bool *)*state);
    answer_to(&driver, "GET /r/ops?after=-1", "localhost", "", 400);
    answer_to(&driver, "GET /r/ops?limit=ten", "localhost", "", 400);
    answer_to(&driver, "GET /r/", "localhost", "", 404);
    driver_free(&driver);
}

#define FIRST_ITEM                                                                                 \
    "{\"type\":\"message\",\"content\":\"one\\ntwo\",\"sender\":\"ann\",\"timestamp\":"            \
    "\"" SOME_TIMESTAMP "\",\"room\":\"ops\",\"seq\":7,\"id\":\"" SOME_ID "\"}"
#define SECOND_ITEM                                                                                \
    "{\"type\":\"delete\",\"of\":3,\"sender\":\"ann\",\"timestamp\":\"" SOME_TIMESTAMP             \
    "\",\"room\":\"ops\",\"seq\":8,\"id\":\"" SOME_ID "\"}"

static struct response answer_with_entries(struct driver *driver, bool more) {
    struct entry *entries[] = {
        make_entry(7, (struct entry_body){.sender = SLICE("ann"), .content = SLICE("one\ntwo")}),
        make_entry(8, (struct entry_body){.kind = ENTRY_DELETE, .sender = SLICE("ann"), .of = 3}),
    };
    driver_reply(driver, &(struct reply){.kind = REPLY_BATCH,
                                         .room = SLICE("ops"),
                                         .epoch = SLICE("k3f"),
                                         .first = 2,
                                         .last = 9,
                                         .entries = entries,
                                         .entry_count = 2,
                                         .more = more});
    entry_unref(entries[0]);
    entry_unref(entries[1]);
    return take_response(driver, 200, false);
}

static void test_entries_are_listed_as_json(void **state) {
    for (int more = 0; more < 2; more++) {
        struct driver driver;
        list(&driver, *(bool *)*state, "GET /r/ops", "Accept: text/html, */*;q=0.8\r\n");
        struct response response = answer_with_entries(&driver, more);
        char expected[1024];
        snprintf(expected, sizeof(expected),
                 "{\"room\":\"ops\",\"epoch\":\"k3f\",\"first\":2,\"last\":9,\"items\":[%s,%s],"
                 "\"more\":%s}\n",
                 FIRST_ITEM, SECOND_ITEM, more ? "true" : "false");
        assert_slice_equal(response.body, expected);
        driver_free(&driver);
    }
}

static void test_entries_are_listed_as_lines(void **state) {
    struct driver driver;
    list(&driver, *(bool *)*state, "GET /r/ops", "Accept: application/x-ndjson\r\n");
    struct response response = answer_with_entries(&driver, false);
    assert_slice_equal(response.body, FIRST_ITEM "\n" SECOND_ITEM "\n");
    assert_true(contains(response.head, "\r\nContent-Type: application/x-ndjson\r\n"));
    driver_free(&driver);

    list(&driver, *(bool *)*state, "GET /r/ops", "Accept: text/plain;q=0.9, application/json\r\n");
    response = answer_with_entries(&driver, false);
    assert_slice_equal(response.body, "ann: one\nann: two\n");
    assert_true(contains(response.head, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    driver_free(&driver);
}

static void test_lines_tell_in_headers_which_they_are_and_whether_there_are_more(void **state) {
    static const char *const types[] = {"text/plain", "application/x-ndjson"};
    static const char extent[] = "\r\nX-Banter-First-Seq: 7\r\nX-Banter-Last-Seq: 8\r\n";
    for (size_t i = 0; i < 4; i++) {
        struct driver driver;
        char accept[64];
        bool more = i % 2 == 1;
        snprintf(accept, sizeof(accept), "Accept: %s\r\n", types[i / 2]);
        list(&driver, *(bool *)*state, "GET /r/ops", accept);
        struct response response = answer_with_entries(&driver, more);
        assert_true(contains(response.head, extent));
        assert_int_equal(contains(response.head, "\r\nX-Banter-More: true\r\n"), more);
        driver_free(&driver);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FED_BOTH_WAYS(test_a_body_of_any_type_is_text),
        FED_BOTH_WAYS(test_headers_say_what_stands_beside_the_text),
        FED_BOTH_WAYS(test_a_json_body_says_the_same),
        FED_BOTH_WAYS(test_a_publication_that_makes_no_sense_is_refused),
        FED_BOTH_WAYS(test_a_publication_is_answered_when_it_is_stored),
        FED_BOTH_WAYS(test_errors_of_the_hub_have_their_status),
        FED_BOTH_WAYS(test_a_room_is_read_within_bounds),
        FED_BOTH_WAYS(test_entries_are_listed_as_json),
        FED_BOTH_WAYS(test_entries_are_listed_as_lines),
        FED_BOTH_WAYS(test_lines_tell_in_headers_which_they_are_and_whether_there_are_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
