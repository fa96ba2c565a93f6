#include "auth/jwt_jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <string.h>

#include "auth/base64url.h"
#include "wire/json.h"

#define COORDINATE 32 /* bytes of one on P-256 */

static int refuse(struct buffer *message, const char *why) {
    buffer_append_string(message, why);
    return ERR_BAD_REQUEST;
}

/* A member that must be there, in base64url. */
static int take_bytes(const json_t *jwk, const char *name, struct buffer *out,
                      struct buffer *message) {
    struct slice text = SLICE_NONE;

    if (json_get_string(jwk, name, &text) == 0 && text.length > 0 &&
        base64url_decode(text, out) == 0)
        return 0;
    buffer_append_format(message, "\"%s\" of a key must be base64url", name);
    return ERR_BAD_REQUEST;
}

static EVP_PKEY *make(const char *kind, OSSL_PARAM_BLD *builder) {
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    EVP_PKEY *pkey = NULL;

    if (!parameters || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    ERR_clear_error();
    return pkey;
}

static EVP_PKEY *make_rsa(struct slice n, struct slice e) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.data, (int)n.length, NULL);
    BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.data, (int)e.length, NULL);
    EVP_PKEY *pkey = NULL;

    /* An exponent of 1 would make every text its own signature. */
    if (BN_is_odd(exponent) && !BN_is_one(exponent) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        pkey = make("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return pkey;
}

static int add_rsa(const json_t *jwk, struct slice kid, struct jwt_keys *keys,
                   struct buffer *message) {
    struct buffer n = {0}, e = {0};
    EVP_PKEY *pkey = NULL;
    int error = take_bytes(jwk, "n", &n, message);

    if (!error)
        error = take_bytes(jwk, "e", &e, message);
    if (!error && !(pkey = make_rsa(buffer_slice(&n), buffer_slice(&e))))
        error = refuse(message, "an RSA key is garbled");
    if (!error)
        error = jwt_keys_add_public(keys, pkey, kid, message);
    buffer_close(&n);
    buffer_close(&e);
    return error;
}

/* OpenSSL looks whether the point is on the curve. */
static EVP_PKEY *make_curve(struct slice x, struct slice y) {
    unsigned char point[1 + 2 * COORDINATE] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM_BLD *builder;
    EVP_PKEY *pkey = NULL;

    if (x.length != COORDINATE || y.length != COORDINATE)
        return NULL;
    memcpy(point + 1, x.data, COORDINATE);
    memcpy(point + 1 + COORDINATE, y.data, COORDINATE);
    builder = OSSL_PARAM_BLD_new();
    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
            1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) ==
            1)
        pkey = make("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

static int add_curve(const json_t *jwk, struct slice kid, struct jwt_keys *keys,
                     struct buffer *message) {
    struct buffer x = {0}, y = {0};
    EVP_PKEY *pkey = NULL;
    int error = take_bytes(jwk, "x", &x, message);

    if (!error)
        error = take_bytes(jwk, "y", &y, message);
    if (!error && !(pkey = make_curve(buffer_slice(&x), buffer_slice(&y))))
        error = refuse(message, "a key is no point on the curve P-256");
    if (!error)
        error = jwt_keys_add_public(keys, pkey, kid, message);
    buffer_close(&x);
    buffer_close(&y);
    return error;
}

static int add_secret(const json_t *jwk, struct slice kid, struct jwt_keys *keys,
                      struct buffer *message) {
    struct buffer secret = {0};
    int error = take_bytes(jwk, "k", &secret, message);

    if (!error)
        error = jwt_keys_add_secret(keys, buffer_slice(&secret), kid, message);
    if (secret.data)
        sodium_memzero(secret.data, secret.capacity);
    buffer_close(&secret);
    return error;
}

/* Whether a member is absent, or is this word. */
static bool is_or_absent(const json_t *jwk, const char *name, const char *word) {
    struct slice value = SLICE_NONE;

    return json_get_string(jwk, name, &value) == 0 &&
           (!value.data || slice_equal(value, slice_of_string(word)));
}

/* RFC 7517 section 4.3. */
static bool may_verify(const json_t *jwk) {
    const json_t *operations = json_object_get(jwk, "key_ops");
    const json_t *item;
    size_t index;

    json_array_foreach(operations, index, item) {
        const char *word = json_string_value(item);
        if (word && strcmp(word, "verify") == 0)
            return true;
    }
    return !operations;
}

struct kind {
    const char *kty;
    const char *crv; /* NULL: has none */
    enum jwt_algorithm algorithm;
    int (*add)(const json_t *jwk, struct slice kid, struct jwt_keys *keys, struct buffer *message);
};

static const struct kind kinds[] = {
    {"RSA", NULL, JWT_RS256, add_rsa},
    {"EC", "P-256", JWT_ES256, add_curve},
    {"oct", NULL, JWT_HS256, add_secret},
};

static bool is_of(const json_t *jwk, const struct kind *kind) {
    return json_object_get(jwk, "kty") && is_or_absent(jwk, "kty", kind->kty) &&
           (!kind->crv || is_or_absent(jwk, "crv", kind->crv)) &&
           is_or_absent(jwk, "alg", jwt_algorithm_name(kind->algorithm));
}

static int add_key(const json_t *jwk, struct jwt_keys *keys, struct buffer *message) {
    struct slice kid = SLICE_NONE;

    if (!json_is_object(jwk) || json_get_string(jwk, "kid", &kid) != 0)
        return refuse(message, "a key must be an object, and its \"kid\" a string");
    if (!is_or_absent(jwk, "use", "sig") || !may_verify(jwk))
        return 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (is_of(jwk, &kinds[i]))
            return kinds[i].add(jwk, kid, keys, message);
    }
    return 0;
}

int jwt_jwk_parse(struct slice json, struct jwt_keys *keys, struct buffer *message) {
    json_t *file = json_parse_object(json);
    const json_t *set = json_object_get(file, "keys");
    const json_t *item;
    size_t index;
    int error = 0;

    if (!file || (set && !json_is_array(set)))
        error = refuse(message, "it is no JSON object with an array of \"keys\"");
    else if (!set)
        error = add_key(file, keys, message);
    json_array_foreach(set, index, item) {
        if (!error)
            error = add_key(item, keys, message);
    }
    json_decref(file);
    if (!error && keys->count == 0)
        return refuse(message, "none of its keys is for signatures by RS256, ES256 or HS256");
    return error;
}
