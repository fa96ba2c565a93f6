#include "plain_harness.h"

#define GREETING "banter chat server\nEnter your name:\n"
#define WELCOME "Jason has connected\nWelcome Jason. Send QUIT to disconnect.\n"
#define TOKEN "0123456789abcdefghijklmnopqrstuvwxyzABCD-_E"
#define BAD_NAME "A name is 1 to 64 letters, digits, '-', '_' or '.'\n"

static void grant_name(struct plain_peer *peer, const char *name, bool greeting) {
    struct reply reply = {.kind = REPLY_NAMED, .name = slice_of_string(name), .greeting = greeting};
    plain_answer(peer, &reply);
}

static void refuse(struct plain_peer *peer, int error) {
    struct reply reply = {.kind = REPLY_ERROR, .error = error};
    plain_answer(peer, &reply);
}

/* A peer that has its name and has been greeted. */
static struct plain_peer *jason(void) {
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_receive(peer, "Jason\n");
    grant_name(peer, "Jason", true);
    plain_forget(peer);
    return peer;
}

static void the_dialogue_is_byte_for_byte_as_agreed(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_sent(peer, GREETING);
    plain_receive(peer, "Jason\n");
    plain_asked(peer, "name|name=Jason\n");
    plain_sent(peer, "");
    grant_name(peer, "Jason", true);
    plain_sent(peer, WELCOME);
    plain_receive(peer, "Hello there!\n");
    plain_asked(peer, "publish|content=Hello there!\n");
    plain_sent(peer, "");
    plain_receive(peer, "QUIT\n");
    plain_asked(peer, "quit|1000\n");
    line_protocol.goodbye(peer->state, &peer->settings, 1000, &peer->output);
    plain_sent(peer, "");
    plain_close(peer);
}

static void it_does_not_matter_how_the_bytes_are_cut(void **state) {
    (void)state;
    const char *all = "Jason\r\n  Hello there!\t\r\n\n \n//x\nQUIT\nignored\n";
    size_t length = strlen(all);
    for (size_t step = 1; step <= length; step++) {
        struct plain_peer *peer = plain_connect(&line_protocol);
        for (size_t at = 0; at < length; at += step) {
            size_t count = step < length - at ? step : length - at;
            plain_receive_slice(peer, slice_from(all + at, count));
            if (peer->waits)
                grant_name(peer, "Jason", true);
        }
        plain_sent(peer, GREETING WELCOME);
        plain_asked(peer, "name|name=Jason\npublish|content=Hello there!\npublish|content=/x\n"
                          "quit|1000\n");
        assert_int_equal(buffer_length(&peer->input), 0);
        plain_close(peer);
    }
}

static void nothing_is_said_before_the_name_is_granted(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_receive(peer, "Jason\nHello\n");
    assert_true(peer->waits);
    plain_asked(peer, "name|name=Jason\n");
    plain_forget(peer);
    refuse(peer, ERR_NAME_TAKEN); /* so the next line is a name again */
    plain_sent(peer, "This name is taken, choose another one\nEnter your name:\n");
    plain_asked(peer, "name|name=Hello\n");
    grant_name(peer, "Hello", true);
    plain_receive(peer, "Jason\n");
    plain_asked(peer, "publish|content=Jason\n");
    plain_close(peer);
}

static void an_empty_line_at_the_prompt_is_nothing(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_forget(peer);
    plain_receive(peer, "\n  \r\n\t\n");
    plain_sent(peer, "");
    plain_receive(peer, "Jason\n");
    plain_asked(peer, "name|name=Jason\n");
    plain_close(peer);
}

static void a_line_that_is_no_name_gets_a_reason_and_the_prompt(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    static const char *const names[] = {"two words\n", "a:b\n", "\x1b[31m\n"};
    plain_forget(peer);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        plain_receive(peer, names[i]);
        plain_sent(peer, BAD_NAME "Enter your name:\n");
    }
    plain_receive(peer, "J\xff\n");
    plain_sent(peer, "not UTF-8\nEnter your name:\n");
    plain_receive(peer, "/who\n");
    plain_sent(peer, "A name comes first\nEnter your name:\n");
    plain_asked(peer, "");
    plain_receive(peer, "QUIT\n");
    plain_asked(peer, "quit|1000\n");
    plain_close(peer);
}

