#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/ulid.h"

static void the_time_is_written_as_the_specification_says(void **state) {
    (void)state;
    struct ulid_source source;
    char id[ENTRY_ID_LENGTH + 1];
    ulid_source_init(&source, 1);
    /* The example of the specification: 1469918176385 ms is 01ARYZ6S41. */
    ulid_next(&source, 1469918176385000, id);
    assert_memory_equal(id, "01ARYZ6S41", 10);
    assert_int_equal(strlen(id), ENTRY_ID_LENGTH);
    assert_int_equal(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), ENTRY_ID_LENGTH);
}

static void random_bits_are_written_most_significant_first(void **state) {
    (void)state;
    struct ulid_source source;
    char id[ENTRY_ID_LENGTH + 1];
    ulid_source_init(&source, 1);
    source.time_ms = 1;
    source.high = 0x8000;
    source.low = 0x1F; /* counted up to 0x20 */
    ulid_next(&source, 1000, id);
    assert_string_equal(id, "0000000001G000000000000010");
}

static void each_is_greater_than_the_one_before(void **state) {
    (void)state;
    struct ulid_source source;
    char id[ENTRY_ID_LENGTH + 1], former[ENTRY_ID_LENGTH + 1] = "";
    ulid_source_init(&source, 1);
    for (int64_t i = 0; i < 5000; i++) {
        /* Three in a millisecond, and the clock goes back now and then. */
        ulid_next(&source, 1700000000000000 + i * 333 - i % 100 * 1000, id);
        assert_true(strcmp(former, id) < 0);
        memcpy(former, id, sizeof(id));
    }
}

static void counting_up_carries_into_the_next_millisecond(void **state) {
    (void)state;
    struct ulid_source source;
    char id[ENTRY_ID_LENGTH + 1];
    ulid_source_init(&source, 1);
    source.time_ms = 7;
    source.high = UINT16_MAX;
    source.low = UINT64_MAX;
    ulid_next(&source, 7000, id);
    assert_string_equal(id, "00000000080000000000000000");
}

static void the_same_seed_gives_the_same_ids(void **state) {
    (void)state;
    struct ulid_source one, other;
    char first[ENTRY_ID_LENGTH + 1], second[ENTRY_ID_LENGTH + 1];
    ulid_source_init(&one, 5);
    ulid_source_init(&other, 5);
    ulid_next(&one, 1000000, first);
    ulid_next(&other, 1000000, second);
    assert_string_equal(first, second);
    ulid_source_init(&other, 6);
    ulid_next(&other, 1000000, second);
    assert_string_not_equal(first, second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_is_written_as_the_specification_says),
        cmocka_unit_test(random_bits_are_written_most_significant_first),
        cmocka_unit_test(each_is_greater_than_the_one_before),
        cmocka_unit_test(counting_up_carries_into_the_next_millisecond),
        cmocka_unit_test(the_same_seed_gives_the_same_ids),
    };
    return cmocka_run_group_tests_name("ulid", tests, NULL, NULL);
}
