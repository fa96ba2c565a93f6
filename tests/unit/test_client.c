/* The parts of the client that need no server: where it connects to, when it comes back, what it
 * remembers, what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/backoff.h"
#include "client/options.h"
#include "client/outbox.h"
#include "client/place.h"
#include "client/render.h"
#include "client/url.h"
#include "wire/json.h"

static void assert_buffer(struct buffer *buffer, const char *expected) {
    buffer_append_char(buffer, 0);
    assert_string_equal(buffer_slice(buffer).data, expected);
    buffer_close(buffer);
}

/* URLs */

static void expect_url(const char *text, const char *host_port, const char *host,
                       const char *target) {
    struct url url;
    char message[256] = "";

    if (url_parse(text, &url, message, sizeof message) < 0)
        fail_msg("%s: %s", text, message);
    assert_string_equal(url.host_port, host_port);
    assert_string_equal(url.host, host);
    assert_string_equal(url.target, target);
}

static void a_url_gives_address_host_and_target(void **state) {
    (void)state;
    expect_url("ws://127.0.0.1:8765", "127.0.0.1:8765", "127.0.0.1:8765", "/");
    expect_url("ws://chat.example", "chat.example:80", "chat.example", "/");
    expect_url("WS://chat.example:80/ws", "chat.example:80", "chat.example", "/ws");
    expect_url("http://chat.example:8080/ws?token=x#top", "chat.example:8080", "chat.example:8080",
               "/ws?token=x");
    expect_url("ws://[::1]:8765/", "[::1]:8765", "[::1]:8765", "/");
    expect_url("ws://[::1]", "[::1]:80", "[::1]", "/");
    expect_url("ws://host:1?token=x", "host:1", "host:1", "/?token=x");
    expect_url("command://localhost:8890", "localhost:8890", "localhost:8890", "/");
}

static void expect_secure(const char *text, enum url_scheme scheme, bool secure) {
    struct url url;
    char message[256] = "";

    if (url_parse(text, &url, message, sizeof message) < 0)
        fail_msg("%s: %s", text, message);
    assert_int_equal(url.scheme, scheme);
    assert_int_equal(url.secure, secure);
}

static void a_url_may_ask_for_tls(void **state) {
    (void)state;
    expect_url("wss://chat.example", "chat.example:443", "chat.example", "/");
    expect_url("https://chat.example:8766/ws", "chat.example:8766", "chat.example:8766", "/ws");
    expect_secure("wss://host", URL_WEBSOCKET, true);
    expect_secure("HTTPS://host", URL_WEBSOCKET, true);
    expect_secure("ws+tls://host", URL_WEBSOCKET, true);
    expect_secure("line+tls://host:1", URL_LINE, true);
    expect_secure("command+TLS://host:1", URL_COMMAND, true);
    expect_secure("numbered+tls://host:1", URL_NUMBERED, true);
    expect_secure("ws://host", URL_WEBSOCKET, false);
    expect_secure("line://host:1", URL_LINE, false);
}

static void a_url_that_cannot_be_used_says_why(void **state) {
    static const struct {
        const char *url, *why;
    } cases[] = {
        {"wss+tls://chat.example", "cannot speak wss+tls://"},
        {"line+tls://chat.example", "port"},
        {"+tls://chat.example:1", "cannot speak +tls://"},
        {"localhost:8765", "not a URL"},
        {"ftp://chat.example", "ftp"},
        {"ws://", "HOST:PORT"},
        {"ws://:8765", "HOST:PORT"},
        {"ws://host:", "HOST:PORT"},
        {"ws://[::1", "HOST:PORT"},
        {"ws://[::1]x", "HOST:PORT"},
        {"ws://host:0", "port"},
        {"ws://host:65536", "port"},
        {"ws://host:99999999999999999999", "port"},
        {"ws://host:http", "port"},
        {"command://host", "port"},
        {"ws://ann@host:1", "user name"},
        {"ws://host:1/a b", "blank"},
        {"ws://host:1/a\r\nX: y", "blank"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct url url;
        char message[256] = "";
        assert_int_equal(url_parse(cases[i].url, &url, message, sizeof message), -1);
        if (strstr(message, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].url, message);
    }
}

static void a_url_too_long_for_its_place_is_refused(void **state) {
    struct url url;
    char text[2000], message[256];

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "ws://", 5);
    text[sizeof text - 1] = 0;
    assert_int_equal(url_parse(text, &url, message, sizeof message), -1);
    memcpy(text, "ws://h:1/", 9);
    assert_int_equal(url_parse(text, &url, message, sizeof message), -1);
}

