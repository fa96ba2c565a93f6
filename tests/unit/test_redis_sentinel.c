/* Sentinels that contradict each other, change their mind, and go away. The third and the fourth
 * server of the world are the sentinels. Real ones: integration/test_redis_link.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "redis_world.h"

/* What a sentinel says, and how often it was asked. */
struct opinion {
    const char *master;
    unsigned epoch;
    size_t asked;
};

static void say_address(struct redis_guest *guest, const struct opinion *opinion) {
    const char *port = strchr(opinion->master, ':') + 1;
    char text[100];

    snprintf(text, sizeof(text), "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port);
    redis_guest_say(guest, slice_of_string(text));
}

static void say_fields(struct redis_guest *guest, const struct opinion *opinion) {
    char text[100];

    snprintf(text, sizeof(text),
             "*4\r\n$4\r\nname\r\n$4\r\nmain\r\n$12\r\nconfig-epoch\r\n$1\r\n%u\r\n",
             opinion->epoch);
    redis_guest_say(guest, slice_of_string(text));
}

static bool serve_sentinel(struct redis_guest *guest, const struct slice *words, size_t count) {
    struct opinion *opinion = guest->server->context;

    if (count < 3 || !slice_equal(words[0], SLICE("SENTINEL")))
        return false;
    assert_true(slice_equal(words[2], SLICE("main")));
    if (!slice_equal(words[1], SLICE("MASTER")))
        say_address(guest, opinion);
    else
        say_fields(guest, opinion);
    opinion->asked++;
    return true;
}

static struct redis_server *sentinel(struct world *world, size_t index) {
    return &world->servers[2 + index];
}

static void open_sentinels(struct world *world, struct opinion *opinions,
                           unsigned command_timeout_ms) {
    const char *addresses[2];

    open_servers(world);
    for (size_t i = 0; i < 2; i++) {
        sentinel(world, i)->serve = serve_sentinel;
        sentinel(world, i)->context = &opinions[i];
        opinions[i].master = world->servers[0].address;
        opinions[i].epoch = 1;
        addresses[i] = sentinel(world, i)->address;
    }
    open_redis_by_sentinels(world, addresses, 2, command_timeout_ms);
}

/* The guest that has subscribed; NULL: none yet. */
static struct redis_guest *listener(struct redis_server *server) {
    struct redis_guest *guest = NULL;

    for (size_t i = 0; (guest = redis_server_guest(server, i)) && guest->channels == 0; i++) {
    }
    return guest;
}

static void publish(struct redis_server *server, const char *text) {
    char message[200];

    snprintf(message, sizeof(message),
             "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$%zu\r\n%s\r\n", strlen(text), text);
    redis_guest_say(listener(server), slice_of_string(message));
}

static void run_until_asked(struct world *world, struct opinion *opinion, size_t more) {
    size_t enough = opinion->asked + more;

    while (opinion->asked < enough)
        uv_run(&world->loop, UV_RUN_ONCE);
}

static void the_newest_configuration_is_believed(void **state) {
    struct world world;
    struct opinion opinions[2] = {0};

    (void)state;
    open_sentinels(&world, opinions, 400);
    await_and_forget(&world, "up first");
    /* One of them is cut off together with the old master, which still answers. */
    opinions[1] = (struct opinion){.master = world.servers[1].address, .epoch = 2};
    await_and_forget(&world, "up second");
    run_until_asked(&world, &opinions[0], 8);
    run_until_asked(&world, &opinions[1], 8);
    assert_events(&world, "");
    close_world(&world);
}

static void an_older_configuration_is_not_believed_though_it_is_said_later(void **state) {
    struct world world;
    struct opinion opinions[2] = {0};

    (void)state;
    open_sentinels(&world, opinions, 400);
    await_and_forget(&world, "up first");
    opinions[1] = (struct opinion){.master = world.servers[1].address, .epoch = 0};
    run_until_asked(&world, &opinions[0], 8);
    run_until_asked(&world, &opinions[1], 8);
    assert_events(&world, "");
    close_world(&world);
}

static void a_switch_is_followed_when_it_is_heard(void **state) {
    struct world world;
    struct opinion opinions[2] = {0};
    uint64_t began_ms;

    (void)state;
    /* They are asked every five seconds. */
    open_sentinels(&world, opinions, 20000);
    await(&world, "up first");
    while (!listener(sentinel(&world, 1)))
        uv_run(&world.loop, UV_RUN_ONCE);
    opinions[1] = (struct opinion){.master = world.servers[1].address, .epoch = 2};
    began_ms = clock_monotonic_ms();
    publish(sentinel(&world, 1), "other 127.0.0.1 1 127.0.0.1 2");
    publish(sentinel(&world, 1), "main 127.0.0.1 1 127.0.0.1 2");
    await(&world, "up second");
    assert_true(clock_monotonic_ms() - began_ms < 3000);
    close_world(&world);
}

static void sentinels_that_go_away_change_nothing(void **state) {
    struct world world;
    struct opinion opinions[2] = {0};

    (void)state;
    open_sentinels(&world, opinions, 400);
    await_and_forget(&world, "up first");
    for (size_t i = 0; i < 2; i++) {
        redis_guest_end(redis_server_guest(sentinel(&world, i), 0));
        run_until_asked(&world, &opinions[i], 2); /* it was connected to again */
    }
    assert_events(&world, "");
    close_world(&world);
}

static void what_no_sentinel_can_mean_is_no_master(void **state) {
    static const char *const answers[] = {
        "*-1\r\n", "*0\r\n", "$4\r\nmain\r\n", "-ERR unknown\r\n", "*2\r\n$-1\r\n$-1\r\n",
        ":1\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct world world;
        char expected[200];
        open_servers(&world);
        sentinel(&world, 0)->fallback = answers[i];
        open_redis_by_sentinels(&world, (const char *const[]){sentinel(&world, 0)->address}, 1,
                                400);
        snprintf(expected, sizeof(expected), "down %s is no sentinel that knows the master: main",
                 sentinel(&world, 0)->address);
        await(&world, expected);
        close_world(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_configuration_is_believed),
        cmocka_unit_test(an_older_configuration_is_not_believed_though_it_is_said_later),
        cmocka_unit_test(a_switch_is_followed_when_it_is_heard),
        cmocka_unit_test(sentinels_that_go_away_change_nothing),
        cmocka_unit_test(what_no_sentinel_can_mean_is_no_master),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
