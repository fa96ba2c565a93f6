/* The simulator finds no broken rule, and the same seed is the same run. Longer: make sim. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sim/world.h"

/* What takes about a quarter of a minute. */
#ifdef __SANITIZE_ADDRESS__
#define SEEDS 40
#else
#define SEEDS 500
#endif
#define SECONDS 10
#define TRACE_SHOWN 40

static struct world_result run(uint64_t seed) {
    struct trace_ring *ring = memory_new_struct(struct trace_ring);
    struct world_options options = {.seed = seed, .seconds = SECONDS, .ring = ring};
    struct world_result result;
    world_run(&options, &result);
    if (result.broken) {
        trace_print(ring, TRACE_SHOWN, stderr);
        fprintf(stderr, "%s\nOnce more: banter-sim --seed %" PRIu64 " --seconds %d --echo\n",
                result.rule, seed, SECONDS);
    }
    memory_free(ring);
    return result;
}

static void no_rule_is_broken(void **state) {
    (void)state;
    uint64_t entries = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_result result = run(seed);
        assert_false(result.broken);
        entries += result.entries;
    }
    assert_true(entries > SEEDS * 50); /* they did talk */
}

/* The rules would notice servers that do not read what they were not told of. */
static void holes_that_are_not_filled_are_found(void **state) {
    bool broken = false;

    (void)state;
    for (uint64_t seed = 1; seed <= 10 && !broken; seed++) {
        struct trace_ring *ring = memory_new_struct(struct trace_ring);
        struct world_options options = {
            .seed = seed, .seconds = 60, .server_count = 2, .ignores_holes = true, .ring = ring};
        struct world_result result;
        world_run(&options, &result);
        broken = result.broken;
        memory_free(ring);
    }
    assert_true(broken);
}

static void the_same_seed_is_the_same_run(void **state) {
    (void)state;
    for (uint64_t seed = 1001; seed <= 1005; seed++) {
        struct world_result first = run(seed), second = run(seed);
        assert_true(first.digest == second.digest);
        assert_int_equal(first.events, second.events);
    }
}

static void another_seed_is_another_run(void **state) {
    (void)state;
    assert_true(run(1001).digest != run(1002).digest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_that_are_not_filled_are_found),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(another_seed_is_another_run),
        cmocka_unit_test(no_rule_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
