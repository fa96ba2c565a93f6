/* Direct messages: a room of two that does not exist for anybody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/error.h"
#include "base/limits.h"
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

static struct world *world_of_ann_and_bob(void) {
    struct world *world = world_new(NULL);

    open_named(world, 1, V1, "ann");
    open_named(world, 2, V1, "bob");
    return world;
}

static void both_sides_read_it_each_as_its_own(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    ask(world, 2, .kind = REQUEST_PUBLISH, .to = SLICE("Ann"), .content = SLICE("psst"),
        .cid = SLICE("c1"));
    world_settle(world);
    expect(world, "1 reads @ann,bob from 1 first\n"
                  "2 reads @ann,bob from 1 second\n"
                  "2 ack @ann,bob#1 <c1>\n"
                  "@ann,bob: bob: psst #1 second\n");
    tell(world, 1, "bob", "yes?");
    world_settle(world);
    expect(world, "@ann,bob: ann: yes? #2 first\n");
    world_free(world);
}

static void it_crosses_protocols(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, COMMAND, "Zak");
    open_named(world, 2, LINE, "Jane");
    tell(world, 2, "zak", "hi");
    world_settle(world);
    expect(world, "2 reads @Jane,Zak from 1 first\n"
                  "1 reads @Jane,Zak from 1 second\n"
                  "@Jane,Zak: Jane: hi #1 first\n");
    world_free(world);
}

static void one_can_write_to_oneself(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, COMMAND, "ann");
    tell(world, 1, "ann", "note");
    tell(world, 1, "ann", "another");
    world_settle(world);
    expect(world, "1 reads @ann,ann from 1 first\n"
                  "@ann,ann: ann: note #1 first\n"
                  "@ann,ann: ann: another #2 first\n");
    world_free(world);
}

static void nobody_by_that_name(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "Zoe\x1b[2J", "hi");
    tell(world, 1, "Zoe", "hi");
    expect(world, "1 error not_found (no user by the name Zoe\xef\xbf\xbd[2J)\n"
                  "1 error not_found (no user by the name Zoe)\n");
    world_free(world);
}

static void one_without_a_name_cannot_write_directly(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    world_open(world, 3, PLAIN);
    world_settle(world);
    world_forget(world);
    ask(world, 3, .kind = REQUEST_PUBLISH, .to = SLICE("ann"), .sender = SLICE("eve"),
        .cid = SLICE("c1"));
    expect(world, "3 error unauthorized (Claim a name first) <c1>\n");
    world_free(world);
}

static void to_a_third_it_does_not_exist(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    open_named(world, 3, V1, "eve");
    tell(world, 1, "bob", "psst");
    world_settle(world);
    world_forget(world);
    join(world, 3, "@ann,bob", "j1");
    ask(world, 3, .kind = REQUEST_PUBLISH, .room = SLICE("@ann,bob"), .cid = SLICE("c1"));
    ask(world, 3, .kind = REQUEST_HISTORY, .room = SLICE("@ann,bob"), .cid = SLICE("h1"));
    ask(world, 3, .kind = REQUEST_MEMBERS, .room = SLICE("@ann,bob"), .cid = SLICE("m1"));
    ask(world, 3, .kind = REQUEST_TYPING, .room = SLICE("@ann,bob"), .cid = SLICE("t1"));
    ask(world, 3, .kind = REQUEST_ROOMS, .cid = SLICE("r1"));
    world_settle(world);
    expect(world, "3 error not_found <j1>\n"
                  "3 error not_found <c1>\n"
                  "3 error not_found <h1>\n"
                  "3 error not_found <m1>\n"
                  "3 error not_found <t1>\n"
                  "3 pause\n"
                  "3 rooms [] <r1>\n"
                  "3 resume\n");
    world_free(world);
}

static void its_two_use_it_like_a_room(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "psst");
    world_settle(world);
    world_forget(world);
    ask(world, 2, .kind = REQUEST_PUBLISH, .room = SLICE("@ANN,Bob"), .content = SLICE("x"));
    world_settle(world);
    ask(world, 2, .kind = REQUEST_HISTORY, .room = SLICE("@ann,bob"), .limit = 3);
    ask(world, 2, .kind = REQUEST_MEMBERS, .room = SLICE("@ann,bob"));
    expect(world, "@ann,bob: bob: x #2 second\n"
                  "2 history @ann,bob before 0 limit 3\n"
                  "2 members @ann,bob [ann bob]\n");
    ask(world, 2, .kind = REQUEST_JOIN, .room = SLICE("@ann,bob"), .has_after = true,
        .cid = SLICE("j1"));
    world_settle(world);
    expect(world, "2 stops @01000000000000000000000000000001,02000000000000000000000000000001\n"
                  "2 joined @ann,bob 1..2 of 2 <j1>\n"
                  "2 reads @ann,bob from 1 live second\n");
    world_free(world);
}

static void who_left_it_reads_again_with_the_next_message(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "one");
    world_settle(world);
    world_forget(world);
    leave(world, 2, "@ann,bob", "l1");
    world_settle(world);
    expect(world, "2 stops @01000000000000000000000000000001,02000000000000000000000000000001\n"
                  "2 ack @ann,bob <l1>\n");
    tell(world, 1, "bob", "two");
    world_settle(world);
    expect(world, "2 reads @ann,bob from 2 second\n"
                  "@ann,bob: ann: two #2 first\n");
    world_free(world);
}

static void who_comes_back_is_told_of_it_in_the_welcome(void **state) {
    struct world *world = world_of_ann_and_bob();
    struct resume_point point = {SLICE("@ann,bob"), SLICE("e1"), 1};

    (void)state;
    tell(world, 1, "bob", "one");
    world_settle(world);
    world_close(world, 2, true);
    tell(world, 1, "bob", "two");
    world_settle(world);
    world_open(world, 3, V1);
    world_forget(world);
    come_back(world, 3, 2, "");
    world_settle(world);
    expect(world, "3 welcome 'bob' secret-of-2 [@ann,bob/2]\n"
                  "3 reads @ann,bob from 3 live second\n");
    world_close(world, 3, true);
    world_open(world, 4, V1);
    ask(world, 4, .kind = REQUEST_HELLO, .session = SLICE("secret-of-2"),
        .session_identity = world_identity(2), .resume = &point, .resume_count = 1);
    world_settle(world);
    expect(world, "4 welcome 'bob' secret-of-2 [@ann,bob/2]\n"
                  "4 reads @ann,bob from 2 live second\n");
    world_free(world);
}

static void a_second_hello_does_not_interrupt_the_reading(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "one");
    world_settle(world);
    world_forget(world);
    hello(world, 2, "");
    world_settle(world);
    expect(world, "2 welcome 'bob' secret-of-2 [@ann,bob/1]\n");
    world_free(world);
}

static void it_is_erased_when_the_later_of_the_two_expires(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "psst");
    world_settle(world);
    quit(world, 1);
    world_close(world, 2, true);
    world_settle(world);
    world_show_store(world, true);
    world_forget(world);
    world_pass(world, 119 * SECOND);
    expect(world, "");
    world_pass(world, SECOND);
    expect(world, "store erase \n"
                  "store unfollow \n");
    assert_int_equal(hub_session_count(world_hub(world)), 0);
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    world_free(world);
}

static void who_expired_may_come_back_to_it_while_the_other_lives(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "psst");
    world_settle(world);
    world_close(world, 1, true);
    world_pass(world, 600 * SECOND);
    world_open(world, 3, V1);
    world_forget(world);
    call(world, 3, "ann"); /* the name is free */
    come_back(world, 3, 1, "ann");
    world_settle(world);
    expect(world, "3 greeted ann\n"
                  "3 welcome 'ann' secret-of-1 [@ann,bob/1]\n"
                  "3 reads @ann,bob from 2 live first\n");
    world_free(world);
}

