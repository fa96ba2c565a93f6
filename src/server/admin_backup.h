/* A backup under way: made by a thread of libuv's pool, told of on the loop. */
#pragma once

#include "base/log.h"
#include "base/slice.h"

struct uv_loop_s;
struct admin_backup;

struct admin_backup_options {
    struct uv_loop_s *loop;
    const struct log *log;
    const char *folder, *path; /* copied */
    void (*progress)(void *context, unsigned done, unsigned total);
    void (*end)(void *context, int error,
                struct slice text); /* the last call; the path or what is wrong */
    void *context;
};

/* Accounts, where there are any, are copied beside the database: PATH.accounts. */
struct admin_backup *admin_backup_begin(const struct admin_backup_options *options);
/* Nobody wants it any more: it stops soon, and nothing is called. */
void admin_backup_abandon(struct admin_backup *backup);

/* The name of the second file, to be freed. */
char *admin_backup_accounts(const char *path);
/* Removes what a backup to this path has made. */
void admin_backup_remove(const char *path);
