/* One chat on several nodes: names, rooms and conversations over two hubs and one store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "hub_cluster.h"

#define SECOND INT64_C(1000000)
#define A cluster_node(cluster, 0)
#define B cluster_node(cluster, 1)

static void come_in(struct cluster *cluster, size_t node, uint64_t connection, const char *name) {
    world_open(cluster_node(cluster, node), connection, V1);
    hello(cluster_node(cluster, node), connection, name);
    cluster_settle(cluster);
    cluster_forget(cluster);
}

static void go_into(struct cluster *cluster, size_t node, uint64_t connection, const char *room) {
    join(cluster_node(cluster, node), connection, room, "");
    cluster_settle(cluster);
    cluster_forget(cluster);
}

/* Rooms. */

static void a_room_shows_who_joins_and_leaves_on_other_nodes(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    go_into(cluster, 0, 1, "tea");
    join(B, 101, "tea", "j");
    cluster_settle(cluster);
    expect(A, "tea: joined bob 2\n");
    expect(B, "101 pause\n"
              "101 resume\n"
              "101 joined tea 1..0 of 2 <j>\n"
              "101 reads tea from 1 live\n");
    ask(B, 101, .kind = REQUEST_TYPING, .room = SLICE("tea"), .active = true);
    say(A, 1, "");
    world_forget(A);
    cluster_settle(cluster);
    expect(A, "tea: typing bob active 2\n");
    world_forget(B);
    leave(B, 101, "tea", "l");
    cluster_settle(cluster);
    expect(A, "tea: left bob 1\n");
    expect_traffic(cluster, "share tea joined bob 1\n"
                            "share tea typing bob 1\n"
                            "share tea left bob 0\n");
    cluster_free(cluster);
}

static void what_one_says_the_others_read(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    go_into(cluster, 0, 1, "tea");
    go_into(cluster, 1, 101, "tea");
    ask(B, 101, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("hi"));
    cluster_settle(cluster);
    expect(A, "tea: bob: hi #1\n");
    expect(B, "tea: bob: hi #1\n");
    cluster_free(cluster);
}

static void nobody_hears_again_what_was_shared(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    go_into(cluster, 0, 1, "tea");
    go_into(cluster, 1, 101, "tea");
    call(A, 1, "anna");
    cluster_settle(cluster);
    expect_traffic(cluster, "claim anna\n"
                            "release ann\n"
                            "share tea renamed anna 1\n");
    expect(B, "tea: renamed anna from ann 2\n");
    cluster_free(cluster);
}

static void a_large_room_shares_a_count_once_a_second(void **state) {
    struct cluster *cluster = cluster_new(NULL); /* names are named up to 3 */

    (void)state;
    come_in(cluster, 0, 1, "ann");
    go_into(cluster, 0, 1, "tea");
    for (uint64_t connection = 101; connection <= 110; connection++) {
        world_open(B, connection, V1);
        hello(B, connection, "");
        join(B, connection, "tea", "");
    }
    cluster_settle(cluster);
    expect_traffic(cluster, "share tea joined 1\n"
                            "share tea joined 2\n");
    cluster_forget(cluster);
    cluster_pass(cluster, SECOND);
    expect_traffic(cluster, "share tea count 10\n");
    cluster_pass(cluster, SECOND);
    expect(A, "tea: count 11\n");
    expect(B, "tea: count 11\n");
    cluster_pass(cluster, 10 * SECOND);
    expect_traffic(cluster, "");
    expect(A, "");
    cluster_free(cluster);
}

static void the_last_to_leave_a_node_is_not_counted_any_more(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.announce_limit = 1;
    struct cluster *cluster = cluster_new(&options);

    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    go_into(cluster, 0, 1, "tea");
    go_into(cluster, 1, 101, "tea");
    cluster_pass(cluster, SECOND);
    cluster_forget(cluster);
    leave(B, 101, "tea", "");
    cluster_settle(cluster);
    expect_traffic(cluster, "share tea left bob 0\n");
    cluster_free(cluster);
}

