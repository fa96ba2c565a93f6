/* JSON Web Tokens: those that are right are taken for what they say, and nothing in one that is
 * wrong helps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "auth/jwt.h"
#include "jwt_maker.h"

#define NOW_S INT64_C(1790000000)
#define SECRET "0123456789abcdef0123456789abcdef"
#define HS "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* RFC 7515, appendix A: the examples' own keys and tokens. */
#define RFC_PAYLOAD                                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"   \
    "VlfQ"
static const char rfc_secret[] = "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-"
                                 "EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUu"
                                 "TwjAzZr1Z9CAow\"}";
static const char rfc_rsa[] = "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_"
                              "wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qP"
                              "CJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_"
                              "YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf6"
                              "3kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"
                              "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"
                              "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_"
                              "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}";
static const char rfc_curve[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
static const char rfc_hs256[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_PAYLOAD
                                ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const char rfc_rs256[] =
    "eyJhbGciOiJSUzI1NiJ9." RFC_PAYLOAD
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07"
    "Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI"
    "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
static const char rfc_es256[] =
    "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

static struct jwt_keys keys_of(const char *file) {
    struct buffer message = {0};
    struct jwt_keys keys = {0};

    if (jwt_keys_parse(slice_of_string(file), &keys, &message) != 0)
        fail_msg("%.*s", SLICE_ARGS(buffer_slice(&message)));
    buffer_close(&message);
    return keys;
}

static void assert_no_keys(struct slice file, const char *part_of_message) {
    struct buffer message = {0};
    struct jwt_keys keys = {0};

    assert_int_equal(jwt_keys_parse(file, &keys, &message), ERR_BAD_REQUEST);
    assert_int_equal(keys.count, 0);
    buffer_append_char(&message, '\0');
    assert_non_null(strstr(buffer_slice(&message).data, part_of_message));
    buffer_close(&message);
}

static int read_at(const struct jwt_keys *keys, const struct jwt_rules *rules, struct slice token,
                   int64_t now_s, struct jwt_claims *claims) {
    const char *why = NULL;
    int error = jwt_read(keys, rules, token, now_s * 1000000, claims, &why);

    assert_true((error == 0) == (why == NULL));
    return error;
}

/* The usual rules, secret and time. */
static int read_payload(const char *header, const char *payload, struct jwt_claims *claims) {
    const struct jwt_rules rules = {.leeway_s = 60};
    struct jwt_keys keys = keys_of(SECRET);
    struct buffer token = jwt_with_secret(header, payload, SLICE(SECRET));
    int error = read_at(&keys, &rules, buffer_slice(&token), NOW_S, claims);

    buffer_close(&token);
    jwt_keys_close(&keys);
    return error;
}

static void assert_taken(const char *header, const char *payload) {
    struct jwt_claims claims = {0};

    if (read_payload(header, payload, &claims) != 0)
        fail_msg("refused: %s %s", header, payload);
    jwt_claims_close(&claims);
}

static void assert_refused(const char *header, const char *payload) {
    struct jwt_claims claims = {0};

    if (read_payload(header, payload, &claims) != ERR_UNAUTHORIZED)
        fail_msg("taken: %s %s", header, payload);
    assert_null(claims.json);
}

static void the_signatures_of_the_rfc_are_valid(void **state) {
    static const struct {
        const char *key, *token, *algorithm;
    } examples[] = {
        {rfc_secret, rfc_hs256, "HS256"},
        {rfc_rsa, rfc_rs256, "RS256"},
        {rfc_curve, rfc_es256, "ES256"},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct jwt_keys keys = keys_of(examples[i].key);
        const char *point = strrchr(examples[i].token, '.');
        struct slice text = slice_from(examples[i].token, (size_t)(point - examples[i].token));
        unsigned char signature[512];
        size_t length;

        assert_int_equal(sodium_base642bin(signature, sizeof(signature), point + 1,
                                           strlen(point + 1), NULL, &length, NULL, URL_SAFE),
                         0);
        for (size_t other = 0; other < 3; other++)
            assert_int_equal(jwt_keys_verify(&keys, slice_of_string(examples[other].algorithm),
                                             SLICE_NONE, text, slice_from(signature, length)),
                             other == i);
        for (size_t at = 0; at < length; at++) {
            signature[at] ^= 1;
            assert_false(jwt_keys_verify(&keys, slice_of_string(examples[i].algorithm), SLICE_NONE,
                                         text, slice_from(signature, length)));
            signature[at] ^= 1;
        }
        jwt_keys_close(&keys);
    }
}

static void claims_are_taken_for_what_they_say(void **state) {
    struct jwt_claims claims;

    (void)state;
    assert_int_equal(read_payload(HS,
                                  "{\"iss\":\"https://id.example\",\"sub\":\"u-17\",\"name\":\"Ann "
                                  "Smith\",\"preferred_username\":\"ann\",\"exp\":1790000100,"
                                  "\"nbf\":1789999000,\"iat\":1789999000,\"banter_role\":"
                                  "\"moderator\",\"banter_rooms\":[\"ops\",\"team-*\",\"*\"]}",
                                  &claims),
                     0);
    assert_true(slice_equal(claims.subject, SLICE("u-17")));
    assert_true(slice_equal(claims.issuer, SLICE("https://id.example")));
    assert_true(slice_equal(claims.name, SLICE("ann")));
    assert_int_equal(claims.role, ROLE_MODERATOR);
    assert_true(claims.restricted);
    assert_int_equal(claims.room_count, 3);
    assert_true(slice_equal(claims.rooms[1], SLICE("team-*")));
    assert_int_equal(claims.expires_us, (1790000100 + 60) * INT64_C(1000000));
    jwt_claims_close(&claims);

    assert_int_equal(read_payload(HS, "{\"sub\":\"auth0|17\",\"banter_rooms\":[]}", &claims), 0);
    assert_int_equal(claims.name.length, 0);
    assert_int_equal(claims.role, ROLE_MEMBER);
    assert_true(claims.restricted);
    assert_int_equal(claims.room_count, 0);
    assert_int_equal(claims.expires_us, 0);
    jwt_claims_close(&claims);
}

static void an_identity_is_that_of_issuer_and_subject(void **state) {
    static const char *const payloads[] = {
        "{\"iss\":\"a\",\"sub\":\"bc\",\"exp\":1790000100}", "{\"iss\":\"a\",\"sub\":\"bc\"}",
        "{\"iss\":\"ab\",\"sub\":\"c\"}", "{\"sub\":\"abc\"}", "{\"iss\":\"a\",\"sub\":\"bd\"}"};
    struct identity identities[5];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct jwt_claims claims;
        assert_int_equal(read_payload(HS, payloads[i], &claims), 0);
        identities[i] = jwt_identity(&claims);
        jwt_claims_close(&claims);
        for (size_t before = 0; before < i; before++)
            assert_int_equal(identity_equal(&identities[before], &identities[i]),
                             before == 0 && i == 1);
    }
}

static void the_header_cannot_choose_how_it_is_checked(void **state) {
    static const char payload[] = "{\"sub\":\"ann\"}";
    static const char *const wrong[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":null}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":256}",
        "{}",
        "[]",
        "\"HS256\"",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}",
        "{\"alg\":\"HS256\",\"kid\":7}",
        "{\"alg\":\"HS256\"",
        "{\"alg\":\"HS256\"} x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_refused(wrong[i], payload);
    assert_taken("{\"alg\":\"HS256\",\"jku\":\"https://evil.example\",\"jwk\":{\"kty\":\"oct\"},"
                 "\"x5u\":\"https://evil.example\",\"kid\":\"../../dev/null\"}",
                 payload);
}

