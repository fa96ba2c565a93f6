/* What JSON clients ask for. */
#include "protocol_driver.h"
#include "wire/secret.h"

static const struct handover plain = {.format = FORMAT_JSON_PLAIN};
static const struct handover v1 = {.format = FORMAT_JSON_V1};

static const char invalid_frame[] =
    "{\"type\":\"error\",\"message\":\"Invalid message format\",\"code\":\"bad_request\"}";

/* The driver with one text frame waiting. */
static struct driver *with_text(struct driver *driver, bool bytewise, const char *text) {
    driver_init(driver, &json_protocol, &plain, bytewise);
    driver_text(driver, text);
    return driver;
}

/* The request in one text frame; it must be one. */
static const struct request *request_of(struct driver *driver, bool bytewise, const char *text) {
    assert_int_equal(driver_next(with_text(driver, bytewise, text)), FEED_REQUEST);
    return &driver->feed.request;
}

static void test_a_message_needs_no_type(void **state) {
    const char *texts[] = {
        "{\"content\":\"Hello everyone!\",\"sender\":\"Alice\"}",
        "{\"type\":\"message\",\"content\":\"Hello everyone!\",\"sender\":\"Alice\",\"else\":[1]}",
    };
    for (size_t i = 0; i < 2; i++) {
        struct driver driver;
        const struct request *request = request_of(&driver, *(bool *)*state, texts[i]);
        assert_int_equal(request->kind, REQUEST_PUBLISH);
        assert_int_equal(request->entry, ENTRY_MESSAGE);
        assert_slice_equal(request->content, "Hello everyone!");
        assert_slice_equal(request->sender, "Alice");
        assert_int_equal(request->room.length, 0);
        assert_int_equal(request->cid.length, 0);
        assert_int_equal(driver_next(&driver), FEED_MORE);
        expect_nothing(&driver);
        driver_free(&driver);
    }
}

static void test_content_and_sender_may_be_absent(void **state) {
    struct driver driver;
    const struct request *request = request_of(&driver, *(bool *)*state, "{}");
    assert_int_equal(request->kind, REQUEST_PUBLISH);
    assert_int_equal(request->content.length, 0);
    assert_int_equal(request->sender.length, 0);
    driver_free(&driver);
}

static void test_a_message_carries_all_its_members(void **state) {
    struct driver driver;
    const struct request *request =
        request_of(&driver, *(bool *)*state,
                   "{\"type\":\"message\",\"room\":\"general\",\"content\":\"ship \\u2764 it\","
                   "\"cid\":\"c17\",\"re\":4181,\"to\":null}");
    assert_slice_equal(request->room, "general");
    assert_slice_equal(request->content, "ship \xe2\x9d\xa4 it");
    assert_slice_equal(request->cid, "c17");
    assert_int_equal(request->re, 4181);
    assert_int_equal(request->to.length, 0);
    driver_free(&driver);
    request =
        request_of(&driver, *(bool *)*state,
                   "{\"type\":\"message\",\"to\":\"bob\",\"content\":\"psst\",\"cid\":\"c18\"}");
    assert_slice_equal(request->to, "bob");
    driver_free(&driver);
}

static void test_changes_to_entries_are_entries(void **state) {
    struct driver driver;
    const struct request *request =
        request_of(&driver, *(bool *)*state,
                   "{\"type\":\"edit\",\"room\":\"general\",\"of\":4183,\"content\":\"ship it!\"}");
    assert_int_equal(request->kind, REQUEST_PUBLISH);
    assert_int_equal(request->entry, ENTRY_EDIT);
    assert_int_equal(request->of, 4183);
    assert_slice_equal(request->content, "ship it!");
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state,
                         "{\"type\":\"delete\",\"room\":\"general\",\"of\":4183.0}");
    assert_int_equal(request->entry, ENTRY_DELETE);
    assert_int_equal(request->of, 4183);
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state,
                         "{\"type\":\"react\",\"room\":\"general\",\"of\":4181,\"key\":\"👍\","
                         "\"op\":\"remove\"}");
    assert_int_equal(request->entry, ENTRY_REACTION);
    assert_slice_equal(request->key, "👍");
    assert_true(request->removal);
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state,
                         "{\"type\":\"topic\",\"room\":\"general\",\"content\":\"Release day\"}");
    assert_int_equal(request->entry, ENTRY_TOPIC);
    assert_slice_equal(request->content, "Release day");
    driver_free(&driver);
}