static void the_dead_are_not_counted_and_hold_no_name(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    go_into(cluster, 0, 1, "tea");
    go_into(cluster, 1, 101, "tea");
    cluster_bury(cluster, 1);
    cluster_pass(cluster, SECOND);
    expect(A, "tea: count 1\n");
    call(A, 1, "bob");
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 named bob\n"
              "1 resume\n"
              "tea: renamed bob from ann 1\n"
              "tea: renamed from bob 2\n"); /* it was alive after all, and has lost its name */
    cluster_free(cluster);
}

static void members_are_gathered_from_all_nodes(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    come_in(cluster, 1, 102, "eve");
    go_into(cluster, 0, 1, "tea");
    go_into(cluster, 1, 101, "tea");
    ask(A, 1, .kind = REQUEST_MEMBERS, .room = SLICE("tea"), .cid = SLICE("m"));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 members tea [ann bob] <m>\n"
              "1 resume\n");
    cluster_fail(cluster, ERR_UNAVAILABLE);
    ask(A, 1, .kind = REQUEST_MEMBERS, .room = SLICE("tea"), .cid = SLICE("m"));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 members tea [ann] <m>\n"
              "1 resume\n");
    cluster_fail(cluster, 0);
    go_into(cluster, 1, 102, "den");
    ask(A, 1, .kind = REQUEST_MEMBERS, .room = SLICE("den"), .cid = SLICE("m"));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 members den [eve] <m>\n"
              "1 resume\n");
    ask(A, 1, .kind = REQUEST_MEMBERS, .room = SLICE("void"), .cid = SLICE("m"));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 error not_found <m>\n"
              "1 resume\n");
    cluster_free(cluster);
}

static void the_members_of_a_large_room_are_gathered_too(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.announce_limit = 1;
    struct cluster *cluster = cluster_new(&options);

    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    come_in(cluster, 1, 102, "eve");
    come_in(cluster, 1, 103, "max");
    go_into(cluster, 1, 101, "tea");
    go_into(cluster, 1, 102, "tea");
    cluster_forget(cluster);
    go_into(cluster, 1, 103, "tea");
    leave(B, 101, "tea", "");
    cluster_settle(cluster);
    expect_traffic(cluster, "");
    ask(A, 1, .kind = REQUEST_MEMBERS, .room = SLICE("tea"), .cid = SLICE("m"));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 members tea [eve max] <m>\n"
              "1 resume\n");
    cluster_free(cluster);
}

/* Names. */

static void a_name_held_elsewhere_is_taken(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    world_open(B, 101, V1);
    ask(B, 101, .kind = REQUEST_HELLO, .name = SLICE("Ann"), .cid = SLICE("h"));
    cluster_settle(cluster);
    expect(B, "101 error name_taken <h>\n");
    world_open(B, 102, TEXT);
    cluster_settle(cluster);
    world_forget(B);
    ask(B, 102, .kind = REQUEST_PUBLISH, .sender = SLICE("ann"), .content = SLICE("I am ann"),
        .cid = SLICE("p"));
    cluster_settle(cluster);
    expect(B, "102 error name_taken <p>\n");
    quit(A, 1);
    cluster_settle(cluster);
    ask(B, 101, .kind = REQUEST_HELLO, .name = SLICE("Ann"), .cid = SLICE("h"));
    cluster_settle(cluster);
    expect(B, "101 pause\n"
              "101 welcome 'Ann' secret-of-101 [] <h>\n"
              "101 resume\n");
    cluster_free(cluster);
}

static void of_two_who_ask_at_once_one_gets_it(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    world_open(A, 1, V1);
    world_open(B, 101, V1);
    ask(A, 1, .kind = REQUEST_HELLO, .name = SLICE("ann"), .cid = SLICE("h"));
    ask(B, 101, .kind = REQUEST_HELLO, .name = SLICE("ann"), .cid = SLICE("h"));
    assert_true(world_is_paused(A, 1));
    assert_true(world_is_paused(B, 101));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 welcome 'ann' secret-of-1 [] <h>\n"
              "1 resume\n");
    expect(B, "101 pause\n"
              "101 error name_taken <h>\n"
              "101 resume\n");
    cluster_free(cluster);
}

