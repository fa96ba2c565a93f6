/* Makes tokens as an issuer does, right ones and wrong ones, with nothing of the code under test.
 */
#pragma once

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

#define URL_SAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING

static inline void append_url(struct buffer *out, const void *bytes, size_t size) {
    size_t room = sodium_base64_encoded_len(size, URL_SAFE);

    sodium_bin2base64(buffer_reserve(out, room), room, bytes, size, URL_SAFE);
    buffer_commit(out, room - 1);
}

/* HEADER.PAYLOAD, and a point: what is signed, and one more. */
static inline struct buffer jwt_begin(const char *header, const char *payload) {
    struct buffer token = {0};

    append_url(&token, header, strlen(header));
    buffer_append_char(&token, '.');
    append_url(&token, payload, strlen(payload));
    buffer_append_char(&token, '.');
    return token;
}

static inline struct buffer jwt_with_secret(const char *header, const char *payload,
                                            struct slice secret) {
    struct buffer token = jwt_begin(header, payload);
    unsigned char digest[32];
    unsigned length;

    HMAC(EVP_sha256(), secret.data, (int)secret.length, (unsigned char *)buffer_slice(&token).data,
         buffer_length(&token) - 1, digest, &length);
    append_url(&token, digest, sizeof(digest));
    return token;
}

/* DER of ECDSA to the two numbers of a JWS. */
static inline size_t flatten(unsigned char *signature, size_t length) {
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)length);

    BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32);
    ECDSA_SIG_free(pair);
    return 64;
}

static inline struct buffer jwt_with_key(const char *header, const char *payload, EVP_PKEY *key) {
    struct buffer token = jwt_begin(header, payload);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t length = sizeof(signature);

    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key);
    EVP_DigestSign(context, signature, &length, (unsigned char *)buffer_slice(&token).data,
                   buffer_length(&token) - 1);
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_is_a(key, "EC"))
        length = flatten(signature, length);
    append_url(&token, signature, length);
    return token;
}

/* The public half in PEM. */
static inline struct buffer public_pem(EVP_PKEY *key) {
    BIO *output = BIO_new(BIO_s_mem());
    struct buffer pem = {0};
    char *data;
    long length;

    PEM_write_bio_PUBKEY(output, key);
    length = BIO_get_mem_data(output, &data);
    buffer_append(&pem, data, (size_t)length);
    BIO_free(output);
    return pem;
}
