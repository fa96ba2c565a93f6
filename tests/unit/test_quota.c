/* Buckets of tokens, and the table that holds them: exact in time, bounded in memory, and not to be
 * emptied by whoever has something to pay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/quota.h"

#define SECOND INT64_C(1000000)
#define START (INT64_C(1770000000) * SECOND)

static const struct quota_rule twenty_a_minute = {20, 60};

/* Takes one if there is one; returns the wait. */
static unsigned take(struct quota_bucket *bucket, struct quota_rule rule, int64_t now_us) {
    unsigned wait_ms = quota_wait(bucket, rule, 1, now_us);

    if (wait_ms == 0) {
        quota_spend(bucket, rule, 1, now_us);
    }
    return wait_ms;
}

static void as_much_as_a_period_grants_can_be_had_at_once(void **state) {
    struct quota_bucket bucket = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(take(&bucket, twenty_a_minute, START), 0);
    }
    assert_int_equal(take(&bucket, twenty_a_minute, START), 3000);
    assert_int_equal(take(&bucket, twenty_a_minute, START + 2999 * 1000), 1);
    assert_int_equal(take(&bucket, twenty_a_minute, START + 3 * SECOND), 0);
    assert_int_equal(take(&bucket, twenty_a_minute, START + 3 * SECOND), 3000);
}

static void what_is_refused_costs_nothing(void **state) {
    struct quota_bucket bucket = {0};

    (void)state;
    quota_spend(&bucket, twenty_a_minute, 20, START);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(take(&bucket, twenty_a_minute, START + SECOND), 2000);
    }
    assert_int_equal(take(&bucket, twenty_a_minute, START + 3 * SECOND), 0);
}

static void it_is_full_again_after_a_period_and_never_more_than_full(void **state) {
    struct quota_bucket bucket = {0};

    (void)state;
    quota_spend(&bucket, twenty_a_minute, 20, START);
    assert_int_equal(quota_wait(&bucket, twenty_a_minute, 20, START + 59 * SECOND), 1000);
    assert_int_equal(quota_wait(&bucket, twenty_a_minute, 20, START + 60 * SECOND), 0);
    quota_spend(&bucket, twenty_a_minute, 20, START + 3600 * SECOND);
    assert_int_equal(quota_wait(&bucket, twenty_a_minute, 1, START + 3600 * SECOND), 3000);
}

static void more_than_it_holds_needs_a_full_one(void **state) {
    struct quota_bucket bucket = {0};

    (void)state;
    assert_int_equal(quota_wait(&bucket, twenty_a_minute, 1000000, START), 0);
    quota_spend(&bucket, twenty_a_minute, 1, START);
    assert_int_equal(quota_wait(&bucket, twenty_a_minute, UINT64_MAX, START), 3000);
}

static void without_an_amount_there_is_no_limit(void **state) {
    struct quota_rule none = {0, 60};
    struct quota_bucket bucket = {0};

    (void)state;
    quota_spend(&bucket, none, UINT64_MAX, START);
    assert_int_equal(quota_wait(&bucket, none, UINT64_MAX, START), 0);
}

static void large_amounts_are_exact(void **state) {
    struct quota_rule bytes = {1u << 30, 3600};
    struct quota_bucket bucket = {0};

    (void)state;
    quota_spend(&bucket, bytes, 1u << 29, START);
    assert_int_equal(quota_wait(&bucket, bytes, 1u << 30, START), 1800 * 1000);
    assert_int_equal(quota_wait(&bucket, bytes, 1u << 29, START), 0);
}

static struct slice key_of(uint32_t *number) {
    return slice_from(number, sizeof(*number));
}

/* One thing asked for by this key, whose first bucket it is taken from. */
static unsigned ask(struct quota_table *table, uint32_t number, int64_t now_us) {
    return take(quota_table_find(table, key_of(&number), now_us), twenty_a_minute, now_us);
}

static void exhaust(struct quota_table *table, uint32_t number, int64_t now_us) {
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask(table, number, now_us), 0);
    }
    assert_int_equal(ask(table, number, now_us), 3000);
}

