/* Logging in by the line protocol: the password prompt, and /login. */
#include "plain_harness.h"

#define PROMPT "Enter your name:\n"
#define WRONG "error: Wrong name or password\n"

static void grant(struct plain_peer *peer, const char *name) {
    struct reply reply = {.kind = REPLY_NAMED, .name = slice_of_string(name), .greeting = true};
    plain_answer(peer, &reply);
}

/* As the hub refuses: under the cid that the request had. */
static void refuse(struct plain_peer *peer, int error, const char *cid) {
    struct reply reply = {.kind = REPLY_ERROR, .error = error, .cid = slice_of_string(cid)};
    plain_answer(peer, &reply);
}

/* A peer that is being asked for Jason's password. */
static struct plain_peer *asked_for_password(void) {
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_receive(peer, "Jason\n");
    plain_forget(peer);
    refuse(peer, ERR_UNAUTHORIZED, "");
    plain_sent(peer, "Password:\n");
    return peer;
}

static struct plain_peer *guest(void) {
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_receive(peer, "Zak\n");
    grant(peer, "Zak");
    plain_forget(peer);
    return peer;
}

static void a_name_with_an_account_needs_its_password(void **state) {
    (void)state;
    struct plain_peer *peer = asked_for_password();
    plain_receive(peer, "secret\n");
    plain_asked(peer, "name|name=Jason|password=secret|cid=login\n");
    plain_sent(peer, "");
    grant(peer, "Jason");
    plain_sent(peer, "Jason has connected\nWelcome Jason. Send QUIT to disconnect.\n");
    plain_receive(peer, "hello\n");
    plain_asked(peer, "publish|content=hello\n");
    plain_close(peer);
}

static void it_does_not_matter_how_the_bytes_are_cut(void **state) {
    (void)state;
    const char *all = "Jason\r\nse cret\r\nhello\nQUIT\n";
    size_t length = strlen(all);
    for (size_t step = 1; step <= length; step++) {
        struct plain_peer *peer = plain_connect(&line_protocol);
        unsigned answers = 0;
        for (size_t at = 0; at < length; at += step) {
            size_t count = step < length - at ? step : length - at;
            plain_receive_slice(peer, slice_from(all + at, count));
            while (peer->waits) {
                if (answers++ == 0)
                    refuse(peer, ERR_UNAUTHORIZED, "");
                else
                    grant(peer, "Jason");
            }
        }
        plain_asked(peer, "name|name=Jason\nname|name=Jason|password=se cret|cid=login\n"
                          "publish|content=hello\nquit|1000\n");
        plain_close(peer);
    }
}

static void nothing_typed_for_a_password_is_taken_for_anything_else(void **state) {
    (void)state;
    static const char *const lines[] = {"QUIT", "/quit", "/help", "//x", " a b ", "/login x y"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct plain_peer *peer = asked_for_password();
        struct buffer expected = {0};
        buffer_append_format(&expected, "name|name=Jason|password=%s|cid=login\n", lines[i]);
        buffer_append_char(&expected, '\0');
        plain_receive(peer, lines[i]);
        plain_receive(peer, "\n");
        plain_asked(peer, buffer_slice(&expected).data);
        plain_sent(peer, "");
        buffer_close(&expected);
        plain_close(peer);
    }
}

static void a_wrong_password_leads_back_to_the_name_and_the_third_out(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    for (int i = 1; i <= 3; i++) {
        plain_receive(peer, "Jason\n");
        refuse(peer, ERR_UNAUTHORIZED, "");
        plain_forget(peer);
        assert_int_equal(line_protocol.close_wanted(peer->state), 0);
        plain_receive(peer, "guess\n");
        refuse(peer, ERR_UNAUTHORIZED, "login");
        plain_sent(peer, i < 3 ? WRONG PROMPT : WRONG);
    }
    assert_int_equal(line_protocol.close_wanted(peer->state), 1008);
    plain_close(peer);
}

static void no_password_is_another_name_after_all(void **state) {
    (void)state;
    struct plain_peer *peer = asked_for_password();
    plain_receive(peer, "\r\n");
    plain_sent(peer, PROMPT);
    plain_asked(peer, "");
    plain_receive(peer, "Zak\n");
    plain_asked(peer, "name|name=Zak\n");
    plain_close(peer);
}