static void commands_become_requests(void **state) {
    (void)state;
    static const struct {
        const char *line, *request;
    } cases[] = {
        {"/join ops\n", "join|room=ops|move\n"},
        {"/rooms\n", "rooms\n"},
        {"/who\n", "members\n"},
        {"/msg bob  psst, you\n", "publish|to=bob|content=psst, you\n"},
        {"/me waves\n", "publish|content=/me waves\n"},
        {"/topic Release day\n", "publish|topic|content=Release day\n"},
        {"/history 5\n", "history|limit=5\n"},
        {"/history\n", "history|limit=20\n"},
        {"/history 100000\n", "history|limit=100\n"},
        {"/history 5  bob\n", "history|to=bob|limit=5\n"},
        {"/history bob\n", "history|to=bob|limit=20\n"},
        {"/search deploy from:bob\n", "search|content=deploy from:bob\n"},
        {"/nick Jay\n", "name|name=Jay|cid=nick\n"},
        {"/login ann  a b\n", "name|name=ann|password=a b|cid=login\n"},
        {"/token\n", "token\n"},
        {"/resume " TOKEN "\n", "hello|session=" TOKEN "\n"},
        {"/resume bt_abc\n", "hello|session=bt_abc\n"},
        {"  /quit  \n", "quit|1000\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct plain_peer *peer = jason();
        plain_receive(peer, cases[i].line);
        plain_asked(peer, cases[i].request);
        plain_sent(peer, "");
        plain_close(peer);
    }
}

static void a_wrong_command_gets_one_error(void **state) {
    (void)state;
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"/x\n", "error: unknown command /x, try /help\n"},
        {"/\x1b[2J\n", "error: unknown command /\xef\xbf\xbd[2J, try /help\n"},
        {"/join\n", "error: usage: /join ROOM\n"},
        {"/msg bob\n", "error: usage: /msg NAME TEXT\n"},
        {"/msg\n", "error: usage: /msg NAME TEXT\n"},
        {"/me \n", "error: usage: /me TEXT\n"},
        {"/search\n", "error: usage: /search WORDS\n"},
        {"/history 0 bob\n", "error: usage: /history [N] [NAME], with a number above 0\n"},
        {"/history 0\n", "error: usage: /history [N] [NAME], with a number above 0\n"},
        {"/resume abc\n", "error: that is no token\n"},
        {"/login ann\n", "error: usage: /login NAME PASSWORD\n"},
        {"/login a:b x\n", "error: Wrong name or password\n"},
        {"/nick a b\n", "error: " BAD_NAME},
        {"/join @ann,bob\n",
         "error: the name of a room is 1 to 64 letters, digits, '-', '_' or '.'\n"},
        {"caf\xe9\n", "error: not UTF-8\n"},
    };
    struct plain_peer *peer = jason();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        plain_receive(peer, cases[i].line);
        plain_sent(peer, cases[i].error);
        plain_asked(peer, "");
    }
    plain_close(peer);
}

static void help_names_every_command(void **state) {
    (void)state;
    static const char *const words[] = {
        "/help",    "/join ROOM",    "/rooms",       "/who",          "/msg NAME TEXT",
        "/me TEXT", "/topic TEXT",   "/history [N] [NAME]", "/search WORDS", "/nick NAME",
        "/token",   "/resume TOKEN", "/quit",        "//TEXT",        "/login NAME PASSWORD"};
    struct plain_peer *peer = jason();
    plain_receive(peer, "/help\n");
    buffer_append_char(&peer->output, '\0');
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_non_null(strstr(buffer_slice(&peer->output).data, words[i]));
    plain_close(peer);
}

static void a_line_too_long_is_complained_about_once_and_dropped(void **state) {
    (void)state;
    struct plain_peer *peer = jason();
    char line[100 + LIMIT_LINE_OVERHEAD + 1];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 10; i++)
        plain_receive_slice(peer, slice_from(line, sizeof line));
    plain_receive(peer, "tail\nhere again\n");
    plain_sent(peer, "error: line too long, 100 bytes at most\n");
    plain_asked(peer, "publish|content=here again\n");
    plain_close(peer);
}

static void each_answer_of_its_own_is_given_by_itself(void **state) {
    (void)state;
    struct plain_peer *peer = jason();
    plain_receive(peer, "/help\n/help\n/help\n/x\n");
    assert_int_equal(peer->answers, 4);
    plain_close(peer);
}

