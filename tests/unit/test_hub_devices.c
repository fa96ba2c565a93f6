/* Several connections of one account: one session, seen once; and what is kept for an account that
 * is not here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/error.h"
#include "base/limits.h"
#include "hub_world.h"

#define SECOND INT64_C(1000000)
#define TOKEN(text)                                                                                \
    { .kind = CREDENTIAL_TOKEN, .secret = SLICE(text) }

static struct world *world_of_accounts(void) {
    struct world *world = world_new(NULL);

    world_tell_account(world, "ann", ROLE_MODERATOR);
    world_tell_account(world, "bob", ROLE_MEMBER);
    return world;
}

static void open_as(struct world *world, uint64_t connection, enum client_kind kind,
                    const char *name) {
    world_open(world, connection, kind);
    log_in(world, connection, name);
    world_settle(world);
    world_forget(world);
}

static void open_guest(struct world *world, uint64_t connection, const char *name) {
    world_open(world, connection, V1);
    hello(world, connection, name);
    world_settle(world);
    world_forget(world);
}

static void an_account_is_in_a_room_once(void **state) {
    struct world *world = world_of_accounts();
    struct principal moderator = world_principal("ann");

    (void)state;
    open_guest(world, 9, "guest");
    join(world, 9, "tea", "");
    world_settle(world);
    world_forget(world);
    open_as(world, 1, V1, "ann");
    moderator.role = ROLE_MODERATOR;
    world_open(world, 2, V1);
    ask(world, 2, .kind = REQUEST_HELLO, .credential = TOKEN("bt_1"));
    world_vouch(world, 2, &moderator);
    world_settle(world);
    world_forget(world);
    join(world, 1, "tea", "");
    join(world, 2, "tea", "");
    world_settle(world);
    expect(world, "tea: joined ann 2\n"
                  "1 joined tea 1..0 of 2\n"
                  "1 reads tea from 1 live\n"
                  "2 joined tea 1..0 of 2\n"
                  "2 reads tea from 1 live\n");
    ask(world, 9, .kind = REQUEST_MEMBERS, .room = SLICE("tea"));
    expect(world, "9 members tea [guest ann]\n");
    /* The one that was counted goes, the other stays. */
    leave(world, 1, "tea", "");
    world_settle(world);
    expect(world, "1 stops tea\n");
    world_close(world, 2, true);
    world_settle(world);
    expect(world, "tea: left ann 1\n");
    world_free(world);
}

static void one_that_comes_while_the_other_goes_is_there(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_guest(world, 9, "guest");
    join(world, 9, "tea", "");
    open_as(world, 1, V1, "ann");
    open_as(world, 2, V1, "ann");
    join(world, 1, "tea", "");
    world_settle(world);
    world_forget(world);
    join(world, 2, "tea", "");
    quit(world, 1);
    world_settle(world);
    assert_false(world_saw(world, "left ann"));
    world_forget(world);
    ask(world, 9, .kind = REQUEST_ROOMS);
    world_settle(world);
    assert_true(world_saw(world, "tea/0/2"));
    world_free(world);
}

static void a_guest_who_becomes_an_account_that_is_there_has_left(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_as(world, 1, V1, "ann");
    open_guest(world, 2, "guest");
    open_guest(world, 3, "other");
    join(world, 1, "tea", "");
    join(world, 2, "tea", "");
    join(world, 3, "tea", "");
    world_settle(world);
    world_forget(world);
    log_in(world, 2, "ann");
    world_settle(world);
    expect(world, "2 pause\n"
                  "2 shows password of ann 'right'\n"
                  "tea: left guest 2\n"
                  "2 welcome 'ann'  []\n"
                  "2 resume\n");
    quit(world, 1);
    world_settle(world);
    assert_false(world_saw(world, "left ann"));
    world_forget(world);
    quit(world, 2);
    world_settle(world);
    assert_true(world_saw(world, "tea: left ann 1\n"));
    world_free(world);
}

