/* How many are in a room on other nodes: what is published and what is answered come by two
 * connections, so an answer may be older than what was heard before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "store/redis_keeper.h"

#define ANN "aaaaaaaaaaaaaaaa" /* nodes */
#define BOB "bbbbbbbbbbbbbbbb"
#define OWN "oooooooooooooooo"

struct fixture {
    struct redis_keeper keeper;
    struct redis_room room; /* not followed: nobody is told */
};

static struct fixture *fixture_new(void) {
    struct fixture *fixture = memory_new_struct(struct fixture);

    memcpy(fixture->keeper.node, OWN, sizeof(OWN));
    nodes_heard(&fixture->keeper, SLICE(ANN));
    nodes_heard(&fixture->keeper, SLICE(BOB));
    fixture->room.keeper = &fixture->keeper;
    return fixture;
}

static void fixture_free(struct fixture *fixture) {
    members_free(&fixture->room);
    memory_free(fixture);
}

/* The answer knows of so many on each; 0: it does not know the node. */
static void answer(struct fixture *fixture, int64_t ann, int64_t bob) {
    struct redis_reply items[6];
    struct redis_reply reply = {.kind = REDIS_ARRAY, .items = items};
    const struct redis_reply known[] = {
        {.kind = REDIS_BULK, .text = SLICE(OWN)}, {.kind = REDIS_INTEGER, .integer = 7},
        {.kind = REDIS_BULK, .text = SLICE(ANN)}, {.kind = REDIS_INTEGER, .integer = ann},
        {.kind = REDIS_BULK, .text = SLICE(BOB)}, {.kind = REDIS_INTEGER, .integer = bob},
    };

    for (size_t i = 0; i < 6; i += 2) {
        if (known[i + 1].integer > 0) {
            items[reply.count++] = known[i];
            items[reply.count++] = known[i + 1];
        }
    }
    members_counts(&fixture->room, &reply, 0);
}

static void an_answer_says_how_many_are_elsewhere(void **state) {
    struct fixture *fixture = fixture_new();

    (void)state;
    members_asked(&fixture->room);
    answer(fixture, 2, 3);
    assert_int_equal(members_elsewhere(&fixture->room), 5);
    members_asked(&fixture->room);
    answer(fixture, 0, 4);
    assert_int_equal(members_elsewhere(&fixture->room), 4);
    fixture_free(fixture);
}

static void what_was_heard_since_it_was_asked_is_newer(void **state) {
    struct fixture *fixture = fixture_new();

    (void)state;
    members_asked(&fixture->room);
    members_count(&fixture->room, SLICE(ANN), 2);
    answer(fixture, 1, 3);
    assert_int_equal(members_elsewhere(&fixture->room), 5);
    members_count(&fixture->room, SLICE(BOB), 0);
    members_asked(&fixture->room);
    members_count(&fixture->room, SLICE(ANN), 4);
    answer(fixture, 0, 1);
    assert_int_equal(members_elsewhere(&fixture->room), 5);
    fixture_free(fixture);
}

static void what_was_heard_before_it_was_asked_is_older(void **state) {
    struct fixture *fixture = fixture_new();

    (void)state;
    members_count(&fixture->room, SLICE(ANN), 2);
    members_count(&fixture->room, SLICE(OWN), 9);
    members_asked(&fixture->room);
    answer(fixture, 0, 3);
    assert_int_equal(members_elsewhere(&fixture->room), 3);
    fixture_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_says_how_many_are_elsewhere),
        cmocka_unit_test(what_was_heard_since_it_was_asked_is_newer),
        cmocka_unit_test(what_was_heard_before_it_was_asked_is_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