static void answers_of_the_hub_are_put_in_words(void **state) {
    (void)state;
    struct plain_peer *peer = jason();
    struct reply_item items[] = {
        {.name = SLICE("lobby"), .last = 42, .client_count = 3},
        {.name = SLICE("ops"), .last = 7, .topic = SLICE("a\nb\x1b")},
    };
    struct reply reply = {.room = SLICE("lobby"), .client_count = 3};
    reply.kind = REPLY_CONNECTED;
    plain_answer(peer, &reply);
    reply.kind = REPLY_ACK;
    plain_answer(peer, &reply);
    reply.kind = REPLY_LIVE;
    plain_answer(peer, &reply);
    plain_sent(peer, "");
    reply.kind = REPLY_JOINED;
    plain_answer(peer, &reply);
    plain_sent(peer, "You are in lobby. 3 here.\n");
    reply.topic = SLICE("Release day");
    plain_answer(peer, &reply);
    plain_sent(peer, "You are in lobby. 3 here.\nThe topic is Release day\n");
    reply.items = items;
    reply.item_count = 2;
    reply.kind = REPLY_MEMBERS;
    plain_answer(peer, &reply);
    plain_sent(peer, "In lobby: lobby, ops\n");
    reply.kind = REPLY_ROOMS;
    plain_answer(peer, &reply);
    plain_sent(peer, "lobby - 42 messages, 3 here\n"
                     "ops - 7 messages, 0 here - a\xef\xbf\xbd"
                     "b\xef\xbf\xbd\n");
    grant_name(peer, "Jay", false);
    plain_sent(peer, "You are now known as Jay\n");
    reply = (struct reply){.kind = REPLY_NAMED, .name = SLICE("Jim"), .announced = true};
    plain_answer(peer, &reply);
    plain_sent(peer, ""); /* the room's line says it */
    reply = (struct reply){.kind = REPLY_TOKEN, .session = SLICE(TOKEN)};
    plain_answer(peer, &reply);
    plain_sent(peer, "Your token is " TOKEN
                     " (to go on from another connection, send there: /resume " TOKEN ")\n");
    plain_close(peer);
}

static void errors_of_the_hub_reach_the_person(void **state) {
    (void)state;
    struct plain_peer *peer = jason();
    refuse(peer, ERR_RATE_LIMITED);
    plain_sent(peer, "error: Rate limit exceeded\n");
    plain_receive(peer, "hello\n");
    struct reply reply = {.kind = REPLY_ERROR, .error = ERR_NOT_FOUND, .text = SLICE("a\r\nb")};
    plain_answer(peer, &reply);
    plain_sent(peer, "error: a\xef\xbf\xbd"
                     "b\n");
    plain_receive(peer, "QUIT\n");
    refuse(peer, ERR_UNAVAILABLE); /* of the last words; they are still told */
    plain_sent(peer, "error: Not known to be stored, send it again\n");
    plain_close(peer);
}

static void a_session_is_taken_over_at_the_prompt(void **state) {
    (void)state;
    struct plain_peer *peer = plain_connect(&line_protocol);
    plain_forget(peer);
    plain_receive(peer, "/resume " TOKEN "\nhello\n");
    assert_true(peer->waits);
    plain_asked(peer, "hello|session=" TOKEN "\n");
    struct reply reply = {.kind = REPLY_WELCOME, .name = SLICE("Jason")};
    plain_answer(peer, &reply);
    plain_sent(peer, "You are Jason again.\n");
    plain_asked(peer, "publish|content=hello\n");
    plain_close(peer);

    peer = plain_connect(&line_protocol);
    plain_forget(peer);
    plain_receive(peer, "/resume " TOKEN "\n");
    reply.name = SLICE_NONE;
    plain_answer(peer, &reply);
    plain_sent(peer, "That session has no name yet\nEnter your name:\n");
    plain_receive(peer, "/resume " TOKEN "\n");
    refuse(peer, ERR_UNAUTHORIZED);
    plain_sent(peer, "A valid credential is required\nEnter your name:\n");
    plain_close(peer);
}

static void an_answer_that_comes_after_quit_brings_nobody_back(void **state) {
    (void)state;
    struct plain_peer *peer = jason();
    plain_receive(peer, "/resume " TOKEN "\nQUIT\n");
    plain_forget(peer);
    struct reply reply = {.kind = REPLY_WELCOME, .name = SLICE("Jason")};
    plain_answer(peer, &reply);
    plain_receive(peer, "hello\n");
    plain_asked(peer, "");
    assert_int_equal(buffer_length(&peer->input), 0);
    plain_close(peer);
}