static void keys_and_kinds_are_kept_apart(void **state) {
    struct quota_table *table = quota_table_new(10, 3, 7);
    uint32_t key = 1;

    (void)state;
    exhaust(table, 1, START);
    assert_int_equal(ask(table, 2, START), 0);
    struct quota_bucket *buckets = quota_table_find(table, key_of(&key), START);

    assert_int_equal(quota_wait(&buckets[0], twenty_a_minute, 1, START), 3000);
    assert_int_equal(quota_wait(&buckets[1], twenty_a_minute, 20, START), 0);
    assert_int_equal(quota_wait(&buckets[2], twenty_a_minute, 20, START), 0);
    quota_table_free(table);
}

static void nobody_is_forgotten_for_the_sake_of_others_while_they_owe(void **state) {
    struct quota_table *table = quota_table_new(1000, 1, 7);

    (void)state;
    exhaust(table, 0, START);
    for (uint32_t other = 1; other < 100000; other++) {
        ask(table, other, START + SECOND);
    }
    assert_int_equal(quota_table_count(table), 1000);
    assert_int_equal(ask(table, 0, START + SECOND), 2000);
    quota_table_free(table);
}

static void newcomers_share_while_the_table_is_full(void **state) {
    struct quota_table *table = quota_table_new(1000, 1, 7);
    unsigned granted = 0, known = 0;

    (void)state;
    for (uint32_t key = 0; key < 1000; key++) {
        assert_int_equal(ask(table, key, START), 0);
    }
    for (uint32_t key = 1000; key < 101000; key++) {
        granted += ask(table, key, START) == 0;
    }
    assert_true(granted > 0);
    assert_true(granted <= 64 * 20);
    for (uint32_t key = 0; key < 1000; key++) {
        known += ask(table, key, START) == 0;
    }
    assert_int_equal(known, 1000); /* those who were there first have lost nothing */
    quota_table_free(table);
}

static void who_owes_nothing_makes_way(void **state) {
    struct quota_table *table = quota_table_new(1000, 1, 7);

    (void)state;
    for (uint32_t key = 0; key < 1000; key++) {
        ask(table, key, START);
    }
    exhaust(table, 5, START + 3 * SECOND); /* the others are even by now */
    for (uint32_t key = 1000; key < 1999; key++) {
        exhaust(table, key, START + 3 * SECOND);
    }
    assert_int_equal(quota_table_count(table), 1000);
    assert_int_equal(ask(table, 5, START + 3 * SECOND), 3000);
    quota_table_free(table);
}

static void a_sweep_forgets_those_who_owe_nothing(void **state) {
    struct quota_table *table = quota_table_new(1000, 1, 7);

    (void)state;
    for (uint32_t key = 0; key < 900; key++) {
        ask(table, key, START);
    }
    exhaust(table, 900, START);
    for (int i = 0; i < 10; i++) {
        quota_table_sweep(table, START + 3 * SECOND);
    }
    assert_int_equal(quota_table_count(table), 1);
    assert_int_equal(ask(table, 900, START + 59 * SECOND), 0);
    quota_table_free(table);
}

static void any_bytes_are_a_key(void **state) {
    struct quota_table *table = quota_table_new(10, 2, 7);

    (void)state;
    struct quota_bucket *empty = quota_table_find(table, SLICE_NONE, START);

    quota_spend(empty, twenty_a_minute, 20, START);
    assert_int_equal(take(quota_table_find(table, SLICE("\0"), START), twenty_a_minute, START), 0);
    assert_int_equal(take(quota_table_find(table, SLICE_NONE, START), twenty_a_minute, START),
                     3000);
    quota_table_free(table);
    quota_table_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_much_as_a_period_grants_can_be_had_at_once),
        cmocka_unit_test(what_is_refused_costs_nothing),
        cmocka_unit_test(it_is_full_again_after_a_period_and_never_more_than_full),
        cmocka_unit_test(more_than_it_holds_needs_a_full_one),
        cmocka_unit_test(without_an_amount_there_is_no_limit),
        cmocka_unit_test(large_amounts_are_exact),
        cmocka_unit_test(keys_and_kinds_are_kept_apart),
        cmocka_unit_test(nobody_is_forgotten_for_the_sake_of_others_while_they_owe),
        cmocka_unit_test(newcomers_share_while_the_table_is_full),
        cmocka_unit_test(who_owes_nothing_makes_way),
        cmocka_unit_test(a_sweep_forgets_those_who_owe_nothing),
        cmocka_unit_test(any_bytes_are_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
