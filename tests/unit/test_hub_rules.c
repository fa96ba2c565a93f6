/* Rooms with rules: who owns one, what its moderators do and to whom, what everybody sees of it,
 * and that it outlives the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/error.h"
#include "hub_world.h"

#define SECOND INT64_C(1000000)

/* One request to change a rule of ops, or without a room of the whole server. */
#define rule(world, connection, what, ...)                                                         \
    ask(world, connection, .kind = REQUEST_RULE, .rule = what, __VA_ARGS__)
#define OPS .room = SLICE("ops")
#define EVERYWHERE .everywhere = true

static void log_in_as(struct world *world, uint64_t connection, const char *name, enum role role) {
    struct principal principal = world_principal(name);

    principal.role = role;
    world_open(world, connection, V1);
    ask(world, connection, .kind = REQUEST_HELLO,
        .credential = {
            .kind = CREDENTIAL_PASSWORD, .name = slice_of_string(name), .secret = SLICE("right")});
    world_vouch(world, connection, &principal);
    world_settle(world);
}

static void come_as_guest(struct world *world, uint64_t connection, const char *name) {
    world_open(world, connection, V1);
    hello(world, connection, name);
    world_settle(world);
}

/* Connections: 1 is ann, who owns ops; 2 bob, a moderator of it; 3 eve, an account; 4 guy, a guest;
 * all in ops. 9 is root, who owns the server, and in no room. */
enum { ANN = 1, BOB, EVE, GUY, ROOT = 9 };

static struct world *world_with_ops(void) {
    struct hub_options options = world_defaults;

    options.announce_limit = 0;
    options.limits.rate_per_minute = 0;
    struct world *world = world_new(&options);

    world_read_rules(world);
    world_settle(world);
    world_tell_account(world, "root", ROLE_OWNER);
    world_tell_account(world, "ann", ROLE_MEMBER);
    world_tell_account(world, "bob", ROLE_MEMBER);
    world_tell_account(world, "eve", ROLE_MEMBER);
    log_in_as(world, ROOT, "root", ROLE_OWNER);
    log_in_as(world, ANN, "ann", ROLE_MEMBER);
    log_in_as(world, BOB, "bob", ROLE_MEMBER);
    log_in_as(world, EVE, "eve", ROLE_MEMBER);
    come_as_guest(world, GUY, "guy");
    rule(world, ANN, RULE_CREATE, OPS);
    world_settle(world);
    rule(world, ANN, RULE_ROLE, OPS, .name = SLICE("bob"), .role = ROLE_MODERATOR);
    world_settle(world);
    for (uint64_t connection = ANN; connection <= GUY; connection++) {
        join(world, connection, "ops", "j");
        world_settle(world);
    }
    world_forget(world);
    return world;
}

static void who_makes_a_room_owns_it(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, EVE, RULE_CREATE, .room = SLICE("den"));
    world_settle(world);
    expect(world, "");
    ask(world, EVE, .kind = REQUEST_RULES, .room = SLICE("den"));
    world_settle(world);
    expect(world, "3 rules den: public, all, role eve owner\n");
    rule(world, ANN, RULE_CREATE, .room = SLICE("Den"));
    world_settle(world);
    expect(world, "1 error forbidden (This room is there already)\n");
    rule(world, ANN, RULE_SET, .room = SLICE("den"), .key = SLICE("slow"), .content = SLICE("9"));
    expect(world, "1 error forbidden\n");
    world_free(world);
}

static void a_room_that_is_there_is_nobodys_to_take(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    world_fill(world, "old", 1, 7);
    rule(world, EVE, RULE_CREATE, .room = SLICE("old"));
    world_settle(world);
    expect(world, "3 error forbidden\n");
    join(world, ANN, "new", "j");
    world_settle(world);
    world_forget(world);
    rule(world, EVE, RULE_CREATE, .room = SLICE("new"));
    world_settle(world);
    expect(world, "3 error forbidden (This room is there already)\n");
    rule(world, EVE, RULE_SET, .room = SLICE("lobby"), .key = SLICE("slow"), .content = SLICE("9"));
    world_settle(world);
    expect(world, "3 error forbidden\n");
    rule(world, GUY, RULE_CREATE, .room = SLICE("mine"));
    expect(world, "4 error forbidden (Only an account can own a room)\n");
    world_free(world);
}

