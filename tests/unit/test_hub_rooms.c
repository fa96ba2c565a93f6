/* Joining, reading and leaving rooms; what is shown of it to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/error.h"
#include "base/limits.h"
#include "hub_world.h"

static void a_plain_client_is_connected_then_reads_the_backlog(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_fill(world, "lobby", 1, 42);
    world_open(world, 1, PLAIN);
    world_settle(world);
    expect(world, "1 connected lobby 1\n"
                  "1 reads lobby from 38\n");
    world_free(world);
}

static void the_backlog_ends_where_retention_has_cut(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_fill(world, "lobby", 41, 42);
    world_open(world, 1, PLAIN);
    world_settle(world);
    expect(world, "1 connected lobby 1\n"
                  "1 reads lobby from 41\n");
    world_free(world);
}

static void a_client_without_backlog_reads_what_comes_next(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_fill(world, "lobby", 1, 42);
    world_open(world, 1, NUMBERED);
    world_settle(world);
    expect(world, "1 connected lobby 1\n"
                  "1 reads lobby from 43\n");
    world_free(world);
}

static void a_newcomer_is_shown_to_the_others_before_it_is_answered(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, PLAIN);
    world_settle(world);
    world_forget(world);
    world_open(world, 2, PLAIN);
    world_settle(world);
    expect(world, "lobby: joined 2\n"
                  "2 connected lobby 2\n"
                  "2 reads lobby from 1\n");
    world_free(world);
}

static void a_line_client_is_greeted_when_it_is_in_the_lobby(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, PLAIN);
    world_open(world, 2, LINE);
    world_settle(world);
    world_forget(world);
    call(world, 2, "Jason");
    expect(world, "");
    world_settle(world);
    expect(world, "lobby: joined Jason 2\n"
                  "2 greeted Jason\n"
                  "2 reads lobby from 1\n");
    world_free(world);
}

static void what_is_said_in_the_same_breath_as_joining_is_seen_by_its_author(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, LINE);
    call(world, 1, "Jason");
    say(world, 1, "hi");
    world_settle(world);
    expect(world, "1 greeted Jason\n"
                  "1 reads lobby from 1\n"
                  "lobby: Jason: hi #1\n");
    world_free(world);
}

static void last_words_come_before_the_departure(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, PLAIN);
    world_open(world, 2, LINE);
    call(world, 2, "Jason");
    world_settle(world);
    world_forget(world);
    say(world, 2, "bye");
    quit(world, 2);
    expect(world, "");
    world_settle(world);
    expect(world, "lobby: Jason: bye #1\n"
                  "2 stops lobby\n"
                  "lobby: left Jason 1\n"
                  "2 close 1000\n");
    world_free(world);
}

static void quitting_before_the_greeting_still_greets_by_name(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, LINE);
    call(world, 1, "Jason");
    quit(world, 1);
    world_settle(world);
    expect(world, "1 greeted Jason\n"
                  "1 reads lobby from 1\n"
                  "1 stops lobby\n"
                  "1 close 1000\n");
    world_free(world);
}

static void after_quit_nothing_is_heeded(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, PLAIN);
    world_settle(world);
    world_forget(world);
    quit(world, 1);
    say(world, 1, "still here");
    quit(world, 1);
    world_settle(world);
    expect(world, "1 stops lobby\n"
                  "1 close 1000\n");
    world_free(world);
}

static void quit_closes_with_the_code_it_asks_for(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_QUIT, .close_code = 1007, .lost = true);
    expect(world, "1 close 1007\n");
    world_free(world);
}

static void v1_is_told_nothing_before_hello(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, V1);
    expect(world, "");
    join(world, 1, "general", "j1");
    expect(world, "1 error unauthorized (Say hello first) <j1>\n");
    hello(world, 1, "");
    expect(world, "1 welcome '' secret-of-1 []\n");
    join(world, 1, "general", "j2");
    world_settle(world);
    expect(world, "1 joined general 1..0 of 1 <j2>\n"
                  "1 reads general from 1 live\n");
    world_free(world);
}

static void join_room(struct world *world, const char *epoch, uint64_t after) {
    ask(world, 1, .kind = REQUEST_JOIN, .room = SLICE("general"), .has_after = true, .after = after,
        .epoch = slice_of_string(epoch));
    world_settle(world);
}

static struct world *world_with_general(uint64_t first, uint64_t last) {
    struct world *world = world_new(NULL);

    world_fill(world, "general", first, last);
    world_open(world, 1, V1);
    hello(world, 1, "ann");
    world_forget(world);
    return world;
}

static void joining_after_a_number_reads_on_from_there(void **state) {
    struct world *world = world_with_general(1, 50);

    (void)state;
    join_room(world, "e1", 20);
    expect(world, "1 joined general 1..50 of 1\n"
                  "1 reads general from 21 live\n");
    world_free(world);
}

static void joining_after_the_last_number_misses_nothing(void **state) {
    struct world *world = world_with_general(1, 50);

    (void)state;
    join_room(world, "", 50);
    expect(world, "1 joined general 1..50 of 1\n"
                  "1 reads general from 51 live\n");
    world_free(world);
}

static void a_number_just_before_the_oldest_is_no_gap(void **state) {
    struct world *world = world_with_general(30, 50);

    (void)state;
    join_room(world, "e1", 29);
    expect(world, "1 joined general 30..50 of 1\n"
                  "1 reads general from 30 live\n");
    world_free(world);
}

static void what_retention_took_is_told_as_a_gap(void **state) {
    struct world *world = world_with_general(30, 50);

    (void)state;
    join_room(world, "e1", 28);
    expect(world, "1 joined general 30..50 of 1\n"
                  "1 gap general e1 after 28 first 30 retention\n"
                  "1 reads general from 30 live\n");
    world_free(world);
}

static void what_goes_while_the_room_is_read_is_missed_by_those_who_come_later(void **state) {
    struct world *world = world_with_general(30, 50);

    (void)state;
    join_room(world, "e1", 35);
    world_open(world, 2, V1);
    ask(world, 2, .kind = REQUEST_HELLO);
    world_settle(world);
    world_forget(world);
    world_trim(world, "general", 41);
    world_trim(world, "general", 38); /* of an earlier step: a log never begins earlier again */
    world_trim(world, "nowhere", 7);
    ask(world, 2, .kind = REQUEST_JOIN, .room = SLICE("general"), .has_after = true, .after = 35,
        .epoch = SLICE("e1"));
    world_settle(world);
    assert_true(world_saw(world, "2 joined general 41..50"));
    assert_true(world_saw(world, "2 gap general e1 after 35 first 41 retention\n"));
    assert_true(world_saw(world, "2 reads general from 41 live\n"));
    world_free(world);
}

