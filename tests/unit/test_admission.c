#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/admission.h"

#define SECOND_US INT64_C(1000000)

static void set_up(struct admission *admission, size_t limit, size_t limit_per_address) {
    admission_init(admission,
                   &(struct admission_limits){.connections = limit,
                                              .connections_per_address = limit_per_address},
                   1);
}

static enum admission_answer enter_at(struct admission *admission, const char *text, int64_t now_us,
                                      struct admission_address **kept) {
    enum admission_answer answer = admission_enter(admission);
    struct address16 address;

    assert_int_equal(address16_parse(slice_of_string(text), &address), 0);
    *kept = NULL;
    if (answer != ADMISSION_GRANTED)
        return answer;
    answer = admission_identify(admission, &address, now_us, kept);
    if (answer != ADMISSION_GRANTED)
        admission_leave(admission, NULL);
    return answer;
}

static enum admission_answer enter(struct admission *admission, const char *text,
                                   struct admission_address **kept) {
    return enter_at(admission, text, SECOND_US, kept);
}

static void no_limit_admits_everybody(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    set_up(&admission, 0, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(enter(&admission, "192.0.2.1", &kept), ADMISSION_GRANTED);
    assert_int_equal(admission.count, 1000);
    admission_close(&admission);
}

static void the_whole_is_limited_until_somebody_leaves(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    set_up(&admission, 2, 0);
    assert_int_equal(enter(&admission, "192.0.2.1", &kept), ADMISSION_GRANTED);
    assert_int_equal(enter(&admission, "192.0.2.2", &kept), ADMISSION_GRANTED);
    assert_int_equal(enter(&admission, "192.0.2.3", &kept), ADMISSION_FULL);
    admission_leave(&admission, kept);
    assert_int_equal(enter(&admission, "192.0.2.3", &kept), ADMISSION_GRANTED);
    admission_close(&admission);
}

static void each_address_is_limited_by_itself(void **state) {
    struct admission admission;
    struct admission_address *first, *other, *none;

    (void)state;
    set_up(&admission, 0, 1);
    assert_int_equal(enter(&admission, "192.0.2.1", &first), ADMISSION_GRANTED);
    assert_int_equal(enter(&admission, "192.0.2.1", &none), ADMISSION_ADDRESS_FULL);
    assert_int_equal(enter(&admission, "192.0.2.2", &other), ADMISSION_GRANTED);
    admission_leave(&admission, first);
    assert_int_equal(enter(&admission, "192.0.2.1", &first), ADMISSION_GRANTED);
    assert_int_equal(admission.count, 2);
    admission_close(&admission);
}

static void mapped_addresses_count_as_the_ipv4_they_are(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    set_up(&admission, 0, 1);
    assert_int_equal(enter(&admission, "192.0.2.1", &kept), ADMISSION_GRANTED);
    assert_int_equal(enter(&admission, "::ffff:192.0.2.1", &kept), ADMISSION_ADDRESS_FULL);
    assert_int_equal(enter(&admission, "::ffff:192.0.2.2", &kept), ADMISSION_GRANTED);
    admission_close(&admission);
}

static void ipv6_is_counted_by_its_64_bit_prefix(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    set_up(&admission, 0, 1);
    assert_int_equal(enter(&admission, "2001:db8:0:1::1", &kept), ADMISSION_GRANTED);
    assert_int_equal(enter(&admission, "2001:db8:0:1:ffff::2", &kept), ADMISSION_ADDRESS_FULL);
    assert_int_equal(enter(&admission, "2001:db8:0:2::1", &kept), ADMISSION_GRANTED);
    admission_close(&admission);
}

static void who_is_never_identified_is_limited_by_the_whole_alone(void **state) {
    struct admission admission;

    (void)state;
    set_up(&admission, 3, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(admission_enter(&admission), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(&admission), ADMISSION_FULL);
    admission_leave(&admission, NULL);
    assert_int_equal(admission_enter(&admission), ADMISSION_GRANTED);
    admission_close(&admission);
}

static void an_address_that_connects_too_often_is_refused_until_a_while_has_passed(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    set_up(&admission, 0, 0);
    admission.limits.rate_per_address = 60;
    for (int i = 0; i < 60; i++) {
        assert_int_equal(enter(&admission, "192.0.2.1", &kept), ADMISSION_GRANTED);
        admission_leave(&admission, kept);
    }
    assert_int_equal(enter(&admission, "192.0.2.1", &kept), ADMISSION_TOO_OFTEN);
    assert_int_equal(enter(&admission, "192.0.2.2", &kept), ADMISSION_GRANTED);
    assert_int_equal(enter_at(&admission, "192.0.2.1", 2 * SECOND_US, &kept), ADMISSION_GRANTED);
    assert_int_equal(enter_at(&admission, "192.0.2.1", 2 * SECOND_US, &kept), ADMISSION_TOO_OFTEN);
    assert_int_equal(admission.count, 2);
    admission_close(&admission);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_admits_everybody),
        cmocka_unit_test(the_whole_is_limited_until_somebody_leaves),
        cmocka_unit_test(each_address_is_limited_by_itself),
        cmocka_unit_test(mapped_addresses_count_as_the_ipv4_they_are),
        cmocka_unit_test(ipv6_is_counted_by_its_64_bit_prefix),
        cmocka_unit_test(who_is_never_identified_is_limited_by_the_whole_alone),
        cmocka_unit_test(an_address_that_connects_too_often_is_refused_until_a_while_has_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
