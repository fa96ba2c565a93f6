/* Who may search what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "hub_world.h"

#define find(world, connection, ...)                                                               \
    ask(world, connection, .kind = REQUEST_SEARCH, .content = SLICE("tea"), .cid = SLICE("s1"),    \
        __VA_ARGS__)

/* ann, bob and eve; ann and bob have talked to each other. */
static struct world *three(void) {
    struct world *world = world_new(NULL);

    world_open(world, 1, V1);
    world_open(world, 2, V1);
    world_open(world, 3, V1);
    hello(world, 1, "ann");
    hello(world, 2, "bob");
    hello(world, 3, "eve");
    world_settle(world);
    tell(world, 1, "bob", "tea?");
    world_settle(world);
    world_forget(world);
    return world;
}

static void all_that_may_be_read_is_public_rooms_and_ones_own(void **state) {
    struct world *world = three();

    (void)state;
    find(world, 1);
    find(world, 2);
    find(world, 3);
    expect(world, "1 search 'tea' in public rooms @ann,bob\n"
                  "2 search 'tea' in public rooms @ann,bob\n"
                  "3 search 'tea' in public rooms\n");
    world_free(world);
}

static void rooms_that_are_named_are_the_only_ones(void **state) {
    struct world *world = three();
    struct slice rooms[] = {SLICE("General"), SLICE("@ann,bob")};

    (void)state;
    find(world, 1, .rooms = rooms, .room_count = 2);
    expect(world, "1 search 'tea' in General @ann,bob\n");
    world_free(world);
}

static void a_room_of_others_does_not_exist(void **state) {
    struct world *world = three();
    struct slice rooms[] = {SLICE("general"), SLICE("@ann,bob")};
    struct slice ready[] = {SLICE("$ready")};
    struct slice invalid[] = {SLICE("no room")};
    struct slice none[] = {SLICE("")};

    (void)state;
    find(world, 3, .rooms = rooms, .room_count = 2);
    find(world, 3, .rooms = ready, .room_count = 1);
    find(world, 3, .rooms = invalid, .room_count = 1);
    find(world, 3, .rooms = none, .room_count = 1);
    expect(world, "3 error not_found <s1>\n3 error not_found <s1>\n"
                  "3 error bad_request <s1>\n3 error bad_request <s1>\n");
    world_free(world);
}

static void too_many_rooms_and_pages_are_refused(void **state) {
    struct world *world = three();
    struct slice rooms[LIMIT_SEARCH_ROOMS + 1];

    (void)state;
    for (size_t i = 0; i <= LIMIT_SEARCH_ROOMS; i++) {
        rooms[i] = SLICE("general");
    }
    find(world, 1, .rooms = rooms, .room_count = LIMIT_SEARCH_ROOMS + 1);
    assert_true(world_saw(world, "1 error too_many"));
    world_forget(world);
    find(world, 1, .offset = LIMIT_SEARCH_OFFSET + 1);
    assert_true(world_saw(world, "1 error too_many"));
    world_forget(world);
    world_free(world);
}

static void before_hello_nothing_is_searched(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, V1);
    find(world, 1);
    expect(world, "1 error unauthorized (Say hello first) <s1>\n");
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_may_be_read_is_public_rooms_and_ones_own),
        cmocka_unit_test(rooms_that_are_named_are_the_only_ones),
        cmocka_unit_test(a_room_of_others_does_not_exist),
        cmocka_unit_test(too_many_rooms_and_pages_are_refused),
        cmocka_unit_test(before_hello_nothing_is_searched),
    };
    return cmocka_run_group_tests_name("hub_search", tests, NULL, NULL);
}