static void another_epoch_is_a_gap_then_the_backlog(void **state) {
    struct world *world = world_with_general(1, 50);

    (void)state;
    join_room(world, "e0", 20);
    expect(world, "1 joined general 1..50 of 1\n"
                  "1 gap general e1 after 20 first 1 epoch\n"
                  "1 reads general from 46 live\n");
    world_free(world);
}

static void a_number_beyond_the_last_is_a_rewound_log(void **state) {
    struct world *world = world_with_general(1, 50);

    (void)state;
    join_room(world, "e1", UINT64_MAX);
    expect(world, "1 joined general 1..50 of 1\n"
                  "1 gap general e1 after 4294967295 first 1 rewound\n"
                  "1 reads general from 46 live\n");
    world_free(world);
}

static void joining_again_starts_reading_anew(void **state) {
    struct world *world = world_with_general(1, 50);

    (void)state;
    join_room(world, "", 50);
    world_forget(world);
    join_room(world, "e1", 10);
    expect(world, "1 stops general\n"
                  "1 joined general 1..50 of 1\n"
                  "1 reads general from 11 live\n");
    world_free(world);
}

static void joining_twice_in_one_breath_answers_twice_and_counts_once(void **state) {
    struct world *world = world_with_general(1, 3);

    (void)state;
    join(world, 1, "general", "j1");
    join(world, 1, "General", "j2");
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 joined general 1..3 of 1 <j1>\n"
                  "1 reads general from 1 live\n"
                  "1 stops general\n"
                  "1 joined general 1..3 of 1 <j2>\n"
                  "1 reads general from 1 live\n"
                  "1 resume\n");
    world_free(world);
}

