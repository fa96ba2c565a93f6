/* Requests of one session take effect in order, also those that only look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "hub_world.h"

static struct world *world_with(const struct hub_options *options, enum client_kind kind,
                                const char *name) {
    struct world *world = world_new(options);

    world_open(world, 1, kind);
    if (kind == LINE) {
        call(world, 1, name);
    } else {
        hello(world, 1, name);
    }
    world_settle(world);
    world_forget(world);
    return world;
}

static void history_holds_the_message_sent_before_it(void **state) {
    struct world *world = world_with(NULL, PLAIN, "ann");

    (void)state;
    ask(world, 1, .kind = REQUEST_PUBLISH, .content = SLICE("hi"), .cid = SLICE("c1"));
    ask(world, 1, .kind = REQUEST_HISTORY, .before = 9, .limit = 3, .cid = SLICE("h1"));
    expect(world, "1 pause\n");
    world_settle(world);
    expect(world, "1 ack lobby#1 <c1>\n"
                  "lobby: ann: hi #1\n"
                  "1 history lobby before 9 limit 3\n"
                  "1 resume\n");
    world_free(world);
}

static void a_request_that_looks_waits_for_what_was_asked_before(void **state) {
    static const struct {
        enum request_kind kind;
        const char *answer;
    } looks[] = {{REQUEST_MEMBERS, "1 members tea [ann]\n"},
                 {REQUEST_NAMES, "1 names [ann]\n"},
                 {REQUEST_SEARCH, "1 search 'x' in public rooms\n"}};

    (void)state;
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        struct world *world = world_with(NULL, V1, "ann");

        join(world, 1, "tea", "j1");
        ask(world, 1, .kind = looks[i].kind, .room = SLICE("tea"), .content = SLICE("x"));
        expect(world, "1 pause\n");
        world_settle(world);
        assert_true(world_saw(world, "1 joined tea 1..0 of 1 <j1>\n"
                                     "1 reads tea from 1 live\n"));
        assert_true(world_saw(world, looks[i].answer));
        assert_true(world_saw(world, "1 resume\n"));
        world_free(world);
    }
}

static void rooms_tell_of_the_room_entered_before(void **state) {
    struct world *world = world_with(NULL, V1, "ann");

    (void)state;
    join(world, 1, "tea", "");
    ask(world, 1, .kind = REQUEST_ROOMS, .cid = SLICE("r1"));
    world_settle(world);
    assert_true(world_saw(world, "1 rooms [tea/0/1] <r1>\n"));
    world_free(world);
}

static void what_comes_behind_a_list_does_not_show_in_it(void **state) {
    struct world *world = world_with(NULL, V1, "ann");

    (void)state;
    ask(world, 1, .kind = REQUEST_ROOMS, .cid = SLICE("r1"));
    assert_true(world_is_paused(world, 1));
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 rooms [] <r1>\n"
                  "1 resume\n");
    world_free(world);
}

static void with_nothing_under_way_nobody_waits(void **state) {
    struct world *world = world_with(NULL, LINE, "ann");

    (void)state;
    ask(world, 1, .kind = REQUEST_MEMBERS);
    ask(world, 1, .kind = REQUEST_HISTORY);
    expect(world, "1 members lobby [ann]\n"
                  "1 history lobby before 0 limit 100\n");
    world_free(world);
}

static void nobody_waits_for_the_requests_of_others(void **state) {
    struct world *world = world_with(NULL, LINE, "ann");

    (void)state;
    world_open(world, 2, PLAIN);
    ask(world, 1, .kind = REQUEST_MEMBERS);
    expect(world, "1 members lobby [ann]\n");
    world_free(world);
}

static void who_moves_sees_the_room_moved_to(void **state) {
    struct world *world = world_with(NULL, LINE, "ann");

    (void)state;
    ask(world, 1, .kind = REQUEST_JOIN, .room = SLICE("ops"), .move = true);
    ask(world, 1, .kind = REQUEST_MEMBERS);
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 stops lobby\n"
                  "1 joined ops 1..0 of 1\n"
                  "1 reads ops from 1 live\n"
                  "1 members ops [ann]\n"
                  "1 resume\n");
    world_free(world);
}

static void who_could_not_move_sees_the_lobby_entered_again(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.create_rooms = false;
    struct world *world = world_with(&options, LINE, "ann");

    ask(world, 1, .kind = REQUEST_JOIN, .room = SLICE("ops"), .move = true, .cid = SLICE("j1"));
    ask(world, 1, .kind = REQUEST_MEMBERS);
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 stops lobby\n"
                  "1 error not_found <j1>\n"
                  "1 joined lobby 1..0 of 1\n"
                  "1 reads lobby from 1 live\n"
                  "1 members lobby [ann]\n"
                  "1 resume\n");
    world_free(world);
}

static void a_message_that_waits_for_its_room_is_waited_for(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.create_rooms = false;
    struct world *world = world_with(&options, V1, "ann");

    world_fill(world, "old", 1, 5);
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("old"), .cid = SLICE("c1"));
    ask(world, 1, .kind = REQUEST_HISTORY, .room = SLICE("old"));
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 ack old#6 <c1>\n"
                  "1 history old before 0 limit 100 if it exists\n"
                  "1 resume\n");
    world_free(world);
}

static void what_waits_keeps_its_words(void **state) {
    struct world *world = world_with(NULL, V1, "ann");
    char cid[] = "s1", room[] = "tea", other[] = "ops", text[] = "words";
    struct slice rooms[] = {slice_of_string(room), slice_of_string(other)};

    (void)state;
    join(world, 1, "x", "");
    ask(world, 1, .kind = REQUEST_SEARCH, .cid = slice_of_string(cid),
        .content = slice_of_string(text), .rooms = rooms, .room_count = 2);
    memset(cid, '?', 2);
    memset(room, '?', 3);
    memset(other, '?', 3);
    memset(text, '?', 5);
    memset(rooms, 0, sizeof(rooms));
    world_settle(world);
    assert_true(world_saw(world, "1 search 'words' in tea ops\n"));
    world_free(world);
}

static void a_store_that_fails_keeps_nobody_waiting(void **state) {
    struct world *world = world_with(NULL, PLAIN, "ann");

    (void)state;
    world_fail_signals(world, true);
    world_fail_appends(world, ERR_UNAVAILABLE);
    say(world, 1, "hi");
    ask(world, 1, .kind = REQUEST_HISTORY, .cid = SLICE("h1"));
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 error unavailable\n"
                  "1 history lobby before 0 limit 100\n"
                  "1 resume\n");
    world_free(world);
}

static void one_that_is_replaced_meanwhile_is_told_so(void **state) {
    struct world *world = world_with(NULL, V1, "ann");

    (void)state;
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("r"), .cid = SLICE("c1"));
    ask(world, 1, .kind = REQUEST_SEARCH, .cid = SLICE("s1"));
    world_open(world, 2, V1);
    world_forget(world);
    come_back(world, 2, 1, "");
    world_settle(world);
    expect(world, "2 welcome 'ann' secret-of-1 []\n"
                  "1 ack r#1 <c1>\n"
                  "1 error unavailable <s1>\n"
                  "1 resume\n"
                  "1 close 4502\n");
    world_free(world);
}

static void one_that_vanishes_meanwhile_leaves_nothing(void **state) {
    struct world *world = world_with(NULL, PLAIN, "ann");

    (void)state;
    say(world, 1, "hi");
    ask(world, 1, .kind = REQUEST_HISTORY, .cid = SLICE("h1"));
    world_close(world, 1, true);
    world_forget(world);
    world_settle(world);
    expect(world, "lobby: ann: hi #1\n");
    assert_int_equal(hub_client_count(world_hub(world)), 0);
    world_free(world);
}

static void the_hub_can_be_freed_while_somebody_waits(void **state) {
    struct hub *hub = hub_new(&world_defaults);
    struct effects effects = {0};
    struct request requests[] = {{.kind = REQUEST_PUBLISH, .content = SLICE("x")},
                                 {.kind = REQUEST_HISTORY, .cid = SLICE("h1")}};
    struct event opened = {.kind = EVENT_OPENED, .connection = 1};

    (void)state;
    opened.opened.traits.default_room = true;
    opened.opened.identity = world_identity(1);
    hub_step(hub, &opened, &effects);
    for (size_t i = 0; i < 2; i++) {
        struct event event = {.kind = EVENT_REQUEST, .connection = 1, .request = &requests[i]};

        hub_step(hub, &event, &effects);
    }
    effects_close(&effects);
    hub_free(hub);
}

static void one_with_too_much_under_way_stays_paused_until_it_is_less(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.limits.rate_per_minute = 0;
    struct world *world = world_with(&options, PLAIN, "ann");

    for (int i = 0; i < LIMIT_OUTSTANDING - 1; i++) {
        say(world, 1, "x");
    }
    ask(world, 1, .kind = REQUEST_HISTORY);
    expect(world, "1 pause\n");
    for (int i = 0; i < LIMIT_OUTSTANDING - 1; i++) {
        world_settle_one(world);
    }
    assert_false(world_saw(world, "resume"));
    world_forget(world);
    world_settle(world);
    expect(world, "1 history lobby before 0 limit 100\n"
                  "1 resume\n");
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_holds_the_message_sent_before_it),
        cmocka_unit_test(a_request_that_looks_waits_for_what_was_asked_before),
        cmocka_unit_test(rooms_tell_of_the_room_entered_before),
        cmocka_unit_test(what_comes_behind_a_list_does_not_show_in_it),
        cmocka_unit_test(with_nothing_under_way_nobody_waits),
        cmocka_unit_test(nobody_waits_for_the_requests_of_others),
        cmocka_unit_test(who_moves_sees_the_room_moved_to),
        cmocka_unit_test(who_could_not_move_sees_the_lobby_entered_again),
        cmocka_unit_test(a_message_that_waits_for_its_room_is_waited_for),
        cmocka_unit_test(what_waits_keeps_its_words),
        cmocka_unit_test(a_store_that_fails_keeps_nobody_waiting),
        cmocka_unit_test(one_that_is_replaced_meanwhile_is_told_so),
        cmocka_unit_test(one_that_vanishes_meanwhile_leaves_nothing),
        cmocka_unit_test(the_hub_can_be_freed_while_somebody_waits),
        cmocka_unit_test(one_with_too_much_under_way_stays_paused_until_it_is_less),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
