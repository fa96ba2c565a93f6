#include "protocol_driver.h"

static const struct handover handover = {.format = FORMAT_TEXT};
static const struct encoding as_text = {.format = FORMAT_TEXT};

static void test_each_text_frame_is_a_message_as_it_is(void **state) {
    const char *texts[] = {"hello", "", "  {\"content\":5}\r\n", "a\nb\tc \x1b[31m"};
    struct driver driver;
    driver_init(&driver, &text_protocol, &handover, *(bool *)*state);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        driver_text(&driver, texts[i]);
        assert_int_equal(driver_next(&driver), FEED_REQUEST);
        assert_int_equal(driver.feed.request.kind, REQUEST_PUBLISH);
        assert_int_equal(driver.feed.request.entry, ENTRY_MESSAGE);
        assert_slice_equal(driver.feed.request.content, texts[i]);
        assert_int_equal(driver.feed.request.sender.length, 0);
        assert_int_equal(driver_next(&driver), FEED_MORE);
    }
    expect_nothing(&driver);
    driver_free(&driver);
}

static void test_a_binary_frame_is_relayed(void **state) {
    struct driver driver;
    driver_init(&driver, &text_protocol, &handover, *(bool *)*state);
    driver_frame(&driver, 0x82, SLICE("\0\xff"));
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_int_equal(driver.feed.request.kind, REQUEST_BINARY);
    assert_true(slice_equal(driver.feed.request.content, SLICE("\0\xff")));
    driver_free(&driver);
}

/* What the request becomes in the room, seen by a reader of raw text. */
static void test_raw_text_comes_back_as_it_went(void **state) {
    struct driver driver;
    driver_init(&driver, &text_protocol, &handover, *(bool *)*state);
    driver_text(&driver, "hello\n");
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    struct entry *entry =
        make_entry(1, (struct entry_body){.sender = SLICE("anonymous"),
                                          .key = driver.feed.request.key,
                                          .content = driver.feed.request.content});
    assert_true(render_entry_in(&driver, as_text, "lobby", entry));
    expect_text(&driver, "hello\n");
    expect_nothing(&driver);
    entry_unref(entry);
    driver_free(&driver);
}

static void test_messages_from_elsewhere_carry_their_name(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &text_protocol, &handover, false);
    const char *names[] = {"Jason", "anonymous"};
    const char *expected[] = {"Jason: one\ntwo", "anonymous: one\ntwo"};
    for (size_t i = 0; i < 2; i++) {
        struct entry *entry = make_entry(1, (struct entry_body){.sender = slice_of_string(names[i]),
                                                                .content = SLICE("one\ntwo")});
        assert_true(render_entry_in(&driver, as_text, "lobby", entry));
        expect_text(&driver, expected[i]);
        entry_unref(entry);
    }
    driver_free(&driver);
}

static void test_only_messages_and_binary_frames_are_shown(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &text_protocol, &handover, false);
    const enum entry_kind kinds[] = {ENTRY_EDIT, ENTRY_DELETE, ENTRY_REACTION, ENTRY_TOPIC};
    for (size_t i = 0; i < 4; i++) {
        struct entry *entry = make_entry(2, (struct entry_body){.kind = kinds[i], .of = 1});
        assert_false(render_entry_in(&driver, as_text, "lobby", entry));
        entry_unref(entry);
    }
    const enum signal_kind signals[] = {SIGNAL_JOINED, SIGNAL_LEFT, SIGNAL_RENAMED, SIGNAL_COUNT,
                                        SIGNAL_TYPING};
    for (size_t i = 0; i < 5; i++) {
        struct signal signal = {.kind = signals[i], .name = SLICE("eve"), .announced = true};
        assert_false(render_signal_in(&driver, as_text, "lobby", &signal));
    }
    expect_nothing(&driver);
    struct signal binary = {.kind = SIGNAL_BINARY, .payload = SLICE("\0\xff")};
    assert_true(render_signal_in(&driver, as_text, "lobby", &binary));
    assert_true(slice_equal(take_frame(&driver.output, 0x82), SLICE("\0\xff")));
    driver_free(&driver);
}