static void leaving_is_acknowledged_and_shown_to_the_rest(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    world_open(world, 2, V1);
    hello(world, 2, "bob");
    join(world, 1, "general", "");
    join(world, 2, "general", "");
    world_settle(world);
    world_forget(world);
    leave(world, 2, "general", "l1");
    world_settle(world);
    expect(world, "2 stops general\n"
                  "2 ack general <l1>\n"
                  "general: left bob 1\n");
    leave(world, 2, "general", "l2");
    expect(world, "2 error not_found <l2>\n");
    world_free(world);
}

static void leaving_while_joining_undoes_it_in_order(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    join(world, 1, "general", "j1");
    leave(world, 1, "general", "l1");
    join(world, 1, "general", "j2");
    world_settle(world);
    expect(world, "1 joined general 1..0 of 1 <j1>\n"
                  "1 reads general from 1 live\n"
                  "1 stops general\n"
                  "1 ack general <l1>\n"
                  "1 joined general 1..0 of 1 <j2>\n"
                  "1 reads general from 1 live\n");
    world_free(world);
}

static void leaving_altogether_is_quitting(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    leave(world, 1, "", "l1");
    expect(world, "1 ack  <l1>\n"
                  "1 close 1000\n");
    assert_int_equal(hub_session_count(world_hub(world)), 0);
    world_free(world);
}

static void moving_leaves_the_current_room_first(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, LINE);
    call(world, 1, "ann");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_JOIN, .room = SLICE("tea"), .move = true);
    say(world, 1, "hello tea");
    world_settle(world);
    expect(world, "1 stops lobby\n"
                  "1 joined tea 1..0 of 1\n"
                  "1 reads tea from 1 live\n"
                  "tea: ann: hello tea #1\n");
    world_free(world);
}

static void moving_to_the_current_room_stays_there(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, LINE);
    call(world, 1, "ann");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_JOIN, .room = SLICE("LOBBY"), .move = true);
    world_settle(world);
    expect(world, "1 stops lobby\n"
                  "1 joined lobby 1..0 of 1\n"
                  "1 reads lobby from 1 live\n");
    world_free(world);
}

static void who_moves_to_a_room_that_cannot_be_is_back_in_the_lobby(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.create_rooms = false;
    struct world *world = world_new(&options);

    world_open(world, 1, LINE);
    call(world, 1, "ann");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_JOIN, .room = SLICE("tea"), .move = true);
    world_settle(world);
    expect(world, "1 stops lobby\n"
                  "1 error not_found\n"
                  "1 joined lobby 1..0 of 1\n"
                  "1 reads lobby from 1 live\n");
    world_free(world);
}

static void where_rooms_are_not_made_only_existing_ones_are_joined(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.create_rooms = false;
    struct world *world = world_new(&options);

    world_fill(world, "old", 1, 1);
    world_open(world, 1, V1);
    hello(world, 1, "ann");
    world_forget(world);
    join(world, 1, "new", "j1");
    leave(world, 1, "new", "l1");
    join(world, 1, "new", "j2");
    join(world, 1, "old", "j3");
    world_settle(world);
    expect(world, "1 error not_found <j1>\n"
                  "1 ack new <l1>\n"
                  "1 error not_found <j2>\n"
                  "1 joined old 1..1 of 1 <j3>\n"
                  "1 reads old from 1 live\n");
    world_free(world);
}

