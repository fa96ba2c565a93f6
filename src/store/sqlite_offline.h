/* The database as the operator's commands look at it: opened to be read only, as it was at one
 * moment, whether a server holds the folder or not. */
#pragma once

#include <sqlite3.h>

#include "store/sqlite_file.h"

struct sqlite_offline {
    sqlite3 *db;
    char epoch[SQLITE_EPOCH_LENGTH + 1];
};

/* ERR_IO, with one line for the operator in `message`. A database of an older schema is refused:
 * who reads only cannot bring it up to date. */
int sqlite_offline_open(struct sqlite_offline *offline, const char *folder,
                        struct buffer *message) MUST_USE;
void sqlite_offline_close(struct sqlite_offline *offline); /* fine when it is not open */

/* A statement that takes at most one number; NULL when the database is damaged. sqlite3_finalize
 * it. */
sqlite3_stmt *sqlite_offline_query(const struct sqlite_offline *offline, const char *sql,
                                   int64_t parameter);
