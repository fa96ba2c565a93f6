/* Publishing: who signs how, how much one may send, and what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "hub_world.h"

#define SECOND INT64_C(1000000)

static struct world *world_in_lobby(const struct hub_options *options, enum client_kind kind) {
    struct world *world = world_new(options);

    world_open(world, 1, kind);
    if (kind == LINE) {
        call(world, 1, "Jason");
    }
    world_settle(world);
    world_forget(world);
    return world;
}

static void an_entry_is_acknowledged_before_it_is_shown(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);

    (void)state;
    ask(world, 1, .kind = REQUEST_PUBLISH, .content = SLICE("hi"), .cid = SLICE("c1"));
    expect(world, "");
    world_settle(world);
    expect(world, "1 ack lobby#1 <c1>\n"
                  "lobby: anonymous: hi #1\n");
    world_free(world);
}

static void without_a_cid_nothing_is_acknowledged(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);

    (void)state;
    say_as(world, 1, "Ann", "hi");
    world_settle(world);
    expect(world, "lobby: Ann: hi #1\n");
    world_free(world);
}

static void a_refusal_of_the_store_is_answered_even_without_a_cid(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);

    (void)state;
    world_fail_appends(world, ERR_UNAVAILABLE);
    say(world, 1, "hi");
    ask(world, 1, .kind = REQUEST_PUBLISH, .content = SLICE("hi"), .cid = SLICE("c1"));
    world_settle(world);
    expect(world, "1 error unavailable\n"
                  "1 error unavailable <c1>\n");
    world_free(world);
}

static void numbered_clients_sign_with_a_number_that_is_never_reused(void **state) {
    struct world *world = world_in_lobby(NULL, NUMBERED);

    (void)state;
    world_open(world, 2, NUMBERED);
    world_settle(world);
    world_close(world, 2, true);
    world_open(world, 3, NUMBERED);
    world_settle(world);
    world_forget(world);
    say(world, 1, "a");
    say(world, 3, "b");
    world_settle(world);
    expect(world, "lobby: Client 1: a #1\n"
                  "lobby: Client 3: b #2\n");
    world_free(world);
}

static void a_named_session_always_signs_with_its_name(void **state) {
    struct world *world = world_in_lobby(NULL, LINE);

    (void)state;
    say_as(world, 1, "Mallory", "hi");
    world_settle(world);
    expect(world, "lobby: Jason: hi #1\n");
    world_free(world);
}

static void nobody_signs_with_a_name_that_another_holds(void **state) {
    struct world *world = world_in_lobby(NULL, LINE);

    (void)state;
    world_open(world, 2, PLAIN);
    world_open(world, 3, HTTP);
    world_settle(world);
    world_forget(world);
    say_as(world, 2, "Jason", "hi");
    say_as(world, 2, " jASON ", "hi");
    say_as(world, 2,
           "\xef\xbc\xaa"
           "ason",
           "hi");
    ask(world, 3, .kind = REQUEST_PUBLISH, .room = SLICE("lobby"), .sender = SLICE("Jason"),
        .content = SLICE("hi"), .session_identity = world_identity(77));
    expect(world, "2 error name_taken\n"
                  "2 error name_taken\n"
                  "2 error name_taken\n"
                  "3 error name_taken\n");
    quit(world, 1);
    world_settle(world);
    world_forget(world);
    say_as(world, 2, "Jason", "hi");
    world_settle(world);
    expect(world, "lobby: Jason: hi #1\n");
    world_free(world);
}

static void labels_are_cleaned_and_bounded(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);
    char label[66];

    (void)state;
    memset(label, 'x', sizeof(label));
    label[65] = '\0';
    say_as(world, 1, "  Ann\x1b[31m ", "a");
    say_as(world, 1, "   ", "b");
    say_as(world, 1, "Client Eastwood", "c");
    say_as(world, 1, label, "d");
    world_settle(world);
    expect(world, "1 error bad_request\n"
                  "lobby: Ann\xef\xbf\xbd[31m: a #1\n"
                  "lobby: anonymous: b #2\n"
                  "lobby: Client Eastwood: c #3\n");
    world_free(world);
}

static void nobody_signs_as_the_server_or_a_numbered_client(void **state) {
    static const char *const labels[] = {"error",       " ERROR ",       "\u1d31rror",
                                         "err\u200bor", "Client 1",      "CLIENT 1",
                                         "client  12",  "Client\u00a01", "\uff23lient\u2003\uff11",
                                         "Client 0"};
    static const char *const fine[] = {"errors", "Client", "Client1", "Client 1b", "Client x 1"};
    struct world *world = world_in_lobby(NULL, PLAIN);

    (void)state;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        say_as(world, 1, labels[i], "x");
        expect(world, "1 error name_taken\n");
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        say_as(world, 1, fine[i], "x");
        expect(world, "");
    }
    world_open(world, 2, HTTP);
    ask(world, 2, .kind = REQUEST_PUBLISH, .room = SLICE("lobby"), .sender = SLICE("Client 7"),
        .session_identity = world_identity(77));
    expect(world, "2 error name_taken\n");
    world_free(world);
}

static void content_over_the_limit_is_too_large(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);
    char content[101];

    (void)state;
    memset(content, 'x', sizeof(content));
    ask(world, 1, .kind = REQUEST_PUBLISH, .content = {content, 101}, .cid = SLICE("c1"));
    ask(world, 1, .kind = REQUEST_PUBLISH, .content = {content, 100}, .cid = SLICE("c2"));
    expect(world, "1 error too_large <c1>\n");
    world_settle(world);
    assert_true(world_saw(world, "1 ack lobby#1 <c2>\n"));
    world_free(world);
}

static void a_cid_has_64_characters_at_most(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);
    char cid[65 * 2 + 1];

    (void)state;
    for (int i = 0; i < 65; i++) {
        memcpy(cid + 2 * i, "\xc3\xa9", 2);
    }
    ask(world, 1, .kind = REQUEST_PUBLISH, .cid = {cid, 64 * 2});
    world_settle(world);
    assert_true(world_saw(world, "1 ack lobby#1"));
    world_free(world);
}

static void an_unusable_cid_is_refused_without_it(void **state) {
    char cid[65];
    struct hub *hub = hub_new(&world_defaults);
    struct effects effects = {0};
    struct event opened = {.kind = EVENT_OPENED, .connection = 1};
    const char *const cids[] = {cid, "\xc3"};
    const size_t lengths[] = {65, 1};

    (void)state;
    memset(cid, 'x', sizeof(cid));
    opened.opened.traits.default_room = true;
    opened.opened.identity = world_identity(1);
    hub_step(hub, &opened, &effects);
    for (int i = 0; i < 2; i++) {
        struct request request = {.kind = REQUEST_PUBLISH, .cid = {cids[i], lengths[i]}};
        struct event event = {.kind = EVENT_REQUEST, .connection = 1, .request = &request};

        effects_clear(&effects);
        hub_step(hub, &event, &effects);
        assert_int_equal(effects.count, 1);
        assert_int_equal(effects.items[0].kind, EFFECT_REPLY);
        assert_int_equal(effects.items[0].reply.error, ERR_BAD_REQUEST);
        assert_int_equal(effects.items[0].reply.cid.length, 0);
    }
    effects_close(&effects);
    hub_free(hub);
}

static void what_refers_to_an_entry_says_to_which(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);

    (void)state;
    ask(world, 1, .kind = REQUEST_PUBLISH, .entry = ENTRY_EDIT, .cid = SLICE("c1"));
    ask(world, 1, .kind = REQUEST_PUBLISH, .entry = ENTRY_DELETE, .cid = SLICE("c2"));
    ask(world, 1, .kind = REQUEST_PUBLISH, .entry = ENTRY_REACTION, .of = 1, .cid = SLICE("c3"));
    ask(world, 1, .kind = REQUEST_PUBLISH, .entry = ENTRY_DELETE, .of = 1, .cid = SLICE("c4"));
    world_settle(world);
    expect(world, "1 error bad_request <c1>\n"
                  "1 error bad_request <c2>\n"
                  "1 error bad_request <c3>\n"
                  "1 ack lobby#1 <c4>\n"
                  "lobby: anonymous:  #1\n");
    world_free(world);
}

static void one_can_publish_to_a_room_without_being_in_it(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, HTTP);
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("Ops"), .content = SLICE("disk full"),
        .session_identity = world_identity(77));
    world_settle(world);
    expect(world, "1 ack Ops#1\n"); /* HTTP waits for it, with a cid or without */
    world_free(world);
}

