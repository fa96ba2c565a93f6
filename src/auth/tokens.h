/* Tokens: what stands for an account in place of its password. Those of sessions are made when
 * somebody logs in with a password and end when they are not used for a while; those of programs
 * are made by the operator, and may do less than their account. Only their SHA-256 is kept. */
#pragma once

#include "auth/accounts.h"
#include "base/token.h"

#define TOKEN_LENGTH 46 /* the prefix, and 32 random bytes in base64url */

enum token_kind { TOKEN_SESSION, TOKEN_API };

/* Slices are borrowed; of what is found until the next call. */
struct token {
    int64_t id;
    enum token_kind kind;
    struct slice label;
    int64_t created_us, used_us, expires_us; /* 0: never */
    bool has_rate, restricted;
    unsigned rate_per_minute;
    struct slice rooms; /* patterns, one a line */
    enum role role;     /* no more than this */
};

/* A fresh one, as zero-terminated text. */
void token_make(char text[TOKEN_LENGTH + 1]);
bool token_form(struct slice text);
/* What the hub knows a device by: the first bytes of the digest. */
struct identity token_device(struct slice text);

/* Keeps a token. ERR_NOT_FOUND: the account is gone, or has by now another password than in
 * `account`. Of the sessions of one account, those used longest ago end beyond a bound. */
int tokens_add(struct accounts *accounts, const struct account *account, const struct token *token,
               struct slice text) MUST_USE;
/* ERR_NOT_FOUND: there is none, or it has expired. `account->password` is empty. */
int tokens_find(struct accounts *accounts, struct slice text, int64_t now_us, struct token *token,
                struct account *account) MUST_USE;
/* It was used. For touches.c, in its transaction. */
int tokens_touch(struct accounts *accounts, int64_t id, int64_t now_us,
                 int64_t expires_us) MUST_USE;

/* All that have not expired, of one account (by name; data NULL: of all). */
typedef void token_visitor(void *context, const struct token *token, struct slice account_name);
int tokens_list(struct accounts *accounts, struct slice name, int64_t now_us, token_visitor *visit,
                void *context) MUST_USE;
/* ERR_NOT_FOUND. */
int tokens_revoke(struct accounts *accounts, int64_t id, int64_t now_us) MUST_USE;

/* For accounts.c, in its transaction: ends the sessions of an account, or all its tokens. */
int tokens_end(struct accounts *accounts, const struct account *account, bool all,
               int64_t now_us) MUST_USE;
