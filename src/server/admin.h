/* The operator's way into a running server: DATA/admin.sock, for the server's own user alone.
 *
 *     C status                     S ok {"uptime_s":3600,"sessions":12,…}
 *     C reload                     S ok rate_per_minute changed  or  error FILE:LINE: …
 *     C backup                     S progress 256 1024     pages, now and then
 *                                  S ok backup-1.db [backup-1.db.accounts]  or  error WHAT IS WRONG
 *
 *     C accounts                   S ok            the hub knows what has changed in accounts.db
 *
 * One request a connection, in lines; the server closes it after the last one. Not so after a
 * backup: the server may write to its data folder only, so the copy is there, for the caller to
 * take from; when the caller closes the connection the copy is removed. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"

struct uv_loop_s;
struct admin;

struct admin_options {
    const char *folder; /* borrowed, as is the log */
    const struct log *log;
    bool copies; /* the rooms are in the folder, and can be copied from there */
    /* Appends the members of a JSON object that say how the server is. */
    void (*status)(void *context, struct buffer *out);
    /* Reads the configuration again. `report`: one line, what came of it. 0 or an error. */
    int (*reload)(void *context, struct buffer *report);
    /* Accounts or tokens have changed. Answered by one admin_accounts_told for each call, in their
     * order. */
    void (*accounts)(void *context);
    void *context;
};

/* Who uses this must hold the folder's lock. NULL when there can be no such socket, which the log
 * tells: the server does without. */
struct admin *admin_open(struct uv_loop_s *loop, const struct admin_options *options);
/* The oldest call of `accounts` is done, or has failed. Fine while there is no admin. */
void admin_accounts_told(struct admin *admin, int error);
/* Ends everything under way; its handles close while the loop runs on. NULL is fine, also below. */
void admin_close(struct admin *admin);
void admin_free(struct admin *admin); /* when the loop has run empty */