static void of_two_who_claim_a_room_one_gets_it(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, ANN, RULE_CREATE, .room = SLICE("den"));
    rule(world, EVE, RULE_SET, .room = SLICE("den"), .key = SLICE("access"),
         .content = SLICE("members"));
    world_settle(world);
    expect(world, "3 error forbidden\n");
    ask(world, ANN, .kind = REQUEST_RULES, .room = SLICE("den"));
    expect(world, "1 rules den: public, all, role ann owner\n");
    world_free(world);
}

static void a_kick_puts_out_and_is_told(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, BOB, RULE_KICK, OPS, .name = SLICE("EVE"), .reason = SLICE("spam"));
    world_settle(world);
    expect(world, "3 stops ops\n"
                  "3 error forbidden ops (bob has kicked you from ops: spam)\n"
                  "ops: notice bob from eve bob has kicked eve from ops: spam 4\n");
    join(world, EVE, "ops", "j");
    world_settle(world);
    assert_true(world_saw(world, "3 joined ops"));
    world_free(world);
}

static void a_ban_holds_under_every_name(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, BOB, RULE_BAN, OPS, .name = SLICE("guy"), .seconds = 60);
    world_settle(world);
    expect(world, "4 stops ops\n"
                  "4 error forbidden ops (bob has banned you from ops)\n"
                  "ops: notice bob from guy bob has banned guy from ops 4\n");
    call(world, GUY, "other");
    world_settle(world);
    world_forget(world);
    join(world, GUY, "ops", "j1");
    say(world, GUY, "in");
    ask(world, GUY, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("hi"), .cid = SLICE("p"));
    ask(world, GUY, .kind = REQUEST_HISTORY, OPS, .cid = SLICE("h"));
    world_settle(world);
    assert_true(world_saw(world, "4 error forbidden <j1>\n"));
    assert_true(world_saw(world, "4 error forbidden <p>\n"));
    assert_true(world_saw(world, "4 error forbidden <h>\n"));
    come_as_guest(world, 5, "ＧＵＹ");
    world_forget(world);
    join(world, 5, "ops", "j");
    expect(world, "5 error forbidden <j>\n");
    world_open(world, 6, PLAIN);
    world_settle(world);
    world_forget(world);
    ask(world, 6, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("hi"), .sender = SLICE(" Guy "));
    expect(world, "6 error name_taken\n");
    world_pass(world, 60 * SECOND);
    world_forget(world);
    join(world, GUY, "ops", "j2");
    world_settle(world);
    assert_true(world_saw(world, "4 joined ops"));
    world_free(world);
}

static void the_answer_comes_when_it_has_taken_effect(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("slow"), .content = SLICE("9"), .cid = SLICE("a"));
    rule(world, ANN, RULE_ROLE, OPS, .name = SLICE("eve"), .role = ROLE_MODERATOR,
         .cid = SLICE("b"));
    world_settle(world);
    expect(world, "1 pause\n"
                  "ops: notice ann ann has set slow of ops to 9 4\n"
                  "1 ack ops <a>\n"
                  "1 resume\n"
                  "ops: notice ann from eve ann has made eve moderator of ops 4\n"
                  "1 ack ops <b>\n");
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("slow"), .content = SLICE("9"), .cid = SLICE("a"));
    world_settle(world);
    expect(world, "1 ack ops <a>\n");
    world_fail_appends(world, ERR_UNAVAILABLE);
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("slow"), .content = SLICE("0"), .cid = SLICE("c"));
    world_settle(world);
    expect(world, "1 error unavailable <c>\n");
    world_free(world);
}

