/* What JSON clients are told: replies and feeds. */
#include "protocol_driver.h"
#include "wire/json.h"

static const struct handover plain = {.format = FORMAT_JSON_PLAIN};
static const struct handover v1 = {.format = FORMAT_JSON_V1};

static const struct reply_item some_items[] = {
    {.name = {"general", 7},
     .topic = {"Release \"day\"", 13},
     .epoch = {"k3f", 3},
     .last = 4182,
     .read = 4170,
     .client_count = 13},
    {.name = {"@ann,bob", 8}, .epoch = {"k3f", 3}, .last = 9, .read = 9, .client_count = 2},
};

static void expect_reply(struct driver *driver, struct reply reply, const char *expected) {
    driver_reply(driver, &reply);
    expect_text(driver, expected);
    expect_nothing(driver);
}

static void test_the_words_of_replies(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    expect_reply(&driver,
                 (struct reply){.kind = REPLY_CONNECTED,
                                .room = SLICE("lobby"),
                                .client_count = 2,
                                .timestamp_us = SOME_TIME},
                 "{\"type\":\"system\",\"message\":\"Connected to server\",\"timestamp\":"
                 "\"2026-02-13T10:30:45.123456Z\",\"client_count\":2,\"room\":\"lobby\"}");
    expect_reply(&driver,
                 (struct reply){.kind = REPLY_WELCOME,
                                .name = SLICE("ann"),
                                .session = SLICE("SECRET"),
                                .items = some_items,
                                .item_count = 2},
                 "{\"type\":\"welcome\",\"name\":\"ann\",\"session\":\"SECRET\",\"server\":"
                 "\"banterd 0.1.0\","
                 "\"ping_ms\":30000,\"limits\":{\"message\":1000,\"per_minute\":20},\"reconnect_"
                 "ms\":[500,8000],"
                 "\"rooms\":[{\"room\":\"general\",\"epoch\":\"k3f\",\"last\":4182,\"read\":4170},"
                 "{\"room\":\"@ann,bob\",\"epoch\":\"k3f\",\"last\":9,\"read\":9}]}");
    expect_reply(
        &driver,
        (struct reply){.kind = REPLY_ACK,
                       .cid = SLICE("c17"),
                       .room = SLICE("general"),
                       .outcome = {.seq = 4183, .timestamp_us = SOME_TIME, .id = SOME_ID}},
        "{\"type\":\"ack\",\"cid\":\"c17\",\"room\":\"general\",\"seq\":4183,"
        "\"id\":\"01JM0000000000000000000042\",\"timestamp\":\"2026-02-13T10:30:45.123456Z\"}");
    expect_reply(&driver,
                 (struct reply){.kind = REPLY_ACK, .cid = SLICE("l1"), .room = SLICE("general")},
                 "{\"type\":\"ack\",\"cid\":\"l1\",\"room\":\"general\"}");
    expect_reply(&driver,
                 (struct reply){.kind = REPLY_JOINED,
                                .cid = SLICE("j1"),
                                .room = SLICE("general"),
                                .epoch = SLICE("k3f"),
                                .first = 3000,
                                .last = 4182,
                                .read = 4170,
                                .client_count = 12,
                                .topic = SLICE("now")},
                 "{\"type\":\"joined\",\"room\":\"general\",\"epoch\":\"k3f\",\"first\":3000,"
                 "\"last\":4182,\"read\":4170,"
                 "\"client_count\":12,\"topic\":\"now\",\"cid\":\"j1\"}");
    expect_reply(&driver,
                 (struct reply){.kind = REPLY_GAP,
                                .room = SLICE("general"),
                                .epoch = SLICE("m02"),
                                .after = 77,
                                .first = 90,
                                .reason = SLICE("retention")},
                 "{\"type\":\"gap\",\"room\":\"general\",\"epoch\":\"m02\",\"after\":77,\"first\":"
                 "90,\"reason\":\"retention\"}");
    expect_reply(&driver,
                 (struct reply){.kind = REPLY_LIVE, .room = SLICE("general"), .last = 4182},
                 "{\"type\":\"live\",\"room\":\"general\",\"at\":4182}");
    expect_reply(&driver,
                 (struct reply){
                     .kind = REPLY_ROOMS, .cid = SLICE("r1"), .items = some_items, .item_count = 1},
                 "{\"type\":\"rooms\",\"items\":[{\"room\":\"general\",\"last\":4182,\"read\":4170,"
                 "\"client_count\":13,"
                 "\"topic\":\"Release \\\"day\\\"\"}],\"cid\":\"r1\"}");
    expect_reply(
        &driver,
        (struct reply){.kind = REPLY_MEMBERS,
                       .cid = SLICE("m1"),
                       .room = SLICE("general"),
                       .items = &(struct reply_item){.name = SLICE("ann"), .role = ROLE_MEMBER},
                       .item_count = 1},
        "{\"type\":\"members\",\"room\":\"general\",\"items\":[{\"name\":\"ann\",\"role\":"
        "\"member\"}],\"cid\":\"m1\"}");
    expect_reply(
        &driver,
        (struct reply){
            .kind = REPLY_ERROR, .cid = SLICE("c22"), .error = ERR_RATE_LIMITED, .retry_ms = 1800},
        "{\"type\":\"error\",\"message\":\"Rate limit "
        "exceeded\",\"code\":\"rate_limited\",\"retry_ms\":1800,\"cid\":\"c22\"}");
    driver_free(&driver);
}

