/* What a clerk has in common with those of other nodes: the ledger of accounts, tickets, and what
 * is counted of logins that failed. Whoever runs `banterd user` has the ledger in common with them,
 * and no more. Belongs to one thread, but for commons_wake. */
#pragma once

#include "auth/accounts.h"
#include "auth/authority_local.h"
#include "auth/question.h"
#include "base/log.h"

struct commons;

struct commons_options {
    const struct authority_local_shared *shared; /* copied */
    struct accounts *accounts;                   /* open, and becomes a copy of the ledger */
    const struct log *log;                       /* borrowed */
    int64_t (*clock)(void *context);
    void *clock_context;
    /* A login ended elsewhere: a line for attempts_hear. From within whatever waits. NULL: that is
     * not wanted. */
    void (*heard)(void *context, struct slice line);
    void *heard_context;
};

/* Tries for a while to find Redis, and goes on without. ERR_IO, with one line in `message`. */
int commons_open(const struct commons_options *options, struct commons **commons,
                 struct buffer *message) MUST_USE;
void commons_close(struct commons *commons); /* before the accounts are; NULL is fine */

/* Waits for news, for commons_wake, or for the time to pass. */
void commons_wait(struct commons *commons, unsigned milliseconds);
void commons_wake(struct commons *commons); /* from any thread */
/* Takes over what others have changed, if there is any; `due`: looks whether there is. True: it has
 * looked. */
bool commons_follow(struct commons *commons, bool due);
/* Whether anything can be said of who has an account. */
bool commons_know(const struct commons *commons);
/* Whether Redis does not take what is written. */
bool commons_cut_off(const struct commons *commons);

/* Begins the ledger with what is in the file: see ledger_begin. */
int commons_begin(struct commons *commons) MUST_USE;

/* Gives a question that was answered well its ticket, or refuses it. */
void commons_issue_ticket(struct commons *commons, struct question *question, int64_t now_us);
/* Answers QUESTION_TICKET; or replaces what was shown by what the ticket stands for, which makes it
 * another question (`exchanged`). */
void commons_redeem_ticket(struct commons *commons, struct question *question);
/* Tells the others how a question ended. */
void commons_tell_attempt(struct commons *commons, const struct question *question);
