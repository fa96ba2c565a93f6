#include "auth/jwt_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "auth/jwt_jwk.h"
#include "base/memory.h"
#include "base/text.h"

#define SECRET_LEAST 32 /* bytes: RFC 7518 section 3.2, as many as the hash has */
#define RSA_LEAST 2048  /* bits: section 3.3 */
#define ES256_SIGNATURE 64
#define FILE_MAX (256 * 1024)

struct jwt_key {
    enum jwt_algorithm algorithm;
    EVP_PKEY *pkey; /* NULL of a secret */
    char *secret;
    size_t secret_length;
    char *kid; /* NULL: none */
};

static const char *const names[] = {
    [JWT_HS256] = "HS256",
    [JWT_RS256] = "RS256",
    [JWT_ES256] = "ES256",
};

const char *jwt_algorithm_name(enum jwt_algorithm algorithm) {
    return names[algorithm];
}

static int refuse(struct buffer *message, const char *why) {
    buffer_append_string(message, why);
    return ERR_BAD_REQUEST;
}

static int add(struct jwt_keys *keys, const struct jwt_key *key, struct slice kid) {
    keys->items = memory_resize(keys->items, (keys->count + 1) * sizeof(*keys->items));
    keys->items[keys->count] = *key;
    keys->items[keys->count].kid = kid.data ? memory_copy_string(kid) : NULL;
    keys->count++;
    return 0;
}

/* The algorithm follows from the key. */
static const char *fit(const EVP_PKEY *pkey, enum jwt_algorithm *algorithm) {
    char curve[64] = "";

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        *algorithm = JWT_RS256;
        return EVP_PKEY_get_bits(pkey) < RSA_LEAST ? "an RSA key must have 2048 bits at least"
                                                   : NULL;
    }
    *algorithm = JWT_ES256;
    if (!EVP_PKEY_is_a(pkey, "EC") ||
        EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve),
                                       NULL) != 1 ||
        strcmp(curve, "prime256v1") != 0)
        return "a public key must be an RSA key (RS256), or one on the curve P-256 (ES256)";
    return NULL;
}

int jwt_keys_add_public(struct jwt_keys *keys, EVP_PKEY *pkey, struct slice kid,
                        struct buffer *message) {
    struct jwt_key key = {.pkey = pkey};
    const char *why = fit(pkey, &key.algorithm);

    if (!why && keys->count == JWT_KEYS_MAX)
        why = "there are too many keys";
    if (!why)
        return add(keys, &key, kid);
    EVP_PKEY_free(pkey);
    return refuse(message, why);
}

int jwt_keys_add_secret(struct jwt_keys *keys, struct slice secret, struct slice kid,
                        struct buffer *message) {
    struct jwt_key key = {.algorithm = JWT_HS256, .secret_length = secret.length};

    if (keys->count == JWT_KEYS_MAX)
        return refuse(message, "there are too many keys");
    if (secret.length < SECRET_LEAST)
        return refuse(message, "a secret must have 32 bytes at least; `openssl rand -base64 48` "
                               "makes one");
    key.secret = memory_new(secret.length);
    memcpy(key.secret, secret.data, secret.length);
    return add(keys, &key, kid);
}

void jwt_keys_close(struct jwt_keys *keys) {
    for (size_t i = 0; i < keys->count; i++) {
        struct jwt_key *key = &keys->items[i];
        if (key->secret)
            sodium_memzero(key->secret, key->secret_length);
        memory_free(key->secret);
        memory_free(key->kid);
        EVP_PKEY_free(key->pkey);
    }
    memory_free(keys->items);
    *keys = (struct jwt_keys){0};
}

/* PEM: one public key or several, as a file has it while one takes the place of another. */
static int parse_pem(struct slice file, struct jwt_keys *keys, struct buffer *message) {
    BIO *input = BIO_new_mem_buf(file.data, (int)file.length);
    EVP_PKEY *pkey;
    int error = 0;

    while (!error && (pkey = PEM_read_bio_PUBKEY(input, NULL, NULL, NULL)))
        error = jwt_keys_add_public(keys, pkey, SLICE_NONE, message);
    ERR_clear_error();
    BIO_free(input);
    if (!error && keys->count == 0)
        return refuse(message, "there is no public key in it (-----BEGIN PUBLIC KEY-----)");
    return error;
}

/* A public key that was taken for a secret would let in everybody, as everybody knows it. */
static bool is_binary_key(struct slice file) {
    const unsigned char *at = (const unsigned char *)file.data;
    EVP_PKEY *pkey;
    X509 *certificate;
    bool is_key;

    if (file.length == 0)
        return false;
    pkey = d2i_PUBKEY(NULL, &at, (long)file.length);
    at = (const unsigned char *)file.data;
    certificate = d2i_X509(NULL, &at, (long)file.length);
    is_key = pkey || certificate;
    EVP_PKEY_free(pkey);
    X509_free(certificate);
    ERR_clear_error();
    return is_key;
}

