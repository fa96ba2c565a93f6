/* A connection to Redis beside a server that does what it should not: says things byte by byte,
 * hangs up in the middle, answers nothing, is no master any more. Beside real servers:
 * integration/test_redis_link.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "redis_world.h"

static void commands_are_answered_in_order_though_byte_by_byte(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    world.servers[0].bytewise = true;
    await_and_forget(&world, "up first");
    size_t before = redis_pending(world.redis); /* it asks by itself whether the server is there */
    command(&world, "ECHO", "one", NULL);
    command(&world, "SET", "a", "b");
    command(&world, "ECHO", "", NULL);
    command(&world, "ECHO", "three", NULL);
    assert_int_equal(redis_pending(world.redis), before + 4);
    assert_true(redis_pending_bytes(world.redis) > 0);
    await(&world, "answer three");
    assert_events(&world, "answer one\nanswer OK\nanswer \nanswer three\n");
    close_world(&world);
}

static bool end_within_an_answer(struct redis_guest *guest, const struct slice *words,
                                 size_t count) {
    (void)count;
    if (!slice_equal(words[0], SLICE("GET")))
        return false;
    if (!guest->ends)
        redis_guest_say(guest, SLICE("$5\r\nhel"));
    redis_guest_end(guest);
    return true;
}

static void who_is_cut_off_within_an_answer_hears_that_it_is_lost_first(void **state) {
    struct world world;
    char expected[200];

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    world.servers[0].serve = end_within_an_answer;
    command(&world, "ECHO", "one", NULL);
    command(&world, "GET", "a", NULL);
    command(&world, "GET", "b", NULL);
    await(&world, "up first");
    snprintf(expected, sizeof(expected),
             "answer one\nanswer lost\nanswer lost\ndown %s hung up\nup first\n",
             world.servers[0].address);
    assert_events(&world, expected);
    close_world(&world);
}

static void what_cannot_be_said_is_answered_later(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    command(&world, "ECHO", "one", NULL);
    assert_events(&world, "");
    await(&world, "up first");
    assert_events(&world, "answer lost\nup first\n");
    assert_int_equal(buffer_length(&world.servers[0].spoken), 0);
    close_world(&world);
}

static bool swallow_everything(struct redis_guest *guest, const struct slice *words, size_t count) {
    (void)guest, (void)words, (void)count;
    return true;
}

/* Until somebody new comes. */
static bool fall_silent(struct redis_guest *guest, const struct slice *words, size_t count) {
    struct redis_server *server = guest->server;

    (void)count;
    if (slice_equal(words[0], SLICE("GET")))
        server->context = server;
    return server->context && server->accepted <= 2;
}

static void a_command_that_is_not_answered_loses_the_connection(void **state) {
    struct world world;
    uint64_t began_ms = clock_monotonic_ms();

    (void)state;
    open_world(&world);
    world.servers[0].serve = fall_silent;
    await_and_forget(&world, "up first");
    command(&world, "GET", "a", NULL);
    command(&world, "ECHO", "later", NULL);
    await(&world, "answer lost");
    assert_in_range(clock_monotonic_ms() - began_ms, 300, 3000);
    await_down(&world, "does not answer");
    assert_int_equal(world.answers, 2);
    await(&world, "up first");
    close_world(&world);
}

static void a_server_that_says_nothing_is_passed_over(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    world.servers[0].serve = swallow_everything;
    await(&world, "up second");
    assert_int_equal(world.downs, 0);
    close_world(&world);
}

static void a_silent_connection_is_asked_now_and_then_and_missed(void **state) {
    struct world world;
    uint64_t began_ms;
    size_t commands;

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    commands = world.servers[0].commands;
    while (world.servers[0].commands < commands + 6)
        uv_run(&world.loop, UV_RUN_ONCE);
    assert_int_equal(world.downs, 0);
    world.servers[0].serve = swallow_everything;
    began_ms = clock_monotonic_ms();
    await(&world, "up second");
    assert_in_range(clock_monotonic_ms() - began_ms, 250, 3000);
    assert_int_equal(world.downs, 1);
    close_world(&world);
}

static bool be_read_only(struct redis_guest *guest, const struct slice *words, size_t count) {
    (void)count;
    if (!slice_equal(words[0], SLICE("SET")))
        return false;
    guest->server->role = "slave";
    redis_guest_say(guest, SLICE("-READONLY You can't write against a read only replica.\r\n"));
    return true;
}

