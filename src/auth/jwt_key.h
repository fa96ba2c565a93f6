/* The keys that signatures of JSON Web Tokens are checked with (RFC 7515, 7517, 7518).
 *
 * A key knows the one algorithm that it is for, from its own kind and never from a token: a public
 * RSA key checks RS256, one on the curve P-256 checks ES256, and a secret checks HS256. So a token
 * that names another algorithm, or none, finds no key. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

#define JWT_KEYS_MAX 64

enum jwt_algorithm { JWT_HS256, JWT_RS256, JWT_ES256 };

struct jwt_key;

struct jwt_keys {
    struct jwt_key *items;
    size_t count;
};

/* "RS256" and so on, as tokens name it. */
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);

/* Reads keys from what a file holds: public keys in PEM, a JWK or a set of them in JSON, or else a
 * secret of 32 bytes at least (without the white space around it, if it is text).
 * ERR_BAD_REQUEST, and what is wrong in `message`. */
int jwt_keys_parse(struct slice file, struct jwt_keys *keys, struct buffer *message) MUST_USE;
/* The same from a file. ERR_IO: it cannot be read. */
int jwt_keys_load(const char *path, struct jwt_keys *keys, struct buffer *message) MUST_USE;
void jwt_keys_close(struct jwt_keys *keys); /* wipes them; fine when there are none */

/* Whether one of the keys for `algorithm` has made this signature of `text`. With `kid` (data NULL:
 * the token names none) keys of another name are left out; keys without a name are not. */
bool jwt_keys_verify(const struct jwt_keys *keys, struct slice algorithm, struct slice kid,
                     struct slice text, struct slice signature);

/* For jwt_jwk.c: one more key. All three take what they are given. False: there are too many, or it
 * is not fit for its algorithm, which `message` tells. `kid` is copied; data NULL: none. */
struct evp_pkey_st;
int jwt_keys_add_public(struct jwt_keys *keys, struct evp_pkey_st *pkey, struct slice kid,
                        struct buffer *message) MUST_USE;
int jwt_keys_add_secret(struct jwt_keys *keys, struct slice secret, struct slice kid,
                        struct buffer *message) MUST_USE;