static void who_renames_into_a_ban_goes(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, BOB, RULE_BAN, OPS, .name = SLICE("troll"));
    world_settle(world);
    world_forget(world);
    call(world, GUY, "Troll");
    world_settle(world);
    assert_true(world_saw(world, "4 stops ops\n"));
    assert_true(world_saw(world, "4 error forbidden ops"));
    world_free(world);
}

static void nobody_acts_against_their_equals(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, BOB, RULE_KICK, OPS, .name = SLICE("ann"));
    expect(world, "2 error forbidden (They are as much here as you are)\n");
    rule(world, BOB, RULE_MUTE, OPS, .name = SLICE("root"));
    expect(world, "2 error forbidden (They are as much here as you are)\n");
    rule(world, EVE, RULE_KICK, OPS, .name = SLICE("guy"));
    expect(world, "3 error forbidden\n");
    rule(world, BOB, RULE_ROLE, OPS, .name = SLICE("eve"), .role = ROLE_MODERATOR);
    expect(world, "2 error forbidden\n");
    rule(world, BOB, RULE_SET, OPS, .key = SLICE("access"), .content = SLICE("members"));
    expect(world, "2 error forbidden\n");
    rule(world, ANN, RULE_ROLE, OPS, .name = SLICE("guy"), .role = ROLE_MODERATOR);
    expect(world, "1 error forbidden (Only an account can be that)\n");
    rule(world, EVE, RULE_BAN, EVERYWHERE, .name = SLICE("guy"));
    expect(world, "3 error forbidden\n");
    rule(world, ROOT, RULE_KICK, OPS, .name = SLICE("ann"));
    world_settle(world);
    assert_true(world_saw(world, "1 error forbidden ops (root has kicked you from ops)\n"));
    world_free(world);
}

static void a_mute_leaves_reading(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, BOB, RULE_MUTE, OPS, .name = SLICE("eve"));
    world_settle(world);
    world_forget(world);
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("hi"), .cid = SLICE("p"));
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .entry = ENTRY_TOPIC, .cid = SLICE("t"));
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .entry = ENTRY_REACTION, .of = 1,
        .key = SLICE("x"), .cid = SLICE("x"));
    ask(world, EVE, .kind = REQUEST_TYPING, OPS, .cid = SLICE("y"));
    expect(world, "3 error forbidden <p>\n"
                  "3 error forbidden <t>\n"
                  "3 error forbidden <x>\n"
                  "3 error forbidden <y>\n");
    ask(world, EVE, .kind = REQUEST_MEMBERS, OPS, .cid = SLICE("m"));
    expect(world, "3 members ops [ann/owner bob/moderator eve guy] <m>\n");
    rule(world, BOB, RULE_UNMUTE, OPS, .name = SLICE("eve"));
    world_settle(world);
    world_forget(world);
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("hi"), .cid = SLICE("q"));
    world_settle(world);
    assert_true(world_saw(world, "3 ack ops#1 <q>\n"));
    world_free(world);
}

static void a_mute_everywhere_holds_in_a_room_of_ones_own(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, EVE, RULE_CREATE, .room = SLICE("den"));
    world_settle(world);
    rule(world, ROOT, RULE_MUTE, EVERYWHERE, .name = SLICE("eve"));
    world_settle(world);
    world_forget(world);
    ask(world, EVE, .kind = REQUEST_PUBLISH, .room = SLICE("den"), .content = SLICE("hi"),
        .cid = SLICE("p"));
    expect(world, "3 error forbidden <p>\n");
    world_free(world);
}

/* Else the answers would tell a closed room from one that is not there. */
static void a_room_that_is_not_there_is_not_found_by_who_would_moderate_it(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, EVE, RULE_KICK, .room = SLICE("nowhere"), .name = SLICE("guy"), .cid = SLICE("k"));
    ask(world, EVE, .kind = REQUEST_AUDIT, .room = SLICE("nowhere"), .cid = SLICE("a"));
    expect(world, "3 error not_found <k>\n"
                  "3 error not_found <a>\n");
    world_free(world);
}

