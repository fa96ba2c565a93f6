/* Names, hello, and sessions that outlive their connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub_world.h"

#define SECOND INT64_C(1000000)

static void open_named(struct world *world, uint64_t connection, enum client_kind kind,
                       const char *name) {
    world_open(world, connection, kind);
    if (kind == LINE || kind == COMMAND) {
        call(world, connection, name);
    } else {
        hello(world, connection, name);
    }
    world_settle(world);
    world_forget(world);
}

static void a_name_is_held_by_one(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, LINE, "Jason");
    world_open(world, 2, COMMAND);
    call(world, 2, "jASON");
    call(world, 2,
         "\xef\xbc\xaa"
         "ason"); /* a fullwidth J */
    expect(world, "2 error name_taken\n"
                  "2 error name_taken\n");
    world_free(world);
}

static void what_is_no_name_cannot_be_claimed(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, LINE);
    call(world, 1, "");
    call(world, 1, "two words");
    call(world, 1, "Anonymous");
    call(world, 1, "\uff25rror"); /* would speak like the server in a line protocol */
    expect(world, "1 error bad_request (A name is 1 to 64 letters, digits, '-', '_' or '.')\n"
                  "1 error bad_request (A name is 1 to 64 letters, digits, '-', '_' or '.')\n"
                  "1 error name_taken\n"
                  "1 error name_taken\n");
    world_free(world);
}

static void before_the_name_only_the_name_is_heard(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, COMMAND);
    tell(world, 1, "ann", "hi");
    ask(world, 1, .kind = REQUEST_NAMES);
    ask(world, 1, .kind = REQUEST_TOKEN);
    expect(world, "1 error unauthorized (Register a name first)\n"
                  "1 error unauthorized (Register a name first)\n"
                  "1 error unauthorized (Register a name first)\n");
    call(world, 1, "Jane");
    ask(world, 1, .kind = REQUEST_NAMES);
    expect(world, "1 greeted Jane\n"
                  "1 names [Jane]\n");
    world_free(world);
}

static void names_come_in_the_order_of_claiming_from_every_protocol(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, LINE, "zak");
    open_named(world, 2, V1, "ann");
    world_open(world, 3, NUMBERED);
    open_named(world, 4, COMMAND, "Jane");
    call(world, 1, "zachary");
    world_settle(world);
    world_forget(world);
    ask(world, 4, .kind = REQUEST_NAMES);
    expect(world, "4 names [ann Jane zachary]\n");
    world_free(world);
}

static void renaming_frees_the_old_name_and_is_shown(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, LINE, "ann");
    open_named(world, 2, COMMAND, "bob");
    call(world, 1, "anna");
    world_settle(world);
    expect(world, "1 named anna\n"
                  "lobby: renamed anna from ann 1\n");
    call(world, 2, "ann");
    expect(world, "2 named ann\n");
    world_free(world);
}

static void the_same_name_again_changes_nothing(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, LINE, "ann");
    call(world, 1, "ann");
    world_settle(world);
    expect(world, "1 named ann\n");
    call(world, 1, "ANN");
    world_settle(world);
    expect(world, "1 named ANN\n"
                  "lobby: renamed ANN from ann 1\n");
    world_free(world);
}

static void hello_in_the_lobby_keeps_the_place_and_shows_the_name(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, PLAIN);
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_HELLO, .name = SLICE("ann"), .cid = SLICE("h1"));
    world_settle(world);
    expect(world, "1 welcome 'ann' secret-of-1 [] <h1>\n"
                  "lobby: renamed ann 1\n");
    world_free(world);
}

static void a_hello_that_fails_changes_nothing(void **state) {
    struct world *world = world_new(NULL);
    struct resume_point point = {.room = SLICE("no room")};

    (void)state;
    open_named(world, 1, V1, "ann");
    world_open(world, 2, V1);
    ask(world, 2, .kind = REQUEST_HELLO, .name = SLICE("Ann"), .cid = SLICE("h1"));
    ask(world, 2, .kind = REQUEST_HELLO, .name = SLICE("bob"), .cid = SLICE("h2"), .resume = &point,
        .resume_count = 1);
    join(world, 2, "general", "j1");
    expect(world, "2 error name_taken <h1>\n"
                  "2 error bad_request <h2>\n"
                  "2 error unauthorized (Say hello first) <j1>\n");
    open_named(world, 3, V1, "bob");
    world_free(world);
}

