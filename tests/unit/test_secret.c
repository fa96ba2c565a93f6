/* Secrets, digests and base64 against published values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/secret.h"

static void a_secret_is_url_safe_text(void **state) {
    uint8_t random[SECRET_BYTES];
    char text[SECRET_LENGTH + 1];

    (void)state;
    memset(random, 0, sizeof(random));
    secret_format(random, text);
    assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    memset(random, 0xff, sizeof(random));
    secret_format(random, text);
    assert_string_equal(text, "__________________________________________8");
    memset(random, 0xfb, sizeof(random)); /* '-' and '_' */
    secret_format(random, text);
    assert_string_equal(text, "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
    assert_true(secret_valid(slice_of_string(text)));
}

static void a_guests_secret_is_not_taken_for_an_accounts_token(void **state) {
    const uint8_t random[SECRET_BYTES] = {0x6e, 0xdf, 0xc0};
    char text[SECRET_LENGTH + 1];

    (void)state;
    secret_format(random, text);
    assert_true(secret_is_accounts(slice_of_string(text)));
    secret_format_guest(random, text);
    assert_string_equal(text, "7t_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_true(secret_valid(slice_of_string(text)));
    assert_false(secret_is_accounts(slice_of_string(text)));
}

static void only_the_form_of_ours_is_valid(void **state) {
    (void)state;
    assert_true(secret_valid(SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
    assert_false(secret_valid(SLICE_NONE));
    assert_false(secret_valid(SLICE("AAAA")));
    assert_false(secret_valid(SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
    assert_false(secret_valid(SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
    assert_false(secret_valid(SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")));
    assert_false(secret_valid(SLICE("AAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAAA")));
    assert_false(secret_valid(SLICE("AAAAAAAAAAAAAAAAAAAA\0AAAAAAAAAAAAAAAAAAAAAA")));
    /* The last character holds four bits: another one of the same four would be a second
     * spelling. */
    assert_false(secret_valid(SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")));
}

static void the_digest_is_the_front_of_sha_256(void **state) {
    static const uint8_t of_abc[16] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                       0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23};
    static const uint8_t of_nothing[16] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                           0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24};
    uint8_t digest[16];

    (void)state;
    secret_digest(SLICE("abc"), digest); /* FIPS 180-2, appendix B.1 */
    assert_memory_equal(digest, of_abc, sizeof(digest));
    secret_digest(SLICE_NONE, digest);
    assert_memory_equal(digest, of_nothing, sizeof(digest));
}

static void assert_pairs_differ(struct slice address, struct slice sender, struct slice address2,
                                struct slice sender2) {
    uint8_t one[16], other[16];

    secret_digest_pair(address, sender, one);
    secret_digest_pair(address2, sender2, other);
    assert_memory_not_equal(one, other, sizeof(one));
}

static void no_two_callers_share_a_digest(void **state) {
    uint8_t one[16], again[16];

    (void)state;
    secret_digest_pair(SLICE("1.2.3.4"), SLICE("ops"), one);
    secret_digest_pair(SLICE("1.2.3.4"), SLICE("ops"), again);
    assert_memory_equal(one, again, sizeof(one));
    assert_pairs_differ(SLICE("1.2.3.4"), SLICE("ops"), SLICE("1.2.3.4"), SLICE("opt"));
    assert_pairs_differ(SLICE("1.2.3.4"), SLICE("5x"), SLICE("1.2.3.45"), SLICE("x"));
    assert_pairs_differ(SLICE("1.2.3.4"), SLICE_NONE, SLICE_NONE, SLICE("1.2.3.4"));
    secret_digest(SLICE("1.2.3.4ops"), again);
    assert_memory_not_equal(one, again, sizeof(one));
}

static void assert_base64(struct slice bytes, const char *expected) {
    struct buffer out = {0};

    buffer_append_string(&out, "> ");
    base64_append(&out, bytes);
    assert_true(slice_equal(slice_skip(buffer_slice(&out), 2), slice_of_string(expected)));
    buffer_close(&out);
}

static void base64_is_as_in_rfc_4648(void **state) {
    (void)state;
    assert_base64(SLICE_NONE, "");
    assert_base64(SLICE("f"), "Zg==");
    assert_base64(SLICE("fo"), "Zm8=");
    assert_base64(SLICE("foo"), "Zm9v");
    assert_base64(SLICE("foob"), "Zm9vYg==");
    assert_base64(SLICE("fooba"), "Zm9vYmE=");
    assert_base64(SLICE("foobar"), "Zm9vYmFy");
    assert_base64(SLICE("\xfb\xff"), "+/8=");
}

static void assert_no_base64(struct slice text) {
    struct buffer out = {0};

    assert_int_equal(base64_append_decoded(&out, text), ERR_BAD_REQUEST);
    assert_int_equal(buffer_length(&out), 0);
    buffer_close(&out);
}

static void base64_is_written_in_one_way_only(void **state) {
    char secret[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_";

    (void)state;
    assert_no_base64(SLICE("Zg="));
    assert_no_base64(SLICE("Zh=="));
    assert_no_base64(SLICE("Zm9v "));
    assert_no_base64(SLICE("YWJ\xea")); /* which libsodium takes for a '/' */
    assert_no_base64(SLICE("\xc3\xa9Zm"));
    secret[10] = '_';
    secret[SECRET_LENGTH - 1] = '8';
    assert_true(secret_valid(slice_of_string(secret)));
    secret[10] = '\xea';
    assert_false(secret_valid(slice_of_string(secret)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_url_safe_text),
        cmocka_unit_test(a_guests_secret_is_not_taken_for_an_accounts_token),
        cmocka_unit_test(only_the_form_of_ours_is_valid),
        cmocka_unit_test(the_digest_is_the_front_of_sha_256),
        cmocka_unit_test(no_two_callers_share_a_digest),
        cmocka_unit_test(base64_is_as_in_rfc_4648),
        cmocka_unit_test(base64_is_written_in_one_way_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