static void slow_mode_counts_messages_of_each_sender(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, BOB, RULE_SET, OPS, .key = SLICE("slow"), .content = SLICE("10"));
    world_settle(world);
    world_forget(world);
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("a"), .cid = SLICE("1"));
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("b"));
    ask(world, GUY, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("c"), .cid = SLICE("3"));
    ask(world, BOB, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("d"), .cid = SLICE("4"));
    ask(world, BOB, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("e"), .cid = SLICE("5"));
    world_settle(world);
    expect(world, "3 error rate_limited retry 10000\n"
                  "3 ack ops#1 <1>\n"
                  "ops: eve: a #1\n"
                  "4 ack ops#2 <3>\n"
                  "ops: guy: c #2\n"
                  "2 ack ops#3 <4>\n"
                  "ops: bob: d #3\n"
                  "2 ack ops#4 <5>\n"
                  "ops: bob: e #4\n");
    world_pass(world, 4 * SECOND);
    world_forget(world);
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("a"), .cid = SLICE("1"));
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("f"), .cid = SLICE("6"));
    world_settle(world);
    expect(world, "3 ack ops again <1>\n"
                  "3 error rate_limited retry 6000 <6>\n");
    world_pass(world, 6 * SECOND);
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("g"), .cid = SLICE("7"));
    world_settle(world);
    assert_true(world_saw(world, "3 ack ops#5 <7>\n"));
    world_free(world);
}

static void a_room_that_closes_puts_out_who_is_no_member(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, BOB, RULE_INVITE, OPS, .name = SLICE("guy"));
    world_settle(world);
    expect(world, "4 notice bob has invited guy to ops\n"
                  "ops: notice bob from guy bob has invited guy to ops 4\n");
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("access"), .content = SLICE("members"));
    world_settle(world);
    expect(world, "3 stops ops\n"
                  "3 error forbidden ops (ann has set access of ops to members)\n"
                  "ops: notice ann ann has set access of ops to members 4\n");
    join(world, EVE, "ops", "j");
    expect(world, "3 error not_found <j>\n");
    rule(world, BOB, RULE_KICK, OPS, .name = SLICE("guy"));
    world_settle(world);
    world_forget(world);
    join(world, GUY, "ops", "j");
    expect(world, "4 error not_found <j>\n");
    world_free(world);
}

static void a_guest_is_a_member_until_the_server_ends(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("access"), .content = SLICE("members"));
    rule(world, BOB, RULE_INVITE, OPS, .name = SLICE("guy"));
    rule(world, BOB, RULE_INVITE, OPS, .name = SLICE("eve"));
    world_settle(world);
    world_restart(world);
    world_tell_account(world, "eve", ROLE_MEMBER);
    world_settle(world);
    log_in_as(world, EVE, "eve", ROLE_MEMBER);
    world_open(world, 5, V1);
    come_back(world, 5, GUY, "guy");
    world_settle(world);
    world_forget(world);
    join(world, EVE, "ops", "j");
    join(world, 5, "ops", "j");
    world_settle(world);
    assert_true(world_saw(world, "3 joined ops"));
    assert_true(world_saw(world, "5 error not_found <j>\n"));
    world_free(world);
}

static void nobody_does_anything_before_the_rules_are_read(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("access"), .content = SLICE("members"));
    world_settle(world);
    world_restart(world);
    world_open(world, 5, V1);
    hello(world, 5, "zoe");
    world_forget(world);
    join(world, 5, "ops", "j1");
    ask(world, 5, .kind = REQUEST_HISTORY, .room = SLICE("lobby"), .cid = SLICE("h"));
    assert_true(world_saw(world, "5 error unavailable <j1>\n"));
    assert_true(world_saw(world, "5 error unavailable <h>\n"));
    world_settle(world);
    world_forget(world);
    join(world, 5, "ops", "j2");
    expect(world, "5 error not_found <j2>\n");
    world_free(world);
}

