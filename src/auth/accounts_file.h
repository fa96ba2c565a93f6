/* The file of accounts, tokens and hooks: DATA/accounts.db, an SQLite database of its own, because
 * that of the log has one writer who must not wait for others. It is for its owner alone (mode
 * 0600), and every commit is on the disk before it counts.
 *
 * Several programs use it at the same time: the server, and whoever runs `banterd user`. What they
 * do to accounts and tokens they write into `changes` too, in the same transaction; a server reads
 * from there what it must tell the hub. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "hub/credential.h"

struct ledger;

struct accounts {
    sqlite3 *db;
    struct ledger *ledger;    /* what all nodes agree on, see ledger.h; NULL: this file is all */
    sqlite3_stmt *find_token; /* what is asked most, prepared once; NULL: not yet */
    sqlite3_stmt *find_hook;
    struct buffer text; /* what the slices of the latest answer point to */
};

/* Makes the folder and the file if they are missing, and brings the schema up to date. ERR_IO, with
 * one line for the operator in `message`. */
int accounts_open(const char *folder, struct accounts *accounts, struct buffer *message) MUST_USE;
/* The same, but ERR_NOT_FOUND where there is no such file; the message says how to make one. */
int accounts_open_existing(const char *folder, struct accounts *accounts,
                           struct buffer *message) MUST_USE;
void accounts_close(struct accounts *accounts); /* fine when it is not open */
bool accounts_exist(const char *folder);

/* One transaction that writes. The second commits, or with an error takes all back, and returns the
 * first error there was. */
int accounts_begin(struct accounts *accounts) MUST_USE;
int accounts_end(struct accounts *accounts, int error) MUST_USE;
/* The same for what comes from the ledger, and is not for it. */
int accounts_end_copy(struct accounts *accounts, int error) MUST_USE;
/* Whether what ended with this error must be done again from its beginning, because another node
 * has changed something meanwhile:
 *
 *     do {
 *         error = accounts_begin(accounts);
 *         if (!error)
 *             error = accounts_end(accounts, … the deed …);
 *     } while (accounts_overtaken(accounts, error)); */
bool accounts_overtaken(struct accounts *accounts, int error);

/* Why the latest failed: what SQLite says, or what keeps the ledger from taking anything. */
const char *accounts_error(const struct accounts *accounts);

/* Copies the file as it is to `path`, which must not be there yet; nothing where there are neither
 * accounts nor hooks. */
int accounts_copy(const char *folder, const char *path, struct buffer *message) MUST_USE;