static void only_what_begins_with_a_scheme_is_taken_for_a_url(void **state) {
    (void)state;
    assert_true(url_recognise("ws://h"));
    assert_true(url_recognise("ws+text://h"));
    assert_false(url_recognise("see http://h"));
    assert_false(url_recognise("://h"));
    assert_false(url_recognise("ws:h"));
    assert_false(url_recognise(""));
}

/* Coming back */

static void the_wait_doubles_up_to_the_servers_limit(void **state) {
    struct backoff backoff;
    struct rng rng;
    unsigned tops[] = {1000, 2000, 4000, 8000, 8000, 8000};

    (void)state;
    rng_seed(&rng, 1);
    for (unsigned round = 0; round < 200; round++) {
        backoff_init(&backoff);
        backoff_set_range(&backoff, 500, 8000);
        for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
            unsigned delay_ms = backoff_next(&backoff, &rng);
            assert_in_range(delay_ms, 500, tops[i]);
        }
        backoff_reset(&backoff);
        assert_in_range(backoff_next(&backoff, &rng), 500, 1000);
    }
}

static void two_clients_do_not_come_back_together(void **state) {
    struct rng rng;
    unsigned low = UINT32_MAX, high = 0;

    (void)state;
    rng_seed(&rng, 7);
    for (unsigned i = 0; i < 1000; i++) {
        struct backoff backoff;
        backoff_init(&backoff);
        unsigned delay_ms = backoff_next(&backoff, &rng);
        low = delay_ms < low ? delay_ms : low;
        high = delay_ms > high ? delay_ms : high;
    }
    assert_true(low < BACKOFF_MIN_MS + 50);
    assert_true(high > 2 * BACKOFF_MIN_MS - 50);
}

static void an_unreasonable_range_is_brought_into_reason(void **state) {
    struct backoff backoff;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    backoff_init(&backoff);
    backoff_set_range(&backoff, 0, 0);
    assert_in_range(backoff_next(&backoff, &rng), 50, 50);
    backoff_set_range(&backoff, 5000, 1000);
    assert_in_range(backoff_next(&backoff, &rng), 5000, 5000);
    backoff_set_range(&backoff, UINT64_MAX, UINT64_MAX);
    assert_in_range(backoff_next(&backoff, &rng), 1, 3600000);
}

/* What was written */

static void add(struct outbox *outbox, const char *cid, const char *content) {
    outbox_add(outbox, &(struct outgoing_message){.cid = slice_of_string(cid),
                                                  .room = SLICE("lobby"),
                                                  .content = slice_of_string(content)});
}

static void messages_go_out_one_at_a_time_and_again_under_their_cid(void **state) {
    struct outbox outbox = {0};

    (void)state;
    assert_null(outbox_due(&outbox, 0));
    add(&outbox, "c1", "one");
    add(&outbox, "c2", "two");
    struct outgoing *first = outbox_due(&outbox, 0);
    assert_true(slice_equal(first->cid, SLICE("c1")));
    first->sent = true;
    assert_null(outbox_due(&outbox, 0));
    outbox_rewind(&outbox);
    assert_ptr_equal(outbox_due(&outbox, 0), first);
    assert_true(slice_equal(first->frame, SLICE("{\"type\":\"message\",\"room\":\"lobby\","
                                                "\"content\":\"one\",\"cid\":\"c1\"}")));
    outbox_drop_first(&outbox);
    assert_true(slice_equal(outbox_due(&outbox, 0)->cid, SLICE("c2")));
    outbox_drop_first(&outbox);
    assert_null(outbox_due(&outbox, 0));
    assert_int_equal(outbox.count, 0);
    add(&outbox, "c3", "three");
    outbox_close(&outbox);
}