static void where_rooms_are_not_made_only_existing_ones_are_written_to(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.create_rooms = false;
    struct world *world = world_new(&options);

    world_fill(world, "old", 1, 5);
    world_open(world, 1, PLAIN);
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("old"), .cid = SLICE("c1"));
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("new"), .cid = SLICE("c2"));
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("new"), .cid = SLICE("c3"));
    ask(world, 1, .kind = REQUEST_PUBLISH, .cid = SLICE("c4"));
    quit(world, 1);
    world_settle(world);
    expect(world, "1 error not_found <c2>\n"
                  "1 error not_found <c3>\n"
                  "1 ack lobby#1 <c4>\n"
                  "lobby: anonymous:  #1\n"
                  "1 stops lobby\n"
                  "1 ack old#6 <c1>\n"
                  "1 close 1000\n");
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    world_free(world);
}

static void the_twentieth_last_message_must_be_59_seconds_old(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);

    (void)state;
    for (int i = 0; i < 20; i++) {
        say(world, 1, "x");
        world_pass(world, SECOND);
    }
    world_settle(world);
    world_forget(world);
    say(world, 1, "one more");
    expect(world, "1 error rate_limited retry 39000\n");
    world_pass(world, 39 * SECOND - 1);
    say(world, 1, "one more");
    expect(world, "1 error rate_limited retry 1\n");
    world_pass(world, 1);
    say(world, 1, "taken");
    say(world, 1, "and not two");
    world_settle(world);
    expect(world, "1 error rate_limited retry 1000\n"
                  "lobby: anonymous: taken #21\n");
    world_free(world);
}

