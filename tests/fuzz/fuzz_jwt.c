/* Tokens from elsewhere, and the files of keys. The first byte of the input says what the rest is.
 * Signatures cannot be guessed, so header and claims are signed here before they are read, with a
 * secret and with a pair of keys; and none is taken that was signed by anything else, or changed
 * afterwards. */
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <sodium.h>

#include "auth/jwt.h"
#include "base/text.h"
#include "fuzz.h"

#define NOW_US INT64_C(1790000000000000)
#define SECRET "0123456789abcdef0123456789abcdef"
#define URL_SAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define ES256_LENGTH 64

/* Made once, and never freed; nothing about it but that it is a pair is ever seen. */
struct pair {
    EVP_PKEY *secret;
    struct buffer public_pem;
};

static const struct pair *the_pair(void) {
    static struct pair pair;

    if (pair.secret == NULL) {
        BIO *out = BIO_new(BIO_s_mem());
        char *text;

        pair.secret = EVP_EC_gen("P-256");
        REQUIRE(out != NULL && pair.secret != NULL && PEM_write_bio_PUBKEY(out, pair.secret) == 1);
        long length = BIO_get_mem_data(out, &text);

        buffer_append(&pair.public_pem, text, (size_t)length);
        BIO_free(out);
    }
    return &pair;
}

static void append_url(struct buffer *out, struct slice bytes) {
    size_t room = sodium_base64_encoded_len(bytes.length, URL_SAFE);

    sodium_bin2base64(buffer_reserve(out, room), room, (const unsigned char *)bytes.data,
                      bytes.length, URL_SAFE);
    buffer_commit(out, room - 1);
}

/* Whether it was taken. */
static bool read_token(const struct jwt_keys *keys, struct slice token) {
    const struct jwt_rules rules = {.issuer = SLICE("i"), .audience = SLICE("a"), .leeway_s = 60};
    struct jwt_claims claims = {0};
    const char *why = NULL;
    int error = jwt_read(keys, &rules, token, NOW_US, &claims, &why);

    REQUIRE((error == 0) == (why == NULL));
    if (error == 0) {
        REQUIRE(claims.subject.length > 0 && claims.subject.length <= JWT_SUBJECT_MAX);
        REQUIRE(slice_equal(claims.issuer, rules.issuer) && claims.role <= ROLE_OWNER);
        REQUIRE(claims.name.length == 0 || name_check(claims.name) == 0);
        REQUIRE(claims.expires_us == 0 || claims.expires_us > NOW_US);
        REQUIRE(claims.restricted || claims.room_count == 0);
    }
    jwt_claims_close(&claims);
    return error == 0;
}

static void sign_hs256(struct slice text, struct slice secret, struct buffer *token) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    HMAC(EVP_sha256(), secret.data, (int)secret.length, (const unsigned char *)text.data,
         text.length, digest, &length);
    append_url(token, slice_from(digest, length));
}

/* The two numbers of 32 bytes each, RFC 7518 section 3.4. */
static void sign_es256(struct slice text, struct buffer *token) {
    unsigned char der[128], numbers[ES256_LENGTH];
    const unsigned char *at = der;
    size_t length = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    REQUIRE(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, the_pair()->secret) == 1);
    REQUIRE(EVP_DigestSign(context, der, &length, (const unsigned char *)text.data, text.length) ==
            1);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)length);

    REQUIRE(BN_bn2binpad(ECDSA_SIG_get0_r(signature), numbers, 32) == 32);
    REQUIRE(BN_bn2binpad(ECDSA_SIG_get0_s(signature), numbers + 32, 32) == 32);
    append_url(token, slice_from(numbers, sizeof(numbers)));
    ECDSA_SIG_free(signature);
    EVP_MD_CTX_free(context);
}

/* HEADER, a zero, PAYLOAD: the token without its signature. */
static void append_text(struct slice text, struct buffer *token) {
    append_url(token, slice_cut(&text, '\0'));
    buffer_append_char(token, '.');
    append_url(token, text);
}

static void append_signature(bool es256, struct slice secret, struct buffer *token) {
    struct buffer signature = {0};

    if (es256) {
        sign_es256(buffer_slice(token), &signature);
    } else {
        sign_hs256(buffer_slice(token), secret, &signature);
    }
    buffer_append_char(token, '.');
    buffer_append_slice(token, buffer_slice(&signature));
    buffer_close(&signature);
}

/* The token with another character in one place. */
static void check_changed(const struct jwt_keys *keys, struct slice token, size_t place, char c) {
    char *changed = own_bytes(token);

    changed[place] = changed[place] == c ? 'B' : c;
    REQUIRE(!read_token(keys, slice_from(changed, token.length)));
    free(changed);
}

/* `pem`: the key is the public one of the pair, else the secret. */
static void read_signed(const struct jwt_keys *keys, struct slice text, bool pem) {
    struct buffer token = {0}, other = {0};

    append_text(text, &token);
    append_text(text, &other);
    append_signature(pem, SLICE(SECRET), &token);
    /* By another key; with the pair, by its public half as if that were a secret. */
    append_signature(false, pem ? buffer_slice(&the_pair()->public_pem) : SLICE("another secret"),
                     &other);
    if (read_token(keys, buffer_slice(&token))) {
        struct slice taken = buffer_slice(&token);

        check_changed(keys, taken, (size_t)slice_find(taken, '.') + 1, 'A');
        check_changed(keys, taken, taken.length - 2, 'A');
        for (size_t i = taken.length - 40; i < taken.length; i++) {
            if (taken.data[i] == '_') { /* libsodium takes this for the same digit */
                check_changed(keys, taken, i, '\xea');
            }
        }
    }
    REQUIRE(!read_token(keys, buffer_slice(&other)));
    buffer_close(&token);
    buffer_close(&other);
}

static void read_keys(struct slice file) {
    struct buffer message = {0};
    struct jwt_keys keys = {0};
    int error = jwt_keys_parse(file, &keys, &message);

    REQUIRE((error == 0) == (keys.count > 0) && keys.count <= JWT_KEYS_MAX);
    REQUIRE((error == 0) == (buffer_length(&message) == 0));
    jwt_keys_close(&keys);
    buffer_close(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);
    unsigned what = take_byte(&input) % 4;
    struct slice key = what == 3 ? buffer_slice(&the_pair()->public_pem) : SLICE(SECRET);
    struct buffer message = {0};
    struct jwt_keys keys = {0};

    REQUIRE(jwt_keys_parse(key, &keys, &message) == 0);
    if (what == 0) {
        REQUIRE(!read_token(&keys, input));
    } else if (what == 2) {
        read_keys(input);
    } else {
        read_signed(&keys, input, what == 3);
    }
    jwt_keys_close(&keys);
    buffer_close(&message);
    return 0;
}