static void what_can_be_no_password_is_wrong_without_being_asked_about(void **state) {
    (void)state;
    static const char *const lines[] = {"\xff\n", "a\x01z\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct plain_peer *peer = asked_for_password();
        plain_receive(peer, lines[i]);
        plain_sent(peer, WRONG PROMPT);
        plain_asked(peer, "");
        plain_close(peer);
    }
    struct plain_peer *peer = asked_for_password();
    char line[100 + LIMIT_LINE_OVERHEAD + 1];
    memset(line, 'x', sizeof line);
    plain_receive_slice(peer, slice_from(line, sizeof line));
    plain_receive(peer, "\n");
    plain_sent(peer, "line too long, 100 bytes at most\n" PROMPT);
    plain_receive(peer, "Zak\n");
    plain_asked(peer, "name|name=Zak\n");
    plain_close(peer);
}

/* Whether the server is too busy to check it says nothing about the password. */
static void only_a_wrong_password_counts_as_one(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    for (int i = 0; i < 5; i++) {
        plain_receive(peer, "Jason\n");
        refuse(peer, ERR_UNAUTHORIZED, "");
        plain_receive(peer, "secret\n");
        plain_forget(peer);
        refuse(peer, ERR_RATE_LIMITED, "login");
        plain_sent(peer, "Rate limit exceeded\n" PROMPT);
    }
    assert_int_equal(line_protocol.close_wanted(peer->state), 0);
    plain_close(peer);
}

static void a_name_that_was_refused_is_not_asked_for_later(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_receive(peer, "Jason\n");
    refuse(peer, ERR_NAME_TAKEN, "");
    plain_receive(peer, "/resume bt_gone\n");
    plain_forget(peer);
    refuse(peer, ERR_UNAUTHORIZED, "");
    plain_sent(peer, "A valid credential is required\n" PROMPT);
    plain_close(peer);
}

static void login_at_the_prompt_comes_in(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_receive(peer, "/login Jason secret\nhello\n");
    plain_asked(peer, "name|name=Jason|password=secret|cid=login\n");
    assert_true(peer->waits);
    plain_forget(peer);
    grant(peer, "Jason");
    plain_sent(peer, "Jason has connected\nWelcome Jason. Send QUIT to disconnect.\n");
    plain_asked(peer, "publish|content=hello\n");
    plain_close(peer);
}

static void a_guest_who_takes_an_accounts_name_is_told_of_login(void **state) {
    (void)state;
    struct plain_peer *peer = guest();
    plain_receive(peer, "/nick Jason\n");
    plain_asked(peer, "name|name=Jason|cid=nick\n");
    refuse(peer, ERR_UNAUTHORIZED, "nick");
    plain_sent(peer, "error: that name has an account, prove that it is yours: /login NAME "
                     "PASSWORD\n");
    plain_receive(peer, "/login Jason guess\n");
    refuse(peer, ERR_UNAUTHORIZED, "login");
    plain_sent(peer, WRONG);
    plain_receive(peer, "still Zak\n");
    plain_asked(peer, "name|name=Jason|password=guess|cid=login\npublish|content=still Zak\n");
    plain_close(peer);
}

static void a_half_typed_password_is_not_said_when_the_line_breaks(void **state) {
    (void)state;
    struct plain_peer *peer = asked_for_password();
    plain_receive(peer, "sec");
    plain_end(peer);
    assert_true(peer->waits);
    plain_asked(peer, "name|name=Jason|password=sec|cid=login\n");
    refuse(peer, ERR_UNAUTHORIZED, "login");
    plain_end(peer);
    plain_asked(peer, "quit|1000\n");
    plain_close(peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_with_an_account_needs_its_password),
        cmocka_unit_test(it_does_not_matter_how_the_bytes_are_cut),
        cmocka_unit_test(nothing_typed_for_a_password_is_taken_for_anything_else),
        cmocka_unit_test(a_wrong_password_leads_back_to_the_name_and_the_third_out),
        cmocka_unit_test(no_password_is_another_name_after_all),
        cmocka_unit_test(what_can_be_no_password_is_wrong_without_being_asked_about),
        cmocka_unit_test(only_a_wrong_password_counts_as_one),
        cmocka_unit_test(a_name_that_was_refused_is_not_asked_for_later),
        cmocka_unit_test(login_at_the_prompt_comes_in),
        cmocka_unit_test(a_guest_who_takes_an_accounts_name_is_told_of_login),
        cmocka_unit_test(a_half_typed_password_is_not_said_when_the_line_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