static void the_same_device_is_here_once(void **state) {
    struct world *world = world_of_accounts();
    struct principal principal = world_principal("ann");

    (void)state;
    principal.device = world_identity(33);
    for (uint64_t connection = 1; connection <= 2; connection++) {
        world_open(world, connection, V1);
        ask(world, connection, .kind = REQUEST_HELLO, .credential = TOKEN("bt_1"));
        world_forget(world);
        world_vouch(world, connection, &principal);
        world_settle(world);
    }
    expect(world, "1 close 4502\n"
                  "2 welcome 'ann'  []\n"
                  "2 resume\n");
    open_as(world, 3, V1, "ann");
    assert_true(world_is_open(world, 2));
    world_free(world);
}

static void all_devices_read_what_is_said_to_their_account(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_as(world, 1, V1, "ann");
    open_as(world, 2, LINE, "ann");
    open_as(world, 3, V1, "bob");
    tell(world, 3, "ann", "psst");
    world_settle(world);
    expect(world, "2 reads @ann,bob from 1 first\n"
                  "1 reads @ann,bob from 1 first\n"
                  "3 reads @ann,bob from 1 second\n"
                  "@ann,bob: bob: psst #1 second\n");
    world_free(world);
}

static void reading_is_told_to_the_other_devices(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    for (uint64_t connection = 1; connection <= 3; connection++) {
        open_as(world, connection, V1, connection < 3 ? "ann" : "bob");
    }
    world_fill(world, "tea", 1, 9);
    join(world, 1, "tea", "");
    join(world, 3, "tea", "");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_READ, .room = SLICE("tea"), .after = 7, .cid = SLICE("r1"));
    expect(world, "2 read tea up to 7\n"
                  "1 ack tea <r1>\n");
    ask(world, 1, .kind = REQUEST_READ, .room = SLICE("tea"), .after = 6, .cid = SLICE("r2"));
    expect(world, "1 ack tea <r2>\n");
    world_free(world);
}

static void they_share_what_they_may_send(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_as(world, 1, V1, "ann");
    open_as(world, 2, V1, "ann");
    for (int i = 0; i < 20; i++) {
        ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("x"));
    }
    world_settle(world);
    world_forget(world);
    ask(world, 2, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("x"));
    assert_true(world_saw(world, "2 error rate_limited"));
    world_free(world);
}

static void it_is_one_budget_over_http_and_when_they_come_back(void **state) {
    struct world *world = world_of_accounts();
    struct principal ann = world_principal("ann");

    (void)state;
    world_open(world, 9, HTTP);
    open_as(world, 1, V1, "ann");
    for (int i = 0; i < 20; i++) {
        ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("x"));
    }
    world_settle(world);
    world_forget(world);
    ask(world, 9, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("x"),
        .credential = TOKEN("bt_1"));
    world_vouch(world, 9, &ann);
    world_settle(world);
    assert_true(world_saw(world, "9 error rate_limited"));
    quit(world, 1);
    world_settle(world);
    world_forget(world);
    open_as(world, 2, V1, "ann");
    ask(world, 2, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("x"));
    assert_true(world_saw(world, "2 error rate_limited"));
    quit(world, 2);
    world_settle(world);
    world_forget(world);
    ask(world, 9, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .content = SLICE("x"),
        .credential = TOKEN("bt_1"));
    world_vouch(world, 9, &ann);
    world_settle(world);
    assert_true(world_saw(world, "9 error rate_limited"));
    world_free(world);
}

static void who_writes_to_an_account_that_is_not_here_is_read_later(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    world_open(world, 9, V1); /* another room keeps its place in the world */
    open_as(world, 1, V1, "ann");
    tell(world, 1, "bob", "are you there?");
    world_settle(world);
    expect(world, "1 reads @ann,bob from 1 first\n"
                  "@ann,bob: ann: are you there? #1 first\n");
    quit(world, 1);
    world_settle(world);
    world_forget(world);
    world_show_store(world, true);
    world_pass(world, 3600 * SECOND);
    world_show_store(world, false);
    expect(world, "");
    world_open(world, 2, V1);
    log_in(world, 2, "bob");
    world_settle(world);
    expect(world, "2 pause\n"
                  "2 shows password of bob 'right'\n"
                  "2 resume\n"
                  "2 welcome 'bob'  [@ann,bob/1]\n"
                  "2 reads @ann,bob from 2 live second\n");
    world_free(world);
}