static void of_two_on_one_node_the_first_gets_it(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "");
    come_in(cluster, 0, 2, "");
    ask(A, 1, .kind = REQUEST_NAME, .name = SLICE("ann"), .cid = SLICE("n"));
    ask(A, 2, .kind = REQUEST_NAME, .name = SLICE("ann"), .cid = SLICE("n"));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "2 error name_taken <n>\n"
              "1 greeted ann <n>\n"
              "1 resume\n");
    expect_traffic(cluster, "claim ann\n");
    cluster_free(cluster);
}

static void without_the_store_nobody_gets_a_name(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "");
    cluster_fail(cluster, ERR_UNAVAILABLE);
    ask(A, 1, .kind = REQUEST_NAME, .name = SLICE("ann"), .cid = SLICE("n"));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 error unavailable (It is not known whether this name is free, try again) <n>\n"
              "1 resume\n");
    cluster_fail(cluster, 0);
    ask(A, 1, .kind = REQUEST_NAME, .name = SLICE("ann"), .cid = SLICE("n"));
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 greeted ann <n>\n"
              "1 resume\n");
    cluster_free(cluster);
}

static void who_goes_while_asking_leaves_the_name_free(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "");
    call(A, 1, "ann");
    world_close(A, 1, false);
    cluster_settle(cluster);
    expect_traffic(cluster, "claim ann\n"
                            "release ann\n");
    cluster_free(cluster);
}

static void writing_a_name_otherwise_keeps_it(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    call(A, 1, "Ann");
    cluster_settle(cluster);
    expect(A, "1 named Ann\n");
    expect_traffic(cluster, "claim Ann\n");
    come_in(cluster, 1, 101, "bob");
    ask(B, 101, .kind = REQUEST_NAMES, .cid = SLICE("n"));
    cluster_settle(cluster);
    expect(B, "101 names [bob Ann] <n>\n");
    cluster_free(cluster);
}

static void a_lost_session_keeps_its_name_until_its_time_is_up(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    world_close(A, 1, true);
    cluster_settle(cluster);
    expect_traffic(cluster, "");
    cluster_pass(cluster, 121 * SECOND);
    expect_traffic(cluster, "release ann\n");
    cluster_free(cluster);
}

static void who_comes_back_to_another_node_keeps_the_name(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 102, "bob");
    world_close(A, 1, true);
    cluster_settle(cluster);
    world_open(B, 101, V1);
    come_back(B, 101, 1, "");
    cluster_settle(cluster);
    expect(B, "101 pause\n"
              "101 welcome 'ann' secret-of-1 []\n"
              "101 resume\n");
    expect_traffic(cluster, "claim ann\n");
    assert_int_equal(hub_session_count(world_hub(A)), 0);
    world_open(A, 2, V1);
    ask(A, 2, .kind = REQUEST_HELLO, .name = SLICE("ann"), .cid = SLICE("h"));
    cluster_settle(cluster);
    expect(A, "2 error name_taken <h>\n");
    cluster_free(cluster);
}

static void who_is_on_another_node_is_sent_away_here(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    go_into(cluster, 0, 1, "tea");
    world_open(B, 101, V1);
    come_back(B, 101, 1, "ann");
    cluster_settle(cluster);
    expect(A, "1 stops tea\n"
              "1 close 4502\n");
    expect_traffic(cluster, "claim ann\n"
                            "share tea left ann 0\n");
    cluster_free(cluster);
}

static void a_name_that_was_lost_meanwhile_is_taken_from_its_session(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    go_into(cluster, 0, 1, "tea");
    struct name_claim claim = {
        .folded = SLICE("ann"), .shown = SLICE("Ann"), .identity = world_identity(200)};
    struct event event = {.kind = EVENT_ELSEWHERE, .elsewhere = {.claim = claim}};

    world_step(A, &event);
    world_settle(A);
    expect(A, "1 error name_taken (Somebody else holds your name now)\n"
              "tea: renamed from ann 1\n");
    event.elsewhere.gone = true;
    world_step(A, &event);
    cluster_free(cluster);
}

static void an_account_may_be_on_several_nodes(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world_tell_account(cluster_node(cluster, i), "ann", ROLE_MEMBER);
    }
    world_open(A, 1, V1);
    log_in(A, 1, "ann");
    cluster_settle(cluster);
    world_open(B, 101, V1);
    log_in(B, 101, "ann");
    cluster_settle(cluster);
    expect_traffic(cluster, "claim ann\nclaim ann\n");
    assert_true(world_is_open(A, 1));
    assert_true(world_is_open(B, 101));
    world_forget(B);
    ask(B, 101, .kind = REQUEST_NAMES, .cid = SLICE("n"));
    cluster_settle(cluster);
    expect(B, "101 names [ann] <n>\n");
    quit(B, 101);
    cluster_settle(cluster);
    expect_traffic(cluster, "release ann\n");
    cluster_free(cluster);
}