static void test_an_error_without_cid_names_its_room(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &json_protocol, &v1, false);
    expect_reply(
        &driver,
        (struct reply){
            .kind = REPLY_ERROR, .error = ERR_NOT_FOUND, .text = SLICE("no"), .room = SLICE("a")},
        "{\"type\":\"error\",\"message\":\"no\",\"code\":\"not_found\",\"room\":\"a\"}");
    driver_free(&driver);
}

static void
test_the_sentence_of_a_bad_request_is_fixed_and_the_reason_stands_beside_it(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &json_protocol, &v1, false);
    expect_reply(&driver,
                 (struct reply){.kind = REPLY_ERROR,
                                .cid = SLICE("h1"),
                                .error = ERR_BAD_REQUEST,
                                .text = SLICE("A name is short")},
                 "{\"type\":\"error\",\"message\":\"Invalid message format\","
                 "\"code\":\"bad_request\",\"detail\":\"A name is short\",\"cid\":\"h1\"}");
    expect_reply(&driver,
                 (struct reply){.kind = REPLY_ERROR,
                                .error = ERR_BAD_REQUEST,
                                .text = SLICE("Invalid message format")},
                 "{\"type\":\"error\",\"message\":\"Invalid message format\","
                 "\"code\":\"bad_request\"}");
    driver_free(&driver);
}

static void test_nobody_is_told_what_they_do_not_understand(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &json_protocol, &v1, false);
    driver_reply(&driver, &(struct reply){.kind = REPLY_CONNECTED, .room = SLICE("lobby")});
    driver_reply(&driver, &(struct reply){.kind = REPLY_ACK, .room = SLICE("lobby")});
    driver_reply(&driver, &(struct reply){.kind = REPLY_NAMED, .name = SLICE("ann")});
    expect_nothing(&driver);
    driver_free(&driver);
}

/* Feeds */

static const struct encoding as_plain = {.format = FORMAT_JSON_PLAIN};
static const struct encoding as_full = {.format = FORMAT_JSON_FULL};
static const struct encoding as_v1 = {.format = FORMAT_JSON_V1};

static void test_a_message_is_the_same_bytes_for_all(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    struct entry *entry = make_entry(
        42, (struct entry_body){.sender = SLICE("Alice"), .content = SLICE("Hello everyone!")});
    const struct encoding encodings[] = {as_plain, as_full, as_v1};
    for (size_t i = 0; i < 3; i++) {
        assert_true(render_entry_in(&driver, encodings[i], "lobby", entry));
        expect_text(&driver, "{\"type\":\"message\",\"content\":\"Hello "
                             "everyone!\",\"sender\":\"Alice\",\"timestamp\":"
                             "\"2026-02-13T10:30:45.123456Z\",\"room\":\"lobby\",\"seq\":42,"
                             "\"id\":\"01JM0000000000000000000042\"}");
        expect_nothing(&driver);
    }
    entry_unref(entry);
    driver_free(&driver);
}

static void expect_hidden_from_plain(struct driver *driver, struct entry_body body,
                                     const char *expected) {
    body.sender = SLICE("ann");
    struct entry *entry = make_entry(7, body);
    assert_false(render_entry_in(driver, as_plain, "a", entry));
    expect_nothing(driver);
    assert_true(render_entry_in(driver, as_full, "a", entry));
    expect_text(driver, expected);
    assert_true(render_entry_in(driver, as_v1, "a", entry));
    expect_text(driver, expected);
    entry_unref(entry);
}

#define SIGNED                                                                                     \
    ",\"sender\":\"ann\",\"timestamp\":\"" SOME_TIMESTAMP                                          \
    "\",\"room\":\"a\",\"seq\":7,\"id\":\"" SOME_ID "\""

