/* JSON Web Tokens (RFC 7519) that somebody else has issued, as signed compact JWS (RFC 7515).
 *
 * Nothing in a token decides how it is checked. Its algorithm must be that of a key of ours (see
 * jwt_key.h); keys that it brings along or points to are not looked at; `crit`, which names what a
 * reader must understand, is refused because none of that is understood here. Every member that is
 * looked at must be of the type the RFC gives it, and there once.
 *
 *   iss            must be the issuer of the rules, if these name one
 *   aud            must be or contain the audience; without one in the rules there must be none
 *   exp, nbf       with `leeway_s` to either side; iat must be a number and is not looked at
 *   sub            must be there
 *   name, preferred_username, sub     the first of them that can be a name
 *   banter_rooms   an array of patterns: these rooms and no others
 *   banter_role    guest, member (as without it), moderator or owner
 *
 * Pure: no clock, no files. */
#pragma once

#include <stdint.h>

#include "auth/jwt_key.h"
#include "hub/credential.h"

#define JWT_SUBJECT_MAX 255 /* bytes */

struct jwt_rules {
    struct slice issuer, audience; /* empty: none */
    int64_t leeway_s;
};

/* What a token says; slices belong to `json` and `rooms`. */
struct jwt_claims {
    struct json_t *json;
    struct slice issuer, subject;
    struct slice name; /* empty: it has none that can be one */
    enum role role;
    bool restricted;
    struct slice *rooms;
    size_t room_count;
    int64_t expires_us; /* when it is refused: leeway included; 0: never */
};

/* Whether a token looks like one: three parts. */
bool jwt_form(struct slice token);

/* Checks a token. ERR_UNAUTHORIZED, with a literal in `why` that says what is wrong, for the log;
 * it holds nothing of the token. */
int jwt_read(const struct jwt_keys *keys, const struct jwt_rules *rules, struct slice token,
             int64_t now_us, struct jwt_claims *claims, const char **why) MUST_USE;
void jwt_claims_close(struct jwt_claims *claims);

/* Who the token speaks of, for good: a digest of issuer and subject. */
struct identity jwt_identity(const struct jwt_claims *claims);