static void test_requests_about_rooms(void **state) {
    struct driver driver;
    const struct request *request = request_of(
        &driver, *(bool *)*state,
        "{\"type\":\"join\",\"room\":\"general\",\"after\":4180,\"epoch\":\"k3f\",\"cid\":\"j1\"}");
    assert_int_equal(request->kind, REQUEST_JOIN);
    assert_slice_equal(request->room, "general");
    assert_slice_equal(request->epoch, "k3f");
    assert_true(request->has_after);
    assert_int_equal(request->after, 4180);
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state, "{\"type\":\"join\",\"room\":\"general\"}");
    assert_false(request->has_after);
    driver_free(&driver);

    request =
        request_of(&driver, *(bool *)*state,
                   "{\"type\":\"history\",\"room\":\"general\",\"before\":4100,\"limit\":50}");
    assert_int_equal(request->kind, REQUEST_HISTORY);
    assert_int_equal(request->before, 4100);
    assert_int_equal(request->limit, 50);
    assert_false(request->has_after);
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state,
                         "{\"type\":\"history\",\"after\":0,\"limit\":4000000000000}");
    assert_true(request->has_after);
    assert_int_equal(request->limit, 100);
    driver_free(&driver);

    request =
        request_of(&driver, *(bool *)*state,
                   "{\"type\":\"search\",\"q\":\"deploy from:bob\",\"rooms\":[\"a\",\"@b,c\"],"
                   "\"limit\":7,\"offset\":40}");
    assert_int_equal(request->kind, REQUEST_SEARCH);
    assert_slice_equal(request->content, "deploy from:bob");
    assert_int_equal(request->room_count, 2);
    assert_slice_equal(request->rooms[0], "a");
    assert_slice_equal(request->rooms[1], "@b,c");
    assert_int_equal(request->limit, 7);
    assert_int_equal(request->offset, 40);
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state,
                         "{\"type\":\"read\",\"room\":\"a\",\"seq\":41,\"cid\":\"r1\"}");
    assert_int_equal(request->kind, REQUEST_READ);
    assert_slice_equal(request->room, "a");
    assert_int_equal(request->after, 41);
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state, "{\"type\":\"typing\",\"room\":\"a\"}");
    assert_int_equal(request->kind, REQUEST_TYPING);
    assert_true(request->active);
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state, "{\"type\":\"typing\",\"state\":\"paused\"}");
    assert_false(request->active);
    driver_free(&driver);
}