static void hello_resumes_every_room_after_one_welcome(void **state) {
    struct world *world = world_new(NULL);
    struct resume_point points[] = {{SLICE("b"), SLICE("e1"), 3},
                                    {SLICE("a"), SLICE("e0"), 9},
                                    {SLICE("B"), SLICE("e1"), 2},
                                    {SLICE("@ann,gone"), SLICE("e1"), 2}};

    (void)state;
    world_fill(world, "a", 1, 9);
    world_fill(world, "b", 1, 4);
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .name = SLICE("ann"), .resume = points, .resume_count = 4,
        .cid = SLICE("h1"));
    expect(world, "");
    world_settle(world);
    expect(world, "1 welcome 'ann' secret-of-1 [b/4 a/9] <h1>\n"
                  "1 error not_found @ann,gone\n"
                  "1 reads b from 4 live\n"
                  "1 gap a e1 after 9 first 1 epoch\n"
                  "1 reads a from 5 live\n");
    world_free(world);
}

static void a_room_that_cannot_be_resumed_is_told_of(void **state) {
    struct world *world = world_new(NULL);
    struct resume_point point = {SLICE("a"), SLICE("e1"), 3};

    (void)state;
    world_open(world, 1, V1);
    world_fail_follows(world, true);
    ask(world, 1, .kind = REQUEST_HELLO, .resume = &point, .resume_count = 1);
    world_settle(world);
    expect(world, "1 welcome '' secret-of-1 []\n"
                  "1 error unavailable a\n");
    world_free(world);
}

static void too_many_rooms_cannot_be_resumed(void **state) {
    static struct resume_point points[1001];
    struct world *world = world_new(NULL);

    (void)state;
    for (size_t i = 0; i < 1001; i++) {
        points[i].room = SLICE("a");
    }
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .resume = points, .resume_count = 1001,
        .cid = SLICE("h1"));
    expect(world, "1 error too_many <h1>\n");
    world_free(world);
}

static void leaving_a_room_before_the_welcome_leaves_it_out(void **state) {
    struct world *world = world_new(NULL);
    struct resume_point point = {SLICE("a"), SLICE("e1"), 0};

    (void)state;
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .resume = &point, .resume_count = 1, .cid = SLICE("h1"));
    leave(world, 1, "a", "l1");
    world_settle(world);
    expect(world, "1 welcome '' secret-of-1 [] <h1>\n"
                  "1 ack a <l1>\n");
    world_free(world);
}

static void a_lost_session_keeps_its_name_for_a_while(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    open_named(world, 2, COMMAND, "bob");
    world_close(world, 1, true);
    world_pass(world, 120 * SECOND - 1);
    call(world, 2, "ann");
    expect(world, "2 error name_taken\n");
    ask(world, 2, .kind = REQUEST_NAMES); /* only of the living */
    expect(world, "2 names [bob]\n");
    world_pass(world, 1);
    call(world, 2, "ann");
    expect(world, "2 named ann\n");
    world_free(world);
}

static void a_goodbye_frees_the_name_at_once(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    open_named(world, 2, V1, "bob");
    open_named(world, 3, COMMAND, "eve");
    quit(world, 1);
    world_close(world, 2, false);
    world_forget(world);
    call(world, 3, "ann");
    call(world, 3, "bob");
    expect(world, "3 named ann\n"
                  "3 named bob\n");
    world_free(world);
}

static void a_broken_connection_that_says_quit_keeps_the_name(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    ask(world, 1, .kind = REQUEST_QUIT, .close_code = 1002, .lost = true);
    world_close(world, 1, false);
    world_forget(world);
    world_open(world, 2, COMMAND);
    call(world, 2, "ann");
    expect(world, "2 error name_taken\n");
    world_free(world);
}

static void protocols_without_secrets_do_not_linger(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, COMMAND, "ann");
    world_close(world, 1, true);
    assert_int_equal(hub_session_count(world_hub(world)), 0);
    world_open(world, 2, PLAIN);
    world_settle(world);
    world_close(world, 2, true);
    world_settle(world);
    assert_int_equal(hub_session_count(world_hub(world)), 0);
    world_free(world);
}