static void an_accounts_name_is_claimed_again_when_the_store_is_back(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    world_tell_account(A, "ann", ROLE_MEMBER);
    world_tell_account(B, "ann", ROLE_MEMBER);
    cluster_fail(cluster, ERR_UNAVAILABLE);
    world_open(A, 1, V1);
    log_in(A, 1, "ann");
    cluster_settle(cluster);
    expect_traffic(cluster, "claim ann\n");
    cluster_fail(cluster, 0);
    cluster_pass(cluster, SECOND);
    expect_traffic(cluster, "claim ann\n");
    cluster_pass(cluster, 10 * SECOND);
    expect_traffic(cluster, "");
    cluster_free(cluster);
}

/* Somebody with a token made elsewhere was on node 0, which knows the name since; node 1 does not.
 */
static struct cluster *cluster_with_stranger(void) {
    struct cluster *cluster = cluster_new(NULL);

    world_open(A, 9, V1);
    log_in(A, 9, "eve");
    quit(A, 9);
    cluster_settle(cluster);
    come_in(cluster, 1, 101, "eve");
    return cluster;
}

static void who_has_an_accounts_name_elsewhere_does_not_get_it_here(void **state) {
    struct cluster *cluster = cluster_with_stranger();

    (void)state;
    come_in(cluster, 0, BOB, "bob");
    tell(B, 101, "bob", "it is me");
    cluster_settle(cluster);
    assert_true(world_saw(A, "2 reads @bob,eve from 1 first\n"));
    cluster_forget(cluster);
    world_open(A, EVE, V1);
    log_in(A, EVE, "eve");
    cluster_settle(cluster);
    assert_true(world_saw(A, "3 welcome 'eve'  []\n"));
    cluster_forget(cluster);
    tell(A, BOB, "eve", "is it?");
    cluster_settle(cluster);
    assert_true(world_saw(A, "3 reads @bob,eve from 1 second\n"));
    assert_false(world_saw(B, "is it?"));
    cluster_free(cluster);
}

static void who_has_an_accounts_name_elsewhere_does_not_bring_it(void **state) {
    struct cluster *cluster = cluster_with_stranger();

    (void)state;
    world_open(A, EVE, V1);
    log_in(A, EVE, "eve");
    cluster_settle(cluster);
    cluster_forget(cluster);
    world_open(A, ANN, V1);
    come_back(A, ANN, 101, "");
    cluster_settle(cluster);
    expect(A, "1 pause\n"
              "1 welcome '' secret-of-101 []\n"
              "1 resume\n");
    expect_traffic(cluster, "");
    cluster_free(cluster);
}

/* Direct messages. */

static void a_direct_message_reaches_another_node(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    come_in(cluster, 1, 102, "eve");
    ask(A, 1, .kind = REQUEST_PUBLISH, .to = SLICE("Bob"), .content = SLICE("psst"),
        .cid = SLICE("c1"));
    cluster_settle(cluster);
    expect_traffic(cluster, "call ann to bob\n");
    expect(A, "1 reads @ann,bob from 1 first\n"
              "1 ack @ann,bob#1 <c1>\n"
              "@ann,bob: ann: psst #1 first\n");
    expect(B, "101 reads @ann,bob from 1 second\n"); /* there it finds the message */
    tell(B, 101, "ann", "yes?");
    cluster_settle(cluster);
    expect(A, "@ann,bob: bob: yes? #2 second\n");
    expect(B, "@ann,bob: bob: yes? #2 second\n");
    ask(B, 102, .kind = REQUEST_HISTORY, .room = SLICE("@ann,bob"), .cid = SLICE("h"));
    cluster_settle(cluster);
    expect(B, "102 error not_found <h>\n");
    cluster_free(cluster);
}

