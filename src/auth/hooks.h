/* Hooks: secrets that stand in an address, https://HOST/hooks/SECRET, and let whoever knows it
 * write messages to one room and do nothing else. They belong to no account; each has an identity
 * of its own, so its rate and the keys of its messages are nobody else's. Only the SHA-256 of a
 * secret is kept. Errors are ERR_UNAVAILABLE where the file cannot be used, besides those named. */
#pragma once

#include "auth/accounts_file.h"

#define HOOK_PREFIX "hk_"
#define HOOK_LENGTH 46 /* the prefix, and 32 random bytes in base64url */

/* Slices are borrowed; of what is found until the next call. */
struct hook {
    int64_t id;
    struct identity identity;
    struct slice room;
    struct slice label;          /* what messages are signed with unless they say so */
    int64_t created_us, used_us; /* 0: never */
    bool has_rate;
    unsigned rate_per_minute; /* 0: no limit */
};

/* A fresh secret, as zero-terminated text. */
void hook_make(char secret[HOOK_LENGTH + 1]);
bool hook_form(struct slice secret);
/* What the hub knows it by when it is revoked: the first bytes of the digest. */
struct identity hook_device(struct slice secret);

/* Keeps a hook; id, identity and used_us are not looked at. */
int hooks_add(struct accounts *accounts, const struct hook *hook, struct slice secret) MUST_USE;
/* ERR_NOT_FOUND. */
int hooks_find(struct accounts *accounts, struct slice secret, struct hook *hook) MUST_USE;
/* It was used. For touches.c, in its transaction. */
int hooks_touch(struct accounts *accounts, int64_t id, int64_t now_us) MUST_USE;

/* All, in the order in which they were made. */
typedef void hook_visitor(void *context, const struct hook *hook);
int hooks_list(struct accounts *accounts, hook_visitor *visit, void *context) MUST_USE;
/* ERR_NOT_FOUND. */
int hooks_revoke(struct accounts *accounts, int64_t id, int64_t now_us) MUST_USE;
