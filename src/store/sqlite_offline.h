/* The database as the operator's commands look at it: opened to be read only, as it was at one
 * moment, whether a server holds the folder or not. */
#pragma once

#include <sqlite3.h>

#include "store/sqlite_connection.h"
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

/* What those ask who go through all of it, each in order: its rooms; then, of the room whose id is
 * the parameter, its entries, as sqlite_column_entry reads them, and its old cids. */
#define SQLITE_ROOMS "SELECT id, key, name, topic, gone, gone_timestamp FROM rooms ORDER BY id"
#define SQLITE_ROOM_ENTRIES                                                                        \
    "SELECT " SQLITE_PAGE_COLUMNS ", body_hash FROM entries WHERE room = ?1 ORDER BY seq"
#define SQLITE_BODY_HASH_COLUMN 14 /* of SQLITE_ROOM_ENTRIES; NULL without a cid */
#define SQLITE_ROOM_OLD_CIDS                                                                       \
    "SELECT cid, identity, body_hash, seq, id, timestamp FROM cids WHERE room = ?1 ORDER BY seq"
