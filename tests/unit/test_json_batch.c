/* The past as JSON clients get it. */
#include "protocol_driver.h"
#include "wire/json.h"

static const struct handover plain = {.format = FORMAT_JSON_PLAIN};
static const struct handover v1 = {.format = FORMAT_JSON_V1};

static struct reply make_batch(struct entry **entries, size_t count, size_t content_length) {
    static char content[4096];
    memset(content, 'x', sizeof(content));
    for (size_t i = 0; i < count; i++) {
        entries[i] =
            make_entry(i + 1, (struct entry_body){.kind = i == 1 ? ENTRY_TOPIC : ENTRY_MESSAGE,
                                                  .sender = SLICE("ann"),
                                                  .content = slice_from(content, content_length)});
    }
    return (struct reply){
        .kind = REPLY_BATCH, .room = SLICE("a"), .entries = entries, .entry_count = count};
}

static void free_batch(struct entry **entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        entry_unref(entries[i]);
    }
}

#define ITEM(type, seq)                                                                            \
    "{\"type\":\"" type "\",\"content\":\"x\",\"sender\":\"ann\",\"timestamp\":\"" SOME_TIMESTAMP  \
    "\",\"room\":\"a\",\"seq\":" seq ",\"id\":\"" SOME_ID "\"}"

static void test_plain_clients_catch_up_with_single_messages(void **state) {
    (void)state;
    struct entry *entries[3];
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    struct reply batch = make_batch(entries, 3, 1);
    batch.catching_up = true;
    driver_reply(&driver, &batch);
    expect_text(&driver, ITEM("message", "1"));
    expect_text(&driver, ITEM("message", "3"));
    expect_nothing(&driver);
    free_batch(entries, 3);
    driver_free(&driver);
}

static void test_what_a_search_found_tells_the_room_of_each(void **state) {
    (void)state;
    struct entry *entries[1];
    struct slice rooms[] = {SLICE("a")};
    struct driver driver;
    driver_init(&driver, &json_protocol, &v1, false);
    struct reply found = make_batch(entries, 1, 1);
    found.kind = REPLY_FOUND;
    found.room = SLICE_NONE;
    found.entry_rooms = rooms;
    found.cid = SLICE("s1");
    found.more = true;
    driver_reply(&driver, &found);
    expect_text(&driver, "{\"type\":\"batch\",\"items\":[" ITEM("message", "1") "],\"more\":true,"
                                                                                "\"cid\":\"s1\"}");
    found.entry_count = 0;
    found.more = false;
    driver_reply(&driver, &found);
    expect_text(&driver, "{\"type\":\"batch\",\"items\":[],\"cid\":\"s1\"}");
    free_batch(entries, 1);
    driver_free(&driver);
}

static void test_a_plain_client_that_asked_to_join_catches_up_with_batches(void **state) {
    (void)state;
    struct entry *entries[3];
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    struct reply batch = make_batch(entries, 3, 1);
    batch.catching_up = batch.batched = batch.more = true;
    driver_reply(&driver, &batch);
    expect_text(&driver, "{\"type\":\"batch\",\"room\":\"a\",\"items\":[" ITEM(
                             "message", "1") "," ITEM("message", "3") "],\"more\":true}");
    batch.entries = entries + 1; /* a topic, which it is not shown */
    batch.entry_count = 1;
    batch.more = false;
    driver_reply(&driver, &batch);
    expect_text(&driver, "{\"type\":\"batch\",\"room\":\"a\",\"items\":[]}");
    expect_nothing(&driver);
    free_batch(entries, 3);
    driver_free(&driver);
}

static void test_others_catch_up_with_a_batch(void **state) {
    (void)state;
    struct entry *entries[3];
    struct driver driver;
    driver_init(&driver, &json_protocol, &v1, false);
    struct reply batch = make_batch(entries, 3, 1);
    batch.catching_up = true;
    driver_reply(&driver, &batch);
    expect_text(&driver, "{\"type\":\"batch\",\"room\":\"a\",\"items\":[" ITEM(
                             "message", "1") "," ITEM("topic", "2") "," ITEM("message", "3") "]}");
    batch.entry_count = 0;
    driver_reply(&driver, &batch);
    expect_nothing(&driver);
    free_batch(entries, 3);
    driver_free(&driver);
}