static void who_says_that_it_is_read_only_is_left_for_the_master(void **state) {
    struct world world;
    char expected[300];

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    world.servers[0].serve = be_read_only;
    command(&world, "SET", "a", "b");
    command(&world, "ECHO", "behind", NULL);
    await(&world, "up second");
    snprintf(expected, sizeof(expected),
             "answer READONLY You can't write against a read only replica.\n"
             "answer lost\n"
             "down %s is not the master any more\n"
             "up second\n",
             world.servers[0].address);
    assert_events(&world, expected);
    close_world(&world);
}

static void who_becomes_a_replica_is_left_though_nobody_writes(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    world.servers[0].role = "slave";
    await(&world, "up second");
    close_world(&world);
}

static bool claim_a_huge_answer(struct redis_guest *guest, const struct slice *words,
                                size_t count) {
    (void)count;
    if (!slice_equal(words[0], SLICE("GET")))
        return false;
    redis_guest_say(guest, SLICE("*2147483647\r\n"));
    return true;
}

static void a_huge_answer_ends_the_connection(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    world.servers[0].serve = claim_a_huge_answer;
    command(&world, "GET", "a", NULL);
    await(&world, "answer lost");
    await_down(&world, "does not talk like a Redis: an answer is too large");
    await(&world, "up first");
    close_world(&world);
}

static void what_nobody_asked_for_ends_the_connection(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    redis_guest_say(redis_server_guest(&world.servers[0], 0), SLICE("+HELLO\r\n"));
    await_down(&world, "said what nobody asked: HELLO");
    close_world(&world);
}

/* What a server is answered with when it says this to a command of the greeting. */
static const struct refusal {
    const char *command, *answer, *reason;
} refusals[] = {
    {"PING", "-NOAUTH Authentication required.\r\n", "wants a password, and none is configured"},
    {"PING", "-LOADING Redis is loading the dataset in memory\r\n", "is still loading its data"},
    {"PING", "-MASTERDOWN Link with MASTER is down\r\n", "is a replica that has lost its master"},
    {"PING", "-DENIED Redis is running in protected mode\r\n",
     "refuses: DENIED Redis is running in protected mode"},
    {"ROLE", "-NOPERM no 'role'\r\n", "does not let this user do what is needed: NOPERM no 'role'"},
    {"ROLE", "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0\r\n",
     "is a replica, not the master"},
    {"ROLE", "*2\r\n$8\r\nsentinel\r\n*0\r\n", "is a sentinel, not a server"},
    {"ROLE", "+OK\r\n", "does not say what its role is"},
    {"ROLE", "*0\r\n", "does not say what its role is"},
    {"INFO", "$0\r\n\r\n", "does not say its run_id"},
    {"INFO", "$36\r\nredis_mode:cluster\r\nrun_id:12345678\r\n\r\n",
     "runs in cluster mode, which is not supported"},
    {"INFO", "-ERR \x1b[31m\xff\xfe\r\n", "refuses: what is no text"},
    {"INFO", "-ERR \x1b[31m\r\n", "refuses: ERR \xef\xbf\xbd[31m"},
};

static bool refuse(struct redis_guest *guest, const struct slice *words, size_t count) {
    const struct refusal *refusal = guest->server->context;

    (void)count;
    if (!slice_equal(words[0], slice_of_string(refusal->command)))
        return false;
    redis_guest_say(guest, slice_of_string(refusal->answer));
    return true;
}

static void a_server_of_no_use_says_why(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct world world;
        open_servers(&world);
        world.servers[0].serve = refuse;
        world.servers[0].context = (void *)&refusals[i];
        open_redis(&world, (const char *const[]){world.servers[0].address}, 1);
        await_down(&world, refusals[i].reason);
        world.servers[0].serve = NULL;
        await(&world, "up first");
        assert_int_equal(world.downs, 1);
        close_world(&world);
    }
}

static bool change_name(struct redis_guest *guest, const struct slice *words, size_t count) {
    (void)count;
    if (slice_equal(words[0], SLICE("INFO")))
        guest->server->run_id = guest->server->accepted % 2 ? "odd" : "even";
    return false;
}

static void both_connections_must_lead_to_the_same_server(void **state) {
    struct world world;

    (void)state;
    open_servers(&world);
    world.servers[0].serve = change_name;
    open_redis(&world, (const char *const[]){world.servers[0].address}, 1);
    await_down(&world, "is another server with each connection");
    assert_int_equal(world.ups, 0);
    close_world(&world);
}

