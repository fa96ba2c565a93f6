/* Subscriptions: who asked for a channel, when it is in force, and what is heard of it, whatever
 * comes at the same moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "redis_world.h"

static void assert_spoken(struct world *world, const char *expected) {
    struct buffer *spoken = &world->servers[0].spoken;

    buffer_append_char(spoken, 0);
    assert_string_equal(buffer_slice(spoken).data, expected);
    buffer_clear(spoken);
}

static void what_is_subscribed_to_before_it_is_up_is_in_force_when_it_is(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    world.servers[0].bytewise = true;
    subscribe(&world, "news");
    subscribe(&world, "other");
    await(&world, "subscribed OK");
    assert_events(&world, "up first\nsubscribed OK\nsubscribed OK\n");
    command(&world, "PUBLISH", "news", "hello");
    await(&world, "message news: hello");
    close_world(&world);
}

static void a_channel_is_told_to_the_server_once(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    subscribe(&world, "news");
    subscribe(&world, "news");
    await(&world, "subscribed OK");
    assert_events(&world, "subscribed OK\nsubscribed OK\n");
    /* One that is confirmed already is so from the loop, too. */
    subscribe(&world, "news");
    assert_events(&world, "");
    await_and_forget(&world, "subscribed OK");
    unsubscribe(&world, "news");
    unsubscribe(&world, "news");
    command(&world, "PUBLISH", "news", "hello");
    await_and_forget(&world, "message news: hello");
    unsubscribe(&world, "news");
    subscribe(&world, "other");
    await(&world, "subscribed OK");
    assert_spoken(&world,
                  "SUBSCRIBE news\nPUBLISH news hello\nUNSUBSCRIBE news\nSUBSCRIBE other\n");
    close_world(&world);
}

static void changing_ones_mind_within_a_turn_ends_as_was_said_last(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    world.servers[0].bytewise = true;
    await_and_forget(&world, "up first");
    subscribe(&world, "news");
    unsubscribe(&world, "news");
    subscribe(&world, "news");
    subscribe(&world, "other");
    unsubscribe(&world, "other");
    await(&world, "subscribed OK");
    /* Who gave it back before it was in force is told. */
    assert_events(&world, "subscribed lost\nsubscribed lost\nsubscribed OK\n");
    command(&world, "PUBLISH", "news", "hello");
    await(&world, "message news: hello");
    assert_spoken(&world, "SUBSCRIBE news\nUNSUBSCRIBE news\nSUBSCRIBE news\nSUBSCRIBE other\n"
                          "UNSUBSCRIBE other\nPUBLISH news hello\n");
    close_world(&world);
}

static bool keep_the_second_waiting(struct redis_guest *guest, const struct slice *words,
                                    size_t count) {
    struct redis_server *server = guest->server;

    (void)count;
    if (!slice_equal(words[0], SLICE("SUBSCRIBE")))
        return false;
    if (!server->context) {
        server->context = server;
        return false;
    }
    server->serve = NULL;
    return true;
}

static void an_earlier_confirmation_is_not_taken_for_the_last_one(void **state) {
    struct world world;
    struct redis_guest *guest;

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    guest = redis_server_guest(&world.servers[0], 1);
    world.servers[0].serve = keep_the_second_waiting;
    subscribe(&world, "news");
    unsubscribe(&world, "news");
    subscribe(&world, "news");
    while (world.servers[0].serve || guest->channels > 0)
        uv_run(&world.loop, UV_RUN_ONCE);
    for (int round = 0; round < 3; round++) {
        command(&world, "ECHO", "answered", NULL);
        await_and_forget(&world, "answer answered");
    }
    assert_int_equal(world.subscriptions, 0);
    redis_guest_say(guest, SLICE("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"));
    await(&world, "subscribed OK");
    close_world(&world);
}

static bool publish_before_confirming(struct redis_guest *guest, const struct slice *words,
                                      size_t count) {
    (void)count;
    if (slice_equal(words[0], SLICE("SUBSCRIBE")))
        redis_guest_say(guest, SLICE("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nearly\r\n"));
    return false;
}

static void what_is_published_among_confirmations_is_no_confirmation(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    world.servers[0].serve = publish_before_confirming;
    subscribe(&world, "news");
    subscribe(&world, "other");
    await(&world, "subscribed OK");
    assert_events(&world,
                  "message news: early\nmessage news: early\nsubscribed OK\nsubscribed OK\n");
    close_world(&world);
}