static void a_message_the_server_wants_later_waits(void **state) {
    struct outbox outbox = {0};

    (void)state;
    add(&outbox, "c1", "one");
    outbox.first->not_before_ms = 1000;
    assert_null(outbox_due(&outbox, 999));
    assert_non_null(outbox_due(&outbox, 1000));
    outbox_close(&outbox);
}

static void a_message_is_quoted_and_may_go_to_a_person(void **state) {
    struct outbox outbox = {0};

    (void)state;
    outbox_add(&outbox, &(struct outgoing_message){.cid = SLICE("c"),
                                                   .to = SLICE("bob"),
                                                   .sender = SLICE("a\"n"),
                                                   .content = SLICE("x\ny")});
    assert_true(slice_equal(outbox.first->frame,
                            SLICE("{\"type\":\"message\",\"to\":\"bob\",\"sender\":\"a\\\"n\","
                                  "\"content\":\"x\\ny\",\"cid\":\"c\"}")));
    outbox_close(&outbox);
}

/* Where we were */

static void an_entry_is_taken_once(void **state) {
    struct place place = {0};

    (void)state;
    assert_true(place_take(&place, 5));
    assert_false(place_take(&place, 5));
    assert_false(place_take(&place, 4));
    assert_true(place_take(&place, 6));
}

static void what_was_seen_is_where_it_resumes(void **state) {
    struct places places = {0};
    struct buffer resume = {0};

    (void)state;
    struct place *general = places_add(&places, SLICE("general"));
    places_add(&places, SLICE("never-answered"));
    assert_false(place_resumable(general));
    place_joined(general, SLICE("General"), SLICE("k3f"), 40);
    place_take(general, 41);
    assert_true(place_resumable(general));
    assert_ptr_equal(places_find(&places, SLICE("GENERAL")), general);
    places_append_resume(&places, &resume);
    assert_buffer(&resume, "{\"General\":{\"epoch\":\"k3f\",\"after\":41}}");
    places_close(&places);
}

static void a_join_says_where_to_start(void **state) {
    struct places places = {0};
    struct buffer join = {0};
    struct place *place = places_add(&places, SLICE("ops"));

    (void)state;
    buffer_append_string(&place->cid, "j1");
    place_append_join(place, &join);
    assert_buffer(&join, "{\"type\":\"join\",\"room\":\"ops\",\"cid\":\"j1\"}");
    place->has_seen = true;
    place->seen = 7;
    place_append_join(place, &join);
    assert_buffer(&join, "{\"type\":\"join\",\"room\":\"ops\",\"after\":7,\"cid\":\"j1\"}");
    places_close(&places);
}

static void only_the_last_entries_are_wanted_on_the_first_visit(void **state) {
    struct places places = {0};
    struct place *place = places_add(&places, SLICE("ops"));

    (void)state;
    place->from_end = 10;
    place_joined(place, SLICE("ops"), SLICE("e"), 100);
    assert_false(place_take(place, 90));
    assert_true(place_take(place, 91));
    place_joined(place, SLICE("ops"), SLICE("e"), 500);
    assert_true(place_take(place, 92));
    places_close(&places);
}

static void a_gap_moves_forward_within_an_epoch_and_anywhere_into_another(void **state) {
    struct places places = {0};
    struct place *place = places_add(&places, SLICE("ops"));

    (void)state;
    place_joined(place, SLICE("ops"), SLICE("e"), 100);
    place_take(place, 77);
    place_skip_to(place, SLICE("e"), 90);
    assert_false(place_take(place, 89));
    assert_true(place_take(place, 90));
    place->awaited = 100;
    place_skip_to(place, SLICE("f"), 1);
    assert_true(place_take(place, 1));
    place->live = true;
    assert_true(places_settled(&places));
    places_close(&places);
}

static void it_is_settled_when_all_is_live_and_own_words_have_come_back(void **state) {
    struct places places = {0};
    struct place *place = places_add(&places, SLICE("ops"));

    (void)state;
    assert_false(places_settled(&places));
    place->live = true;
    assert_true(places_settled(&places));
    place->awaited = 3;
    assert_false(places_settled(&places));
    place_take(place, 3);
    assert_true(places_settled(&places));
    places_interrupt(&places);
    assert_false(places_settled(&places));
    places_close(&places);
}

/* What is shown */