static void test_what_is_no_message_is_hidden_from_plain_clients(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    expect_hidden_from_plain(
        &driver,
        (struct entry_body){
            .kind = ENTRY_EDIT, .of = 3, .content = SLICE("x!"), .cid = SLICE("c19")},
        "{\"type\":\"edit\",\"of\":3,\"content\":\"x!\"" SIGNED ",\"cid\":\"c19\"}");
    expect_hidden_from_plain(&driver, (struct entry_body){.kind = ENTRY_DELETE, .of = 3},
                             "{\"type\":\"delete\",\"of\":3" SIGNED "}");
    expect_hidden_from_plain(
        &driver, (struct entry_body){.kind = ENTRY_REACTION, .of = 3, .key = SLICE("+1")},
        "{\"type\":\"react\",\"of\":3,\"key\":\"+1\",\"op\":\"add\"" SIGNED "}");
    expect_hidden_from_plain(
        &driver,
        (struct entry_body){.kind = ENTRY_REACTION, .of = 3, .key = SLICE("+1"), .removal = true},
        "{\"type\":\"react\",\"of\":3,\"key\":\"+1\",\"op\":\"remove\"" SIGNED "}");
    expect_hidden_from_plain(
        &driver, (struct entry_body){.kind = ENTRY_TOPIC, .content = SLICE("Release day")},
        "{\"type\":\"topic\",\"content\":\"Release day\"" SIGNED "}");
    driver_free(&driver);
}

static void test_optional_members_follow_the_others(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    struct entry *entry =
        make_entry(7, (struct entry_body){.sender = SLICE("ann"),
                                          .content = SLICE("it"),
                                          .cid = SLICE("c17"),
                                          .re = 5,
                                          .meta = SLICE("\"title\":\"Disk\",\"priority\":4")});
    assert_true(render_entry_in(&driver, as_plain, "a", entry));
    expect_text(&driver, "{\"type\":\"message\",\"content\":\"it\"" SIGNED
                         ",\"cid\":\"c17\",\"re\":5,\"title\":\"Disk\",\"priority\":4}");
    entry_unref(entry);
    entry = make_entry(7, (struct entry_body){.sender = SLICE("ann"), .deleted = true});
    assert_true(render_entry_in(&driver, as_plain, "a", entry));
    expect_text(&driver, "{\"type\":\"message\",\"content\":\"\"" SIGNED ",\"deleted\":true}");
    entry_unref(entry);
    driver_free(&driver);
}

static void test_any_content_stays_one_json_string(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    struct buffer content = {0};
    for (int c = 0; c < 0x80; c++) {
        buffer_append_char(&content, (char)c);
    }
    buffer_append_string(&content, "\xc2\x9b\xe2\x80\xa8\xf0\x9f\x98\x80\",\"seq\":1}");
    struct entry *entry = make_entry(
        7, (struct entry_body){.sender = SLICE("\"\\\n"), .content = buffer_slice(&content)});
    assert_true(render_entry_in(&driver, as_plain, "a", entry));
    json_t *object = json_parse_object(take_frame(&driver.output, 0x81));
    assert_non_null(object);
    struct slice value;
    assert_int_equal(json_get_string(object, "content", &value), 0);
    assert_true(slice_equal(value, buffer_slice(&content)));
    assert_int_equal(json_get_string(object, "sender", &value), 0);
    assert_slice_equal(value, "\"\\\n");
    assert_int_equal(json_integer_value(json_object_get(object, "seq")), 7);
    json_decref(object);
    entry_unref(entry);
    buffer_close(&content);
    driver_free(&driver);
}

static struct signal some_signal(enum signal_kind kind, const char *name, const char *former) {
    return (struct signal){
        .kind = kind,
        .name = slice_of_string(name),
        .former = slice_of_string(former),
        .client_count = 3,
        .announced = true,
        .timestamp_us = SOME_TIME,
    };
}

/* NULL: shows nothing. */
static void expect_signal(struct encoding encoding, struct signal signal, const char *expected) {
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    assert_int_equal(render_signal_in(&driver, encoding, "lobby", &signal), expected != NULL);
    if (expected != NULL) {
        expect_text(&driver, expected);
    }
    expect_nothing(&driver);
    driver_free(&driver);
}

static void test_plain_clients_hear_of_joins_in_sentences(void **state) {
    (void)state;
    const struct encoding encodings[] = {as_plain, as_full};
    for (size_t i = 0; i < 2; i++) {
        expect_signal(
            encodings[i], some_signal(SIGNAL_JOINED, "eve", ""),
            "{\"type\":\"system\",\"message\":\"New client joined. Total: 3\",\"timestamp\":"
            "\"2026-02-13T10:30:45.123456Z\",\"room\":\"lobby\",\"client_count\":3}");
        expect_signal(encodings[i], some_signal(SIGNAL_LEFT, "", ""),
                      "{\"type\":\"system\",\"message\":\"Client left. Total: 3\",\"timestamp\":"
                      "\"2026-02-13T10:30:45.123456Z\",\"room\":\"lobby\",\"client_count\":3}");
        expect_signal(encodings[i], some_signal(SIGNAL_RENAMED, "eve", "adam"), NULL);
    }
}

