/* What `banterd user`, `banterd token` and `banterd hook` have in common: their command line, the
 * file of accounts, the ledger of several servers, and telling one that runs.
 *
 * Each changes accounts.db by itself, so it works without a server. Where one runs it is told
 * through DATA/admin.sock, and the command returns when the change is in force there. */
#pragma once

#include "auth/commons.h"
#include "auth/tokens.h"
#include "server/config.h"
#include "server/config_value.h"

/* The options there are; a command takes those of its letters. */
struct operator_options {
    const char *role;         /* r */
    const char *label;        /* l */
    const char *rate;         /* n */
    const char *expires;      /* e */
    struct config_list rooms; /* o */
    bool json;                /* j */
};

struct operator_call {
    struct config config;
    const char *folder;
    struct operator_options options;
    char **words; /* after the command's name */
    int word_count;
    struct accounts accounts;
    struct commons *commons; /* what several servers share; NULL: the accounts are this folder's */
};

/* `banterd user add` and so on: a row for each. */
struct operator_deed {
    const char *name;
    int least, most;                        /* words */
    const char *letters;                    /* of its options */
    bool makes_file;                        /* where there are no accounts yet */
    bool changes;                           /* the server must be told */
    bool begins;                            /* what it changes is whether accounts are shared */
    int (*run)(struct operator_call *call); /* the exit status */
};

/* Carries out what the words behind `values[0]` say. The exit status. */
int operator_accounts(const char *usage, const struct operator_deed *deeds, size_t count,
                      int value_count, char **values);

/* Whether several servers have their accounts in common. */
bool operator_shares(const struct operator_call *call);
/* Brings an open file in common with what other servers have, or sees that it need not be. False:
 * was told. */
bool operator_join(struct operator_call *call, const struct operator_deed *deed);

/* Prints "banterd: …". Returns EXIT_FAILURE. */
int operator_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says what an error of accounts.h means, about an account of this name. The same. */
int operator_fail_about(const struct operator_call *call, const char *name, int error);

/* The date of a time, "2026-02-13", or "never"; `text` holds 11 bytes. */
const char *operator_date(int64_t time_us, char text[11]);

/* Adds a member to a line of JSON; a time of 0 is null. */
void operator_append_time(struct buffer *line, const char *key, int64_t time_us);

/* A number that an option says, or a rate, if it was given. ERR_BAD_REQUEST: was told. */
int operator_take_number(const struct config_key *key, const char *word, size_t *number) MUST_USE;
int operator_take_rate(const struct operator_options *chosen, bool *given,
                       unsigned *rate_per_minute) MUST_USE;

/* The commands. */
int operator_user(int count, char **values);
int operator_token(int count, char **values);
int operator_hook(int count, char **values);