static void what_was_refused_does_not_count_against_the_rate(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 1;
    struct world *world = world_in_lobby(&options, PLAIN);

    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("$"), .content = SLICE("x"));
    ask(world, 1, .kind = REQUEST_PUBLISH, .entry = ENTRY_EDIT);
    world_forget(world);
    say(world, 1, "taken");
    say(world, 1, "refused");
    world_settle(world);
    expect(world, "1 error rate_limited retry 59000\n"
                  "lobby: anonymous: taken #1\n");
    world_free(world);
}

static void a_rate_that_was_changed_counts_what_was_said_before(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 1;
    struct world *world = world_in_lobby(&options, PLAIN);

    say(world, 1, "one");
    world_settle(world);
    world_forget(world);
    options.limits.rate_per_minute = 3;
    world_configure(world, &options);
    say(world, 1, "two");
    say(world, 1, "three");
    say(world, 1, "four");
    world_settle(world);
    expect(world, "1 error rate_limited retry 59000\n"
                  "lobby: anonymous: two #2\n"
                  "lobby: anonymous: three #3\n");
    options.limits.rate_per_minute = 2;
    world_configure(world, &options);
    world_pass(world, 58 * SECOND);
    say(world, 1, "refused");
    expect(world, "1 error rate_limited retry 1000\n");
    options.limits.rate_per_minute = 0;
    options.max_message = 3;
    world_configure(world, &options);
    say(world, 1, "long");
    say(world, 1, "yes");
    world_settle(world);
    expect(world, "1 error too_large\n"
                  "lobby: anonymous: yes #4\n");
    options.create_rooms = false;
    world_configure(world, &options);
    ask(world, 1, .kind = REQUEST_JOIN, .room = SLICE("other"), .cid = SLICE("c"));
    world_settle(world);
    expect(world, "1 error not_found <c>\n");
    world_free(world);
}

static void what_is_sent_again_gets_its_first_answer_however_much_was_sent(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 1;
    struct world *world = world_in_lobby(&options, PLAIN);

    ask(world, 1, .kind = REQUEST_PUBLISH, .content = SLICE("x"), .cid = SLICE("c1"));
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_PUBLISH, .content = SLICE("x"), .cid = SLICE("c1"));
    world_settle(world);
    expect(world, "1 ack lobby again <c1>\n");
    world_pass(world, 58 * SECOND);
    ask(world, 1, .kind = REQUEST_PUBLISH, .content = SLICE("x"), .cid = SLICE("c2"));
    expect(world, "");
    world_settle(world);
    expect(world, "1 error rate_limited retry 1000 <c2>\n");
    world_pass(world, SECOND); /* asking again did not count */
    ask(world, 1, .kind = REQUEST_PUBLISH, .content = SLICE("x"), .cid = SLICE("c2"));
    world_settle(world);
    expect(world, "1 ack lobby#2 <c2>\n"
                  "lobby: anonymous: x #2\n");
    world_free(world);
}