static void nobody_is_called_who_is_here(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 0, 2, "bob");
    tell(A, 1, "bob", "hi");
    cluster_settle(cluster);
    expect_traffic(cluster, "");
    cluster_free(cluster);
}

/* Ann begins a conversation on one node, and bob on the other is not called to it. */
static struct cluster *cluster_with_lost_call(void) {
    struct cluster *cluster = cluster_new(NULL);

    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    cluster_lose_calls(cluster, true);
    tell(A, 1, "bob", "one");
    cluster_settle(cluster);
    expect(B, "");
    return cluster;
}

static void a_call_that_was_lost_is_made_up_for(void **state) {
    struct cluster *cluster = cluster_with_lost_call();

    (void)state;
    cluster_lose_calls(cluster, false);
    tell(A, 1, "bob", "two");
    cluster_settle(cluster);
    expect(B, "");
    cluster_pass(cluster, 10 * SECOND);
    tell(A, 1, "bob", "three");
    cluster_settle(cluster);
    expect(B, "101 reads @ann,bob from 1 second\n");
    cluster_free(cluster);
}

/* As after a connection to the store was lost: its marks are told without being asked for. */
static void a_conversation_that_was_missed_is_found_by_its_mark(void **state) {
    struct cluster *cluster = cluster_with_lost_call();

    (void)state;
    struct identity bob = world_identity(101);
    struct read_mark mark = {
        .identity = bob,
        .room_key = SLICE("@01000000000000000000000000000001,65000000000000000000000000000001"),
        .names = SLICE("ann,bob")};
    struct event event = {.kind = EVENT_RECALLED,
                          .recalled = {.identity = bob, .marks = &mark, .count = 1}};

    world_step(B, &event);
    cluster_settle(cluster);
    expect(B, "101 reads @ann,bob from 1 second\n");
    cluster_free(cluster);
}

static void a_conversation_goes_on_on_another_node(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    tell(A, 1, "bob", "one");
    cluster_settle(cluster);
    world_close(B, 101, true);
    cluster_settle(cluster);
    tell(A, 1, "bob", "two");
    cluster_settle(cluster);
    cluster_forget(cluster);
    struct resume_point point = {.room = SLICE("@ann,bob"), .after = 1};

    world_open(A, 2, V1);
    ask(A, 2, .kind = REQUEST_HELLO, .session = SLICE("secret-of-101"),
        .session_identity = world_identity(101), .resume = &point, .resume_count = 1);
    cluster_settle(cluster);
    expect(A, "2 pause\n"
              "2 resume\n"
              "2 welcome 'bob' secret-of-101 [@ann,bob/2]\n"
              "2 reads @ann,bob from 2 live second\n");
    tell(A, 2, "ann", "three");
    cluster_settle(cluster);
    expect(A, "@ann,bob: bob: three #3 second\n");
    cluster_free(cluster);
}

static void who_was_away_hears_of_new_conversations_in_the_welcome(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    world_close(B, 101, true);
    cluster_settle(cluster);
    tell(A, 1, "bob", "are you there?");
    cluster_settle(cluster);
    cluster_forget(cluster);
    cluster_bury(cluster, 1); /* and nobody knows the name any more */
    world_open(A, 2, V1);
    ask(A, 2, .kind = REQUEST_HELLO, .name = SLICE("bob"), .session = SLICE("secret-of-101"),
        .session_identity = world_identity(101));
    cluster_settle(cluster);
    expect(A, "2 pause\n"
              "2 resume\n"
              "2 welcome 'bob' secret-of-101 [@ann,bob/1]\n"
              "2 reads @ann,bob from 2 live second\n");
    cluster_free(cluster);
}

static void what_a_guest_wrote_who_has_gone_is_found_too(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "zoe");
    come_in(cluster, 1, 101, "bob");
    world_close(B, 101, true);
    cluster_settle(cluster);
    tell(A, 1, "bob", "goodbye");
    cluster_settle(cluster);
    quit(A, 1);
    cluster_bury(cluster, 1);
    cluster_settle(cluster);
    assert_int_equal(hub_room_count(world_hub(A)), 0);
    cluster_forget(cluster);
    world_open(A, 2, V1);
    ask(A, 2, .kind = REQUEST_HELLO, .name = SLICE("robert"), .session = SLICE("secret-of-101"),
        .session_identity = world_identity(101));
    cluster_settle(cluster);
    /* Under the name that the conversation began with. */
    expect(A, "2 pause\n"
              "2 resume\n"
              "2 welcome 'robert' secret-of-101 [@bob,zoe/1]\n"
              "2 reads @bob,zoe from 2 live first\n");
    cluster_free(cluster);
}

