#include "plain_harness.h"

static const struct plain_show lobby = {
    .feed = &numbered_feed, .format = FORMAT_NUMBERED, .room = "lobby"};

static void nothing_is_sent_at_connect(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&numbered_protocol);
    struct reply reply = {.kind = REPLY_CONNECTED, .room = SLICE("lobby"), .client_count = 3};
    plain_answer(peer, &reply);
    plain_sent(peer, "");
    plain_close(peer);
}

static void lines_are_published_as_they_are_however_they_are_cut(void **state) {
    (void)state;
    const char *all = "hello\r\n  spaced  \n/quit\nQUIT\n \n\nafter the end\n";
    size_t length = strlen(all);
    for (size_t step = 1; step <= length; step++) {
        struct plain_peer *peer = plain_connect(&numbered_protocol);
        for (size_t at = 0; at < length; at += step) {
            size_t count = step < length - at ? step : length - at;
            plain_receive_slice(peer, slice_from(all + at, count));
        }
        plain_asked(peer, "publish|content=hello\npublish|content=  spaced  \n"
                          "publish|content=/quit\npublish|content=QUIT\npublish|content= \n"
                          "quit|1000\n");
        plain_sent(peer, "");
        plain_close(peer);
    }
}

static void only_the_sender_hears_why_a_line_was_not_taken(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&numbered_protocol);
    char line[100 + LIMIT_LINE_OVERHEAD + 1];
    memset(line, 'x', sizeof line);
    plain_receive_slice(peer, slice_from(line, sizeof line));
    plain_receive_slice(peer, slice_from(line, sizeof line));
    plain_receive(peer, "\ncaf\xe9\nfine\n");
    plain_sent(peer, "error: line too long, 100 bytes at most\nerror: not UTF-8\n");
    plain_asked(peer, "publish|content=fine\n");
    struct reply reply = {.kind = REPLY_ERROR, .error = ERR_RATE_LIMITED};
    plain_answer(peer, &reply);
    plain_sent(peer, "error: Rate limit exceeded\n");
    plain_close(peer);
}

static void every_line_of_a_message_carries_who_said_it(void **state) {
    (void)state;
    plain_shows_message(&lobby, "Client 3", "text", "Client 3: text\n");
    plain_shows_message(&lobby, "Client 3", "/me text", "Client 3: /me text\n");
    plain_shows_message(&lobby, "ann",
                        "a\nClient 3: b\r\n\xe2\x80\xa8"
                        "c\x1b",
                        "ann: a\nann: Client 3: b\nann: \nann: c\xef\xbf\xbd\n");
    plain_shows_message(&lobby, "Client 3: hi", "", "Client 3\xef\xbf\xbd hi: \n");
}

static void nothing_but_messages_is_shown(void **state) {
    (void)state;
    struct entry_body body = {.sender = SLICE("ann"), .content = SLICE("x")};
    static const enum entry_kind kinds[] = {ENTRY_EDIT, ENTRY_DELETE, ENTRY_REACTION, ENTRY_TOPIC};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        body.kind = kinds[i];
        plain_shows(&lobby, &body, NULL);
    }
    struct signal signal = {.kind = SIGNAL_JOINED, .name = SLICE("ann"), .announced = true};
    struct effect show = {.kind = EFFECT_SHOW_SIGNAL, .room = SLICE("lobby"), .signal = &signal};
    struct buffer output = {0};
    assert_false(numbered_feed.signal(FORMAT_NUMBERED, SIDE_PUBLIC, &show, &output));
    assert_int_equal(buffer_length(&output), 0);
    buffer_close(&output);
}

static void a_last_line_without_its_end_is_said_before_leaving(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&numbered_protocol);
    plain_receive(peer, "one\ntwo");
    plain_end(peer);
    plain_asked(peer, "publish|content=one\npublish|content=two\nquit|1000\n");
    plain_close(peer);
    peer = plain_connect(&numbered_protocol);
    plain_receive(peer, "one\n\ntwo");
    plain_end(peer);
    plain_asked(peer, "publish|content=one\nquit|1000\n");
    plain_close(peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_at_connect),
        cmocka_unit_test(lines_are_published_as_they_are_however_they_are_cut),
        cmocka_unit_test(only_the_sender_hears_why_a_line_was_not_taken),
        cmocka_unit_test(every_line_of_a_message_carries_who_said_it),
        cmocka_unit_test(nothing_but_messages_is_shown),
        cmocka_unit_test(a_last_line_without_its_end_is_said_before_leaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