static void time_that_passed_at_the_store_is_not_waited_for_again(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 1;
    struct world *world = world_new(&options);

    world_open(world, 1, HTTP);
    for (int i = 0; i < 2; i++) {
        char cid[] = {'c', (char)('0' + i), '\0'};

        ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("ops"), .cid = slice_of_string(cid),
            .session_identity = world_identity(77));
    }
    world_pass(world, 9 * SECOND);
    world_settle(world);
    expect(world, "1 ack ops#1 <c0>\n"
                  "1 error rate_limited retry 50000 <c1>\n");
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("ops"), .cid = SLICE("c2"),
        .session_identity = world_identity(77));
    world_pass(world, 60 * SECOND);
    world_settle(world);
    expect(world, "1 error rate_limited retry 1 <c2>\n");
    world_free(world);
}

static void only_so_many_are_looked_up_for_one_who_sends_too_much(void **state) {
    struct hub_options options = world_defaults;
    char cid[16];

    (void)state;
    options.limits.rate_per_minute = 1;
    struct world *world = world_in_lobby(&options, PLAIN);

    for (int round = 0; round < 2; round++) {
        say(world, 1, "x");
        for (int i = 0; i < LIMIT_RETRIES; i++) {
            snprintf(cid, sizeof(cid), "c%d-%d", round, i);
            ask(world, 1, .kind = REQUEST_PUBLISH, .cid = slice_of_string(cid));
        }
        assert_false(world_saw(world, "c0"));
        ask(world, 1, .kind = REQUEST_PUBLISH, .cid = SLICE("last"));
        assert_true(world_saw(world, "1 error rate_limited retry 59000 <last>\n"));
        world_settle(world);
        world_pass(world, 60 * SECOND);
        world_forget(world);
    }
    world_free(world);
}

static void without_a_rate_there_is_no_limit(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 0;
    struct world *world = world_in_lobby(&options, PLAIN);

    for (int i = 0; i < 500; i++) {
        say(world, 1, "x");
    }
    world_settle(world);
    assert_false(world_saw(world, "error"));
    world_free(world);
}

static void http_callers_are_limited_over_all_their_connections(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 2;
    struct world *world = world_new(&options);

    for (uint64_t connection = 1; connection <= 4; connection++) {
        world_open(world, connection, HTTP);
        ask(world, connection, .kind = REQUEST_PUBLISH, .room = SLICE("ops"),
            .session_identity = world_identity(connection == 4 ? 78 : 77));
    }
    world_settle(world);
    expect(world, "3 error rate_limited retry 59000\n"
                  "1 ack ops#1\n"
                  "2 ack ops#2\n"
                  "4 ack ops#3\n");
    world_pass(world, 59 * SECOND);
    ask(world, 3, .kind = REQUEST_PUBLISH, .room = SLICE("ops"),
        .session_identity = world_identity(77));
    world_settle(world);
    expect(world, "3 ack ops#4\n");
    world_free(world);
}

static void binary_frames_are_relayed_in_the_current_room_and_counted(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 2;
    struct world *world = world_in_lobby(&options, TEXT);
    char content[101] = {0};

    ask(world, 1, .kind = REQUEST_BINARY, .content = {content, 101});
    ask(world, 1, .kind = REQUEST_BINARY, .content = SLICE("ABC"));
    say(world, 1, "two");
    ask(world, 1, .kind = REQUEST_BINARY, .content = SLICE("three"));
    world_settle(world);
    expect(world, "1 error too_large\n"
                  "1 error rate_limited retry 59000\n"
                  "lobby: binary ABC 1\n"
                  "lobby: anonymous: two #1\n");
    world_free(world);
}

static void history_is_asked_of_the_store_in_bounds(void **state) {
    struct world *world = world_in_lobby(NULL, PLAIN);

    (void)state;
    ask(world, 1, .kind = REQUEST_HISTORY, .cid = SLICE("h1"));
    ask(world, 1, .kind = REQUEST_HISTORY, .room = SLICE("Elsewhere"), .before = 7, .limit = 9);
    ask(world, 1, .kind = REQUEST_HISTORY, .has_after = true, .after = 3, .limit = 5000);
    ask(world, 1, .kind = REQUEST_HISTORY, .room = SLICE("$ready"), .cid = SLICE("h2"));
    expect(world, "1 history lobby before 0 limit 100\n"
                  "1 history Elsewhere before 7 limit 9 if it exists\n"
                  "1 history lobby after 3 before 0 limit 100\n"
                  "1 error not_found <h2>\n");
    world_free(world);
}