static void a_conversation_is_kept_while_one_side_is_elsewhere(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    tell(A, 1, "bob", "one");
    cluster_settle(cluster);
    cluster_forget(cluster);
    world_show_store(A, true);
    quit(A, 1);
    cluster_settle(cluster);
    assert_false(world_saw(A, "store erase"));
    assert_int_equal(hub_session_count(world_hub(A)), 0);
    assert_int_equal(hub_room_count(world_hub(A)), 0);
    cluster_free(cluster);
}

static void another_device_reads_what_its_account_writes(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world_tell_account(cluster_node(cluster, i), "ann", ROLE_MEMBER);
    }
    world_open(A, 1, V1);
    log_in(A, 1, "ann");
    world_open(B, 101, V1);
    log_in(B, 101, "ann");
    cluster_settle(cluster);
    come_in(cluster, 0, 2, "bob");
    tell(A, 1, "bob", "hi");
    cluster_settle(cluster);
    expect(B, "101 reads @ann,bob from 1 first\n");
    cluster_free(cluster);
}

/* Rules and rates. */

static void write_by_http(struct cluster *cluster, uint64_t connection) {
    struct principal ann = world_principal("ann");

    world_open(A, connection, HTTP);
    ask(A, connection, .kind = REQUEST_PUBLISH, .room = SLICE("@ann,bob"), .content = SLICE("psst"),
        .credential = {.kind = CREDENTIAL_TOKEN, .secret = SLICE("bt_1")});
    cluster_forget(cluster);
    world_vouch(A, connection, &ann);
    cluster_settle(cluster);
}

static void who_is_on_another_node_reads_what_was_written_over_http(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world_tell_account(cluster_node(cluster, i), "ann", ROLE_MEMBER);
        world_tell_account(cluster_node(cluster, i), "bob", ROLE_MEMBER);
    }
    world_open(B, 102, V1);
    log_in(B, 102, "bob");
    cluster_settle(cluster);
    write_by_http(cluster, 3);
    expect_traffic(cluster, "call ann to bob\n");
    expect(B, "102 reads @ann,bob from 1 second\n");
    /* The same where this node knows of the conversation. */
    world_open(A, 2, V1);
    log_in(A, 2, "bob");
    cluster_pass(cluster, 10 * SECOND);
    write_by_http(cluster, 4);
    expect_traffic(cluster, "call ann to bob\n");
    cluster_free(cluster);
}

static void who_is_kicked_goes_on_whatever_node(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world_read_rules(cluster_node(cluster, i));
        world_tell_account(cluster_node(cluster, i), "ann", ROLE_OWNER);
    }
    cluster_settle(cluster);
    world_open(A, 1, V1);
    struct principal ann = world_principal("ann");

    ann.role = ROLE_OWNER;
    ask(A, 1, .kind = REQUEST_HELLO,
        .credential = {.kind = CREDENTIAL_PASSWORD, .name = SLICE("ann"), .secret = SLICE("x")});
    world_vouch(A, 1, &ann);
    cluster_settle(cluster);
    come_in(cluster, 1, 101, "bob");
    go_into(cluster, 0, 1, "tea");
    go_into(cluster, 1, 101, "tea");
    ask(A, 1, .kind = REQUEST_RULE, .rule = RULE_KICK, .room = SLICE("tea"), .name = SLICE("bob"),
        .cid = SLICE("k"));
    cluster_settle(cluster);
    assert_true(world_saw(B, "101 stops tea\n"
                             "101 error forbidden tea (ann has kicked you from tea)\n"));
    assert_true(world_saw(A, "tea: notice ann from bob ann has kicked bob from tea 2\n"));
    assert_true(world_saw(A, "tea: left bob 1\n"));
    assert_true(world_saw(A, "1 ack tea <k>\n"));
    cluster_free(cluster);
}

