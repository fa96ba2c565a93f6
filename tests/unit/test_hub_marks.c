/* How far somebody has read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "hub_world.h"

#define SECOND_US INT64_C(1000000)

#define mark(world, connection, name, seq)                                                         \
    ask(world, connection, .kind = REQUEST_READ, .room = SLICE(name), .after = (seq),              \
        .cid = SLICE("r1"))

/* ann is in general, where five messages are. */
static struct world *reader(void) {
    struct world *world = world_new(NULL);

    world_fill(world, "general", 1, 5);
    world_open(world, 1, V1);
    hello(world, 1, "ann");
    join(world, 1, "general", "j1");
    world_settle(world);
    world_forget(world);
    return world;
}

static void expect_read(struct world *world, const char *expected) {
    world_settle(world);
    world_forget(world);
    join(world, 1, "general", "j2");
    world_settle(world);
    assert_true(world_saw(world, expected));
    world_forget(world);
}

static void a_mark_is_acknowledged_and_shown(void **state) {
    struct world *world = reader();

    (void)state;
    mark(world, 1, "general", 3);
    expect(world, "1 ack general <r1>\n");
    expect_read(world, "joined general 1..5 of 1 read 3 <j2>");
    ask(world, 1, .kind = REQUEST_ROOMS, .cid = SLICE("l1"));
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 rooms [general/5/1/read 3] <l1>\n"
                  "1 resume\n");
    world_free(world);
}

static void a_mark_never_goes_back_nor_past_the_end(void **state) {
    struct world *world = reader();

    (void)state;
    mark(world, 1, "general", 4);
    mark(world, 1, "general", 2);
    expect_read(world, " read 4 ");
    mark(world, 1, "general", 77);
    expect_read(world, " read 5 ");
    mark(world, 1, "general", 0);
    expect_read(world, " read 5 ");
    world_free(world);
}

static void only_rooms_one_is_in_are_marked(void **state) {
    struct world *world = reader();

    (void)state;
    mark(world, 1, "random", 1);
    mark(world, 1, "@ann,bob", 1);
    mark(world, 1, "", 1);
    expect(world, "1 error not_found <r1>\n1 error not_found <r1>\n1 error bad_request <r1>\n");
    world_free(world);
}

static void a_mark_is_written_seconds_later_and_once(void **state) {
    struct world *world = reader();

    (void)state;
    world_show_store(world, true);
    mark(world, 1, "general", 2);
    mark(world, 1, "general", 3);
    world_pass(world, 4 * SECOND_US);
    mark(world, 1, "general", 4);
    assert_false(world_saw(world, "store mark"));
    world_forget(world);
    world_pass(world, 2 * SECOND_US);
    expect(world, "store mark \n");
    world_pass(world, 60 * SECOND_US);
    expect(world, "");
    world_show_store(world, false);
    world_free(world);
}

static void marks_come_back_with_the_session_after_a_restart(void **state) {
    struct world *world = reader();

    (void)state;
    mark(world, 1, "general", 3);
    quit(world, 1);
    world_settle(world);
    world_restart(world);
    world_forget(world);
    world_open(world, 2, V1);
    world_open(world, 3, V1);
    come_back(world, 2, 1, "ann");
    hello(world, 3, "bob");
    join(world, 2, "general", "j2");
    join(world, 3, "general", "j3");
    world_settle(world);
    assert_true(world_saw(world, "2 joined general 1..5 of 1 read 3 <j2>"));
    assert_true(world_saw(world, "3 joined general 1..5 of 2 <j3>"));
    world_forget(world);
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_is_acknowledged_and_shown),
        cmocka_unit_test(a_mark_never_goes_back_nor_past_the_end),
        cmocka_unit_test(only_rooms_one_is_in_are_marked),
        cmocka_unit_test(a_mark_is_written_seconds_later_and_once),
        cmocka_unit_test(marks_come_back_with_the_session_after_a_restart),
    };
    return cmocka_run_group_tests_name("hub_marks", tests, NULL, NULL);
}