static void a_close_says_why(void **state) {
    (void)state;
    struct plain_peer *peer = jason();
    line_protocol.goodbye(peer->state, &peer->settings, 4502, &peer->output);
    plain_sent(peer, "error: replaced by another connection\n");
    line_protocol.goodbye(peer->state, &peer->settings, 1001, &peer->output);
    plain_sent(peer, "error: the server is shutting down\n");
    plain_close(peer);
}

/* The feed. */

static const struct plain_show lobby = {.feed = &line_feed, .format = FORMAT_LINE, .room = "lobby"};

static void every_line_of_a_message_carries_its_name(void **state) {
    (void)state;
    plain_shows_message(&lobby, "Jason", "Hello there!", "Jason: Hello there!\n");
    plain_shows_message(&lobby, "Jason", "", "Jason: \n");
    plain_shows_message(&lobby, "Jason", "one\n", "Jason: one\n");
    plain_shows_message(&lobby, "Jason", "\n\ntwo", "Jason: \nJason: \nJason: two\n");
    plain_shows_message(&lobby, "Bob",
                        "a\nAnn: b\r\nAnn: c\rAnn: d\vAnn: e\fAnn: f\xc2\x85"
                        "Ann: g\xe2\x80\xa8"
                        "Ann: h\xe2\x80\xa9"
                        "Ann: i",
                        "Bob: a\nBob: Ann: b\nBob: Ann: c\nBob: Ann: d\nBob: Ann: e\nBob: Ann: f\n"
                        "Bob: Ann: g\nBob: Ann: h\nBob: Ann: i\n");
}

