/* Limits: who is charged for what, to the microsecond. */
#include "hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/error.h"
#include "base/limits.h"

#define SECOND 1000000
#define MILLISECOND 1000

static struct hub_options limited(struct hub_limits limits) {
    struct hub_options options = world_defaults;

    options.limits = limits;
    return options;
}

static uint64_t refused(struct world *world, enum refusal refusal) {
    return hub_counters(world_hub(world))->refused[refusal];
}

static struct world *world_of(const struct hub_options *options, enum client_kind kind) {
    struct world *world = world_new(options);

    world_open(world, 1, kind);
    if (kind == V1) {
        hello(world, 1, "ann");
    }
    world_settle(world);
    world_forget(world);
    return world;
}

static void join_rooms(struct world *world, uint64_t connection, int from, int to) {
    char room[16];

    for (int i = from; i <= to; i++) {
        snprintf(room, sizeof(room), "room%d", i);
        join(world, connection, room, "");
    }
    world_settle(world);
    world_forget(world);
}

static void joins_come_back_evenly(void **state) {
    struct hub_options options = limited((struct hub_limits){.joins_per_minute = 30});
    struct world *world = world_of(&options, V1);

    (void)state;
    join_rooms(world, 1, 1, 30);
    join(world, 1, "tea", "j1");
    expect(world, "1 error rate_limited retry 2000 <j1>\n");
    world_pass(world, 2 * SECOND - MILLISECOND);
    join(world, 1, "tea", "j2");
    expect(world, "1 error rate_limited retry 1 <j2>\n");
    world_pass(world, MILLISECOND);
    join(world, 1, "tea", "j3");
    world_settle(world);
    assert_true(world_saw(world, "1 joined tea"));
    assert_int_equal(refused(world, REFUSED_JOINS), 2);
    world_free(world);
}

static void resumed_rooms_count_as_joins_of_the_session_that_is_come_back_to(void **state) {
    struct hub_options options = limited((struct hub_limits){.joins_per_minute = 3});
    struct world *world = world_of(&options, V1);
    struct resume_point points[] = {{.room = SLICE("a")}, {.room = SLICE("b")}};

    (void)state;
    for (uint64_t connection = 2; connection <= 3; connection++) {
        world_close(world, connection - 1, true);
        world_open(world, connection, V1);
        ask(world, connection, .kind = REQUEST_HELLO, .cid = SLICE("h"),
            .session = SLICE("secret-of-1"), .session_identity = world_identity(1),
            .resume = points, .resume_count = 2);
        world_settle(world);
    }
    expect(world, "2 welcome 'ann' secret-of-1 [a/0 b/0] <h>\n"
                  "2 reads a from 1 live\n"
                  "2 reads b from 1 live\n"
                  "3 error rate_limited retry 20000 <h>\n");
    world_free(world);
}

static void names_are_counted_whether_they_are_free_or_not(void **state) {
    struct hub_options options = limited((struct hub_limits){.names_per_minute = 3});
    struct world *world = world_of(&options, V1);

    (void)state;
    world_open(world, 2, LINE);
    call(world, 2, "ann");
    call(world, 2, "ANN");
    call(world, 2, "anonymous");
    world_forget(world);
    call(world, 2, "bob");
    expect(world, "2 error rate_limited retry 20000\n");
    world_pass(world, 20 * SECOND);
    call(world, 2, "bob");
    world_settle(world);
    expect(world, "2 greeted bob\n"
                  "2 reads lobby from 1\n");
    for (int i = 0; i < 10; i++) {
        call(world, 2, "bob"); /* has it already */
    }
    assert_false(world_saw(world, "rate_limited"));
    world_free(world);
}

static void a_message_is_charged_to_all_or_to_none(void **state) {
    struct hub_options options =
        limited((struct hub_limits){.rate_per_minute = 20, .room_rate_per_second = 1});
    struct world *world = world_of(&options, PLAIN);

    (void)state;
    say(world, 1, "taken");
    for (int i = 0; i < 100; i++) {
        say(world, 1, "refused by the room");
    }
    assert_int_equal(refused(world, REFUSED_ROOM_RATE), 100);
    for (int i = 0; i < 19; i++) {
        world_pass(world, SECOND);
        say(world, 1, "taken");
    }
    assert_int_equal(refused(world, REFUSED_RATE), 0);
    world_pass(world, SECOND);
    say(world, 1, "refused");
    assert_int_equal(refused(world, REFUSED_RATE), 1);
    world_settle(world);
    assert_int_equal(hub_counters(world_hub(world))->appended, 20);
    world_free(world);
}

static void a_smaller_rate_holds_for_those_who_have_sent_more(void **state) {
    struct hub_options options = limited((struct hub_limits){.rate_per_minute = 20});
    struct world *world = world_of(&options, PLAIN);
    struct effects effects = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        say(world, 1, "x");
        world_pass(world, SECOND);
    }
    options.limits.rate_per_minute = 5;
    hub_step(world_hub(world),
             &(struct event){
                 .kind = EVENT_CONFIGURED, .now_us = world_now(world), .configured = &options},
             &effects);
    effects_close(&effects);
    world_settle(world);
    world_forget(world);
    say(world, 1, "refused"); /* the 16th must be a minute old */
    expect(world, "1 error rate_limited retry 54000\n");
    world_free(world);
}