static void write_by_http(struct world *world, uint64_t connection, const char *content) {
    struct principal ann = world_principal("ann");

    world_open(world, connection, HTTP);
    ask(world, connection, .kind = REQUEST_PUBLISH, .room = SLICE("@ann,bob"),
        .content = slice_of_string(content), .credential = TOKEN("bt_1"));
    world_forget(world);
    world_vouch(world, connection, &ann);
}

static void who_is_here_reads_what_was_written_over_http(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_as(world, 2, V1, "bob");
    write_by_http(world, 3, "by http");
    world_settle(world);
    expect(world, "3 resume\n"
                  "3 ack @ann,bob#1\n"
                  "2 reads @ann,bob from 1 second\n");
    world_close(world, 3, false);
    open_as(world, 1, V1, "ann");
    tell(world, 1, "bob", "here I am");
    world_settle(world);
    expect(world, "@ann,bob: ann: here I am #2 first\n");
    quit(world, 1);
    quit(world, 2);
    world_settle(world);
    assert_int_equal(hub_session_count(world_hub(world)), 0);
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    world_free(world);
}

static void who_comes_later_finds_what_was_written_over_http(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    world_show_store(world, true);
    write_by_http(world, 3, "by http");
    world_settle(world);
    assert_false(world_saw(world, "erase"));
    assert_int_equal(hub_session_count(world_hub(world)), 0);
    assert_int_equal(hub_room_count(world_hub(world)), 0);
    world_show_store(world, false);
    world_open(world, 2, V1);
    world_forget(world);
    log_in(world, 2, "bob");
    world_settle(world);
    expect(world, "2 pause\n"
                  "2 shows password of bob 'right'\n"
                  "2 resume\n"
                  "2 welcome 'bob'  [@ann,bob/1]\n"
                  "2 reads @ann,bob from 2 live second\n");
    world_free(world);
}

static void who_wrote_and_is_gone_is_read_too(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_as(world, 2, V1, "bob");
    write_by_http(world, 3, "by http");
    world_close(world, 3, true);
    world_settle(world);
    assert_true(world_saw(world, "2 reads @ann,bob from 1 second\n"));
    world_free(world);
}

/* Where rooms have to be there before anybody writes, a conversation does not. */
static void conversations_need_not_be_made_over_http(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.create_rooms = false;
    struct world *world = world_new(&options);

    world_tell_account(world, "ann", ROLE_MEMBER);
    world_tell_account(world, "bob", ROLE_MEMBER);
    open_as(world, 1, V1, "ann");
    write_by_http(world, 3, "by http");
    tell(world, 1, "bob", "by websocket");
    world_settle(world);
    assert_true(world_saw(world, "3 ack @ann,bob#1\n"));
    assert_true(world_saw(world, "@ann,bob: ann: by websocket #2 first\n"));
    world_free(world);
}

static void conversations_of_accounts_outlive_the_server(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_as(world, 1, V1, "ann");
    open_as(world, 2, V1, "bob");
    tell(world, 1, "bob", "remember this");
    world_settle(world);
    world_restart(world);
    world_tell_account(world, "ann", ROLE_MEMBER);
    world_tell_account(world, "bob", ROLE_MEMBER);
    world_forget(world);
    open_as(world, 2, V1, "bob");
    join(world, 2, "@ann,bob", "j1");
    world_settle(world);
    expect(world, "2 stops @616e6e00000000000000000000000002,626f6200000000000000000000000002\n"
                  "2 joined @ann,bob 1..1 of 1 <j1>\n"
                  "2 reads @ann,bob from 1 live second\n");
    world_free(world);
}

static void a_conversation_with_a_guest_goes_with_the_guest(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_guest(world, 1, "guest");
    tell(world, 1, "bob", "only now");
    world_settle(world);
    world_forget(world);
    world_show_store(world, true);
    quit(world, 1);
    world_settle(world);
    assert_true(world_saw(world, "store erase"));
    world_free(world);
}