static void a_moderator_deletes_what_others_wrote(void **state) {
    struct world *world = world_with_ops();
    struct hub_options options = world_defaults;

    (void)state;
    (void)options;
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("topic_lock"), .content = SLICE("on"));
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("posting"), .content = SLICE("moderators"));
    world_settle(world);
    world_forget(world);
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("hi"), .cid = SLICE("p"));
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .entry = ENTRY_TOPIC, .cid = SLICE("t"));
    ask(world, EVE, .kind = REQUEST_PUBLISH, OPS, .entry = ENTRY_REACTION, .of = 1,
        .key = SLICE("x"), .cid = SLICE("x"));
    ask(world, BOB, .kind = REQUEST_PUBLISH, OPS, .content = SLICE("hi"), .cid = SLICE("q"));
    ask(world, BOB, .kind = REQUEST_PUBLISH, OPS, .entry = ENTRY_TOPIC, .cid = SLICE("u"));
    world_settle(world);
    assert_true(world_saw(world, "3 error forbidden <p>\n3 error forbidden <t>\n"));
    assert_true(world_saw(world, "3 ack ops#1 <x>\n"));
    assert_true(world_saw(world, "2 ack ops#2 <q>\n"));
    assert_true(world_saw(world, "2 ack ops#3 <u>\n"));
    world_free(world);
}

static void who_is_banned_from_the_server_is_closed(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, ROOT, RULE_KICK, EVERYWHERE, .name = SLICE("guy"));
    world_settle(world);
    assert_true(world_saw(world, "4 close 4500\n"));
    world_forget(world);
    rule(world, ROOT, RULE_BAN, EVERYWHERE, .name = SLICE("eve"));
    world_settle(world);
    assert_true(world_saw(world, "3 close 4501\n"));
    world_close(world, EVE, false);
    log_in_as(world, 5, "eve", ROLE_MEMBER);
    assert_true(world_saw(world, "5 close 4501\n"));
    rule(world, ROOT, RULE_BAN, EVERYWHERE, .name = SLICE("mallory"));
    world_settle(world);
    world_forget(world);
    world_open(world, 6, LINE);
    call(world, 6, "Mallory");
    world_settle(world);
    expect(world, "6 close 4501\n");
    world_open(world, 7, HTTP);
    ask(world, 7, .kind = REQUEST_PUBLISH, .room = SLICE("lobby"), .content = SLICE("hi"),
        .sender = SLICE("mallory"), .cid = SLICE("p"));
    expect(world, "7 error forbidden (You are banned from this server) <p>\n");
    world_free(world);
}

static void an_address_is_banned_in_every_spelling(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, ROOT, RULE_BAN, EVERYWHERE, .subject = SLICE("192.0.2.0/24"));
    rule(world, BOB, RULE_BAN, OPS, .subject = SLICE("2001:db8::/32"));
    world_settle(world);
    world_forget(world);
    world_open_from(world, 5, V1, "::ffff:192.0.2.7");
    expect(world, "5 close 4501\n");
    world_open_from(world, 6, V1, "2001:db8::9");
    hello(world, 6, "zoe");
    world_settle(world);
    world_forget(world);
    join(world, 6, "ops", "j");
    expect(world, "6 error forbidden <j>\n");
    world_open_from(world, 7, V1, "unix");
    hello(world, 7, "yan");
    world_settle(world);
    assert_true(world_is_open(world, 7));
    rule(world, BOB, RULE_UNBAN, OPS, .subject = SLICE("2001:db8::/32"));
    world_settle(world);
    world_forget(world);
    join(world, 6, "ops", "j");
    world_settle(world);
    assert_true(world_saw(world, "6 joined ops"));
    world_free(world);
}

