/* Keys in JSON: a JWK, or a set of them (RFC 7517). */
#pragma once

#include "auth/jwt_key.h"

/* Adds those that are for signatures by RS256, ES256 or HS256; others (for encryption, of other
 * algorithms or curves) are passed over, as section 5 demands. ERR_BAD_REQUEST, and what is wrong
 * in `message`: it is no JSON, a key that could be used is garbled, or none can be used. */
int jwt_jwk_parse(struct slice json, struct jwt_keys *keys, struct buffer *message) MUST_USE;