static void nobody_else_sees_a_conversation(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    world_tell_account(world, "eve", ROLE_OWNER);
    open_as(world, 1, V1, "ann");
    open_as(world, 3, V1, "eve");
    tell(world, 1, "bob", "psst");
    world_settle(world);
    world_forget(world);
    join(world, 3, "@ann,bob", "j1");
    ask(world, 3, .kind = REQUEST_HISTORY, .room = SLICE("@ann,bob"), .cid = SLICE("h1"));
    expect(world, "3 error not_found <j1>\n"
                  "3 error not_found <h1>\n");
    world_open(world, 4, HTTP);
    ask(world, 4, .kind = REQUEST_HISTORY, .room = SLICE("@ann,bob"), .credential = TOKEN("bt_"));
    world_forget(world);
    struct principal eve = world_principal("eve"), bob = world_principal("bob");

    world_vouch(world, 4, &eve);
    expect(world, "4 error not_found\n"
                  "4 resume\n");
    ask(world, 4, .kind = REQUEST_HISTORY, .room = SLICE("@ann,bob"), .credential = TOKEN("bt_"));
    world_forget(world);
    world_vouch(world, 4, &bob);
    expect(world, "4 history @ann,bob before 0 limit 100\n"
                  "4 resume\n");
    world_free(world);
}

static void a_lost_device_leaves_the_session_to_the_others(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    open_as(world, 1, V1, "ann");
    open_as(world, 2, V1, "ann");
    ask(world, 1, .kind = REQUEST_LEAVE);
    world_settle(world);
    world_forget(world);
    ask(world, 2, .kind = REQUEST_NAMES);
    expect(world, "2 names [ann]\n");
    world_close(world, 2, true);
    world_open(world, 3, V1);
    log_in(world, 3, "ann");
    world_settle(world);
    assert_int_equal(hub_session_count(world_hub(world)), 1);
    world_free(world);
}

static void an_account_has_so_many_devices_and_no_more(void **state) {
    struct world *world = world_of_accounts();

    (void)state;
    for (uint64_t connection = 1; connection <= LIMIT_DEVICES; connection++) {
        world_open(world, connection, V1);
        log_in(world, connection, "ann");
    }
    world_settle(world);
    world_forget(world);
    world_open(world, LIMIT_DEVICES + 1, V1);
    log_in(world, LIMIT_DEVICES + 1, "ann");
    assert_true(world_saw(world, "1001 error too_many"));
    world_free(world);
}

static void many_accounts_are_known(void **state) {
    struct world *world = world_new(NULL);
    char name[16];

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "account%u", i);
        world_tell_account(world, name, ROLE_MEMBER);
    }
    struct identity last = world_account_identity(name);

    assert_true(hub_knows_identity(world_hub(world), &last));
    world_remove_account(world, name);
    assert_false(hub_knows_identity(world_hub(world), &last));
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_in_a_room_once),
        cmocka_unit_test(one_that_comes_while_the_other_goes_is_there),
        cmocka_unit_test(a_guest_who_becomes_an_account_that_is_there_has_left),
        cmocka_unit_test(the_same_device_is_here_once),
        cmocka_unit_test(all_devices_read_what_is_said_to_their_account),
        cmocka_unit_test(reading_is_told_to_the_other_devices),
        cmocka_unit_test(they_share_what_they_may_send),
        cmocka_unit_test(it_is_one_budget_over_http_and_when_they_come_back),
        cmocka_unit_test(who_writes_to_an_account_that_is_not_here_is_read_later),
        cmocka_unit_test(who_is_here_reads_what_was_written_over_http),
        cmocka_unit_test(who_comes_later_finds_what_was_written_over_http),
        cmocka_unit_test(who_wrote_and_is_gone_is_read_too),
        cmocka_unit_test(conversations_need_not_be_made_over_http),
        cmocka_unit_test(conversations_of_accounts_outlive_the_server),
        cmocka_unit_test(a_conversation_with_a_guest_goes_with_the_guest),
        cmocka_unit_test(nobody_else_sees_a_conversation),
        cmocka_unit_test(a_lost_device_leaves_the_session_to_the_others),
        cmocka_unit_test(an_account_has_so_many_devices_and_no_more),
        cmocka_unit_test(many_accounts_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
