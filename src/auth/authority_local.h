/* The authority of a server that has accounts, tokens and keys of its own.
 *
 *   hub's thread                    clerk's thread            hasher's thread
 *   authenticate ──── question ───▶ file of accounts ───────▶ argon2id
 *   collect      ◀─── answer ────── keys for JWTs    ◀───────
 *
 * What needs no file and no key is answered on the hub's thread at once: static tokens, tickets,
 * passwords that were right a moment ago, and whoever has failed too often. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "hub/authority.h"

struct redis_options;

/* What a server that runs can take over; borrowed for the call. */
struct authority_local_keys {
    const char *const *tokens; /* static ones: who shows one comes in, as a guest */
    size_t token_count;
    const char *jwt_key; /* a file, see jwt_key.h; NULL or empty: no JWT is valid */
    const char *jwt_issuer, *jwt_audience; /* NULL or empty: none */
    unsigned jwt_leeway_s;
};

/* Where several nodes have their accounts, tokens, hooks, tickets and failed logins in common;
 * see ledger.h. */
struct authority_local_shared {
    const struct redis_options *redis; /* copied */
    const char *prefix;                /* of all keys and channels, copied */
    unsigned replicas;                 /* that should have a change of accounts; 0: none */
};

struct authority_local_options {
    const char *folder; /* of accounts.db, copied; NULL: there are no accounts */
    const struct authority_local_shared *shared; /* needs a folder; NULL: this node is alone */
    const struct log *log;                       /* borrowed */
    struct authority_local_keys keys;
    unsigned session_age_s;                 /* after which a session not used ends; 0: never */
    void (*wake)(void *context);            /* from any thread: there is something to collect */
    void (*told)(void *context, int error); /* see authority_local_look; NULL: never asked */
    /* The wall clock, called from any thread; NULL: the system's. */
    int64_t (*clock)(void *context);
    void *context; /* of all three */
};

/* Whether the keys can be used: ERR_IO or ERR_BAD_REQUEST, with one line in `message`. */
int authority_local_check(const struct authority_local_keys *keys, struct buffer *message) MUST_USE;

/* Opens the accounts and starts its threads. Errors as above. */
int authority_local_open(const struct authority_local_options *options,
                         struct authority **authority, struct buffer *message) MUST_USE;

/* From now on these keys hold. On failure, as above, the old ones do. Who came with a static token
 * that is not there any more must go. */
int authority_local_reload(struct authority *authority, const struct authority_local_keys *keys,
                           struct buffer *message) MUST_USE;

/* Accounts or tokens have changed in the file: the hub is told of it. When it has been, `told` is
 * called from within collect: once for each call, in their order. */
void authority_local_look(struct authority *authority);
