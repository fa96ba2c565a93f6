/* Pools and slim lists: what is given out is zeroed and nobody else's, whatever was freed before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/pool.h"
#include "base/rng.h"

#define ITEMS 5000 /* several regions */
#define STEPS 200000

struct item {
    uint64_t marks[30];
};

static void mark(struct item *item, uint64_t number) {
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(item->marks[i], 0);
        item->marks[i] = number;
    }
}

static void check(const struct item *item, uint64_t number) {
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(item->marks[i], number);
    }
}

static void everybody_has_zeroed_memory_of_their_own(void **state) {
    static struct item *items[ITEMS];
    struct pool pool;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    pool_open(&pool, sizeof(struct item));
    for (size_t step = 0; step < STEPS; step++) {
        size_t at = rng_below(&rng, ITEMS);
        bool filling = step / 20000 % 2 == 0; /* tides */

        if (items[at] == NULL && filling) {
            items[at] = pool_new(&pool);
            mark(items[at], at + 1);
        } else if (items[at] != NULL && (!filling || rng_below(&rng, 4) == 0)) {
            check(items[at], at + 1);
            pool_free(&pool, items[at]);
            items[at] = NULL;
        }
    }
    for (size_t i = 0; i < ITEMS; i++) {
        pool_free(&pool, items[i]);
    }
    pool_close(&pool);
}

static void one_that_was_freed_can_be_had_again(void **state) {
    struct pool pool;

    (void)state;
    pool_open(&pool, 8);
    pool_free(&pool, NULL);
    for (int i = 0; i < 100000; i++) {
        uint64_t *number = pool_new(&pool);

        assert_int_equal(*number, 0);
        *number = UINT64_MAX;
        pool_free(&pool, number);
    }
    pool_close(&pool);
}

static void a_slim_list_keeps_its_order(void **state) {
    struct list_node nodes[4] = {0};
    struct slim_list list = {0};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        slim_list_append(&list, &nodes[i]);
        assert_ptr_equal(slim_list_last(&list), &nodes[i]);
    }
    assert_null(slim_list_before(&list, &nodes[0]));
    assert_ptr_equal(slim_list_before(&list, &nodes[3]), &nodes[2]);
    slim_list_remove(&list, &nodes[1]); /* in the middle */
    assert_ptr_equal(nodes[0].next, &nodes[2]);
    assert_ptr_equal(slim_list_before(&list, &nodes[2]), &nodes[0]);
    slim_list_remove(&list, &nodes[3]); /* the last */
    assert_ptr_equal(slim_list_last(&list), &nodes[2]);
    assert_null(nodes[2].next);
    slim_list_append(&list, &nodes[1]);
    assert_ptr_equal(slim_list_take_first(&list), &nodes[0]);
    assert_ptr_equal(slim_list_take_first(&list), &nodes[2]);
    assert_ptr_equal(slim_list_last(&list), &nodes[1]);
    assert_ptr_equal(slim_list_take_first(&list), &nodes[1]);
    assert_true(slim_list_empty(&list));
    assert_null(slim_list_last(&list));
    assert_null(slim_list_take_first(&list));
    slim_list_append(&list, &nodes[0]); /* all of them can be in a list again */
    assert_ptr_equal(list.first, &nodes[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_has_zeroed_memory_of_their_own),
        cmocka_unit_test(one_that_was_freed_can_be_had_again),
        cmocka_unit_test(a_slim_list_keeps_its_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
