/* The accounts, tokens and hooks that several nodes have in common. What holds
 * stands in Redis; the accounts.db of each node is a copy of it, from which it
 * reads, so that people are let in while Redis is away. What is written is
 * decided on the copy, in a transaction as without a ledger, and then
 * submitted: Redis takes it only if nothing was written since the state it was
 * decided on; else the copy catches up, and it is decided again.
 *
 *   PREFIX:accounts      a hash: a record for each row (ledger_rows.h), and
 * `lineage`, which is random and says which ledger it is PREFIX:accounts:log  a
 * stream: the fields of what was changed, in order; the latest only
 *
 * The log names what has changed and does not repeat it, so a password that was
 * replaced is nowhere any more. A node that finds its place in the log reads
 * what follows; one that does not, because it is new or was away for too long,
 * reads everything.
 *
 * A file that is no copy of the ledger in Redis is neither followed nor
 * overwritten: it holds as it is, nothing is written, and the operator is told,
 * who has to decide.
 *
 * Belongs to one thread at a time, which it may keep waiting for some seconds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "auth/accounts_file.h"
#include "base/log.h"

struct exchange;

struct ledger_options {
    struct exchange *exchange;       /* borrowed */
    unsigned replicas;               /* that should have what was written; else it is logged */
    const struct log *log;           /* borrowed */
    int64_t (*clock)(void *context); /* the wall clock */
    void *context;                   /* its own */
};

struct ledger *ledger_new(const struct ledger_options *options);
void ledger_free(struct ledger *ledger); /* NULL is fine; the file must be
                                            closed, or detached */

/* Makes a file that was just opened a copy, while both are open.
 * ERR_UNAVAILABLE: it cannot be used. */
int ledger_attach(struct ledger *ledger, struct accounts *accounts) MUST_USE;

/* Of a file that is used without a ledger: whether it was a copy of one, and that it is none any
 * more. */
int ledger_was_copied(struct accounts *accounts, bool *copied) MUST_USE;
int ledger_leave(struct accounts *accounts) MUST_USE;

/* Takes over what others have written. ERR_UNAVAILABLE: see ledger_reason. */
int ledger_catch_up(struct ledger *ledger, struct accounts *accounts) MUST_USE;
/* Whether anything can be said of who has an account: the file was a copy, or
 * it is known what it is. */
bool ledger_is_known(const struct ledger *ledger);
/* Begins the ledger with all that is in the file. ERR_NAME_TAKEN: there is one
 * in Redis already; ERR_NOT_FOUND: there is nothing in the file. */
int ledger_begin(struct ledger *ledger, struct accounts *accounts) MUST_USE;

/* What keeps it from taking anything, one line for people; NULL: nothing does.
 */
const char *ledger_reason(const struct ledger *ledger);

/* For accounts_file.c, before a transaction is committed: ERR_UNAVAILABLE if it
 * must not be. */
int ledger_submit(struct ledger *ledger, struct accounts *accounts) MUST_USE;
/* For accounts_file.c, after it was not: whether that was because another node
 * was first. By now the copy has what it did. */
bool ledger_overtaken(struct ledger *ledger, struct accounts *accounts);