static void a_caller_who_made_rooms_is_not_forgotten_within_the_hour(void **state) {
    struct hub_options options = limited((struct hub_limits){.rooms_per_hour = 1});
    struct world *world = world_of(&options, HTTP);

    (void)state;
    for (int i = 0; i < 2; i++) {
        char room[] = {'r', (char)('0' + i), '\0'};

        ask(world, 1, .kind = REQUEST_PUBLISH, .room = slice_of_string(room), .cid = SLICE("c"),
            .session_identity = world_identity(77));
        world_settle(world);
        world_pass(world, 100 * SECOND);
        world_pass(world, 100 * SECOND);
    }
    expect(world, "1 ack r0#1 <c>\n"
                  "1 error rate_limited retry 3400000 <c>\n");
    world_free(world);
}

/* Also where messages have no rate of their own, so that nothing but the bucket tells of it. */
static void what_an_account_has_used_up_is_known_when_it_comes_back(void **state) {
    struct hub_options options = limited((struct hub_limits){.rooms_per_hour = 1});
    struct world *world = world_new(&options);

    (void)state;
    world_tell_account(world, "ann", ROLE_MEMBER);
    for (uint64_t connection = 1; connection <= 2; connection++) {
        world_open(world, connection, V1);
        log_in(world, connection, "ann");
        world_settle(world);
        world_forget(world);
        ask(world, connection, .kind = REQUEST_PUBLISH, .cid = SLICE("c"),
            .room = connection == 1 ? SLICE("first") : SLICE("second"), .content = SLICE("x"));
        world_settle(world);
        if (connection == 1) {
            quit(world, connection);
            world_settle(world);
        }
    }
    assert_int_equal(refused(world, REFUSED_ROOMS), 1);
    world_free(world);
}

static void who_does_not_introduce_themselves_is_sent_away_in_time(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.introduction_ms = 10000;
    struct world *world = world_new(&options);

    world_open(world, 1, V1);
    world_open(world, 2, LINE);
    world_open(world, 3, PLAIN);
    world_open(world, 4, HTTP);
    world_pass(world, 5 * SECOND);
    world_open(world, 5, V1);
    hello(world, 5, "eve");
    world_open(world, 6, COMMAND);
    world_pass(world, 5 * SECOND - MILLISECOND);
    assert_true(world_is_open(world, 1));
    world_pass(world, MILLISECOND);
    assert_false(world_is_open(world, 1));
    assert_false(world_is_open(world, 2));
    assert_true(world_is_open(world, 6));
    world_pass(world, 3600 * (int64_t)SECOND);
    assert_true(world_is_open(world, 3));
    assert_true(world_is_open(world, 4));
    assert_true(world_is_open(world, 5));
    assert_false(world_is_open(world, 6));
    assert_int_equal(refused(world, REFUSED_INTRODUCTION), 3);
    world_free(world);
}

static void who_is_leaving_is_not_looked_for(void **state) {
    struct hub_options options = world_defaults;

    (void)state;
    options.introduction_ms = 10000;
    struct world *world = world_new(&options);

    world_open(world, 1, LINE);
    call(world, 1, "ann");
    world_settle(world);
    quit(world, 1);
    world_pass(world, 10 * SECOND); /* the store takes its time */
    assert_int_equal(refused(world, REFUSED_INTRODUCTION), 0);
    world_settle(world);
    assert_false(world_is_open(world, 1));
    world_free(world);
}

static void what_happens_is_counted(void **state) {
    struct world *world = world_of(NULL, V1);
    const struct hub_counters *counters = hub_counters(world_hub(world));

    (void)state;
    join(world, 1, "tea", "j1");
    for (int i = 0; i < 2; i++) {
        ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .cid = SLICE("c1"),
            .content = SLICE("x"));
    }
    ask(world, 1, .kind = REQUEST_JOIN, .room = SLICE("no room"), .cid = SLICE("j2"));
    world_settle(world);
    assert_int_equal(counters->appended, 1);
    assert_int_equal(counters->repeated, 1);
    assert_int_equal(counters->acknowledged, 2);
    assert_int_equal(counters->joined, 1);
    assert_int_equal(counters->shown, 1);
    assert_int_equal(counters->errors[-ERR_BAD_REQUEST], 1);
    world_open(world, 2, V1);
    ask(world, 2, .kind = REQUEST_HELLO);
    ask(world, 2, .kind = REQUEST_JOIN, .room = SLICE("tea"), .has_after = true, .after = 99,
        .cid = SLICE("j3"));
    world_settle(world);
    assert_int_equal(counters->resumed, 1);
    assert_int_equal(counters->gaps, 1);
    world_open(world, 3, V1);
    world_forget(world);
    come_back(world, 3, 1, "ann");
    world_settle(world);
    assert_int_equal(counters->returned, 1);
    world_free(world);
}

static void every_refusal_has_a_name(void **state) {
    (void)state;
    for (int i = 0; i < REFUSAL_COUNT; i++) {
        assert_non_null(refusal_name((enum refusal)i));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_come_back_evenly),
        cmocka_unit_test(resumed_rooms_count_as_joins_of_the_session_that_is_come_back_to),
        cmocka_unit_test(names_are_counted_whether_they_are_free_or_not),
        cmocka_unit_test(a_message_is_charged_to_all_or_to_none),
        cmocka_unit_test(a_smaller_rate_holds_for_those_who_have_sent_more),
        cmocka_unit_test(a_caller_who_made_rooms_is_not_forgotten_within_the_hour),
        cmocka_unit_test(what_an_account_has_used_up_is_known_when_it_comes_back),
        cmocka_unit_test(who_does_not_introduce_themselves_is_sent_away_in_time),
        cmocka_unit_test(who_is_leaving_is_not_looked_for),
        cmocka_unit_test(what_happens_is_counted),
        cmocka_unit_test(every_refusal_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