static void addresses_that_are_none_are_reasons_too(void **state) {
    static const char *const servers[] = {"nonsense", "host.invalid:1", "/nowhere/socket"};
    struct world world;

    (void)state;
    open_servers(&world);
    open_redis(&world, servers, 3);
    while (world.downs == 0)
        uv_run(&world.loop, UV_RUN_ONCE);
    buffer_append_char(&world.events, 0);
    assert_non_null(strstr(buffer_slice(&world.events).data, "down nonsense is not HOST:PORT"));
    assert_non_null(
        strstr(buffer_slice(&world.events).data, "; cannot find the host host.invalid"));
    assert_non_null(strstr(buffer_slice(&world.events).data,
                           "; cannot connect to unix:/nowhere/socket: No such"));
    close_world(&world);
}

static void closing_answers_all_and_may_come_from_within_anything(void **state) {
    static const char *const moments[] = {"start", "up", "answer", "message", "down"};

    (void)state;
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        struct world world;
        open_world(&world);
        world.close_on_event = i == 1;
        if (i > 0)
            await(&world, "up first");
        if (i > 1) {
            subscribe(&world, "news");
            await(&world, "subscribed OK");
            world.close_on_event = true;
            command(&world, "ECHO", "one", NULL);
            command(&world, "ECHO", "two", NULL);
        }
        if (i == 3)
            redis_guest_say(redis_server_guest(&world.servers[0], 1),
                            SLICE("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"));
        if (i == 4)
            redis_guest_end(redis_server_guest(&world.servers[0], 0));
        while (i > 1 && world.redis)
            uv_run(&world.loop, UV_RUN_ONCE);
        close_world(&world);
        assert_int_equal(world.answers, i > 1 ? 2 : 0);
    }
}

static void closing_does_not_wait_for_the_resolver(void **state) {
    struct world world;

    (void)state;
    open_servers(&world);
    open_redis(&world, (const char *const[]){"host.invalid:1"}, 1);
    /* Until it is asked. */
    for (int turn = 0; turn < 5; turn++)
        uv_run(&world.loop, UV_RUN_NOWAIT);
    close_world(&world);
}

static void a_thread_that_may_block_gets_its_answer(void **state) {
    struct world world;
    const struct slice words[] = {SLICE("ECHO"), SLICE("hello")};
    const struct redis_reply *reply;

    (void)state;
    open_world(&world);
    assert_int_equal(redis_call(world.redis, words, 2)->kind, REDIS_LOST);
    await(&world, "up first");
    reply = redis_call(world.redis, words, 2);
    assert_int_equal(reply->kind, REDIS_BULK);
    assert_true(slice_equal(reply->text, SLICE("hello")));
    redis_server_close(&world.servers[0]);
    assert_int_equal(redis_call(world.redis, words, 2)->kind, REDIS_LOST);
    redis_server_open(&world.servers[0], &world.loop, "again");
    close_world(&world);
}

static void the_pauses_between_attempts_grow(void **state) {
    struct world world;
    uint64_t began_ms = clock_monotonic_ms();

    (void)state;
    open_servers(&world);
    world.servers[0].role = "slave";
    open_redis(&world, (const char *const[]){world.servers[0].address}, 1);
    while (clock_monotonic_ms() < began_ms + 1500)
        uv_run(&world.loop, UV_RUN_ONCE);
    assert_in_range(world.servers[0].accepted, 3, 12);
    assert_int_equal(world.downs, 1);
    close_world(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_answered_in_order_though_byte_by_byte),
        cmocka_unit_test(who_is_cut_off_within_an_answer_hears_that_it_is_lost_first),
        cmocka_unit_test(what_cannot_be_said_is_answered_later),
        cmocka_unit_test(a_command_that_is_not_answered_loses_the_connection),
        cmocka_unit_test(a_server_that_says_nothing_is_passed_over),
        cmocka_unit_test(a_silent_connection_is_asked_now_and_then_and_missed),
        cmocka_unit_test(who_says_that_it_is_read_only_is_left_for_the_master),
        cmocka_unit_test(who_becomes_a_replica_is_left_though_nobody_writes),
        cmocka_unit_test(a_huge_answer_ends_the_connection),
        cmocka_unit_test(what_nobody_asked_for_ends_the_connection),
        cmocka_unit_test(a_server_of_no_use_says_why),
        cmocka_unit_test(both_connections_must_lead_to_the_same_server),
        cmocka_unit_test(addresses_that_are_none_are_reasons_too),
        cmocka_unit_test(closing_answers_all_and_may_come_from_within_anything),
        cmocka_unit_test(closing_does_not_wait_for_the_resolver),
        cmocka_unit_test(a_thread_that_may_block_gets_its_answer),
        cmocka_unit_test(the_pauses_between_attempts_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