static void a_room_with_somebody_in_it_exists_before_its_first_message(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    for (int create_rooms = 0; create_rooms < 2; create_rooms++) {
        options.create_rooms = create_rooms;
        struct world *world = world_in_lobby(&options, PLAIN);

        join(world, 1, "fresh", "");
        world_open(world, 2, HTTP);
        ask(world, 2, .kind = REQUEST_HISTORY, .room = SLICE("fresh"));
        ask(world, 2, .kind = REQUEST_HISTORY, .room = SLICE("lobby"));
        expect(world, create_rooms ? "2 history fresh before 0 limit 100\n"
                                     "2 history lobby before 0 limit 100\n"
                                   : "2 history fresh before 0 limit 100 if it exists\n"
                                     "2 history lobby before 0 limit 100\n");
        world_settle(world);
        world_forget(world);
        leave(world, 1, "fresh", "");
        world_settle(world);
        world_forget(world);
        ask(world, 2, .kind = REQUEST_HISTORY, .room = SLICE("fresh"));
        expect(world, "2 history fresh before 0 limit 100 if it exists\n");
        world_free(world);
    }
}

static void too_much_under_way_pauses_the_connection(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 0;
    struct world *world = world_in_lobby(&options, PLAIN);

    for (int i = 0; i < LIMIT_OUTSTANDING - 1; i++) {
        say(world, 1, "x");
    }
    expect(world, "");
    say(world, 1, "x");
    expect(world, "1 pause\n");
    say(world, 1, "x");
    for (int i = 0; i < LIMIT_OUTSTANDING / 2; i++) {
        world_settle_one(world);
    }
    assert_false(world_saw(world, "resume"));
    world_settle_one(world);
    assert_true(world_saw(world, "1 resume\n"));
    world_free(world);
}

static void http_has_no_session_to_ask_with(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, HTTP);
    join(world, 1, "general", "a");
    hello(world, 1, "ann");
    call(world, 1, "ann");
    ask(world, 1, .kind = REQUEST_TOKEN);
    tell(world, 1, "ann", "hi");
    ask(world, 1, .kind = REQUEST_HISTORY, .room = SLICE("@ann,bob"));
    expect(world, "1 error bad_request <a>\n"
                  "1 error bad_request\n"
                  "1 error bad_request\n"
                  "1 error bad_request\n"
                  "1 error unauthorized (Claim a name first)\n"
                  "1 error not_found\n");
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_acknowledged_before_it_is_shown),
        cmocka_unit_test(without_a_cid_nothing_is_acknowledged),
        cmocka_unit_test(a_refusal_of_the_store_is_answered_even_without_a_cid),
        cmocka_unit_test(numbered_clients_sign_with_a_number_that_is_never_reused),
        cmocka_unit_test(a_named_session_always_signs_with_its_name),
        cmocka_unit_test(nobody_signs_with_a_name_that_another_holds),
        cmocka_unit_test(labels_are_cleaned_and_bounded),
        cmocka_unit_test(nobody_signs_as_the_server_or_a_numbered_client),
        cmocka_unit_test(content_over_the_limit_is_too_large),
        cmocka_unit_test(a_cid_has_64_characters_at_most),
        cmocka_unit_test(an_unusable_cid_is_refused_without_it),
        cmocka_unit_test(what_refers_to_an_entry_says_to_which),
        cmocka_unit_test(one_can_publish_to_a_room_without_being_in_it),
        cmocka_unit_test(where_rooms_are_not_made_only_existing_ones_are_written_to),
        cmocka_unit_test(the_twentieth_last_message_must_be_59_seconds_old),
        cmocka_unit_test(what_was_refused_does_not_count_against_the_rate),
        cmocka_unit_test(a_rate_that_was_changed_counts_what_was_said_before),
        cmocka_unit_test(what_is_sent_again_gets_its_first_answer_however_much_was_sent),
        cmocka_unit_test(time_that_passed_at_the_store_is_not_waited_for_again),
        cmocka_unit_test(only_so_many_are_looked_up_for_one_who_sends_too_much),
        cmocka_unit_test(without_a_rate_there_is_no_limit),
        cmocka_unit_test(http_callers_are_limited_over_all_their_connections),
        cmocka_unit_test(binary_frames_are_relayed_in_the_current_room_and_counted),
        cmocka_unit_test(history_is_asked_of_the_store_in_bounds),
        cmocka_unit_test(a_room_with_somebody_in_it_exists_before_its_first_message),
        cmocka_unit_test(too_much_under_way_pauses_the_connection),
        cmocka_unit_test(http_has_no_session_to_ask_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
