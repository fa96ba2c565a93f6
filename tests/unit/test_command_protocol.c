#include "plain_harness.h"

#define BAD_NAME "error: a name is 1 to 64 letters, digits, '-', '_' or '.'"

static void grant_name(struct plain_peer *peer) {
    struct reply reply = {.kind = REPLY_NAMED, .greeting = true, .name = SLICE("Jane")};
    plain_answer(peer, &reply);
}

static void refuse(struct plain_peer *peer, int error) {
    struct reply reply = {.kind = REPLY_ERROR, .error = error};
    plain_answer(peer, &reply);
}

static void list_two(struct plain_peer *peer) {
    static const struct reply_item items[] = {{.name = SLICE("Jane")}, {.name = SLICE("Zak")}};
    struct reply reply = {.kind = REPLY_NAMES, .items = items, .item_count = 2};
    plain_answer(peer, &reply);
}

static struct plain_peer *jane(void) {
    struct plain_peer *peer = plain_connect(&command_protocol);
    plain_burst(peer, "register,Jane");
    grant_name(peer);
    plain_forget(peer);
    return peer;
}

static void the_dialogue_needs_no_line_endings(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&command_protocol);
    plain_sent(peer, "");
    plain_burst(peer, "register,Jane");
    plain_asked(peer, "name|name=Jane\n");
    grant_name(peer);
    plain_sent(peer, "ack");
    plain_burst(peer, "list,friends");
    plain_asked(peer, "names\n");
    list_two(peer);
    plain_sent(peer, "Jane,Zak");
    plain_burst(peer, "chat,Zak");
    plain_asked(peer, "publish|to=Zak|content=hi\n");
    plain_burst(peer, "chat,Zak,lunch?");
    plain_asked(peer, "publish|to=Zak|content=lunch?\n");
    plain_burst(peer, "chat,Zak, one, two,");
    plain_asked(peer, "publish|to=Zak|content=one, two,\n");
    plain_sent(peer, "");
    assert_int_equal(command_protocol.frame_gap_ms(peer->state), 5);
    assert_int_equal(command_protocol.encoding(peer->state).format, FORMAT_COMMAND);
    plain_close(peer);
}

static void after_the_first_lf_everything_is_lines(void **state) {
    (void)state;
    const char *all = "register,Jane\r\nlist,friends\n\nchat,Zak\nchat,Zak,lunch?\n";
    size_t length = strlen(all);
    for (size_t step = 1; step <= length; step++) {
        struct plain_peer *peer = plain_connect(&command_protocol);
        for (size_t at = 0; at < length; at += step) {
            size_t count = step < length - at ? step : length - at;
            plain_receive_slice(peer, slice_from(all + at, count));
        }
        plain_asked(peer, "name|name=Jane\nnames\npublish|to=Zak|content=hi\n"
                          "publish|to=Zak|content=lunch?\n");
        grant_name(peer);
        list_two(peer);
        plain_sent(peer, "ack\nJane,Zak\n");
        assert_int_equal(command_protocol.frame_gap_ms(peer->state), 0);
        assert_int_equal(command_protocol.encoding(peer->state).format, FORMAT_COMMAND_LINES);
        plain_burst(peer, "list,fri");
        plain_asked(peer, "");
        plain_burst(peer, "ends\n");
        plain_asked(peer, "names\n");
        plain_close(peer);
    }
}

static void a_client_may_begin_to_send_lf_later(void **state) {
    (void)state;
    struct plain_peer *peer = jane();
    plain_burst(peer, "list,friends\n");
    list_two(peer);
    plain_sent(peer, "Jane,Zak\n");
    plain_close(peer);
}

static void the_prefix_of_a_verb_waits_for_the_rest(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&command_protocol);
    const char *verb = "register";
    for (const char *c = verb; *c; c++) {
        char byte[2] = {*c, '\0'};
        plain_burst(peer, byte);
        plain_asked(peer, "");
        plain_sent(peer, "");
    }
    plain_burst(peer, ",Jane");
    plain_asked(peer, "name|name=Jane\n");
    plain_close(peer);
}

