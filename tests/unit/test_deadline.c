#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/deadline.h"

static void nothing_is_due_before_its_time(void **state) {
    struct deadline_queue queue = {0};
    struct deadline one = {0};

    (void)state;
    deadline_set(&queue, &one, 100);
    assert_null(deadline_take(&queue, 99));
    assert_ptr_equal(deadline_take(&queue, 100), &one);
    assert_null(deadline_take(&queue, 1000));
}

static void deadlines_come_in_the_order_they_were_set(void **state) {
    struct deadline_queue queue = {0};
    struct deadline deadlines[3] = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        deadline_set(&queue, &deadlines[i], 50);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(deadline_take(&queue, 50), &deadlines[i]);
}

static void a_shorter_delay_comes_late_but_never_early(void **state) {
    struct deadline_queue queue = {0};
    struct deadline longer = {0}, shorter = {0};

    (void)state;
    deadline_set(&queue, &longer, 100);
    deadline_set(&queue, &shorter, 20);
    assert_null(deadline_take(&queue, 20));
    assert_ptr_equal(deadline_take(&queue, 100), &longer);
    assert_ptr_equal(deadline_take(&queue, 100), &shorter);
}

static void a_dropped_deadline_never_comes(void **state) {
    struct deadline_queue queue = {0};
    struct deadline first = {0}, second = {0};
    uint64_t due_ms = 0;

    (void)state;
    deadline_set(&queue, &first, 10);
    deadline_set(&queue, &second, 20);
    deadline_drop(&queue, &first);
    assert_true(deadline_next(&queue, &due_ms));
    assert_int_equal(due_ms, 20);
    assert_ptr_equal(deadline_take(&queue, 30), &second);
    assert_false(deadline_next(&queue, &due_ms));
}

static void a_taken_deadline_can_be_set_again(void **state) {
    struct deadline_queue queue = {0};
    struct deadline one = {0};

    (void)state;
    for (uint64_t due_ms = 10; due_ms < 50; due_ms += 10) {
        deadline_set(&queue, &one, due_ms);
        assert_ptr_equal(deadline_take(&queue, due_ms), &one);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_before_its_time),
        cmocka_unit_test(deadlines_come_in_the_order_they_were_set),
        cmocka_unit_test(a_shorter_delay_comes_late_but_never_early),
        cmocka_unit_test(a_dropped_deadline_never_comes),
        cmocka_unit_test(a_taken_deadline_can_be_set_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