static void test_requests_known_by_their_type_alone(void **state) {
    static const struct {
        const char *text;
        enum request_kind kind;
    } cases[] = {
        {"{\"type\":\"leave\",\"room\":\"general\",\"cid\":\"x1\"}", REQUEST_LEAVE},
        {"{\"type\":\"rooms\",\"room\":\"general\",\"cid\":\"x1\"}", REQUEST_ROOMS},
        {"{\"type\":\"members\",\"room\":\"general\",\"cid\":\"x1\"}", REQUEST_MEMBERS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        const struct request *request = request_of(&driver, *(bool *)*state, cases[i].text);
        assert_int_equal(request->kind, cases[i].kind);
        assert_slice_equal(request->cid, "x1");
        driver_free(&driver);
    }
}

static void test_hello_brings_a_session_and_where_it_was(void **state) {
    uint8_t digest[IDENTITY_SIZE], none[IDENTITY_SIZE] = {0};
    const char secret[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    secret_digest(slice_of_string(secret), digest);
    struct driver driver;
    const struct request *request = request_of(
        &driver, *(bool *)*state,
        "{\"type\":\"hello\",\"name\":\"ann\",\"token\":\"t\",\"session\":"
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"resume\":{\"general\":{\"epoch\":\"k3f\",\"after\":4180},\"ops\":{\"after\":0}}}");
    assert_int_equal(request->kind, REQUEST_HELLO);
    assert_slice_equal(request->name, "ann");
    assert_slice_equal(request->session, secret);
    assert_memory_equal(request->session_identity.bytes, digest, sizeof(digest));
    assert_int_equal(request->resume_count, 2);
    assert_slice_equal(request->resume[0].room, "general");
    assert_slice_equal(request->resume[0].epoch, "k3f");
    assert_int_equal(request->resume[0].after, 4180);
    assert_slice_equal(request->resume[1].room, "ops");
    driver_free(&driver);

    request = request_of(&driver, *(bool *)*state,
                         "{\"type\":\"hello\",\"session\":\"9\\u0000192.0.2.7\"}");
    assert_memory_equal(request->session_identity.bytes, none, sizeof(none));
    driver_free(&driver);
}

static void test_hello_shows_a_plain_client_everything(void **state) {
    struct driver driver;
    with_text(&driver, *(bool *)*state, "{\"type\":\"hello\"}");
    assert_int_equal(json_protocol.encoding(driver.state).format, FORMAT_JSON_PLAIN);
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_int_equal(json_protocol.encoding(driver.state).format, FORMAT_JSON_FULL);
    driver_free(&driver);

    driver_init(&driver, &json_protocol, &v1, *(bool *)*state);
    driver_text(&driver, "{\"type\":\"hello\"}");
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_int_equal(json_protocol.encoding(driver.state).format, FORMAT_JSON_V1);
    driver_free(&driver);
}

static void test_a_bad_message_is_answered_and_the_connection_stays(void **state) {
    const char *texts[] = {
        "",
        "not json",
        "[]",
        "\"text\"",
        "5",
        "null",
        "{\"content\":\"x\"",
        "{\"content\":\"x\"} trailing",
        "{\"content\":5}",
        "{\"content\":null}",
        "{\"content\":[\"x\"]}",
        "{\"content\":\"x\",\"sender\":{}}",
        "{\"content\":\"x\",\"room\":1}",
        "{\"content\":\"x\",\"re\":\"1\"}",
        "{\"content\":\"x\",\"re\":-1}",
        "{\"content\":\"x\",\"cid\":7}",
        "{\"content\":\"\\ud800\"}",
        "{\"type\":\"unheard of\"}",
        "{\"type\":5}",
        "{\"type\":null,\"content\":\"x\"}",
        "{\"type\":\"edit\",\"content\":\"x\"}",
        "{\"type\":\"react\",\"of\":1}",
        "{\"type\":\"react\",\"of\":1,\"key\":\"+\",\"op\":\"toggle\"}",
        "{\"type\":\"react\",\"of\":1,\"key\":"
        "\"01234567890123456789012345678901234567890123456789012345678901234\"}",
        "{\"type\":\"join\"}",
        "{\"type\":\"join\",\"room\":\"a\",\"after\":1.5}",
        "{\"type\":\"hello\",\"resume\":[]}",
        "{\"type\":\"hello\",\"resume\":{\"a\":5}}",
        "{\"type\":\"hello\",\"resume\":{\"a\":{}}}",
        "{\"content\":\"x\",\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]"
        "]]]]]]"
        "]]]]]]]]]]]]]}",
        "{\"content\":\"x\",\"cid\":"
        "\"01234567890123456789012345678901234567890123456789012345678901234\"}",
    };
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        driver_text(&driver, texts[i]);
        assert_int_equal(driver_next(&driver), FEED_AGAIN);
        expect_text(&driver, invalid_frame);
        expect_nothing(&driver);
    }
    driver_text(&driver, "{\"content\":\"still here\"}");
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_slice_equal(driver.feed.request.content, "still here");
    driver_free(&driver);
}

static void test_a_bad_message_is_answered_under_its_cid(void **state) {
    struct driver driver;
    with_text(&driver, *(bool *)*state, "{\"content\":5,\"cid\":\"c1\"}");
    assert_int_equal(driver_next(&driver), FEED_AGAIN);
    expect_text(&driver, "{\"type\":\"error\",\"message\":\"Invalid message format\","
                         "\"code\":\"bad_request\",\"cid\":\"c1\"}");
    driver_free(&driver);
}

static void test_a_credential_comes_with_hello_and_auth(void **state) {
    const struct {
        const char *text;
        enum request_kind request;
        enum credential_kind kind;
        const char *name, *secret;
    } cases[] = {
        {"{\"type\":\"hello\",\"token\":\"tok\"}", REQUEST_HELLO, CREDENTIAL_TOKEN, "", "tok"},
        {"{\"type\":\"hello\",\"name\":\"ann\",\"token\":\"tok\"}", REQUEST_HELLO, CREDENTIAL_TOKEN,
         "", "tok"},
        {"{\"type\":\"hello\",\"name\":\"ann\",\"password\":\" a:b \"}", REQUEST_HELLO,
         CREDENTIAL_PASSWORD, "ann", " a:b "},
        {"{\"type\":\"hello\",\"name\":\"ann\",\"password\":null,\"token\":null}", REQUEST_HELLO,
         CREDENTIAL_NONE, "", ""},
        {"{\"type\":\"auth\",\"token\":\"tok\",\"cid\":\"a1\"}", REQUEST_AUTH, CREDENTIAL_TOKEN, "",
         "tok"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        with_text(&driver, *(bool *)*state, cases[i].text);
        assert_int_equal(driver_next(&driver), FEED_REQUEST);
        const struct request *request = &driver.feed.request;
        assert_int_equal(request->kind, cases[i].request);
        assert_int_equal(request->credential.kind, cases[i].kind);
        assert_slice_equal(request->credential.name, cases[i].name);
        assert_slice_equal(request->credential.secret, cases[i].secret);
        driver_free(&driver);
    }
}

static void test_an_accounts_session_is_handed_on_as_it_is(void **state) {
    struct driver driver;
    with_text(&driver, *(bool *)*state, "{\"type\":\"hello\",\"session\":\"bt_abc\"}");
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_slice_equal(driver.feed.request.session, "bt_abc");
    assert_true(identity_none(&driver.feed.request.session_identity));
    driver_free(&driver);
}

static void test_what_cannot_be_a_credential_is_refused(void **state) {
    static const char malformed[] = "{\"type\":\"error\",\"message\":\"Invalid message format\","
                                    "\"code\":\"bad_request\"";
    static const char invalid[] =
        "{\"type\":\"error\",\"message\":\"Invalid token\",\"code\":\"unauthorized\"";
    static const char wrong[] =
        "{\"type\":\"error\",\"message\":\"Wrong name or password\",\"code\":\"unauthorized\"";
    const struct {
        const char *members, *answer, *more;
    } cases[] = {
        {"\"type\":\"auth\"", malformed, ""},
        {"\"type\":\"auth\",\"token\":5", malformed, ""},
        {"\"type\":\"auth\",\"token\":\"\"", invalid, ""},
        {"\"type\":\"hello\",\"token\":{}", malformed, ""},
        {"\"type\":\"hello\",\"token\":\"a\\u0000b\"", invalid, ""},
        {"\"type\":\"hello\",\"password\":\"x\"", malformed,
         ",\"detail\":\"A password needs a name\""},
        {"\"type\":\"hello\",\"name\":\"ann\",\"password\":\"x\",\"token\":\"t\"", malformed,
         ",\"detail\":\"Either a token or a password\""},
        {"\"type\":\"hello\",\"name\":\"ann\",\"password\":\"\"", wrong, ""},
        {"\"type\":\"hello\",\"name\":\"a b\",\"password\":\"x\"", wrong, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        char text[256], expected[256];
        snprintf(text, sizeof(text), "{%s,\"cid\":\"c\"}", cases[i].members);
        snprintf(expected, sizeof(expected), "%s%s,\"cid\":\"c\"}", cases[i].answer, cases[i].more);
        with_text(&driver, *(bool *)*state, text);
        assert_int_equal(driver_next(&driver), FEED_AGAIN);
        expect_text(&driver, expected);
        driver_free(&driver);
    }
}

static void test_a_resume_of_too_many_rooms_is_refused(void **state) {
    (void)state;
    struct driver driver;
    struct buffer text = {0};
    buffer_append_string(&text, "{\"type\":\"hello\",\"resume\":{\"r\":{\"after\":1}");
    for (int i = 0; i < LIMIT_ROOMS_PER_SESSION; i++) {
        buffer_append_format(&text, ",\"%d\":{}", i);
    }
    buffer_append_string(&text, "}}");
    driver_init(&driver, &json_protocol, &plain, false);
    driver_close(&driver);
    driver.settings.max_message = 10000;
    driver_open(&driver, &json_protocol, &plain);
    driver_frame(&driver, 0x81, buffer_slice(&text));
    assert_int_equal(driver_next(&driver), FEED_AGAIN);
    struct slice answer = take_frame(&driver.output, 0x81);
    assert_non_null(memmem(answer.data, answer.length, "\"too_many\"", 10));
    driver_free(&driver);
    buffer_close(&text);
}

static void test_requests_come_one_by_one_in_their_order(void **state) {
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, *(bool *)*state);
    driver_text(&driver, "{\"content\":\"one\"}");
    driver_frame(&driver, 0x01, SLICE("{\"content\":")); /* a fragment, */
    driver_frame(&driver, 0x89, SLICE("beat"));          /* a ping between, */
    driver_frame(&driver, 0x80, SLICE("\"two\"}"));      /* the rest */
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_slice_equal(driver.feed.request.content, "one");
    assert_int_equal(driver_next_request(&driver), FEED_REQUEST);
    assert_slice_equal(driver.feed.request.content, "two");
    assert_slice_equal(take_frame(&driver.output, 0x8a), "beat");
    assert_int_equal(driver_next(&driver), FEED_MORE);
    expect_nothing(&driver);
    driver_free(&driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FED_BOTH_WAYS(test_a_message_needs_no_type),
        FED_BOTH_WAYS(test_content_and_sender_may_be_absent),
        FED_BOTH_WAYS(test_a_message_carries_all_its_members),
        FED_BOTH_WAYS(test_changes_to_entries_are_entries),
        FED_BOTH_WAYS(test_requests_about_rooms),
        FED_BOTH_WAYS(test_requests_known_by_their_type_alone),
        FED_BOTH_WAYS(test_hello_brings_a_session_and_where_it_was),
        FED_BOTH_WAYS(test_hello_shows_a_plain_client_everything),
        FED_BOTH_WAYS(test_a_bad_message_is_answered_and_the_connection_stays),
        FED_BOTH_WAYS(test_a_bad_message_is_answered_under_its_cid),
        FED_BOTH_WAYS(test_a_credential_comes_with_hello_and_auth),
        FED_BOTH_WAYS(test_an_accounts_session_is_handed_on_as_it_is),
        FED_BOTH_WAYS(test_what_cannot_be_a_credential_is_refused),
        cmocka_unit_test(test_a_resume_of_too_many_rooms_is_refused),
        FED_BOTH_WAYS(test_requests_come_one_by_one_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
