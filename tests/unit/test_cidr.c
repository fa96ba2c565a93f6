#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cidr.h"

static bool contains(const char *range, const char *text) {
    struct address16 address;
    struct cidr cidr;

    assert_int_equal(cidr_parse(slice_of_string(range), &cidr), 0);
    assert_int_equal(address16_parse(slice_of_string(text), &address), 0);
    return cidr_contains(&cidr, &address);
}

static void a_range_has_the_addresses_of_its_prefix_only(void **state) {
    (void)state;
    assert_true(contains("192.0.2.0/24", "192.0.2.0"));
    assert_true(contains("192.0.2.0/24", "192.0.2.255"));
    assert_false(contains("192.0.2.0/24", "192.0.3.0"));
    assert_true(contains("10.32.0.0/11", "10.63.255.255"));
    assert_false(contains("10.32.0.0/11", "10.64.0.0"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
}

static void an_address_alone_is_a_range_of_one(void **state) {
    (void)state;
    assert_true(contains("127.0.0.1", "127.0.0.1"));
    assert_false(contains("127.0.0.1", "127.0.0.2"));
    assert_true(contains("::1", "::1"));
    assert_false(contains("::1", "::2"));
}

static void an_ipv4_address_is_the_same_mapped_into_ipv6(void **state) {
    (void)state;
    assert_true(contains("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert_true(contains("::ffff:192.0.2.0/120", "192.0.2.9"));
    assert_true(contains("::ffff:0:0/96", "8.8.8.8"));
}

static void each_familys_everything_leaves_the_other_out(void **state) {
    (void)state;
    assert_true(contains("0.0.0.0/0", "255.255.255.255"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("::/0", "2001:db8::1"));
    assert_false(contains("::/0", "192.0.2.1"));
}

static void customers_are_told_apart_by_half_of_ipv6_and_all_of_ipv4(void **state) {
    static const struct {
        const char *one, *other;
        bool same;
    } cases[] = {
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address16 one, other;

        assert_int_equal(address16_parse(slice_of_string(cases[i].one), &one), 0);
        assert_int_equal(address16_parse(slice_of_string(cases[i].other), &other), 0);
        assert_int_equal(slice_equal(address16_customer(&one), address16_customer(&other)),
                         cases[i].same);
    }
}

static void what_is_no_range_is_refused(void **state) {
    static const char *const wrong[] = {
        "",
        "/",
        "/8",
        "192.0.2.0/",
        "192.0.2.0/33",
        "192.0.2/24",
        "192.0.2.1/24",
        "::/129",
        "::1/64",
        "192.0.2.0/24/8",
        "localhost",
        "192.0.2.0/-1",
        "fe80::1%lo",
        "[::1]",
        "192.0.2.0 /24",
        "192.0.2.1:80",
        "1::2::3",
        "192.0.2.0/8x",
        "256.0.0.0/8",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    struct cidr cidr;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(cidr_parse(slice_of_string(wrong[i]), &cidr), ERR_BAD_REQUEST);
    assert_int_equal(cidr_parse(SLICE("::1\0.example"), &cidr), ERR_BAD_REQUEST);
}

static void an_address_is_written_as_people_do(void **state) {
    char text[ADDRESS_TEXT_LENGTH + 1];
    struct address16 address;

    (void)state;
    assert_int_equal(address16_parse(SLICE("::ffff:192.0.2.7"), &address), 0);
    address16_format(&address, text);
    assert_string_equal(text, "192.0.2.7");
    assert_int_equal(address16_parse(SLICE("2001:0DB8:0:0::1"), &address), 0);
    address16_format(&address, text);
    assert_string_equal(text, "2001:db8::1");
}

static void a_set_has_what_any_of_its_ranges_has(void **state) {
    struct cidr cidrs[2];
    struct address16 address;

    (void)state;
    assert_int_equal(cidr_parse(SLICE("127.0.0.0/8"), &cidrs[0]), 0);
    assert_int_equal(cidr_parse(SLICE("::1"), &cidrs[1]), 0);
    assert_int_equal(address16_parse(SLICE("::1"), &address), 0);
    assert_true(cidr_any_contains(cidrs, 2, &address));
    assert_false(cidr_any_contains(cidrs, 1, &address));
    assert_false(cidr_any_contains(cidrs, 0, &address));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_has_the_addresses_of_its_prefix_only),
        cmocka_unit_test(an_address_alone_is_a_range_of_one),
        cmocka_unit_test(customers_are_told_apart_by_half_of_ipv6_and_all_of_ipv4),
        cmocka_unit_test(an_ipv4_address_is_the_same_mapped_into_ipv6),
        cmocka_unit_test(each_familys_everything_leaves_the_other_out),
        cmocka_unit_test(what_is_no_range_is_refused),
        cmocka_unit_test(an_address_is_written_as_people_do),
        cmocka_unit_test(a_set_has_what_any_of_its_ranges_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