static void sessions_expire_in_the_order_they_were_lost(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    open_named(world, 2, V1, "bob");
    world_close(world, 2, true);
    world_pass(world, 60 * SECOND);
    world_close(world, 1, true);
    world_pass(world, 60 * SECOND);
    assert_int_equal(hub_session_count(world_hub(world)), 1);
    world_open(world, 3, COMMAND);
    call(world, 3, "ann");
    call(world, 3, "bob");
    expect(world, "3 error name_taken\n"
                  "3 greeted bob\n");
    world_free(world);
}

static void who_comes_back_in_time_has_the_name_again(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    world_close(world, 1, true);
    world_pass(world, 60 * SECOND);
    world_open(world, 2, V1);
    come_back(world, 2, 1, "");
    expect(world, "2 welcome 'ann' secret-of-1 []\n");
    world_pass(world, 600 * SECOND);
    say_as(world, 2, "somebody", "hi");
    expect(world, "2 error bad_request\n"); /* no room; but it is there */
    assert_int_equal(hub_session_count(world_hub(world)), 1);
    world_free(world);
}

static void a_takeover_sends_the_old_connection_away(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    join(world, 1, "general", "");
    world_settle(world);
    world_open(world, 2, V1);
    world_forget(world);
    come_back(world, 2, 1, "");
    expect(world, "2 welcome 'ann' secret-of-1 []\n");
    join(world, 1, "other", "");
    join(world, 2, "general", "j1");
    world_settle(world);
    expect(world, "1 stops general\n"
                  "1 close 4502\n"
                  "2 joined general 1..0 of 1 <j1>\n"
                  "2 reads general from 1 live\n");
    world_close(world, 1, true);
    world_open(world, 3, COMMAND);
    call(world, 3, "ann");
    expect(world, "3 error name_taken\n");
    world_free(world);
}

static void the_answers_under_way_still_reach_a_replaced_connection(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    world_open(world, 2, V1);
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("r"), .content = SLICE("x"),
        .cid = SLICE("c1"));
    come_back(world, 2, 1, "");
    world_settle(world);
    expect(world, "2 welcome 'ann' secret-of-1 []\n"
                  "1 ack r#1 <c1>\n"
                  "1 close 4502\n");
    world_free(world);
}

static void one_can_take_over_and_rename_at_once(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    open_named(world, 2, V1, "bob");
    come_back(world, 2, 1, "bob"); /* its own name so far */
    expect(world, "1 close 4502\n"
                  "2 welcome 'bob' secret-of-1 []\n");
    open_named(world, 3, COMMAND, "ann");
    come_back(world, 3, 3, "");
    expect(world, "3 welcome 'ann' secret-of-3 []\n");
    world_free(world);
}

static void who_takes_over_from_the_lobby_is_renamed_there(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, V1, "ann");
    world_open(world, 2, PLAIN);
    world_settle(world);
    world_forget(world);
    come_back(world, 2, 1, "");
    world_settle(world);
    expect(world, "1 close 4502\n"
                  "2 welcome 'ann' secret-of-1 []\n"
                  "lobby: renamed ann 1\n");
    assert_int_equal(hub_session_count(world_hub(world)), 1);
    world_free(world);
}

static void an_unknown_secret_is_taken_on(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, V1);
    come_back(world, 1, 999, "ann");
    expect(world, "1 welcome 'ann' secret-of-999 []\n");
    assert_int_equal(hub_session_count(world_hub(world)), 1);
    world_close(world, 1, true);
    world_open(world, 2, V1);
    come_back(world, 2, 999, "");
    expect(world, "2 welcome 'ann' secret-of-999 []\n");
    world_free(world);
}

static void taking_on_a_secret_does_not_lift_the_rate(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 1;
    struct world *world = world_new(&options);

    world_open(world, 1, PLAIN);
    world_settle(world);
    say(world, 1, "one");
    world_settle(world);
    come_back(world, 1, 999, "");
    world_forget(world);
    say(world, 1, "two");
    expect(world, "1 error rate_limited retry 59000\n");
    world_free(world);
}

