/* The thread that knows the file of accounts and the keys: it answers questions one after the
 * other, and hands passwords to the hasher in between. Whatever it says of an account it has read
 * in that moment, and changes it tells in the order in which it came across them; so nobody is let
 * in after it has told that they must go. */
#pragma once

#include "auth/accounts.h"
#include "auth/queue.h"
#include "base/log.h"

struct clerk;
struct authority_local_shared;

struct clerk_options {
    const char *folder;                          /* of the accounts, copied; NULL: there are none */
    const struct authority_local_shared *shared; /* for the call; NULL: with nobody */
    const struct log *log;                       /* borrowed */
    struct jwt_setup *setup;                     /* taken */
    int64_t session_age_us;          /* after which a session that is not used ends; 0: never */
    int64_t (*clock)(void *context); /* the wall clock, from any thread */
    struct queue *answers;           /* borrowed */
    void (*wake)(void *context);     /* called when there are answers */
    void *context;                   /* of clock and wake */
};

/* Opens the accounts, and tells of them all in `notices`, a question that is answered. ERR_IO, and
 * one line in `message`; the setup is taken nevertheless. */
int clerk_start(const struct clerk_options *options, struct question **notices,
                struct clerk **clerk, struct buffer *message) MUST_USE;
void clerk_put(struct clerk *clerk, struct question *question); /* takes */
/* Waits for what is under way; what waits is dropped. NULL is fine. */
void clerk_stop(struct clerk *clerk);