static void a_name_taken_by_another_does_not_open_the_old_room(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "for the first ann only");
    world_settle(world);
    quit(world, 1);
    open_named(world, 3, V1, "ann");
    join(world, 3, "@ann,bob", "j1");
    world_settle(world);
    expect(world, "3 error not_found <j1>\n");
    tell(world, 3, "bob", "I am new");
    world_settle(world);
    expect(world, "3 reads @ann,bob from 1 first\n"
                  "2 reads @ann,bob from 1 second\n"
                  "@ann,bob: ann: I am new #1 first\n");
    /* bob, who reads both, writes to the one who is ann now. */
    ask(world, 2, .kind = REQUEST_PUBLISH, .room = SLICE("@ann,bob"), .content = SLICE("hm"));
    world_settle(world);
    expect(world, "@ann,bob: bob: hm #2 second\n");
    world_free(world);
}

static void
of_two_rooms_that_look_alike_the_one_with_the_holder_of_the_name_is_meant(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "old");
    hello(world, 1, "annie");
    open_named(world, 3, V1, "ann");
    tell(world, 3, "bob", "new");
    tell(world, 3, "bob", "and more");
    quit(world, 3);
    world_settle(world);
    hello(world, 1, "ann");
    world_settle(world);
    world_forget(world);
    ask(world, 2, .kind = REQUEST_PUBLISH, .room = SLICE("@ann,bob"), .content = SLICE("to 1"));
    world_settle(world);
    expect(world, "@ann,bob: bob: to 1 #2 second\n");
    world_free(world);
}

