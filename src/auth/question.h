/* A question on its way: asked on the hub's thread, answered by the clerk (clerk.h), passwords with
 * the help of the hasher (hasher.h), and collected on the hub's thread again. It is one structure
 * that is handed on and belongs to whoever has it. */
#pragma once

#include "auth/jwt_setup.h"
#include "auth/password.h"
#include "auth/tickets.h"
#include "base/list.h"
#include "hub/credential.h"

enum question_kind {
    QUESTION_PASSWORD,
    QUESTION_TOKEN,
    QUESTION_HOOK,
    QUESTION_TICKET,  /* of tickets that all nodes have in common */
    QUESTION_KEYS,    /* from now on these keys for JWTs; has no answer */
    QUESTION_CHANGES, /* what has changed in the file of accounts? */
    QUESTION_ATTEMPT, /* is none: a login has ended on another node, `secret` says how */
};

/* Something that the hub must be told. */
struct notice {
    bool is_revocation; /* else it is about the account */
    bool gone;
    struct identity identity;
    struct identity device; /* none: all */
    enum role role;
    struct slice name; /* in the question's `text` */
    size_t name_offset;
};

struct question {
    struct list_node node;
    enum question_kind kind;
    uint64_t connection;
    bool wants_ticket, passing;
    struct slice name, secret, address; /* in `memory` */
    char *memory;
    size_t memory_size;
    struct jwt_setup *setup; /* of QUESTION_KEYS: taken */

    /* Between clerk and hasher. */
    bool known, hashed, right;
    struct identity account;
    char hash[PASSWORD_HASH_SIZE];

    /* The answer. */
    bool exchanged; /* there is none yet: it was a ticket, and is what that stands for now */
    char ticket[TICKET_LENGTH + 1]; /* of tickets that all nodes have in common */
    int error;
    const char *why; /* a literal, for the log */
    struct principal *principal;
    struct notice *notices; /* of QUESTION_CHANGES */
    size_t notice_count;
    struct buffer text;
    bool waited_for; /* of QUESTION_CHANGES: somebody wants to know when that is done */
};

/* Copies. */
struct question *question_new(enum question_kind kind, uint64_t connection,
                              const struct credential *credential, struct slice address);
void question_free(struct question *question); /* wipes its secrets; NULL is fine */
/* Makes it one about this token. */
void question_exchange(struct question *question, struct slice token);
void question_refuse(struct question *question, int error, const char *why);
/* Adds a notice; the name is copied, and can be read once all are there (question_notice). */
void question_add_notice(struct question *question, const struct notice *notice);
struct notice question_notice(const struct question *question, size_t index);