static void what_is_no_command_gets_an_error_and_the_connection_stays(void **state) {
    (void)state;
    static const struct {
        const char *command, *error;
    } cases[] = {
        {"hello", "error: a command is register,NAME or list,friends or chat,NAME"},
        {"registers", "error: a command is register,NAME or list,friends or chat,NAME"},
        {"dance,Zak", "error: a command is register,NAME or list,friends or chat,NAME"},
        {"list,enemies", "error: list what? try list,friends"},
        {"list,", "error: list what? try list,friends"},
        {"chat,", "error: chat with whom? try chat,NAME or chat,NAME,TEXT"},
        {"chat,,hi", "error: chat with whom? try chat,NAME or chat,NAME,TEXT"},
        {"register,Eve", "error: already registered"},
        {"chat,Zak,\xff", "error: not UTF-8"},
    };
    struct plain_peer *peer = jane();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        plain_burst(peer, cases[i].command);
        plain_sent(peer, cases[i].error);
        plain_asked(peer, "");
        assert_int_equal(buffer_length(&peer->input), 0);
    }
    plain_burst(peer, "list,friends");
    plain_asked(peer, "names\n");
    plain_close(peer);
}

static void only_register_is_answered_before_register(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&command_protocol);
    char endless[100 + LIMIT_LINE_OVERHEAD + 1];
    memset(endless, 'x', sizeof endless);
    static const char *const ignored[] = {"list,friends", "chat,Zak",  "chat,Zak,hi", "list,",
                                          "hello",        "dance,Zak", ",",           "\xff,"};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        plain_burst(peer, ignored[i]);
    plain_receive_slice(peer, slice_from(endless, sizeof endless));
    plain_burst(peer, "");
    plain_sent(peer, "");
    plain_asked(peer, "");
    assert_int_equal(buffer_length(&peer->input), 0);
    memcpy(endless, "register,", 9);
    plain_receive_slice(peer, slice_from(endless, sizeof endless));
    plain_burst(peer, "");
    plain_sent(peer, "error: line too long, 100 bytes at most");
    plain_burst(peer, "register,two words");
    plain_sent(peer, BAD_NAME);
    plain_burst(peer, "register,");
    plain_sent(peer, BAD_NAME);
    plain_asked(peer, "");
    plain_burst(peer, "register,Zak");
    refuse(peer, ERR_NAME_TAKEN);
    plain_sent(peer, "error: This name is taken, choose another one");
    plain_burst(peer, "register,\xff");
    plain_sent(peer, "error: not UTF-8");
    plain_burst(peer, "list,friends");
    plain_sent(peer, "");
    plain_asked(peer, "name|name=Zak\n");
    plain_burst(peer, "register,Jane");
    plain_asked(peer, "name|name=Jane\n");
    grant_name(peer);
    plain_sent(peer, "ack");
    plain_close(peer);
}

static void errors_of_the_hub_are_one_answer_each(void **state) {
    (void)state;
    struct plain_peer *peer = jane();
    struct reply reply = {
        .kind = REPLY_ERROR, .error = ERR_NOT_FOUND, .text = SLICE("no user by the name No\nbody")};
    plain_answer(peer, &reply);
    plain_sent(peer, "error: no user by the name No\xef\xbf\xbd"
                     "body");
    refuse(peer, ERR_RATE_LIMITED);
    plain_sent(peer, "error: Rate limit exceeded");
    plain_burst(peer, "list,friends\n");
    refuse(peer, ERR_RATE_LIMITED);
    plain_sent(peer, "error: Rate limit exceeded\n");
    plain_close(peer);
}

static void what_is_too_long_is_complained_about_once(void **state) {
    (void)state;
    char bytes[100 + LIMIT_LINE_OVERHEAD + 1];
    memset(bytes, 'x', sizeof bytes);
    struct plain_peer *peer = jane();
    plain_receive_slice(peer, slice_from(bytes, sizeof bytes));
    plain_receive_slice(peer, slice_from(bytes, sizeof bytes));
    plain_burst(peer, "");
    plain_sent(peer, "error: line too long, 100 bytes at most");
    assert_int_equal(buffer_length(&peer->input), 0);
    plain_burst(peer, "list,friends");
    plain_asked(peer, "names\n");

    bytes[sizeof bytes - 1] = '\n';
    plain_receive(peer, "xx");
    plain_receive_slice(peer, slice_from(bytes, sizeof bytes));
    plain_receive(peer, "list,friends\n");
    plain_sent(peer, "error: line too long, 100 bytes at most\n");
    plain_asked(peer, "names\n");
    plain_close(peer);
}