/* One that signs with a key of its own, and brings it along. */
static void a_key_in_the_token_is_no_key(void **state) {
    static const char header[] = "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":"
                                 "\"eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg\"}}";
    struct jwt_keys keys = keys_of(SECRET);
    struct buffer token =
        jwt_with_secret(header, "{\"sub\":\"ann\"}", SLICE("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    struct jwt_claims claims;

    (void)state;
    assert_int_equal(read_at(&keys, &(struct jwt_rules){0}, buffer_slice(&token), NOW_S, &claims),
                     ERR_UNAUTHORIZED);
    buffer_close(&token);
    jwt_keys_close(&keys);
}

/* The classic: the public key, which everybody has, as the secret of HS256. */
static void a_public_key_is_no_secret(void **state) {
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    struct buffer pem = public_pem(rsa);
    struct jwt_keys keys = {0};
    struct buffer message = {0};
    struct jwt_claims claims;
    struct slice guesses[] = {buffer_slice(&pem), slice_trim(buffer_slice(&pem))};

    (void)state;
    assert_int_equal(jwt_keys_parse(buffer_slice(&pem), &keys, &message), 0);
    for (size_t i = 0; i < 2; i++) {
        struct buffer token = jwt_with_secret(HS, "{\"sub\":\"ann\"}", guesses[i]);
        assert_int_equal(
            read_at(&keys, &(struct jwt_rules){0}, buffer_slice(&token), NOW_S, &claims),
            ERR_UNAUTHORIZED);
        buffer_close(&token);
    }
    struct buffer right = jwt_with_key("{\"alg\":\"RS256\"}", "{\"sub\":\"ann\"}", rsa);
    assert_int_equal(read_at(&keys, &(struct jwt_rules){0}, buffer_slice(&right), NOW_S, &claims),
                     0);
    jwt_claims_close(&claims);
    buffer_close(&right);
    jwt_keys_close(&keys);
    buffer_close(&pem);
    EVP_PKEY_free(rsa);
}

static void signatures_on_a_curve_have_one_form(void **state) {
    EVP_PKEY *curve = EVP_EC_gen("P-256");
    struct buffer pem = public_pem(curve);
    struct buffer message = {0};
    struct jwt_keys keys = {0};
    struct buffer token = jwt_with_key("{\"alg\":\"ES256\"}", "{\"sub\":\"ann\"}", curve);
    struct jwt_rules rules = {0};
    struct jwt_claims claims;
    struct buffer zeros;

    (void)state;
    assert_int_equal(jwt_keys_parse(buffer_slice(&pem), &keys, &message), 0);
    assert_int_equal(read_at(&keys, &rules, buffer_slice(&token), NOW_S, &claims), 0);
    jwt_claims_close(&claims);
    for (size_t cut = 1; cut < 88; cut++)
        assert_int_equal(read_at(&keys, &rules,
                                 slice_from(buffer_slice(&token).data, buffer_length(&token) - cut),
                                 NOW_S, &claims),
                         ERR_UNAUTHORIZED);
    /* r = s = 0 was taken by Java for years (CVE-2022-21449). */
    zeros = jwt_begin("{\"alg\":\"ES256\"}", "{\"sub\":\"ann\"}");
    append_url(&zeros, (const char[64]){0}, 64);
    assert_int_equal(read_at(&keys, &rules, buffer_slice(&zeros), NOW_S, &claims),
                     ERR_UNAUTHORIZED);
    buffer_close(&zeros);
    buffer_close(&token);
    buffer_close(&pem);
    jwt_keys_close(&keys);
    EVP_PKEY_free(curve);
}

static void what_is_no_token_is_refused(void **state) {
    static const char *const texts[] = {"",
                                        ".",
                                        "..",
                                        "...",
                                        "a.b",
                                        "a.b.c",
                                        "a.b.c.d",
                                        "eyJhbGciOiJIUzI1NiJ9.e30.",
                                        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.",
                                        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ",
                                        ".eyJzdWIiOiJhbm4ifQ.AA"};
    struct jwt_keys keys = keys_of(SECRET);
    struct buffer token = jwt_with_secret(HS, "{\"sub\":\"ann\"}", SLICE(SECRET));
    struct jwt_rules rules = {0};
    struct jwt_claims claims;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(read_at(&keys, &rules, slice_of_string(texts[i]), NOW_S, &claims),
                         ERR_UNAUTHORIZED);
    /* Each beginning of a right one, and each with one bit turned, which is all a stranger can do.
     */
    for (size_t length = 0; length < buffer_length(&token); length++)
        assert_int_equal(
            read_at(&keys, &rules, slice_from(buffer_slice(&token).data, length), NOW_S, &claims),
            ERR_UNAUTHORIZED);
    for (size_t at = 0; at < buffer_length(&token); at++) {
        token.data[token.start + at] ^= 1;
        assert_int_equal(read_at(&keys, &rules, buffer_slice(&token), NOW_S, &claims),
                         ERR_UNAUTHORIZED);
        token.data[token.start + at] ^= 1;
    }
    buffer_append_char(&token, '=');
    assert_int_equal(read_at(&keys, &rules, buffer_slice(&token), NOW_S, &claims),
                     ERR_UNAUTHORIZED);
    buffer_close(&token);
    jwt_keys_close(&keys);
}

static void one_that_is_too_long_is_refused_unread(void **state) {
    struct buffer payload = {0};

    (void)state;
    buffer_append_string(&payload, "{\"sub\":\"ann\",\"x\":\"");
    for (size_t i = 0; i < 8192; i++)
        buffer_append_char(&payload, 'x');
    buffer_append_string(&payload, "\"}");
    buffer_append_char(&payload, '\0');
    assert_refused(HS, buffer_slice(&payload).data);
    buffer_close(&payload);
}

static void claims_that_are_missing_double_or_odd_are_refused(void **state) {
    static const char *const wrong[] = {
        "{}",
        "[\"sub\"]",
        "{\"sub\":\"\"}",
        "{\"sub\":null}",
        "{\"sub\":17}",
        "{\"sub\":[\"ann\"]}",
        "{\"sub\":\"ann\",\"sub\":\"bob\"}",
        "{\"sub\":\"ann\",\"exp\":1790000100,\"exp\":1}",
        "{\"sub\":\"ann\",\"exp\":\"1790000100\"}",
        "{\"sub\":\"ann\",\"exp\":true}",
        "{\"sub\":\"ann\",\"exp\":null}",
        "{\"sub\":\"ann\",\"exp\":[1790000100]}",
        "{\"sub\":\"ann\",\"exp\":-1}",
        "{\"sub\":\"ann\",\"nbf\":\"0\"}",
        "{\"sub\":\"ann\",\"iat\":{}}",
        "{\"sub\":\"ann\",\"iss\":[\"a\"]}",
        "{\"sub\":\"ann\",\"name\":17}",
        "{\"sub\":\"ann\",\"preferred_username\":[]}",
        "{\"sub\":\"ann\",\"banter_role\":\"king\"}",
        "{\"sub\":\"ann\",\"banter_role\":3}",
        "{\"sub\":\"ann\",\"banter_role\":null}",
        "{\"sub\":\"ann\",\"banter_rooms\":\"ops\"}",
        "{\"sub\":\"ann\",\"banter_rooms\":{\"0\":\"ops\"}}",
        "{\"sub\":\"ann\",\"banter_rooms\":null}",
        "{\"sub\":\"ann\",\"banter_rooms\":[\"ops\",7]}",
        "{\"sub\":\"ann\",\"banter_rooms\":[\"\"]}",
        "{\"sub\":\"ann\",\"banter_rooms\":[\"o*s\"]}",
        "{\"sub\":\"ann\",\"banter_rooms\":[\"@ann,bob\"]}",
        "{\"sub\":\"ann\",\"banter_rooms\":[\"$rules\"]}",
        "{\"sub\":\"ann\"} {\"sub\":\"bob\"}",
        "{\"sub\":\"an\xff\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_refused(HS, wrong[i]);
    assert_taken(HS, "{\"sub\":\"ann\",\"exp\":1790000100.75,\"nbf\":0,\"more\":{\"a\":[1]}}");
    assert_taken(HS, "{\"sub\":\"ann\",\"exp\":1e300}");
    assert_taken(HS, "{\"sub\":\"ann\",\"exp\":99999999999999999999999999}");
}

static void times_have_a_leeway_and_no_more(void **state) {
    static const struct {
        int64_t leeway_s, now_s;
        bool valid;
    } cases[] = {
        {0, 999, false},  {0, 1000, true}, {0, 1999, true},  {0, 2000, false},
        {60, 939, false}, {60, 940, true}, {60, 2059, true}, {60, 2060, false},
    };
    struct jwt_keys keys = keys_of(SECRET);
    struct buffer token =
        jwt_with_secret(HS, "{\"sub\":\"ann\",\"nbf\":1000,\"exp\":2000}", SLICE(SECRET));

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct jwt_rules rules = {.leeway_s = cases[i].leeway_s};
        struct jwt_claims claims = {0};
        assert_int_equal(read_at(&keys, &rules, buffer_slice(&token), cases[i].now_s, &claims) == 0,
                         cases[i].valid);
        jwt_claims_close(&claims);
    }
    buffer_close(&token);
    jwt_keys_close(&keys);
}

static void issuer_and_audience_must_be_ours(void **state) {
    static const struct {
        const char *payload;
        bool named, unnamed; /* valid, with rules that name both, and neither */
    } cases[] = {
        {"{\"sub\":\"a\",\"iss\":\"id\",\"aud\":\"chat\"}", true, false},
        {"{\"sub\":\"a\",\"iss\":\"id\",\"aud\":[\"mail\",\"chat\"]}", true, false},
        {"{\"sub\":\"a\",\"iss\":\"id\",\"aud\":[]}", false, false},
        {"{\"sub\":\"a\",\"iss\":\"id\",\"aud\":[\"chat\",7]}", false, false},
        {"{\"sub\":\"a\",\"iss\":\"id\",\"aud\":\"chat.example\"}", false, false},
        {"{\"sub\":\"a\",\"iss\":\"id\",\"aud\":{\"chat\":1}}", false, false},
        {"{\"sub\":\"a\",\"iss\":\"id\"}", false, true},
        {"{\"sub\":\"a\",\"aud\":\"chat\"}", false, false},
        {"{\"sub\":\"a\",\"iss\":\"ID\",\"aud\":\"chat\"}", false, false},
        {"{\"sub\":\"a\",\"iss\":\"id\\u0000\",\"aud\":\"chat\"}", false, false},
        {"{\"sub\":\"a\"}", false, true},
    };
    const struct jwt_rules named = {.issuer = SLICE("id"), .audience = SLICE("chat")};
    struct jwt_keys keys = keys_of(SECRET);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer token = jwt_with_secret(HS, cases[i].payload, SLICE(SECRET));
        struct jwt_claims claims = {0};
        assert_int_equal(read_at(&keys, &named, buffer_slice(&token), NOW_S, &claims) == 0,
                         cases[i].named);
        jwt_claims_close(&claims);
        assert_int_equal(
            read_at(&keys, &(struct jwt_rules){0}, buffer_slice(&token), NOW_S, &claims) == 0,
            cases[i].unnamed);
        jwt_claims_close(&claims);
        buffer_close(&token);
    }
    jwt_keys_close(&keys);
}

#define K1 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY" /* SECRET */
#define K2 "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg"

static void the_kid_picks_among_keys(void **state) {
    struct jwt_keys keys = keys_of(
        "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"new\",\"k\":\"" K2 "\"},"
        "{\"kty\":\"oct\",\"kid\":\"old\",\"alg\":\"HS256\",\"use\":\"sig\",\"k\":\"" K1 "\"}]}");
    static const struct {
        const char *header;
        bool valid;
    } cases[] = {
        {"{\"alg\":\"HS256\",\"kid\":\"old\"}", true},
        {"{\"alg\":\"HS256\",\"kid\":\"new\"}", false},
        {"{\"alg\":\"HS256\",\"kid\":\"other\"}", false},
        {"{\"alg\":\"HS256\"}", true},
    };

    (void)state;
    assert_int_equal(keys.count, 2);
    for (size_t i = 0; i < 4; i++) {
        struct buffer token = jwt_with_secret(cases[i].header, "{\"sub\":\"a\"}", SLICE(SECRET));
        struct jwt_claims claims = {0};
        assert_int_equal(
            read_at(&keys, &(struct jwt_rules){0}, buffer_slice(&token), NOW_S, &claims) == 0,
            cases[i].valid);
        jwt_claims_close(&claims);
        buffer_close(&token);
    }
    jwt_keys_close(&keys);
}

static void keys_for_other_things_are_passed_over(void **state) {
    struct jwt_keys keys =
        keys_of("{\"keys\":[{\"kty\":\"oct\",\"use\":\"enc\",\"k\":\"" K1 "\"},"
                "{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":\"" K1 "\"},"
                "{\"kty\":\"oct\",\"key_ops\":[\"sign\"],\"k\":\"" K1 "\"},"
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" K1 "\"},"
                "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"},"
                "{\"kty\":\"oct\",\"key_ops\":[\"sign\",\"verify\"],\"k\":\"" K2 "\"}]}");

    (void)state;
    assert_int_equal(keys.count, 1);
    jwt_keys_close(&keys);
}