static void the_lobby_is_shown_by_its_own_name_however_it_was_written(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, HTTP);
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("LOBBY"), .content = SLICE("hi"));
    world_settle(world);
    world_open(world, 2, V1);
    hello(world, 2, "");
    join(world, 2, "Lobby", "");
    world_settle(world);
    ask(world, 2, .kind = REQUEST_HISTORY, .room = SLICE("LobbY"));
    ask(world, 2, .kind = REQUEST_ROOMS);
    world_settle(world);
    expect(world, "1 ack lobby#1\n"
                  "2 welcome '' secret-of-2 []\n"
                  "2 joined lobby 1..1 of 1\n"
                  "2 reads lobby from 1 live\n"
                  "2 history lobby before 0 limit 100\n"
                  "2 pause\n"
                  "2 rooms [lobby/1/1]\n"
                  "2 resume\n");
    world_free(world);
}

static void bad_room_names_are_refused(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    join(world, 1, "two words", "j1");
    join(world, 1, "$ready", "j2");
    join(world, 1, "@ann,bob", "j3");
    ask(world, 1, .kind = REQUEST_JOIN, .cid = SLICE("j4"));
    expect(world, "1 error bad_request <j1>\n"
                  "1 error not_found <j2>\n"
                  "1 error not_found <j3>\n"
                  "1 error bad_request <j4>\n");
    world_free(world);
}

static void a_room_that_cannot_be_followed_is_unavailable_and_tried_again(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    world_fail_follows(world, true);
    join(world, 1, "general", "j1");
    world_settle(world);
    expect(world, "1 error unavailable <j1>\n");
    world_fail_follows(world, false);
    join(world, 1, "general", "j2");
    world_settle(world);
    expect(world, "1 joined general 1..0 of 1 <j2>\n"
                  "1 reads general from 1 live\n");
    world_free(world);
}

static void a_join_whose_signal_fails_is_unavailable(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    world_fail_signals(world, true);
    join(world, 1, "general", "j1");
    world_settle(world);
    expect(world, "1 error unavailable <j1>\n");
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    world_free(world);
}

static void a_leave_whose_signal_fails_takes_effect_all_the_same(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    join(world, 1, "general", "");
    world_settle(world);
    world_forget(world);
    world_fail_signals(world, true);
    leave(world, 1, "general", "l1");
    world_settle(world);
    expect(world, "1 stops general\n"
                  "1 error unavailable <l1>\n");
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    world_free(world);
}

static void leaving_a_room_one_did_not_get_into_is_shown_to_nobody(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    world_open(world, 2, V1);
    hello(world, 2, "bob");
    join(world, 1, "general", "");
    world_settle(world);
    world_forget(world);
    join(world, 2, "general", "j1");
    leave(world, 2, "general", "l1");
    world_fail_signals(world, true);
    world_settle_one(world);
    world_fail_signals(world, false);
    world_settle(world);
    expect(world, "2 error unavailable <j1>\n"
                  "2 ack general <l1>\n");
    world_free(world);
}

static void an_entry_is_shown_once_even_if_told_twice(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    join(world, 1, "general", "");
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("general"), .content = SLICE("x"));
    world_settle(world);
    world_forget(world);
    world_commit_again(world, "general");
    expect(world, "");
    world_free(world);
}

static void a_name_that_did_not_get_into_the_lobby_is_given_back(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, LINE);
    world_fail_signals(world, true);
    call(world, 1, "ann");
    world_settle(world);
    expect(world, "1 error unavailable\n");
    world_fail_signals(world, false);
    call(world, 1, "ann");
    world_settle(world);
    expect(world, "1 greeted ann\n"
                  "1 reads lobby from 1\n");
    world_free(world);
}

static void a_room_nobody_is_in_is_not_followed(void **state) {
    struct world *world = world_with_general(1, 3);

    (void)state;
    world_show_store(world, true);
    join(world, 1, "general", "");
    world_settle(world);
    leave(world, 1, "general", "");
    world_settle(world);
    expect(world, "store follow general\n"
                  "store signal \n"
                  "1 joined general 1..3 of 1\n"
                  "1 reads general from 1 live\n"
                  "store signal \n"
                  "1 stops general\n"
                  "store unfollow \n");
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    world_free(world);
}