static void the_secret_is_told_to_who_asks(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, LINE, "ann");
    ask(world, 1, .kind = REQUEST_TOKEN);
    expect(world, "1 token secret-of-1\n");
    world_free(world);
}

static void a_line_client_that_resumes_is_greeted_under_its_old_name(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, LINE, "ann");
    world_close(world, 1, true);
    world_settle(world);
    world_open(world, 2, LINE);
    world_forget(world);
    come_back(world, 2, 1, "");
    world_settle(world);
    expect(world, "2 welcome 'ann' secret-of-1 []\n"
                  "2 greeted ann\n"
                  "2 reads lobby from 1\n");
    world_free(world);
}

static void members_are_those_with_names_in_the_order_of_joining(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, LINE, "zak");
    world_open(world, 2, NUMBERED);
    open_named(world, 3, LINE, "ann");
    ask(world, 3, .kind = REQUEST_MEMBERS, .room = SLICE("lobby"), .cid = SLICE("m1"));
    ask(world, 3, .kind = REQUEST_MEMBERS, .room = SLICE("empty"), .cid = SLICE("m2"));
    expect(world, "3 members lobby [zak ann] <m1>\n"
                  "3 error not_found <m2>\n");
    world_free(world);
}

static void rooms_are_those_of_the_store_and_those_with_people(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_fill(world, "old", 1, 7);
    open_named(world, 1, V1, "ann");
    join(world, 1, "fresh", "");
    join(world, 1, "old", "");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_ROOMS, .cid = SLICE("r1"));
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 rooms [old/7/1 fresh/0/1] <r1>\n"
                  "1 resume\n");
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("fresh"), .content = SLICE("x"));
    ask(world, 1, .kind = REQUEST_ROOMS, .cid = SLICE("r2"));
    world_settle(world);
    expect(world, "1 pause\n"
                  "fresh: ann: x #1\n"
                  "1 rooms [fresh/1/1 old/7/1] <r2>\n"
                  "1 resume\n");
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_held_by_one),
        cmocka_unit_test(what_is_no_name_cannot_be_claimed),
        cmocka_unit_test(before_the_name_only_the_name_is_heard),
        cmocka_unit_test(names_come_in_the_order_of_claiming_from_every_protocol),
        cmocka_unit_test(renaming_frees_the_old_name_and_is_shown),
        cmocka_unit_test(the_same_name_again_changes_nothing),
        cmocka_unit_test(hello_in_the_lobby_keeps_the_place_and_shows_the_name),
        cmocka_unit_test(a_hello_that_fails_changes_nothing),
        cmocka_unit_test(hello_resumes_every_room_after_one_welcome),
        cmocka_unit_test(a_room_that_cannot_be_resumed_is_told_of),
        cmocka_unit_test(too_many_rooms_cannot_be_resumed),
        cmocka_unit_test(leaving_a_room_before_the_welcome_leaves_it_out),
        cmocka_unit_test(a_lost_session_keeps_its_name_for_a_while),
        cmocka_unit_test(a_goodbye_frees_the_name_at_once),
        cmocka_unit_test(a_broken_connection_that_says_quit_keeps_the_name),
        cmocka_unit_test(protocols_without_secrets_do_not_linger),
        cmocka_unit_test(sessions_expire_in_the_order_they_were_lost),
        cmocka_unit_test(who_comes_back_in_time_has_the_name_again),
        cmocka_unit_test(a_takeover_sends_the_old_connection_away),
        cmocka_unit_test(the_answers_under_way_still_reach_a_replaced_connection),
        cmocka_unit_test(one_can_take_over_and_rename_at_once),
        cmocka_unit_test(who_takes_over_from_the_lobby_is_renamed_there),
        cmocka_unit_test(an_unknown_secret_is_taken_on),
        cmocka_unit_test(taking_on_a_secret_does_not_lift_the_rate),
        cmocka_unit_test(the_secret_is_told_to_who_asks),
        cmocka_unit_test(a_line_client_that_resumes_is_greeted_under_its_old_name),
        cmocka_unit_test(members_are_those_with_names_in_the_order_of_joining),
        cmocka_unit_test(rooms_are_those_of_the_store_and_those_with_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