static void an_accounts_messages_are_counted_over_all_nodes(void **state) {
    (void)state;
    struct hub_options options = world_defaults;

    options.shared = true;
    struct hub *hub = hub_new(&options);
    struct effects effects = {0};
    struct event account = {.kind = EVENT_ACCOUNT,
                            .account = {.identity = world_account_identity("ann"),
                                        .name = SLICE("ann"),
                                        .role = ROLE_MEMBER}};
    struct event opened = {
        .kind = EVENT_OPENED, .connection = 1, .opened = {.traits = {.transient = true}}};
    struct request request = {.kind = REQUEST_PUBLISH,
                              .room = SLICE("tea"),
                              .content = SLICE("hi"),
                              .cid = SLICE("c"),
                              .credential = {.kind = CREDENTIAL_TOKEN, .secret = SLICE("t")}};
    struct event asked = {.kind = EVENT_REQUEST, .connection = 1, .request = &request};
    struct event told = {.kind = EVENT_AUTHENTICATED,
                         .connection = 1,
                         .authenticated = {.principal = world_principal("ann")}};

    hub_step(hub, &account, &effects);
    hub_step(hub, &opened, &effects);
    hub_step(hub, &asked, &effects);
    effects_clear(&effects);
    hub_step(hub, &told, &effects);
    struct draft *draft = NULL;

    for (size_t i = 0; i < effects.count; i++) {
        if (effects.items[i].kind == EFFECT_APPEND) {
            draft = effects.items[i].draft;
            effects.items[i].draft = NULL;
        }
    }
    assert_non_null(draft);
    assert_int_equal(draft->rate, 20);
    effects_clear(&effects);
    struct event appended = {
        .kind = EVENT_APPENDED,
        .appended = {.draft = draft, .outcome = {.error = ERR_RATE_LIMITED, .retry_ms = 1234}}};

    hub_step(hub, &appended, &effects);
    assert_int_equal(effects.items[0].kind, EFFECT_REPLY);
    assert_int_equal(effects.items[0].reply.error, ERR_RATE_LIMITED);
    assert_int_equal(effects.items[0].reply.retry_ms, 1234);
    draft_free(draft);
    effects_close(&effects);
    hub_free(hub);
}

static void a_log_that_was_lost_begins_anew_for_its_readers(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    go_into(cluster, 0, 1, "tea");
    for (int i = 0; i < 3; i++) {
        ask(A, 1, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("hi"));
    }
    cluster_settle(cluster);
    cluster_forget(cluster);
    world_set_elsewhere(A, SLICE("tea"), 4);
    world_restore(A, "tea", "e2", 1);
    cluster_settle(cluster);
    expect(A, "1 gap tea e2 after 3 first 1 epoch\n"
              "1 stops tea\n"
              "1 reads tea from 1\n");
    expect_traffic(cluster, "share tea count 1\n"); /* the others' store may have lost it, too */
    cluster_pass(cluster, SECOND);
    expect(A, "tea: count 5\n");
    cluster_free(cluster);
}

/* It has read on a node that was ahead of this one. */
static void who_has_seen_more_waits_until_it_is_here(void **state) {
    struct cluster *cluster = cluster_new(NULL);

    (void)state;
    come_in(cluster, 0, 1, "ann");
    come_in(cluster, 1, 101, "bob");
    go_into(cluster, 0, 1, "tea");
    ask(B, 101, .kind = REQUEST_JOIN, .room = SLICE("tea"), .cid = SLICE("j"), .has_after = true,
        .after = 2, .epoch = SLICE("e1"));
    cluster_settle(cluster);
    assert_false(world_saw(B, "joined tea"));
    for (int i = 0; i < 3; i++) {
        ask(A, 1, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("hi"));
    }
    cluster_settle(cluster);
    assert_true(world_saw(B, "101 joined tea 1..2 of 2 <j>\n"
                             "101 reads tea from 3 live\n"));
    assert_false(world_saw(B, "gap"));
    cluster_free(cluster);
}

/* He has seen what is not here, and waits for it. */
static struct cluster *cluster_with_bob_ahead(void) {
    struct cluster *cluster = cluster_new(NULL);

    come_in(cluster, 1, 101, "bob");
    ask(B, 101, .kind = REQUEST_JOIN, .room = SLICE("tea"), .cid = SLICE("j"), .has_after = true,
        .after = 1000);
    cluster_settle(cluster);
    return cluster;
}