static void test_history_asked_for_is_a_batch_for_plain_clients_too(void **state) {
    (void)state;
    struct entry *entries[3];
    struct driver driver;
    driver_init(&driver, &json_protocol, &plain, false);
    struct reply batch = make_batch(entries, 3, 1);
    batch.cid = SLICE("h1");
    driver_reply(&driver, &batch);
    expect_text(&driver, "{\"type\":\"batch\",\"room\":\"a\",\"items\":[" ITEM(
                             "message", "1") "," ITEM("message", "3") "],\"cid\":\"h1\"}");
    batch.entry_count = 0;
    batch.more = true;
    driver_reply(&driver, &batch);
    expect_text(&driver,
                "{\"type\":\"batch\",\"room\":\"a\",\"items\":[],\"more\":true,\"cid\":\"h1\"}");
    free_batch(entries, 3);
    driver_free(&driver);
}

/* Takes a batch: the first seq of it and how many items, and whether it says "more". */
static void take_batch(struct driver *driver, json_int_t *first, size_t *count, bool *more) {
    struct slice payload = take_frame(&driver->output, 0x81);
    assert_true(payload.length <= 256 * 1024);
    json_t *object = json_parse_object(payload);
    assert_non_null(object);
    json_t *items = json_object_get(object, "items");
    *count = json_array_size(items);
    *first = json_integer_value(json_object_get(json_array_get(items, 0), "seq"));
    *more = json_is_true(json_object_get(object, "more"));
    json_decref(object);
}

static void test_a_long_page_is_cut_into_batches(void **state) {
    (void)state;
    const struct {
        size_t length, least, most; /* bytes of content; items of the first batch */
    } cases[] = {{1, 100, 100}, {4000, 60, 63}};
    for (size_t i = 0; i < 2; i++) {
        struct entry *entries[120];
        struct driver driver;
        driver_init(&driver, &json_protocol, &v1, false);
        struct reply batch = make_batch(entries, 120, cases[i].length);
        batch.catching_up = true;
        driver_reply(&driver, &batch);
        json_int_t first;
        size_t count, rest;
        bool more;
        take_batch(&driver, &first, &count, &more);
        assert_int_equal(first, 1);
        assert_in_range(count, cases[i].least, cases[i].most);
        assert_true(more);
        take_batch(&driver, &first, &rest, &more);
        assert_int_equal(first, count + 1);
        assert_int_equal(rest, 120 - count);
        assert_false(more);
        expect_nothing(&driver);
        free_batch(entries, 120);
        driver_free(&driver);
    }
}

static void test_an_answer_is_one_batch_and_keeps_the_near_end(void **state) {
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        struct entry *entries[80];
        struct driver driver;
        driver_init(&driver, &json_protocol, &v1, false);
        struct reply batch = make_batch(entries, 80, 4000);
        batch.cid = SLICE("h1");
        batch.backwards = backwards;
        driver_reply(&driver, &batch);
        json_int_t first;
        size_t count;
        bool more;
        take_batch(&driver, &first, &count, &more);
        assert_in_range(count, 60, 63);
        assert_int_equal(first, backwards ? 80 - count + 1 : 1);
        assert_true(more);
        expect_nothing(&driver);
        free_batch(entries, 80);
        driver_free(&driver);
    }
}

static void test_an_entry_larger_than_a_batch_comes_alone(void **state) {
    (void)state;
    static char content[60000]; /* of zeros, six bytes of JSON each */
    for (int backwards = 0; backwards < 2; backwards++) {
        struct driver driver;
        struct entry *entries[2];
        driver_init(&driver, &json_protocol, &v1, false);
        for (size_t i = 0; i < 2; i++) {
            entries[i] = make_entry(
                i + 1, (struct entry_body){.content = slice_from(content, sizeof(content))});
        }
        driver_reply(&driver, &(struct reply){.kind = REPLY_BATCH,
                                              .room = SLICE("a"),
                                              .cid = SLICE("h1"),
                                              .entries = entries,
                                              .entry_count = 2,
                                              .backwards = backwards});
        json_t *object = json_parse_object(take_frame(&driver.output, 0x81));
        json_t *items = json_object_get(object, "items");
        assert_int_equal(json_array_size(items), 1);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(items, 0), "seq")),
                         backwards ? 2 : 1);
        assert_true(json_is_true(json_object_get(object, "more")));
        json_decref(object);
        free_batch(entries, 2);
        driver_free(&driver);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_clients_catch_up_with_single_messages),
        cmocka_unit_test(test_what_a_search_found_tells_the_room_of_each),
        cmocka_unit_test(test_a_plain_client_that_asked_to_join_catches_up_with_batches),
        cmocka_unit_test(test_others_catch_up_with_a_batch),
        cmocka_unit_test(test_history_asked_for_is_a_batch_for_plain_clients_too),
        cmocka_unit_test(test_a_long_page_is_cut_into_batches),
        cmocka_unit_test(test_an_answer_is_one_batch_and_keeps_the_near_end),
        cmocka_unit_test(test_an_entry_larger_than_a_batch_comes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