/* Typed or printed, so that white space around it is not meant. */
static bool is_text(struct slice s) {
    for (size_t i = 0; i < s.length; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if ((c < 0x20 || c == 0x7f) && c != '\n' && c != '\r' && c != '\t')
            return false;
    }
    return utf8_valid(s);
}

static bool contains(struct slice s, const char *word) {
    return s.data != NULL && memmem(s.data, s.length, word, strlen(word)) != NULL;
}

int jwt_keys_parse(struct slice file, struct jwt_keys *keys, struct buffer *message) {
    struct jwt_keys parsed = {0};
    struct slice text = is_text(file) ? slice_trim(file) : file;
    int error;

    if (contains(text, "PRIVATE KEY-----"))
        error = refuse(message, "this is a private key; the server needs the public one only "
                                "(`openssl pkey -in FILE -pubout`)");
    else if (contains(text, "-----BEGIN "))
        error = parse_pem(text, &parsed, message);
    else if (text.length > 0 && text.data[0] == '{')
        error = jwt_jwk_parse(text, &parsed, message);
    else if (is_binary_key(file) || slice_starts_with(text, SLICE("ssh-")) ||
             slice_starts_with(text, SLICE("ecdsa-")))
        error = refuse(message, "this is a public key, but not in PEM: convert it (`openssl pkey "
                                "-pubin -inform DER -in FILE -pubout`)");
    else
        error = jwt_keys_add_secret(&parsed, text, SLICE_NONE, message);
    if (error)
        jwt_keys_close(&parsed);
    else
        *keys = parsed;
    return error;
}

static int read_file(int descriptor, struct buffer *file) {
    ssize_t count;

    do {
        count = read(descriptor, buffer_reserve(file, FILE_MAX), FILE_MAX);
        if (count > 0)
            buffer_commit(file, (size_t)count);
    } while ((count > 0 && buffer_length(file) <= FILE_MAX) || (count < 0 && errno == EINTR));
    return count < 0 ? ERR_IO : 0;
}

int jwt_keys_load(const char *path, struct jwt_keys *keys, struct buffer *message) {
    struct buffer file = {0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = descriptor < 0 ? ERR_IO : read_file(descriptor, &file);

    if (error)
        buffer_append_string(message, strerror(errno));
    else if (buffer_length(&file) > FILE_MAX)
        error = refuse(message, "it is too large for a file of keys");
    else
        error = jwt_keys_parse(buffer_slice(&file), keys, message);
    if (descriptor >= 0)
        close(descriptor);
    if (file.data)
        sodium_memzero(file.data, file.capacity);
    buffer_close(&file);
    return error;
}

static bool verify_secret(const struct jwt_key *key, struct slice text, struct slice signature) {
    unsigned char expected[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    bool equal = HMAC(EVP_sha256(), key->secret, (int)key->secret_length,
                      (const unsigned char *)text.data, text.length, expected, &length) &&
                 signature.length == length && sodium_memcmp(expected, signature.data, length) == 0;

    sodium_memzero(expected, sizeof(expected));
    return equal;
}

static bool verify_public(EVP_PKEY *pkey, struct slice text, const unsigned char *signature,
                          size_t length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool valid = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey) == 1 &&
                 EVP_DigestVerify(context, signature, length, (const unsigned char *)text.data,
                                  text.length) == 1;

    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return valid;
}

/* RFC 7518 section 3.4: two numbers of 32 bytes. OpenSSL has them in DER. */
static bool verify_curve(EVP_PKEY *pkey, struct slice text, struct slice signature) {
    const unsigned char *bytes = (const unsigned char *)signature.data;
    unsigned char *der = NULL;
    bool valid = false;
    ECDSA_SIG *pair;
    BIGNUM *r, *s;
    int length;

    if (signature.length != ES256_SIGNATURE || !(pair = ECDSA_SIG_new()))
        return false;
    r = BN_bin2bn(bytes, ES256_SIGNATURE / 2, NULL);
    s = BN_bin2bn(bytes + ES256_SIGNATURE / 2, ES256_SIGNATURE / 2, NULL);
    if (r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        length = i2d_ECDSA_SIG(pair, &der);
        valid = length > 0 && verify_public(pkey, text, der, (size_t)length);
    } else {
        BN_free(r);
        BN_free(s);
    }
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return valid;
}

static bool verify(const struct jwt_key *key, struct slice text, struct slice signature) {
    switch (key->algorithm) {
    case JWT_HS256:
        return verify_secret(key, text, signature);
    case JWT_RS256:
        return verify_public(key->pkey, text, (const unsigned char *)signature.data,
                             signature.length);
    case JWT_ES256:
        return verify_curve(key->pkey, text, signature);
    }
    return false;
}

bool jwt_keys_verify(const struct jwt_keys *keys, struct slice algorithm, struct slice kid,
                     struct slice text, struct slice signature) {
    for (size_t i = 0; i < keys->count; i++) {
        const struct jwt_key *key = &keys->items[i];
        bool meant = slice_equal(algorithm, slice_of_string(names[key->algorithm])) &&
                     (!kid.data || !key->kid || slice_equal(kid, slice_of_string(key->kid)));
        if (meant && verify(key, text, signature))
            return true;
    }
    return false;
}