static void who_has_seen_what_there_is_not_is_told_after_a_while(void **state) {
    struct cluster *cluster = cluster_with_bob_ahead();

    (void)state;
    cluster_fail(cluster, ERR_UNAVAILABLE); /* cut off, nothing is known */
    cluster_pass(cluster, 3 * SECOND);
    assert_false(world_saw(B, "joined tea"));
    cluster_fail(cluster, 0);
    cluster_pass(cluster, 3 * SECOND);
    assert_true(world_saw(B, "101 joined tea 1..0 of 1 <j>\n"
                             "101 gap tea e1 after 1000 first 1 rewound\n"));
    cluster_free(cluster);
}

static void who_leaves_while_waiting_is_answered(void **state) {
    struct cluster *cluster = cluster_with_bob_ahead();

    (void)state;
    leave(B, 101, "tea", "l");
    cluster_settle(cluster);
    assert_true(world_saw(B, "101 error unavailable <j>\n"));
    assert_true(world_saw(B, "101 ack tea <l>\n"));
    cluster_free(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_shows_who_joins_and_leaves_on_other_nodes),
        cmocka_unit_test(what_one_says_the_others_read),
        cmocka_unit_test(nobody_hears_again_what_was_shared),
        cmocka_unit_test(a_large_room_shares_a_count_once_a_second),
        cmocka_unit_test(the_last_to_leave_a_node_is_not_counted_any_more),
        cmocka_unit_test(the_dead_are_not_counted_and_hold_no_name),
        cmocka_unit_test(members_are_gathered_from_all_nodes),
        cmocka_unit_test(the_members_of_a_large_room_are_gathered_too),
        cmocka_unit_test(a_name_held_elsewhere_is_taken),
        cmocka_unit_test(of_two_who_ask_at_once_one_gets_it),
        cmocka_unit_test(of_two_on_one_node_the_first_gets_it),
        cmocka_unit_test(without_the_store_nobody_gets_a_name),
        cmocka_unit_test(who_goes_while_asking_leaves_the_name_free),
        cmocka_unit_test(writing_a_name_otherwise_keeps_it),
        cmocka_unit_test(a_lost_session_keeps_its_name_until_its_time_is_up),
        cmocka_unit_test(who_comes_back_to_another_node_keeps_the_name),
        cmocka_unit_test(who_is_on_another_node_is_sent_away_here),
        cmocka_unit_test(a_name_that_was_lost_meanwhile_is_taken_from_its_session),
        cmocka_unit_test(an_account_may_be_on_several_nodes),
        cmocka_unit_test(an_accounts_name_is_claimed_again_when_the_store_is_back),
        cmocka_unit_test(who_has_an_accounts_name_elsewhere_does_not_get_it_here),
        cmocka_unit_test(who_has_an_accounts_name_elsewhere_does_not_bring_it),
        cmocka_unit_test(a_direct_message_reaches_another_node),
        cmocka_unit_test(nobody_is_called_who_is_here),
        cmocka_unit_test(a_call_that_was_lost_is_made_up_for),
        cmocka_unit_test(a_conversation_that_was_missed_is_found_by_its_mark),
        cmocka_unit_test(a_conversation_goes_on_on_another_node),
        cmocka_unit_test(who_was_away_hears_of_new_conversations_in_the_welcome),
        cmocka_unit_test(what_a_guest_wrote_who_has_gone_is_found_too),
        cmocka_unit_test(a_conversation_is_kept_while_one_side_is_elsewhere),
        cmocka_unit_test(another_device_reads_what_its_account_writes),
        cmocka_unit_test(who_is_on_another_node_reads_what_was_written_over_http),
        cmocka_unit_test(who_is_kicked_goes_on_whatever_node),
        cmocka_unit_test(an_accounts_messages_are_counted_over_all_nodes),
        cmocka_unit_test(a_log_that_was_lost_begins_anew_for_its_readers),
        cmocka_unit_test(who_has_seen_more_waits_until_it_is_here),
        cmocka_unit_test(who_has_seen_what_there_is_not_is_told_after_a_while),
        cmocka_unit_test(who_leaves_while_waiting_is_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