static void no_control_character_reaches_a_terminal(void **state) {
    (void)state;
    plain_shows_message(&lobby, "Bob",
                        "a\x1b[2J\x07\x7f\xc2\x9b"
                        "31m\tb",
                        "Bob: a\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "31m\tb\n");
    plain_shows_message(&lobby, "B\x1b[1mob\nAnn", "x",
                        "B\xef\xbf\xbd[1mob\xef\xbf\xbd"
                        "Ann: x\n");
}

static void no_label_passes_for_the_words_of_somebody_else(void **state) {
    (void)state;
    plain_shows_message(&lobby, "Ann Smith", "x", "Ann Smith: x\n");
    plain_shows_message(&lobby, "Ann: I resign", "", "Ann\xef\xbf\xbd I resign: \n");
    plain_shows_message(&lobby, "[Ann -> you] pay", "", "[Ann -\xef\xbf\xbd you] pay: \n");
    plain_shows_message(&lobby, "* Ann leaves", "x", "\xef\xbf\xbd Ann leaves: x\n");
    plain_shows_message(&lobby, "Ann edited", "x", "Ann edited\xef\xbf\xbd: x\n");
    plain_shows_message(&lobby, "Ann set the topic", "x", "Ann set the topic\xef\xbf\xbd: x\n");
    plain_shows_message(&lobby, "Ann thanks", "/me Bob", "Ann thanks: /me Bob\n");
}

static void actions_are_in_the_third_person(void **state) {
    (void)state;
    plain_shows_message(&lobby, "Jason", "/me  waves", "* Jason waves\n");
    plain_shows_message(&lobby, "Jason", "/me waves\nAnn: hi", "* Jason waves\n* Jason Ann: hi\n");
    plain_shows_message(&lobby, "Jason", "/meow", "Jason: /meow\n");
}

static void edits_and_topics_are_told_deletes_and_reactions_are_not(void **state) {
    (void)state;
    struct entry_body body = {.sender = SLICE("Jason"), .content = SLICE("Hi\nyou")};
    body.kind = ENTRY_EDIT;
    plain_shows(&lobby, &body, "Jason edited: Hi\nJason edited: you\n");
    body.kind = ENTRY_TOPIC;
    plain_shows(&lobby, &body, "Jason set the topic: Hi\nJason set the topic: you\n");
    body.kind = ENTRY_DELETE;
    plain_shows(&lobby, &body, NULL);
    body.kind = ENTRY_REACTION;
    plain_shows(&lobby, &body, NULL);
}

static void a_direct_message_reads_as_each_side_sees_it(void **state) {
    (void)state;
    struct plain_show show = {&line_feed, FORMAT_LINE, SIDE_FIRST, SIDE_FIRST, "@ann,bob"};
    plain_shows_message(&show, "ann", "psst\nAnn", "[you -> bob] psst\n[you -> bob] Ann\n");
    show.reader = SIDE_SECOND;
    plain_shows_message(&show, "ann", "psst", "[ann -> you] psst\n");
    plain_shows_message(&show, "ann", "/me nods", "[ann -> you] * ann nods\n");
    show.author = SIDE_SECOND;
    plain_shows_message(&show, "bob", "what", "[you -> ann] what\n");
    show.reader = SIDE_PUBLIC; /* not known */
    plain_shows_message(&show, "bob", "what", "[bob -> ann] what\n");
    show = (struct plain_show){&line_feed, FORMAT_LINE, SIDE_FIRST, SIDE_FIRST, "@ann,ann"};
    plain_shows_message(&show, "ann", "note", "[ann -> you] note\n");
}

/* Bytes written for a message of `length` line breaks under a name of `name_length` characters. */
static size_t size_of_breaks(size_t length, size_t name_length) {
    static char breaks[64 * 1024], name[64];
    memset(breaks, '\n', sizeof breaks);
    memset(name, 'x', sizeof name);
    struct entry_body body = {.sender = slice_from(name, name_length),
                              .content = slice_from(breaks, length)};
    struct effect show = {.kind = EFFECT_SHOW_ENTRY, .room = SLICE("lobby")};
    struct buffer output = {0};
    show.show.entry = entry_new(&body, 1, 0, "01HZZZZZZZZZZZZZZZZZZZZZZZ");
    assert_true(line_feed.entry(FORMAT_LINE, SIDE_PUBLIC, &show, &output));
    struct slice rest = buffer_slice(&output);
    size_t size = rest.length;
    while (rest.length > 0) {
        struct slice line = slice_cut(&rest, '\n');
        assert_true(slice_starts_with(line, body.sender));
        assert_true(slice_starts_with(slice_skip(line, name_length), SLICE(": ")));
    }
    entry_unref(show.show.entry);
    buffer_close(&output);
    return size;
}

static void a_message_of_line_breaks_alone_stays_small(void **state) {
    (void)state;
    assert_int_equal(size_of_breaks(100, 5), 100 * 8);
    assert_true(size_of_breaks(1000, 64) < 1000 * 8 + 16 * 1024);
    assert_true(size_of_breaks(64 * 1024, 1) < 64 * 1024 * 8 + 16 * 1024);
    assert_true(size_of_breaks(64 * 1024, 64) < 64 * 1024 * 8 + 16 * 1024);
}

static void shows_signal(const struct signal *signal, enum side side, const char *expected) {
    struct buffer output = {0};
    struct effect show = {.kind = EFFECT_SHOW_SIGNAL, .room = SLICE("lobby")};
    struct signal *copy = signal_new(signal);
    copy->announced = signal->announced;
    show.signal = copy;
    assert_true(line_feed.signal(FORMAT_LINE, side, &show, &output) == (expected != NULL));
    plain_assert_taken(&output, expected ? expected : "");
    signal_free(copy);
    buffer_close(&output);
}

static void names_that_come_and_go_are_announced(void **state) {
    (void)state;
    struct signal signal = {.kind = SIGNAL_JOINED, .name = SLICE("Jason"), .announced = true};
    shows_signal(&signal, SIDE_PUBLIC, "Jason has connected\n");
    shows_signal(&signal, SIDE_FIRST, NULL);
    signal.kind = SIGNAL_LEFT;
    shows_signal(&signal, SIDE_PUBLIC, "Jason has disconnected\n");
    signal.announced = false;
    shows_signal(&signal, SIDE_PUBLIC, NULL);
    signal.announced = true;
    signal.kind = SIGNAL_RENAMED;
    shows_signal(&signal, SIDE_PUBLIC, "Jason has connected\n");
    signal.former = SLICE("Jay");
    shows_signal(&signal, SIDE_PUBLIC, "Jay is now known as Jason\n");
    signal.kind = SIGNAL_TYPING;
    shows_signal(&signal, SIDE_PUBLIC, NULL);
    signal.kind = SIGNAL_LEFT;
    signal.name = SLICE_NONE;
    shows_signal(&signal, SIDE_PUBLIC, NULL);
}

static void history_reads_like_the_feed(void **state) {
    (void)state;
    struct plain_peer *peer = jason();
    struct entry_body first = {.sender = SLICE("ann"), .content = SLICE("one")};
    struct entry_body second = {.sender = SLICE("bob"), .content = SLICE("two\nthree")};
    struct entry *entries[] = {entry_new(&first, 1, 0, "01HZZZZZZZZZZZZZZZZZZZZZZZ"),
                               entry_new(&second, 2, 0, "01HZZZZZZZZZZZZZZZZZZZZZZZ")};
    struct reply reply = {
        .kind = REPLY_BATCH, .room = SLICE("lobby"), .entries = entries, .entry_count = 2};
    plain_answer(peer, &reply);
    plain_sent(peer, "ann: one\nbob: two\nbob: three\n");
    reply.room = SLICE("@ann,bob");
    reply.side = SIDE_SECOND;
    plain_answer(peer, &reply);
    plain_sent(peer, "[ann -> you] one\n[you -> ann] two\n[you -> ann] three\n");
    reply.room = SLICE("lobby");
    reply.side = SIDE_PUBLIC;
    reply.entry_count = 0;
    plain_answer(peer, &reply);
    plain_sent(peer, "Nothing has been said in lobby yet.\n");
    struct slice rooms[] = {SLICE("ops"), SLICE("@ann,bob")};
    reply = (struct reply){.kind = REPLY_FOUND,
                           .entries = entries,
                           .entry_rooms = rooms,
                           .entry_count = 2,
                           .more = true};
    plain_answer(peer, &reply);
    plain_sent(peer, "ops ann: one\n@ann,bob bob: two\n@ann,bob bob: three\n"
                     "There is more; more words find less.\n");
    reply = (struct reply){.kind = REPLY_FOUND};
    plain_answer(peer, &reply);
    plain_sent(peer, "Nothing was found.\n");
    entry_unref(entries[0]);
    entry_unref(entries[1]);
    plain_close(peer);
}

static void a_last_line_without_its_end_is_said_before_leaving(void **state) {
    (void)state;
    struct plain_peer *peer = jason();
    plain_receive(peer, "one\ntwo");
    plain_end(peer);
    plain_asked(peer, "publish|content=one\npublish|content=two\nquit|1000\n");
    plain_end(peer);
    plain_asked(peer, "");
    plain_close(peer);

    peer = plain_connect(&line_protocol);
    plain_receive(peer, "Jason");
    plain_end(peer);
    assert_true(peer->waits);
    plain_asked(peer, "name|name=Jason\n");
    grant_name(peer, "Jason", true);
    plain_end(peer);
    plain_asked(peer, "quit|1000\n");
    plain_close(peer);

    peer = jason();
    plain_receive(peer, "/qui");
    plain_receive(peer, "t");
    plain_end(peer);
    plain_asked(peer, "quit|1000\n");
    plain_close(peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dialogue_is_byte_for_byte_as_agreed),
        cmocka_unit_test(it_does_not_matter_how_the_bytes_are_cut),
        cmocka_unit_test(nothing_is_said_before_the_name_is_granted),
        cmocka_unit_test(an_empty_line_at_the_prompt_is_nothing),
        cmocka_unit_test(a_line_that_is_no_name_gets_a_reason_and_the_prompt),
        cmocka_unit_test(commands_become_requests),
        cmocka_unit_test(a_wrong_command_gets_one_error),
        cmocka_unit_test(help_names_every_command),
        cmocka_unit_test(a_line_too_long_is_complained_about_once_and_dropped),
        cmocka_unit_test(each_answer_of_its_own_is_given_by_itself),
        cmocka_unit_test(answers_of_the_hub_are_put_in_words),
        cmocka_unit_test(errors_of_the_hub_reach_the_person),
        cmocka_unit_test(a_session_is_taken_over_at_the_prompt),
        cmocka_unit_test(an_answer_that_comes_after_quit_brings_nobody_back),
        cmocka_unit_test(a_close_says_why),
        cmocka_unit_test(every_line_of_a_message_carries_its_name),
        cmocka_unit_test(no_control_character_reaches_a_terminal),
        cmocka_unit_test(no_label_passes_for_the_words_of_somebody_else),
        cmocka_unit_test(actions_are_in_the_third_person),
        cmocka_unit_test(edits_and_topics_are_told_deletes_and_reactions_are_not),
        cmocka_unit_test(a_direct_message_reads_as_each_side_sees_it),
        cmocka_unit_test(a_message_of_line_breaks_alone_stays_small),
        cmocka_unit_test(names_that_come_and_go_are_announced),
        cmocka_unit_test(history_reads_like_the_feed),
        cmocka_unit_test(a_last_line_without_its_end_is_said_before_leaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