static void expect_lines(const char *json, const char *self, const char *expected) {
    struct buffer out = {0};
    json_t *entry = json_parse_object(slice_of_string(json));

    assert_non_null(entry);
    render_entry_lines(&out, entry, slice_of_string(self));
    json_decref(entry);
    assert_buffer(&out, expected);
}

static void entries_are_shown_in_the_words_of_a_chat(void **state) {
    (void)state;
    expect_lines("{\"type\":\"message\",\"room\":\"lobby\",\"sender\":\"ann\",\"content\":\"hi\"}",
                 "", "ann: hi\n");
    expect_lines(
        "{\"type\":\"edit\",\"room\":\"lobby\",\"sender\":\"ann\",\"content\":\"ho\",\"of\":1}", "",
        "ann edited: ho\n");
    expect_lines("{\"type\":\"topic\",\"room\":\"lobby\",\"sender\":\"ann\",\"content\":\"T\"}", "",
                 "* ann changed the topic: T\n");
    expect_lines("{\"type\":\"delete\",\"room\":\"lobby\",\"sender\":\"ann\",\"of\":1}", "", "");
    expect_lines(
        "{\"type\":\"message\",\"room\":\"@ann,bob\",\"sender\":\"ann\",\"content\":\"hi\"}", "bob",
        "[ann -> you] hi\n");
    expect_lines(
        "{\"type\":\"message\",\"room\":\"@ann,bob\",\"sender\":\"ann\",\"content\":\"hi\"}", "Ann",
        "[you -> bob] hi\n");
    expect_lines(
        "{\"type\":\"message\",\"room\":\"@ann,ann\",\"sender\":\"ann\",\"content\":\"hi\"}", "ann",
        "[you -> ann] hi\n");
}

/* A label may hold anything: none of it is taken for a name, or for what the server says. */
static void a_label_cannot_pass_for_somebody_else(void **state) {
    (void)state;
    static const char *const labels[][2] = {
        {"ann: the password is 123", "ann\uFFFD the password is 123: x\n"},
        {"* ann joined", "\uFFFD ann joined: x\n"},
        {"[ann -> you] come", "[ann -\uFFFD you] come: x\n"},
        {"ann edited", "ann edited\uFFFD: x\n"},
        {"ann has kicked you", "ann has kicked you\uFFFD: x\n"},
        {"Ann Smith", "Ann Smith: x\n"},
    };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        char json[200];
        snprintf(json, sizeof json,
                 "{\"type\":\"message\",\"room\":\"lobby\",\"sender\":\"%s\",\"content\":\"x\"}",
                 labels[i][0]);
        expect_lines(json, "me", labels[i][1]);
    }
}

static void every_line_of_a_message_carries_its_author(void **state) {
    (void)state;
    expect_lines("{\"type\":\"message\",\"room\":\"r\",\"sender\":\"ann\","
                 "\"content\":\"one\\nbob: two\\r\\n\\rthree\\n\"}",
                 "", "ann: one\nann: bob: two\nann: \nann: three\n");
    expect_lines("{\"type\":\"message\",\"room\":\"r\",\"sender\":\"ann\",\"content\":\"\"}", "",
                 "ann: \n");
}

static void nobody_moves_or_colours_the_terminal(void **state) {
    (void)state;
    expect_lines("{\"type\":\"message\",\"room\":\"r\",\"sender\":\"a\\u001b[1mnn\\n\","
                 "\"content\":\"\\u001b]0;x\\u0007\\u009b2J\\ttab\\u007f\"}",
                 "",
                 "a\xef\xbf\xbd[1mnn\xef\xbf\xbd: \xef\xbf\xbd]0;x\xef\xbf\xbd\xef\xbf\xbd"
                 "2J\ttab\xef\xbf\xbd\n");
}

static void json_lines_hold_no_control_characters(void **state) {
    struct buffer out = {0};
    json_t *entry = json_parse_object(
        SLICE("{\"type\":\"message\",\"content\":\"\\u001b\\n\\u007f\\u0085\\u00e9\\u4e16\"}"));

    (void)state;
    render_json_line(&out, entry);
    json_decref(entry);
    assert_buffer(&out, "{\"type\":\"message\",\"content\":\"\\u001B\\n\\u007F\\u0085\xc3\xa9"
                        "\xe4\xb8\x96\"}\n");
}