static void nothing_is_heard_while_it_is_not_up_or_of_what_was_given_back(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    world.servers[0].serve = publish_before_confirming;
    subscribe(&world, "news");
    await(&world, "subscribed OK");
    assert_events(&world, "up first\nsubscribed OK\n");
    unsubscribe(&world, "news");
    subscribe(&world, "other");
    await(&world, "subscribed OK");
    assert_events(&world, "subscribed OK\n");
    close_world(&world);
}

static void subscriptions_come_back_with_the_connection(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    await(&world, "up first");
    subscribe(&world, "news");
    subscribe(&world, "given back");
    await_and_forget(&world, "subscribed OK");
    buffer_clear(&world.servers[0].spoken);
    redis_guest_end(redis_server_guest(&world.servers[0], 1));
    await_down(&world, "hung up");
    subscribe(&world, "new");
    unsubscribe(&world, "given back");
    unsubscribe(&world, "news");
    subscribe(&world, "news");
    buffer_clear(&world.events);
    await(&world, "up first");
    await(&world, "subscribed OK");
    assert_events(&world, "up first\nsubscribed OK\nsubscribed OK\n");
    assert_int_equal(world.servers[0].guests.last != NULL, true);
    command(&world, "PUBLISH", "new", "hello");
    await(&world, "message new: hello");
    close_world(&world);
}

static bool hang_up_on_subscription(struct redis_guest *guest, const struct slice *words,
                                    size_t count) {
    (void)count;
    if (!slice_equal(words[0], SLICE("SUBSCRIBE")))
        return false;
    guest->server->serve = NULL;
    redis_guest_end(guest);
    return true;
}

static void a_subscription_that_was_lost_on_its_way_is_made_again(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    await_and_forget(&world, "up first");
    world.servers[0].serve = hang_up_on_subscription;
    subscribe(&world, "news");
    await_down(&world, "hung up");
    buffer_clear(&world.events);
    await(&world, "subscribed OK");
    assert_events(&world, "up first\nsubscribed OK\n");
    close_world(&world);
}

static bool refuse_subscription(struct redis_guest *guest, const struct slice *words,
                                size_t count) {
    (void)count;
    if (!slice_equal(words[0], SLICE("SUBSCRIBE")))
        return false;
    redis_guest_say(guest, SLICE("-NOPERM this user has no permissions\r\n"));
    return true;
}

static void a_subscription_that_is_refused_is_a_reason_to_be_down(void **state) {
    struct world world;

    (void)state;
    open_servers(&world);
    open_redis(&world, (const char *const[]){world.servers[0].address}, 1);
    await_and_forget(&world, "up first");
    world.servers[0].serve = refuse_subscription;
    subscribe(&world, "news");
    subscribe(&world, "other");
    unsubscribe(&world, "other");
    await_down(&world, "refuses a subscription: NOPERM this user has no permissions");
    assert_int_equal(world.ups, 1);
    world.servers[0].serve = NULL;
    await(&world, "subscribed OK");
    assert_int_equal(world.ups, 2);
    close_world(&world);
}

static void who_waits_for_a_subscription_is_told_when_all_is_closed(void **state) {
    struct world world;

    (void)state;
    open_world(&world);
    subscribe(&world, "news");
    redis_close(world.redis);
    world.redis = NULL;
    assert_events(&world, "subscribed lost\n");
    close_world(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_subscribed_to_before_it_is_up_is_in_force_when_it_is),
        cmocka_unit_test(a_channel_is_told_to_the_server_once),
        cmocka_unit_test(changing_ones_mind_within_a_turn_ends_as_was_said_last),
        cmocka_unit_test(an_earlier_confirmation_is_not_taken_for_the_last_one),
        cmocka_unit_test(what_is_published_among_confirmations_is_no_confirmation),
        cmocka_unit_test(nothing_is_heard_while_it_is_not_up_or_of_what_was_given_back),
        cmocka_unit_test(subscriptions_come_back_with_the_connection),
        cmocka_unit_test(a_subscription_that_was_lost_on_its_way_is_made_again),
        cmocka_unit_test(a_subscription_that_is_refused_is_a_reason_to_be_down),
        cmocka_unit_test(who_waits_for_a_subscription_is_told_when_all_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