static void test_nothing_is_ever_answered(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &text_protocol, &handover, false);
    const enum reply_kind kinds[] = {REPLY_CONNECTED, REPLY_WELCOME, REPLY_ACK,  REPLY_JOINED,
                                     REPLY_GAP,       REPLY_BATCH,   REPLY_LIVE, REPLY_ERROR};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        driver_reply(&driver, &(struct reply){.kind = kinds[i], .error = ERR_RATE_LIMITED});
    }
    expect_nothing(&driver);
    assert_int_equal(text_protocol.close_wanted(driver.state), 0);
    driver_free(&driver);
}

static void test_a_message_that_is_not_stored_closes_with_try_later(void **state) {
    (void)state;
    struct driver driver;
    driver_init(&driver, &text_protocol, &handover, false);
    driver_reply(&driver, &(struct reply){.kind = REPLY_ERROR, .error = ERR_UNAVAILABLE});
    expect_nothing(&driver);
    assert_int_equal(text_protocol.close_wanted(driver.state), 1013);
    text_protocol.goodbye(driver.state, &driver.settings, 1013, &driver.output);
    expect_close(&driver, 1013, "try later");
    driver_free(&driver);
}

static void test_only_a_message_over_its_limit_closes(void **state) {
    static char letters[MAX_MESSAGE + 1];
    memset(letters, 'x', sizeof(letters));
    struct driver driver;
    driver_init(&driver, &text_protocol, &handover, *(bool *)*state);
    driver_frame(&driver, 0x81, slice_from(letters, MAX_MESSAGE));
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_int_equal(driver.feed.request.content.length, MAX_MESSAGE);
    driver_frame(&driver, 0x81, slice_from(letters, MAX_MESSAGE + 1));
    expect_quit(&driver, 1009, true);
    driver_free(&driver);
}

static void test_deflate_is_used_both_ways(void **state) {
    struct handover deflate = {.format = FORMAT_TEXT, .window_bits = 15, .inflate = 1};
    static const char text[] = "again and again and again and again and again and again and again";
    struct driver driver;
    driver_init(&driver, &text_protocol, &deflate, *(bool *)*state);
    struct buffer bytes = {0};
    deflater_compress(driver.settings.deflater, 12, slice_of_string(text), &bytes);
    driver_frame(&driver, 0xc1, buffer_slice(&bytes));
    assert_int_equal(driver_next(&driver), FEED_REQUEST);
    assert_slice_equal(driver.feed.request.content, text);

    struct signal binary = {.kind = SIGNAL_BINARY, .payload = slice_of_string(text)};
    struct encoding encoding = text_protocol.encoding(driver.state);
    assert_true(render_signal_in(&driver, encoding, "lobby", &binary));
    buffer_clear(&bytes);
    assert_int_equal(
        inflater_expand(driver.settings.inflater, take_frame(&driver.output, 0xc2), 1000, &bytes),
        0);
    assert_slice_equal(buffer_slice(&bytes), text);
    buffer_close(&bytes);
    driver_free(&driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FED_BOTH_WAYS(test_each_text_frame_is_a_message_as_it_is),
        FED_BOTH_WAYS(test_a_binary_frame_is_relayed),
        FED_BOTH_WAYS(test_raw_text_comes_back_as_it_went),
        cmocka_unit_test(test_messages_from_elsewhere_carry_their_name),
        cmocka_unit_test(test_only_messages_and_binary_frames_are_shown),
        cmocka_unit_test(test_nothing_is_ever_answered),
        cmocka_unit_test(test_a_message_that_is_not_stored_closes_with_try_later),
        FED_BOTH_WAYS(test_only_a_message_over_its_limit_closes),
        FED_BOTH_WAYS(test_deflate_is_used_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