static void joins_and_leaves_are_shown_but_not_ones_own(void **state) {
    struct buffer out = {0};
    json_t *frame = json_parse_object(
        SLICE("{\"type\":\"presence\",\"join\":[\"eve\",\"ME\"],\"leave\":[\"bob\"]}"));

    (void)state;
    render_presence_lines(&out, frame, SLICE("me"));
    json_decref(frame);
    assert_buffer(&out, "* eve joined\n* bob left\n");
}

static void a_gap_is_told_in_numbers(void **state) {
    struct buffer out = {0};
    json_t *frame = json_parse_object(SLICE(
        "{\"type\":\"gap\",\"room\":\"ops\",\"after\":77,\"first\":90,\"reason\":\"retention\"}"));

    (void)state;
    render_gap(&out, frame);
    json_decref(frame);
    assert_buffer(&out, "entries 78 to 89 of ops are gone (retention)");
}

/* The command line */

static void options_may_stand_anywhere_and_the_url_is_known_by_its_looks(void **state) {
    const char *room = NULL;
    bool flag = false;
    uint64_t number = 0;
    const struct option options[] = {
        {"room", "ROOM", "", 'r', .text = &room},
        {"count", "N", "", 0, .number = &number},
        {"json", NULL, "", 'j', .flag = &flag},
    };
    struct command_line line = {
        .usage = "test", .summary = "", .options = options, .option_count = 3, .takes_word = true};
    char *arguments[] = {"-r", "ops", "hello", "ws://h:1", "--count=7", "-j"};

    (void)state;
    assert_int_equal(options_parse(&line, 6, arguments), OPTIONS_RUN);
    assert_string_equal(line.url, "ws://h:1");
    assert_string_equal(line.word, "hello");
    assert_string_equal(room, "ops");
    assert_int_equal(number, 7);
    assert_true(flag);
}

static void after_two_dashes_everything_is_text(void **state) {
    struct command_line line = {.usage = "test", .summary = "", .takes_word = true};
    char *arguments[] = {"ws://h:1", "--", "--help"};

    (void)state;
    assert_int_equal(options_parse(&line, 3, arguments), OPTIONS_RUN);
    assert_string_equal(line.word, "--help");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_gives_address_host_and_target),
        cmocka_unit_test(a_url_may_ask_for_tls),
        cmocka_unit_test(a_url_that_cannot_be_used_says_why),
        cmocka_unit_test(a_url_too_long_for_its_place_is_refused),
        cmocka_unit_test(only_what_begins_with_a_scheme_is_taken_for_a_url),
        cmocka_unit_test(the_wait_doubles_up_to_the_servers_limit),
        cmocka_unit_test(two_clients_do_not_come_back_together),
        cmocka_unit_test(an_unreasonable_range_is_brought_into_reason),
        cmocka_unit_test(messages_go_out_one_at_a_time_and_again_under_their_cid),
        cmocka_unit_test(a_message_the_server_wants_later_waits),
        cmocka_unit_test(a_message_is_quoted_and_may_go_to_a_person),
        cmocka_unit_test(an_entry_is_taken_once),
        cmocka_unit_test(what_was_seen_is_where_it_resumes),
        cmocka_unit_test(a_join_says_where_to_start),
        cmocka_unit_test(only_the_last_entries_are_wanted_on_the_first_visit),
        cmocka_unit_test(a_gap_moves_forward_within_an_epoch_and_anywhere_into_another),
        cmocka_unit_test(it_is_settled_when_all_is_live_and_own_words_have_come_back),
        cmocka_unit_test(entries_are_shown_in_the_words_of_a_chat),
        cmocka_unit_test(a_label_cannot_pass_for_somebody_else),
        cmocka_unit_test(every_line_of_a_message_carries_its_author),
        cmocka_unit_test(nobody_moves_or_colours_the_terminal),
        cmocka_unit_test(json_lines_hold_no_control_characters),
        cmocka_unit_test(joins_and_leaves_are_shown_but_not_ones_own),
        cmocka_unit_test(a_gap_is_told_in_numbers),
        cmocka_unit_test(options_may_stand_anywhere_and_the_url_is_known_by_its_looks),
        cmocka_unit_test(after_two_dashes_everything_is_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