static void too_many_strangers_push_the_oldest_conversation_out(void **state) {
    struct world *world = world_new(NULL);
    char name[16];

    (void)state;
    open_named(world, 1, V1, "bob");
    for (uint64_t i = 0; i < LIMIT_DIRECTS_PER_SESSION; i++) {
        snprintf(name, sizeof(name), "n%u", (unsigned)i);
        open_named(world, 2 + i, V1, name);
        tell(world, 2 + i, "bob", "hi");
        world_settle(world);
        if (i > 0) { /* the first one stays */
            quit(world, 2 + i);
            world_settle(world);
        }
    }
    assert_int_equal(hub_room_count(world_hub(world)), LIMIT_DIRECTS_PER_SESSION);
    open_named(world, 2000, V1, "one-more");
    tell(world, 2000, "bob", "hi");
    world_settle(world);
    expect(world, "1 stops @01000000000000000000000000000001,03000000000000000000000000000001\n"
                  "1 reads @bob,one-more from 1 first\n"
                  "2000 reads @bob,one-more from 1 second\n"
                  "@bob,one-more: one-more: hi #1 second\n");
    assert_int_equal(hub_room_count(world_hub(world)), LIMIT_DIRECTS_PER_SESSION);
    assert_int_equal(hub_session_count(world_hub(world)), LIMIT_DIRECTS_PER_SESSION + 1);
    world_free(world);
}

static void taking_over_a_session_leaves_the_rooms_of_the_former_one(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    open_named(world, 3, V1, "eve");
    tell(world, 1, "bob", "psst");
    world_settle(world);
    world_forget(world);
    come_back(world, 2, 3, "");
    world_settle(world);
    assert_true(world_saw(
        world, "2 stops @01000000000000000000000000000001,02000000000000000000000000000001\n"));
    tell(world, 1, "bob", "still there?");
    assert_true(world_saw(world, "1 error not_found (no user by the name bob)\n"));
    world_free(world);
}

static void the_last_direct_words_are_shown_before_the_close(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    open_named(world, 1, COMMAND, "ann");
    tell(world, 1, "ann", "note");
    quit(world, 1);
    world_settle(world);
    expect(world, "1 reads @ann,ann from 1 first\n"
                  "@ann,ann: ann: note #1 first\n"
                  "1 stops @01000000000000000000000000000001,01000000000000000000000000000001\n"
                  "1 close 1000\n");
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    world_free(world);
}

static void leaving_and_being_written_to_at_once_reads_on(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "one");
    world_settle(world);
    world_forget(world);
    leave(world, 2, "@ann,bob", "");
    tell(world, 1, "bob", "two");
    world_settle(world);
    expect(world, "2 stops @01000000000000000000000000000001,02000000000000000000000000000001\n"
                  "2 reads @ann,bob from 2 second\n"
                  "@ann,bob: ann: two #2 first\n");
    world_free(world);
}

static void a_room_that_cannot_be_followed_is_tried_again_with_the_next_message(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    world_fail_follows(world, true);
    world_fail_appends(world, ERR_UNAVAILABLE);
    tell(world, 1, "bob", "one");
    world_settle(world);
    expect(world, "1 error unavailable\n");
    world_fail_follows(world, false);
    world_fail_appends(world, 0);
    tell(world, 1, "bob", "two");
    world_settle(world);
    expect(world, "1 reads @ann,bob from 1 first\n"
                  "2 reads @ann,bob from 1 second\n"
                  "@ann,bob: ann: two #1 first\n");
    world_free(world);
}

/* The same two, with three messages behind them, after the server was restarted. */
static struct world *world_after_restart(void) {
    struct world *world = world_of_ann_and_bob();

    for (int i = 0; i < 3; i++) {
        tell(world, 1, "bob", "psst");
    }
    world_settle(world);
    world_restart(world);
    world_open(world, 3, V1); /* ann */
    world_open(world, 4, V1); /* bob */
    world_forget(world);
    return world;
}