static void rules_outlive_the_server(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("slow"), .content = SLICE("30"));
    rule(world, BOB, RULE_BAN, OPS, .name = SLICE("eve"), .reason = SLICE("sells: things"));
    rule(world, ROOT, RULE_BAN, EVERYWHERE, .subject = SLICE("203.0.113.5"));
    world_settle(world);
    world_restart(world);
    world_tell_account(world, "ann", ROLE_MEMBER);
    world_settle(world);
    log_in_as(world, ANN, "ann", ROLE_MEMBER);
    world_forget(world);
    ask(world, ANN, .kind = REQUEST_RULES, OPS);
    expect(world, "1 rules ops: public, all, slow 30, role ann owner, role bob moderator, "
                  "ban eve\n");
    world_open_from(world, 5, PLAIN, "203.0.113.5");
    expect(world, "5 close 4501\n");
    world_free(world);
}

static void what_is_no_request_is_refused(void **state) {
    struct world *world = world_with_ops();

    (void)state;
    rule(world, ANN, RULE_SET, OPS, .key = SLICE("access"), .content = SLICE("nobody"));
    rule(world, ANN, RULE_ROLE, EVERYWHERE, .name = SLICE("bob"), .role = ROLE_OWNER);
    rule(world, ANN, RULE_BAN, OPS, .subject = SLICE("192.0.2.7/24"));
    rule(world, ANN, RULE_KICK, OPS, .subject = SLICE("192.0.2.7"));
    rule(world, ANN, RULE_BAN, OPS);
    rule(world, ANN, RULE_INVITE, OPS, .name = SLICE("nobody"));
    rule(world, ANN, RULE_SET, .room = SLICE("$rules"), .key = SLICE("slow"),
         .content = SLICE("1"));
    rule(world, ANN, RULE_KICK, .room = SLICE("@ann,bob"), .name = SLICE("bob"));
    world_settle(world);
    expect(world,
           "1 error bad_request (Settings are access public|members, posting "
           "all|members|moderators, slow SECONDS, registered_only on|off, topic_lock on|off)\n"
           "1 error bad_request\n"
           "1 error bad_request (An address is like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32)\n"
           "1 error bad_request (This is done to a name, not to an address)\n"
           "1 error bad_request\n"
           "1 error not_found (There is nobody by this name)\n"
           "1 error not_found\n"
           "1 error not_found\n");
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_makes_a_room_owns_it),
        cmocka_unit_test(a_room_that_is_there_is_nobodys_to_take),
        cmocka_unit_test(of_two_who_claim_a_room_one_gets_it),
        cmocka_unit_test(a_kick_puts_out_and_is_told),
        cmocka_unit_test(a_ban_holds_under_every_name),
        cmocka_unit_test(the_answer_comes_when_it_has_taken_effect),
        cmocka_unit_test(who_renames_into_a_ban_goes),
        cmocka_unit_test(nobody_acts_against_their_equals),
        cmocka_unit_test(a_mute_leaves_reading),
        cmocka_unit_test(a_mute_everywhere_holds_in_a_room_of_ones_own),
        cmocka_unit_test(a_room_that_is_not_there_is_not_found_by_who_would_moderate_it),
        cmocka_unit_test(slow_mode_counts_messages_of_each_sender),
        cmocka_unit_test(a_room_that_closes_puts_out_who_is_no_member),
        cmocka_unit_test(a_guest_is_a_member_until_the_server_ends),
        cmocka_unit_test(nobody_does_anything_before_the_rules_are_read),
        cmocka_unit_test(a_moderator_deletes_what_others_wrote),
        cmocka_unit_test(who_is_banned_from_the_server_is_closed),
        cmocka_unit_test(an_address_is_banned_in_every_spelling),
        cmocka_unit_test(rules_outlive_the_server),
        cmocka_unit_test(what_is_no_request_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
