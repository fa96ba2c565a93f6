/* The logs in the database, as the writer's thread writes them: within a transaction, numbered,
 * checked and inserted.
 *
 *     sqlite_log_begin · sqlite_log_append … · sqlite_log_commit     and if any of these fails:
 * sqlite_log_fail
 *
 * After a failure nothing is appended until sqlite_log_settle has read back how far the rooms of
 * the failed transaction really are. If some of its entries are there after all, or another
 * program's, settling finds them.
 *
 * Functions that return int return an SQLite code. */
#pragma once

#include <stdbool.h>

#include "store/job.h"
#include "store/retention.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_file.h"
#include "store/sqlite_rooms.h"
#include "store/ulid.h"

struct sqlite_log {
    const struct sqlite_file *file;
    struct sqlite_connection connection;
    struct sqlite_rooms rooms;
    struct ulid_source ids;
    const struct retention_rules *retention; /* NULL: everything is kept */
    bool reopen;                             /* the connection is not to be trusted any more */
};

int sqlite_log_open(struct sqlite_log *log, const struct sqlite_file *file,
                    const struct retention_rules *retention, uint64_t seed) MUST_USE;
void sqlite_log_close(struct sqlite_log *log);

int sqlite_log_begin(struct sqlite_log *log) MUST_USE;
/* A refusal of the entry is told in `outcome`, and is no failure. */
int sqlite_log_append(struct sqlite_log *log, const struct draft *draft,
                      struct outcome *outcome) MUST_USE;
int sqlite_log_erase(struct sqlite_log *log, struct slice room_key) MUST_USE;
/* Of a log that was numbered elsewhere: an entry behind those that are here, with the effect it
 * has; and that those before `first` are gone. */
int sqlite_log_copy(struct sqlite_log *log, struct slice room_key, struct slice room_name,
                    const struct entry *entry) MUST_USE;
int sqlite_log_forget(struct sqlite_log *log, struct slice room_key, uint64_t first) MUST_USE;
int sqlite_log_commit(struct sqlite_log *log) MUST_USE;

/* Gives the transaction up, if there is one, because of the failure `code`. */
void sqlite_log_fail(struct sqlite_log *log, int code);

/* Must succeed before the next transaction; does nothing when nothing failed. Appends JOB_FOUND for
 * what is found. */
int sqlite_log_settle(struct sqlite_log *log, struct job_list *found) MUST_USE;
bool sqlite_log_settled(const struct sqlite_log *log);

/* The room's head, in or outside a transaction; made by head_copy. */
int sqlite_log_head(struct sqlite_log *log, struct slice room_key, struct slice room_name,
                    struct room_head *head) MUST_USE;

/* Moves everything from SQLite's write-ahead log into the database and empties it, so that what was
 * erased is nowhere any more. SQLITE_BUSY while somebody reads. */
int sqlite_log_scrub(struct sqlite_log *log) MUST_USE;