/* Hello with the secret of connection `whose`, as somebody who saw @ann,bob up to `after`. */
static void resume(struct world *world, uint64_t connection, uint64_t whose, const char *name,
                   uint64_t after) {
    char secret[48];
    struct resume_point point = {SLICE("@ann,bob"), SLICE("e1"), after};

    snprintf(secret, sizeof(secret), "secret-of-%u", (unsigned)whose);
    ask(world, connection, .kind = REQUEST_HELLO, .name = slice_of_string(name),
        .session = slice_of_string(secret), .session_identity = world_identity(whose),
        .resume = &point, .resume_count = 1);
    world_settle(world);
}

static void join_after(struct world *world, uint64_t connection, uint64_t after) {
    ask(world, connection, .kind = REQUEST_JOIN, .room = SLICE("@ann,bob"), .has_after = true,
        .after = after, .epoch = SLICE("e1"), .cid = SLICE("j1"));
    world_settle(world);
}

static void after_a_restart_the_first_to_come_back_waits_for_the_other(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    resume(world, 3, 1, "ann", 1);
    expect(world, "3 welcome 'ann' secret-of-1 []\n"
                  "3 error not_found @ann,bob\n");
    resume(world, 4, 2, "bob", 2);
    expect(world, "4 welcome 'bob' secret-of-2 [@ann,bob/3]\n"
                  "4 reads @ann,bob from 3 live second\n"
                  "3 reads @ann,bob from 2 live first\n");
    tell(world, 3, "bob", "where were we?");
    world_settle(world);
    expect(world, "@ann,bob: ann: where were we? #4 first\n");
    world_free(world);
}

static void after_a_restart_a_message_of_the_other_brings_it_back(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    resume(world, 3, 1, "ann", 1);
    come_back(world, 4, 2, "bob");
    world_settle(world);
    world_forget(world);
    tell(world, 4, "ann", "there?");
    world_settle(world);
    expect(world, "3 reads @ann,bob from 2 live first\n"
                  "4 reads @ann,bob from 4 second\n"
                  "@ann,bob: bob: there? #4 second\n");
    world_free(world);
}

static void after_a_restart_one_can_join_it_again(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    come_back(world, 3, 1, "ann");
    come_back(world, 4, 2, "bob");
    world_forget(world);
    join_after(world, 3, 0);
    expect(world, "3 joined @ann,bob 1..3 of 1 <j1>\n"
                  "3 reads @ann,bob from 1 live first\n"
                  "4 reads @ann,bob from 4 second\n");
    join(world, 4, "@ann,bob", "j2");
    world_settle(world);
    assert_true(world_saw(world, "4 joined @ann,bob 1..3 of 2 <j2>\n"));
    world_free(world);
}

static void joining_it_before_the_other_is_back_keeps_the_place(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    come_back(world, 3, 1, "ann");
    world_forget(world);
    join_after(world, 3, 2);
    expect(world, "3 error not_found <j1>\n");
    resume(world, 4, 2, "bob", 3);
    assert_true(world_saw(world, "3 reads @ann,bob from 3 live first\n"));
    world_free(world);
}

static void a_place_is_used_once(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    resume(world, 3, 1, "ann", 1);
    come_back(world, 4, 2, "bob");
    join_after(world, 3, 3); /* knows better by now */
    leave(world, 3, "@ann,bob", "");
    world_settle(world);
    world_forget(world);
    tell(world, 4, "ann", "there?");
    world_settle(world);
    expect(world, "3 reads @ann,bob from 4 first\n"
                  "@ann,bob: bob: there? #4 second\n");
    world_free(world);
}

static void a_stranger_who_has_the_name_now_is_not_drawn_in(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    hello(world, 4, "bob"); /* another one */
    world_forget(world);
    resume(world, 3, 1, "ann", 1);
    expect(world, "3 welcome 'ann' secret-of-1 []\n"
                  "3 error not_found @ann,bob\n");
    join(world, 3, "@ann,bob", "j1");
    world_settle(world);
    expect(world, "3 error not_found <j1>\n");
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    tell(world, 4, "ann", "hello");
    world_settle(world);
    expect(world, "3 reads @ann,bob from 1 first\n"
                  "4 reads @ann,bob from 1 second\n"
                  "@ann,bob: bob: hello #1 second\n");
    world_free(world);
}

