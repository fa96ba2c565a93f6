#include "auth/jwt.h"

#include <openssl/sha.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/vouch.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire/json.h"

#define SECOND_US INT64_C(1000000)
#define TIME_MAX_S INT64_C(253402300799) /* the end of the year 9999 */

/* A token in parts. */
struct parts {
    struct slice header, payload, signature; /* as they stand there */
    struct slice signed_text;
};

/* A check that has not succeeded yet; the first reason stays. */
struct check {
    const struct jwt_keys *keys;
    const struct jwt_rules *rules;
    int64_t now_us;
    const char *why;
};

static int refuse(struct check *check, const char *why) {
    check->why = why;
    return ERR_UNAUTHORIZED;
}

static bool split(struct slice token, struct parts *parts) {
    struct slice rest = token;

    parts->header = slice_cut(&rest, '.');
    parts->payload = slice_cut(&rest, '.');
    parts->signature = rest;
    parts->signed_text = slice_from(token.data, parts->header.length + 1 + parts->payload.length);
    return parts->header.length > 0 && parts->payload.length > 0 && rest.length > 0 &&
           slice_find(rest, '.') < 0;
}

bool jwt_form(struct slice token) {
    struct parts parts;

    return split(token, &parts);
}

static json_t *decode_object(struct slice text) {
    struct buffer bytes = {0};
    json_t *json = NULL;

    if (base64url_decode(text, &bytes) == 0)
        json = json_parse_object(buffer_slice(&bytes));
    buffer_close(&bytes);
    return json;
}

static int check_signature(struct check *check, const struct parts *parts, const json_t *header) {
    struct slice algorithm = SLICE_NONE, kid = SLICE_NONE;
    struct buffer signature = {0};
    int error = 0;

    if (json_get_string(header, "alg", &algorithm) != 0 || algorithm.length == 0)
        return refuse(check, "it names no algorithm");
    if (json_object_get(header, "crit"))
        return refuse(check, "it demands an extension (\"crit\")");
    if (json_get_string(header, "kid", &kid) != 0)
        return refuse(check, "its \"kid\" is no text");
    if (base64url_decode(parts->signature, &signature) != 0)
        error = refuse(check, "its signature is garbled");
    else if (!jwt_keys_verify(check->keys, algorithm, kid, parts->signed_text,
                              buffer_slice(&signature)))
        error = refuse(check, "no key in jwt_key has signed it");
    buffer_close(&signature);
    return error;
}

static int check_issuer(struct check *check, const json_t *json, struct jwt_claims *claims) {
    struct slice wanted = check->rules->issuer;

    if (json_get_string(json, "iss", &claims->issuer) != 0 ||
        (wanted.length > 0 && !slice_equal(claims->issuer, wanted)))
        return refuse(check, "it is from another issuer (\"iss\") than jwt_issuer");
    return 0;
}

static bool is_text(const json_t *value, struct slice wanted) {
    return slice_equal(slice_from(json_string_value(value), json_string_length(value)), wanted);
}

static bool in_array(const json_t *array, struct slice wanted) {
    const json_t *item;
    size_t index;
    bool found = false;

    json_array_foreach(array, index, item) {
        if (!json_is_string(item))
            return false;
        found = found || is_text(item, wanted);
    }
    return found;
}

/* RFC 7519 section 4.1.3: who finds himself not named must refuse. */
static int check_audience(struct check *check, const json_t *json) {
    const json_t *audience = json_object_get(json, "aud");
    struct slice wanted = check->rules->audience;

    if (wanted.length == 0)
        return audience ? refuse(check, "it has an audience (\"aud\"); set jwt_audience") : 0;
    if ((json_is_string(audience) && is_text(audience, wanted)) || in_array(audience, wanted))
        return 0;
    return refuse(check, "it is for another audience (\"aud\") than jwt_audience");
}

/* A NumericDate (section 2), in seconds; those that no calendar has are cut off. */
static bool take_time(const json_t *json, const char *key, bool *present, int64_t *seconds) {
    const json_t *value = json_object_get(json, key);
    double number = json_number_value(value);

    *present = value != NULL;
    if (!value)
        return true;
    if (!json_is_number(value))
        return false;
    if (number > (double)TIME_MAX_S)
        *seconds = TIME_MAX_S;
    else if (number < 0)
        *seconds = 0;
    else
        *seconds = (int64_t)number;
    return true;
}

static int check_times(struct check *check, const json_t *json, struct jwt_claims *claims) {
    int64_t leeway_us = check->rules->leeway_s * SECOND_US;
    int64_t expires_s = 0, begins_s = 0, issued_s = 0;
    bool expires, begins, issued;

    if (!take_time(json, "exp", &expires, &expires_s) ||
        !take_time(json, "nbf", &begins, &begins_s) || !take_time(json, "iat", &issued, &issued_s))
        return refuse(check, "one of its times (\"exp\", \"nbf\", \"iat\") is no number");
    if (expires)
        claims->expires_us = expires_s * SECOND_US + leeway_us;
    if (expires && claims->expires_us <= check->now_us)
        return refuse(check, "it has expired");
    if (begins && begins_s * SECOND_US - leeway_us > check->now_us)
        return refuse(check, "it is not valid yet (\"nbf\")");
    return 0;
}