static void no_more_rooms_than_the_limit(void **state) {
    struct world *world = world_with_general(1, 0);
    char name[24];

    (void)state;
    for (int i = 0; i < LIMIT_ROOMS_PER_SESSION; i++) {
        snprintf(name, sizeof(name), "room-%d", i);
        join(world, 1, name, "");
    }
    world_settle(world);
    world_forget(world);
    join(world, 1, "one-more", "j1");
    expect(world, "1 error too_many <j1>\n");
    join(world, 1, "room-7", "j2");
    leave(world, 1, "room-8", "l1");
    join(world, 1, "one-more", "j3");
    world_settle(world);
    expect(world, "1 stops room-7\n"
                  "1 joined room-7 1..0 of 1 <j2>\n"
                  "1 reads room-7 from 1 live\n"
                  "1 stops room-8\n"
                  "1 ack room-8 <l1>\n"
                  "1 joined one-more 1..0 of 1 <j3>\n"
                  "1 reads one-more from 1 live\n");
    world_free(world);
}

static void large_rooms_are_told_the_count_once_a_second(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    for (uint64_t connection = 1; connection <= 3; connection++) {
        world_open(world, connection, PLAIN);
    }
    world_settle(world);
    world_forget(world);
    world_open(world, 4, TEXT);
    world_open(world, 5, TEXT);
    world_settle(world);
    expect(world, "4 connected lobby 4\n"
                  "4 reads lobby from 1\n"
                  "5 connected lobby 5\n"
                  "5 reads lobby from 1\n");
    world_pass(world, 100000);
    expect(world, "lobby: count 5\n");
    world_close(world, 5, true);
    world_settle(world);
    world_pass(world, 999999);
    expect(world, "");
    world_pass(world, 1);
    expect(world, "lobby: count 4\n");
    world_pass(world, 5000000);
    expect(world, "");
    world_close(world, 4, true);
    world_settle(world);
    expect(world, "lobby: left 3\n");
    world_free(world);
}

static void a_new_epoch_tells_every_reader_of_a_gap(void **state) {
    struct world *world = world_with_general(1, 9);

    (void)state;
    join(world, 1, "general", "");
    world_settle(world);
    world_forget(world);
    world_restore(world, "general", "e2", 7);
    expect(world, "1 gap general e2 after 9 first 1 epoch\n"
                  "1 stops general\n"
                  "1 reads general from 3\n");
    world_restore(world, "general", "e2", 6);
    expect(world, "1 gap general e2 after 7 first 1 rewound\n"
                  "1 stops general\n"
                  "1 reads general from 2\n");
    world_restore(world, "general", "e2", 6);
    expect(world, "");
    world_free(world);
}

static void signals_of_other_nodes_are_shown(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    join(world, 1, "general", "");
    world_settle(world);
    world_forget(world);
    world_signal_from_afar(world, "general", SIGNAL_JOINED, "zoe");
    world_signal_from_afar(world, "nowhere", SIGNAL_JOINED, "zoe");
    expect(world, "general: joined zoe 1\n");
    world_free(world);
}

static void typing_is_passed_on_at_most_every_three_seconds(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    join(world, 1, "general", "");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_TYPING, .room = SLICE("general"), .active = true,
        .cid = SLICE("t1"));
    world_pass(world, 2990000);
    ask(world, 1, .kind = REQUEST_TYPING, .room = SLICE("general"), .active = true,
        .cid = SLICE("t2"));
    world_settle(world);
    expect(world, "1 ack general <t1>\n"
                  "1 ack general <t2>\n"
                  "general: typing ann active 1\n");
    world_pass(world, 20000);
    ask(world, 1, .kind = REQUEST_TYPING, .room = SLICE("general"));
    ask(world, 1, .kind = REQUEST_TYPING, .room = SLICE("other"), .cid = SLICE("t3"));
    world_settle(world);
    expect(world, "1 error not_found <t3>\n"
                  "general: typing ann idle 1\n");
    world_free(world);
}