static void files_without_a_good_key_are_refused_with_a_reason(void **state) {
    EVP_PKEY *small = EVP_RSA_gen(1024), *other = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
    struct buffer small_pem = public_pem(small), other_pem = public_pem(other);
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(rsa, &der);

    (void)state;
    assert_no_keys(SLICE(""), "32 bytes at least");
    assert_no_keys(SLICE("0123456789abcdef0123456789abcde\n"), "32 bytes at least");
    assert_no_keys(SLICE("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                   "private key");
    assert_no_keys(SLICE("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
                   "no public key");
    assert_no_keys(SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                   "no public key");
    assert_no_keys(SLICE("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAA ann"), "PEM");
    assert_no_keys(slice_from(der, (size_t)length), "PEM");
    assert_no_keys(buffer_slice(&small_pem), "2048 bits");
    assert_no_keys(buffer_slice(&other_pem), "P-256");
    assert_no_keys(SLICE("{"), "JSON");
    assert_no_keys(SLICE("{\"keys\":{}}"), "JSON");
    assert_no_keys(SLICE("{\"keys\":[]}"), "none of its keys");
    assert_no_keys(SLICE("{\"keys\":[7]}"), "object");
    assert_no_keys(SLICE("{\"kty\":\"oct\"}"), "\"k\"");
    assert_no_keys(SLICE("{\"kty\":\"oct\",\"k\":\"AAAA\"}"), "32 bytes at least");
    assert_no_keys(SLICE("{\"kty\":\"oct\",\"k\":\"" K1 "==\"}"), "base64url");
    assert_no_keys(SLICE("{\"kty\":\"RSA\",\"n\":\"" K1 "\",\"e\":\"AQAB\"}"), "2048 bits");
    assert_no_keys(SLICE("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" K1 "\",\"y\":\"" K1 "\"}"),
                   "curve");
    OPENSSL_free(der);
    buffer_close(&small_pem);
    buffer_close(&other_pem);
    EVP_PKEY_free(small);
    EVP_PKEY_free(other);
    EVP_PKEY_free(rsa);
}

/* n of the RFC's key with e = 1: every text would sign itself. */
static void an_rsa_key_with_a_trivial_exponent_is_refused(void **state) {
    struct buffer key = {0};

    (void)state;
    buffer_append_string(&key, rfc_rsa);
    buffer_truncate(&key, buffer_length(&key) - strlen("AQAB\"}"));
    buffer_append_string(&key, "AQ\"}");
    assert_no_keys(buffer_slice(&key), "garbled");
    buffer_close(&key);
}

static void a_secret_in_a_file_of_text_ends_before_the_end_of_its_line(void **state) {
    struct jwt_keys keys = keys_of(SECRET "\n");
    struct buffer token = jwt_with_secret(HS, "{\"sub\":\"a\"}", SLICE(SECRET));
    struct jwt_claims claims;

    (void)state;
    assert_int_equal(read_at(&keys, &(struct jwt_rules){0}, buffer_slice(&token), NOW_S, &claims),
                     0);
    jwt_claims_close(&claims);
    buffer_close(&token);
    jwt_keys_close(&keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signatures_of_the_rfc_are_valid),
        cmocka_unit_test(claims_are_taken_for_what_they_say),
        cmocka_unit_test(an_identity_is_that_of_issuer_and_subject),
        cmocka_unit_test(the_header_cannot_choose_how_it_is_checked),
        cmocka_unit_test(a_key_in_the_token_is_no_key),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(signatures_on_a_curve_have_one_form),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(one_that_is_too_long_is_refused_unread),
        cmocka_unit_test(claims_that_are_missing_double_or_odd_are_refused),
        cmocka_unit_test(times_have_a_leeway_and_no_more),
        cmocka_unit_test(issuer_and_audience_must_be_ours),
        cmocka_unit_test(the_kid_picks_among_keys),
        cmocka_unit_test(keys_for_other_things_are_passed_over),
        cmocka_unit_test(files_without_a_good_key_are_refused_with_a_reason),
        cmocka_unit_test(an_rsa_key_with_a_trivial_exponent_is_refused),
        cmocka_unit_test(a_secret_in_a_file_of_text_ends_before_the_end_of_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