/* Also where one that comes first would do: what is there must be right. */
static int take_name(struct check *check, const json_t *json, struct jwt_claims *claims) {
    static const char *const keys[] = {"name", "preferred_username", "sub"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct slice name = SLICE_NONE;
        if (json_get_string(json, keys[i], &name) != 0)
            return refuse(check, "its name is no text");
        if (claims->name.length == 0 && name_check(name) == 0)
            claims->name = name;
    }
    return 0;
}

static int take_subject(struct check *check, const json_t *json, struct jwt_claims *claims) {
    if (json_get_string(json, "sub", &claims->subject) != 0 || claims->subject.length == 0 ||
        claims->subject.length > JWT_SUBJECT_MAX)
        return refuse(check, "it says of nobody whom it is about (\"sub\")");
    return 0;
}

static int take_role(struct check *check, const json_t *json, struct jwt_claims *claims) {
    const json_t *value = json_object_get(json, "banter_role");
    struct slice text = slice_from(json_string_value(value), json_string_length(value));

    claims->role = ROLE_MEMBER;
    if (value && (!json_is_string(value) || !role_parse(text, &claims->role)))
        return refuse(check, "its \"banter_role\" is none");
    return 0;
}

static int take_rooms(struct check *check, const json_t *json, struct jwt_claims *claims) {
    const json_t *value = json_object_get(json, "banter_rooms");
    size_t count = json_array_size(value);

    if (!value)
        return 0;
    if (!json_is_array(value) || count > ROOM_PATTERNS_MAX)
        return refuse(check, "its \"banter_rooms\" is no array of at most 100 rooms");
    claims->restricted = true;
    claims->rooms = memory_new((count + 1) * sizeof(*claims->rooms));
    for (; claims->room_count < count; claims->room_count++) {
        const json_t *item = json_array_get(value, claims->room_count);
        struct slice room = slice_from(json_string_value(item), json_string_length(item));
        if (!room_pattern_valid(room))
            return refuse(check, "a room in its \"banter_rooms\" is no name");
        claims->rooms[claims->room_count] = room;
    }
    return 0;
}

static int check_claims(struct check *check, const json_t *json, struct jwt_claims *claims) {
    int error = check_issuer(check, json, claims);

    if (!error)
        error = check_audience(check, json);
    if (!error)
        error = check_times(check, json, claims);
    if (!error)
        error = take_subject(check, json, claims);
    if (!error)
        error = take_name(check, json, claims);
    if (!error)
        error = take_role(check, json, claims);
    return error ? error : take_rooms(check, json, claims);
}

/* The claims are not looked at before the signature. */
static int read_parts(struct check *check, const struct parts *parts, struct jwt_claims *claims) {
    json_t *header = decode_object(parts->header);
    int error = header ? check_signature(check, parts, header)
                       : refuse(check, "its header is no JSON object");

    json_decref(header);
    if (error)
        return error;
    claims->json = decode_object(parts->payload);
    if (!claims->json)
        return refuse(check, "its claims are no JSON object");
    return check_claims(check, claims->json, claims);
}

int jwt_read(const struct jwt_keys *keys, const struct jwt_rules *rules, struct slice token,
             int64_t now_us, struct jwt_claims *claims, const char **why) {
    struct check check = {keys, rules, now_us, NULL};
    struct jwt_claims read = {0};
    struct parts parts;
    int error;

    if (token.length > LIMIT_SECRET)
        error = refuse(&check, "it is too long");
    else if (!split(token, &parts))
        error = refuse(&check, "it has not three parts");
    else
        error = read_parts(&check, &parts, &read);
    if (error) {
        jwt_claims_close(&read);
        *why = check.why;
        return error;
    }
    *claims = read;
    return 0;
}

void jwt_claims_close(struct jwt_claims *claims) {
    json_decref(claims->json);
    memory_free(claims->rooms);
    *claims = (struct jwt_claims){0};
}

/* The zeros, which end neither, keep them apart from each other and from all that is hashed
 * elsewhere. */
struct identity jwt_identity(const struct jwt_claims *claims) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct buffer text = {0};
    struct identity identity;

    buffer_append_format(&text, "jwt %zu", claims->issuer.length);
    buffer_append_char(&text, '\0');
    buffer_append_slice(&text, claims->issuer);
    buffer_append_slice(&text, claims->subject);
    SHA256((const unsigned char *)buffer_slice(&text).data, buffer_length(&text), digest);
    memcpy(identity.bytes, digest, sizeof(identity.bytes));
    buffer_close(&text);
    return identity;
}