static void a_message_sent_while_one_comes_back_is_not_lost(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    come_back(world, 4, 12, "bob"); /* others: there is no log yet */
    come_back(world, 3, 11, "ann");
    world_forget(world);
    join(world, 3, "@ann,bob", "j1");
    tell(world, 4, "ann", "hello");
    world_settle(world);
    expect(world, "3 joined @ann,bob 1..0 of 1 <j1>\n"
                  "3 reads @ann,bob from 1 live first\n"
                  "4 reads @ann,bob from 1 second\n"
                  "@ann,bob: bob: hello #1 second\n");
    world_free(world);
}

/* Who was not here before the restart has no conversation to come back to, so none is opened. */
static void nobody_new_can_come_back_to_it(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    come_back(world, 3, 1, "ann");
    hello(world, 4, "bob");
    world_open(world, 5, V1);
    hello(world, 5, "eve");
    world_forget(world);
    join(world, 4, "@ann,bob", "j1");
    join(world, 5, "@ann,eve", "j2");
    assert_int_equal(world_under_way(world), 0);
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    expect(world, "4 error not_found <j1>\n"
                  "5 error not_found <j2>\n");
    world_free(world);
}

static void a_third_cannot_come_back_to_it(void **state) {
    struct world *world = world_after_restart();

    (void)state;
    come_back(world, 3, 1, "ann");
    come_back(world, 4, 2, "bob");
    open_named(world, 5, V1, "eve");
    world_forget(world);
    join_after(world, 5, 1);
    resume(world, 5, 999, "eve", 1);
    expect(world, "5 error not_found <j1>\n"
                  "5 welcome 'eve' secret-of-999 []\n"
                  "5 error not_found @ann,bob\n");
    world_free(world);
}

static void who_left_it_is_not_brought_back_by_the_other_coming_back(void **state) {
    struct world *world = world_of_ann_and_bob();

    (void)state;
    tell(world, 1, "bob", "one");
    leave(world, 2, "@ann,bob", "");
    world_settle(world);
    world_close(world, 1, true);
    world_open(world, 3, V1);
    world_forget(world);
    resume(world, 3, 1, "", 1);
    expect(world, "3 welcome 'ann' secret-of-1 [@ann,bob/1]\n"
                  "3 reads @ann,bob from 2 live first\n");
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_read_it_each_as_its_own),
        cmocka_unit_test(it_crosses_protocols),
        cmocka_unit_test(one_can_write_to_oneself),
        cmocka_unit_test(nobody_by_that_name),
        cmocka_unit_test(one_without_a_name_cannot_write_directly),
        cmocka_unit_test(to_a_third_it_does_not_exist),
        cmocka_unit_test(its_two_use_it_like_a_room),
        cmocka_unit_test(who_left_it_reads_again_with_the_next_message),
        cmocka_unit_test(who_comes_back_is_told_of_it_in_the_welcome),
        cmocka_unit_test(a_second_hello_does_not_interrupt_the_reading),
        cmocka_unit_test(it_is_erased_when_the_later_of_the_two_expires),
        cmocka_unit_test(who_expired_may_come_back_to_it_while_the_other_lives),
        cmocka_unit_test(a_name_taken_by_another_does_not_open_the_old_room),
        cmocka_unit_test(of_two_rooms_that_look_alike_the_one_with_the_holder_of_the_name_is_meant),
        cmocka_unit_test(too_many_strangers_push_the_oldest_conversation_out),
        cmocka_unit_test(taking_over_a_session_leaves_the_rooms_of_the_former_one),
        cmocka_unit_test(the_last_direct_words_are_shown_before_the_close),
        cmocka_unit_test(leaving_and_being_written_to_at_once_reads_on),
        cmocka_unit_test(a_room_that_cannot_be_followed_is_tried_again_with_the_next_message),
        cmocka_unit_test(after_a_restart_the_first_to_come_back_waits_for_the_other),
        cmocka_unit_test(after_a_restart_a_message_of_the_other_brings_it_back),
        cmocka_unit_test(after_a_restart_one_can_join_it_again),
        cmocka_unit_test(joining_it_before_the_other_is_back_keeps_the_place),
        cmocka_unit_test(a_place_is_used_once),
        cmocka_unit_test(a_stranger_who_has_the_name_now_is_not_drawn_in),
        cmocka_unit_test(a_message_sent_while_one_comes_back_is_not_lost),
        cmocka_unit_test(nobody_new_can_come_back_to_it),
        cmocka_unit_test(a_third_cannot_come_back_to_it),
        cmocka_unit_test(who_left_it_is_not_brought_back_by_the_other_coming_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