static void test_v1_clients_hear_of_joins_by_presence(void **state) {
    (void)state;
    expect_signal(as_v1, some_signal(SIGNAL_JOINED, "eve", ""),
                  "{\"type\":\"presence\",\"room\":\"lobby\",\"join\":[\"eve\"],\"leave\":[],"
                  "\"client_count\":3}");
    expect_signal(
        as_v1, some_signal(SIGNAL_JOINED, "", ""),
        "{\"type\":\"presence\",\"room\":\"lobby\",\"join\":[],\"leave\":[],\"client_count\":3}");
    expect_signal(as_v1, some_signal(SIGNAL_LEFT, "eve", ""),
                  "{\"type\":\"presence\",\"room\":\"lobby\",\"join\":[],\"leave\":[\"eve\"],"
                  "\"client_count\":3}");
    expect_signal(as_v1, some_signal(SIGNAL_RENAMED, "eve", "adam"),
                  "{\"type\":\"presence\",\"room\":\"lobby\",\"join\":[\"eve\"],\"leave\":["
                  "\"adam\"],\"client_count\":3}");
    expect_signal(as_v1, some_signal(SIGNAL_RENAMED, "eve", ""),
                  "{\"type\":\"presence\",\"room\":\"lobby\",\"join\":[\"eve\"],\"leave\":[],"
                  "\"client_count\":3}");
}

static void test_a_large_room_tells_only_its_count(void **state) {
    (void)state;
    const struct encoding encodings[] = {as_plain, as_full, as_v1};
    for (size_t i = 0; i < 3; i++) {
        struct signal signal = some_signal(SIGNAL_JOINED, "eve", "");
        signal.announced = false;
        expect_signal(encodings[i], signal, NULL);
        expect_signal(encodings[i], some_signal(SIGNAL_COUNT, "", ""),
                      "{\"type\":\"presence\",\"room\":\"lobby\",\"join\":[],\"leave\":[],\"client_"
                      "count\":3}");
    }
}

static void test_typing_is_hidden_from_plain_clients(void **state) {
    (void)state;
    struct signal typing = some_signal(SIGNAL_TYPING, "eve", "");
    typing.payload = SLICE("active");
    expect_signal(as_plain, typing, NULL);
    expect_signal(
        as_full, typing,
        "{\"type\":\"typing\",\"room\":\"lobby\",\"sender\":\"eve\",\"state\":\"active\"}");
    expect_signal(
        as_v1, typing,
        "{\"type\":\"typing\",\"room\":\"lobby\",\"sender\":\"eve\",\"state\":\"active\"}");
    typing.name = SLICE_NONE;
    expect_signal(
        as_v1, typing,
        "{\"type\":\"typing\",\"room\":\"lobby\",\"sender\":\"anonymous\",\"state\":\"active\"}");
    expect_signal(as_v1, some_signal(SIGNAL_BINARY, "", ""), NULL);
}

static void test_equal_encodings_have_equal_keys(void **state) {
    (void)state;
    struct encoding deflated = {.format = FORMAT_JSON_V1, .window_bits = 15};
    struct encoding second = {.format = FORMAT_JSON_V1, .side = SIDE_SECOND};
    assert_int_equal(encoding_key(as_v1), encoding_key(as_v1));
    assert_int_not_equal(encoding_key(as_v1), encoding_key(as_plain));
    assert_int_not_equal(encoding_key(as_v1), encoding_key(deflated));
    assert_int_not_equal(encoding_key(as_v1), encoding_key(second));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_words_of_replies),
        cmocka_unit_test(test_an_error_without_cid_names_its_room),
        cmocka_unit_test(
            test_the_sentence_of_a_bad_request_is_fixed_and_the_reason_stands_beside_it),
        cmocka_unit_test(test_nobody_is_told_what_they_do_not_understand),
        cmocka_unit_test(test_a_message_is_the_same_bytes_for_all),
        cmocka_unit_test(test_what_is_no_message_is_hidden_from_plain_clients),
        cmocka_unit_test(test_optional_members_follow_the_others),
        cmocka_unit_test(test_any_content_stays_one_json_string),
        cmocka_unit_test(test_plain_clients_hear_of_joins_in_sentences),
        cmocka_unit_test(test_v1_clients_hear_of_joins_by_presence),
        cmocka_unit_test(test_a_large_room_tells_only_its_count),
        cmocka_unit_test(test_typing_is_hidden_from_plain_clients),
        cmocka_unit_test(test_equal_encodings_have_equal_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