static void a_message_is_shown_to_whom_it_was_said(void **state) {
    (void)state;
    struct plain_show show = {&command_feed, FORMAT_COMMAND, SIDE_SECOND, SIDE_FIRST, "@Jane,Zak"};
    plain_shows_message(&show, "Jane", "hi", "Jane says hi");
    plain_shows_message(&show, "Jane", "a\nZak says b\r\n\xe2\x80\xa8\xc2\x85\x1b",
                        "Jane says a\xef\xbf\xbdZak says b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "\xef\xbf\xbd");
    show.format = FORMAT_COMMAND_LINES;
    plain_shows_message(&show, "Jane", "hi", "Jane says hi\n");
    show.reader = SIDE_FIRST;
    plain_shows_message(&show, "Jane", "hi", NULL);
    show.room = "@Jane,Jane";
    plain_shows_message(&show, "Jane", "hi", "Jane says hi\n");
    show.room = "lobby";
    show.reader = show.author = SIDE_PUBLIC;
    plain_shows_message(&show, "Jane", "hi", NULL);
}

static void messages_of_a_page_are_kept_apart(void **state) {
    (void)state;
    struct plain_peer *peer = jane();
    struct entry_body from_zak = {.sender = SLICE("Zak"), .content = SLICE("one")};
    struct entry_body from_jane = {.sender = SLICE("Jane"), .content = SLICE("mine")};
    struct entry *zak = entry_new(&from_zak, 1, 0, "01HZZZZZZZZZZZZZZZZZZZZZZZ");
    struct entry *mine = entry_new(&from_jane, 2, 0, "01HZZZZZZZZZZZZZZZZZZZZZZZ");
    struct entry *entries[] = {zak, mine, zak};
    struct reply reply = {.kind = REPLY_BATCH,
                          .room = SLICE("@Jane,Zak"),
                          .side = SIDE_FIRST,
                          .entries = entries,
                          .entry_count = 3,
                          .catching_up = true};
    plain_answer(peer, &reply);
    plain_sent(peer, "Zak says one\nZak says one");
    reply.entries = &mine;
    reply.entry_count = 1;
    plain_answer(peer, &reply);
    plain_sent(peer, "");
    entry_unref(zak);
    entry_unref(mine);
    plain_close(peer);
}

static void a_last_command_without_its_end_counts(void **state) {
    (void)state;
    struct plain_peer *peer = jane();
    plain_receive(peer, "list,friends\nchat,Zak,bye");
    plain_end(peer);
    plain_asked(peer, "names\npublish|to=Zak|content=bye\nquit|1000\n");
    plain_end(peer);
    plain_asked(peer, "");
    plain_close(peer);
    peer = jane();
    plain_end(peer);
    plain_asked(peer, "quit|1000\n");
    plain_close(peer);
}

static void a_name_with_an_account_is_registered_with_its_password(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&command_protocol);
    plain_burst(peer, "register,Jane");
    plain_forget(peer);
    refuse(peer, ERR_UNAUTHORIZED);
    plain_sent(peer, "error: that name has an account, try register,NAME,PASSWORD");
    plain_burst(peer, "register,Jane,a,b c");
    plain_asked(peer, "name|name=Jane|password=a,b c\n");
    grant_name(peer);
    plain_sent(peer, "ack");
    plain_close(peer);
}

static void three_wrong_passwords_are_the_last(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&command_protocol);
    plain_burst(peer, "register,Jane,"); /* none at all is no guess */
    plain_sent(peer, "error: wrong name or password");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(command_protocol.close_wanted(peer->state), 0);
        plain_burst(peer, "register,Jane,guess");
        refuse(peer, ERR_UNAUTHORIZED);
        plain_sent(peer, "error: wrong name or password");
    }
    assert_int_equal(command_protocol.close_wanted(peer->state), 1008);
    plain_close(peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dialogue_needs_no_line_endings),
        cmocka_unit_test(after_the_first_lf_everything_is_lines),
        cmocka_unit_test(a_client_may_begin_to_send_lf_later),
        cmocka_unit_test(the_prefix_of_a_verb_waits_for_the_rest),
        cmocka_unit_test(what_is_no_command_gets_an_error_and_the_connection_stays),
        cmocka_unit_test(only_register_is_answered_before_register),
        cmocka_unit_test(errors_of_the_hub_are_one_answer_each),
        cmocka_unit_test(a_name_with_an_account_is_registered_with_its_password),
        cmocka_unit_test(three_wrong_passwords_are_the_last),
        cmocka_unit_test(what_is_too_long_is_complained_about_once),
        cmocka_unit_test(messages_of_a_page_are_kept_apart),
        cmocka_unit_test(a_message_is_shown_to_whom_it_was_said),
        cmocka_unit_test(a_last_command_without_its_end_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