static void a_topic_is_told_to_those_who_join(void **state) {
    struct world *world = world_with_general(1, 0);

    (void)state;
    join(world, 1, "general", "");
    ask(world, 1, .kind = REQUEST_PUBLISH, .entry = ENTRY_TOPIC, .room = SLICE("general"),
        .content = SLICE("Release day"));
    world_settle(world);
    world_forget(world);
    world_open(world, 2, V1);
    hello(world, 2, "");
    world_forget(world);
    join(world, 2, "general", "");
    world_settle(world);
    expect(world, "general: joined 2\n"
                  "2 joined general 1..1 of 2 about Release day\n"
                  "2 reads general from 1 live\n");
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_client_is_connected_then_reads_the_backlog),
        cmocka_unit_test(the_backlog_ends_where_retention_has_cut),
        cmocka_unit_test(a_client_without_backlog_reads_what_comes_next),
        cmocka_unit_test(a_newcomer_is_shown_to_the_others_before_it_is_answered),
        cmocka_unit_test(a_line_client_is_greeted_when_it_is_in_the_lobby),
        cmocka_unit_test(what_is_said_in_the_same_breath_as_joining_is_seen_by_its_author),
        cmocka_unit_test(last_words_come_before_the_departure),
        cmocka_unit_test(quitting_before_the_greeting_still_greets_by_name),
        cmocka_unit_test(after_quit_nothing_is_heeded),
        cmocka_unit_test(quit_closes_with_the_code_it_asks_for),
        cmocka_unit_test(v1_is_told_nothing_before_hello),
        cmocka_unit_test(joining_after_a_number_reads_on_from_there),
        cmocka_unit_test(joining_after_the_last_number_misses_nothing),
        cmocka_unit_test(a_number_just_before_the_oldest_is_no_gap),
        cmocka_unit_test(what_retention_took_is_told_as_a_gap),
        cmocka_unit_test(what_goes_while_the_room_is_read_is_missed_by_those_who_come_later),
        cmocka_unit_test(another_epoch_is_a_gap_then_the_backlog),
        cmocka_unit_test(a_number_beyond_the_last_is_a_rewound_log),
        cmocka_unit_test(joining_again_starts_reading_anew),
        cmocka_unit_test(joining_twice_in_one_breath_answers_twice_and_counts_once),
        cmocka_unit_test(leaving_is_acknowledged_and_shown_to_the_rest),
        cmocka_unit_test(leaving_while_joining_undoes_it_in_order),
        cmocka_unit_test(leaving_altogether_is_quitting),
        cmocka_unit_test(moving_leaves_the_current_room_first),
        cmocka_unit_test(moving_to_the_current_room_stays_there),
        cmocka_unit_test(who_moves_to_a_room_that_cannot_be_is_back_in_the_lobby),
        cmocka_unit_test(where_rooms_are_not_made_only_existing_ones_are_joined),
        cmocka_unit_test(the_lobby_is_shown_by_its_own_name_however_it_was_written),
        cmocka_unit_test(bad_room_names_are_refused),
        cmocka_unit_test(a_room_that_cannot_be_followed_is_unavailable_and_tried_again),
        cmocka_unit_test(a_join_whose_signal_fails_is_unavailable),
        cmocka_unit_test(a_leave_whose_signal_fails_takes_effect_all_the_same),
        cmocka_unit_test(leaving_a_room_one_did_not_get_into_is_shown_to_nobody),
        cmocka_unit_test(an_entry_is_shown_once_even_if_told_twice),
        cmocka_unit_test(a_name_that_did_not_get_into_the_lobby_is_given_back),
        cmocka_unit_test(a_room_nobody_is_in_is_not_followed),
        cmocka_unit_test(no_more_rooms_than_the_limit),
        cmocka_unit_test(large_rooms_are_told_the_count_once_a_second),
        cmocka_unit_test(a_new_epoch_tells_every_reader_of_a_gap),
        cmocka_unit_test(signals_of_other_nodes_are_shown),
        cmocka_unit_test(typing_is_passed_on_at_most_every_three_seconds),
        cmocka_unit_test(a_topic_is_told_to_those_who_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
