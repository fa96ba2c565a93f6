#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/admission.h"

static struct endpoint_address address_of(const char *text) {
    struct endpoint_address address = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        memcpy(&address.storage, &four, sizeof(four));
    } else if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
        memcpy(&address.storage, &six, sizeof(six));
        address.length = sizeof(six);
    } else {
        address.storage.ss_family = AF_UNIX;
    }
    return address;
}

static enum admission_answer enter(struct admission *admission, const char *text,
                                   struct admission_address **kept) {
    struct endpoint_address address = address_of(text);

    return admission_enter(admission, &address, kept);
}

static void no_limit_admits_everybody(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    admission_init(&admission, 0, 0, 1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(enter(&admission, "192.0.2.1", &kept), ADMISSION_GRANTED);
    assert_int_equal(admission.count, 1000);
    admission_close(&admission);
}

static void the_whole_is_limited_until_somebody_leaves(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    admission_init(&admission, 2, 0, 1);
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
    admission_init(&admission, 0, 1, 1);
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
    admission_init(&admission, 0, 1, 1);
    assert_int_equal(enter(&admission, "192.0.2.1", &kept), ADMISSION_GRANTED);
    assert_int_equal(enter(&admission, "::ffff:192.0.2.1", &kept), ADMISSION_ADDRESS_FULL);
    assert_int_equal(enter(&admission, "::ffff:192.0.2.2", &kept), ADMISSION_GRANTED);
    admission_close(&admission);
}

static void ipv6_is_counted_by_its_64_bit_prefix(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    admission_init(&admission, 0, 1, 1);
    assert_int_equal(enter(&admission, "2001:db8:0:1::1", &kept), ADMISSION_GRANTED);
    assert_int_equal(enter(&admission, "2001:db8:0:1:ffff::2", &kept), ADMISSION_ADDRESS_FULL);
    assert_int_equal(enter(&admission, "2001:db8:0:2::1", &kept), ADMISSION_GRANTED);
    admission_close(&admission);
}

static void socket_files_are_exempt(void **state) {
    struct admission admission;
    struct admission_address *kept;

    (void)state;
    admission_init(&admission, 0, 1, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(enter(&admission, "unix", &kept), ADMISSION_GRANTED);
    assert_null(kept);
    admission_close(&admission);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_admits_everybody),
        cmocka_unit_test(the_whole_is_limited_until_somebody_leaves),
        cmocka_unit_test(each_address_is_limited_by_itself),
        cmocka_unit_test(mapped_addresses_count_as_the_ipv4_they_are),
        cmocka_unit_test(ipv6_is_counted_by_its_64_bit_prefix),
        cmocka_unit_test(socket_files_are_exempt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
