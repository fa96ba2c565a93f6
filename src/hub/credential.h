/* Credentials: what somebody shows to be let in, and what an authority says of whom it belongs to.
 * The hub never looks into a credential; it asks (EFFECT_AUTHENTICATE) and is told
 * (EVENT_AUTHENTICATED). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "hub/entry.h"

enum credential_kind {
    CREDENTIAL_NONE,
    CREDENTIAL_PASSWORD, /* name and secret */
    CREDENTIAL_TOKEN,    /* a bearer token: of a session, of a program, static, or a JWT */
    CREDENTIAL_TICKET,   /* good for one use within 30 seconds */
    CREDENTIAL_HOOK,     /* the secret of a hook, in the address of a request */
};

/* Slices are borrowed. */
struct credential {
    enum credential_kind kind;
    struct slice name; /* of a password: whose */
    struct slice secret;
    bool passing; /* for one request only: nothing is made to come back with */
};

/* How much somebody may do: on the whole server, or in one room. The order counts. */
enum role { ROLE_GUEST, ROLE_MEMBER, ROLE_MODERATOR, ROLE_OWNER };

/* Whether it can be right at all: its secret has 1 to LIMIT_SECRET bytes of UTF-8 without controls,
 * and of a password the name is a name. What is not plausible need not be asked about. */
bool credential_plausible(const struct credential *credential);

/* Somebody that an authority vouches for. Slices are borrowed. */
struct principal {
    /* An account's, for good. None: the credential lets in without saying whom (a static token). */
    struct identity identity;
    /* Digest of the credential, where that can be revoked by itself. Two connections with the same
     * device are the same device: the later replaces the earlier. None: there is no such thing. */
    struct identity device;
    struct slice name;    /* that it goes by; empty: chooses one, as guests do */
    struct slice session; /* a fresh secret to come back with in place of a password; empty: none */
    enum role role;
    /* It is good for no more than `ceiling`, whatever the account becomes. */
    bool has_ceiling;
    enum role ceiling;
    bool restricted; /* may be in no other rooms than those that match one of `rooms` */
    /* Names as people write them, "ops"; one that ends in '*' stands for all that begin like it */
    const struct slice *rooms;
    size_t room_count;
    int64_t expires_us; /* wall clock; 0: never */
    bool has_rate;      /* rate_per_minute instead of the usual one; 0: no limit */
    unsigned rate_per_minute;
    /* Of a hook, which is a program that writes messages to this one room and can do nothing else;
     * empty: is none. It has an identity and no name, and is restricted to the room. */
    struct slice hook_room;
    struct slice label; /* of a hook: what its messages are signed with unless they say so */
};

/* "guest", "member", "moderator", "owner". */
const char *role_name(enum role role);
/* False: there is no such role. */
bool role_parse(struct slice text, enum role *role);
