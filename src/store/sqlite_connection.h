/* A connection to the database, with its statements prepared once: one for each thread that uses
 * it. The functions return SQLite's codes, extended ones; what they mean for the hub is decided
 * above. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"
#include "hub/entry.h"

#define SQLITE_BUSY_TIMEOUT_MS 1000 /* how long other programs' locks are waited for */

/* Of the table `entries`. */
#define SQLITE_ENTRY_COLUMNS                                                                       \
    "seq, id, timestamp, kind, sender, identity, cid, content, re, of, key, removal, meta"
/* What sqlite_column_entry reads, from the first column on. */
#define SQLITE_PAGE_COLUMNS SQLITE_ENTRY_COLUMNS ", deleted"

/* The text of each stands in sqlite_connection.c. */
enum sqlite_statement {
    STATEMENT_BEGIN_READ,
    STATEMENT_BEGIN_WRITE,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_FIND_ROOM,   /* key → id, name, topic, first, last, last timestamp, has old cids */
    STATEMENT_ADD_ROOM,    /* key, name */
    STATEMENT_SET_TOPIC,   /* room, topic */
    STATEMENT_ADD_ENTRY,   /* sqlite_bind_entry */
    STATEMENT_FIND_CID,    /* room, cid, identity → body hash, seq, id, timestamp */
    STATEMENT_FIND_TARGET, /* room, seq → kind, identity, deleted */
    STATEMENT_ERASE_MESSAGE, /* room, seq: the content of the message */
    STATEMENT_ERASE_EDITS,   /* room, seq: and of its edits */
    STATEMENT_ERASE_ENTRIES, /* room */
    STATEMENT_ERASE_CIDS,    /* room */
    STATEMENT_ERASE_ROOM,    /* room */
    STATEMENT_NEXT_ROOM,     /* room → the one after it: id, key, first, last, first timestamp */
    STATEMENT_SIZES,         /* room, seq, limit → those before it, from the end: seq, size */
    STATEMENT_FRONT,         /* room, seq, limit → those up to it: seq, timestamp, size */
    STATEMENT_KEEP_CIDS,     /* room, seq, timestamp: of entries up to seq, if they are later */
    STATEMENT_TRIM,          /* room, seq: entries up to it */
    STATEMENT_SET_GONE,      /* room, seq, timestamp */
    STATEMENT_OLD_CIDS,      /* timestamp → whether there are earlier ones */
    STATEMENT_FORGET_CIDS,   /* timestamp, limit: earlier ones */
    STATEMENT_SET_READ,      /* identity, room key, seq, time */
    STATEMENT_LIST_READS,    /* identity, limit → room key, seq, time */
    STATEMENT_ERASE_READS,   /* room */
    STATEMENT_FORGET_READS,  /* time: earlier ones */
    STATEMENT_PAGE_UP,       /* room, low, high → entries */
    STATEMENT_PAGE_DOWN,     /* the same, from the end */
    STATEMENT_LIST,          /* limit → key, name, topic, first, last */
    STATEMENT_COUNT,
};

struct sqlite_connection {
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* Opens the file, which must exist, and prepares it as every connection is: durable commits,
 * content that is deleted overwritten, a wait for other programs' locks. On failure there may be a
 * db, for its message. */
int sqlite_connection_open_file(const char *path, sqlite3 **db) MUST_USE;

/* The same and the statements; the schema must be there. On failure it is closed. */
int sqlite_connection_open(struct sqlite_connection *connection, const char *path) MUST_USE;
void sqlite_connection_close(struct sqlite_connection *connection); /* fine when it is not open */

/* The statement, ready for its parameters. */
sqlite3_stmt *sqlite_statement(const struct sqlite_connection *connection,
                               enum sqlite_statement which);
/* Steps a statement that returns no rows, and resets it. SQLITE_OK when it is done. */
int sqlite_run(sqlite3_stmt *statement) MUST_USE;
/* The same for one without parameters. */
int sqlite_run_simple(const struct sqlite_connection *connection,
                      enum sqlite_statement which) MUST_USE;

/* Text is borrowed until the statement is reset. An empty one is bound as NULL by the second. */
void sqlite_bind_slice(sqlite3_stmt *statement, int parameter, struct slice text);
void sqlite_bind_optional(sqlite3_stmt *statement, int parameter, struct slice text);
void sqlite_bind_identity(sqlite3_stmt *statement, int parameter, const struct identity *identity);

/* All parameters of STATEMENT_ADD_ENTRY; the hash counts only with a cid. */
void sqlite_bind_entry(sqlite3_stmt *statement, int64_t room, const struct entry_body *body,
                       const struct outcome *outcome, uint64_t body_hash);

/* Borrowed until the next step. NULL is empty. */
struct slice sqlite_column_slice(sqlite3_stmt *statement, int column);
struct identity sqlite_column_identity(sqlite3_stmt *statement, int column);
/* A row of a page as an entry with one reference; NULL when it cannot be one. */
struct entry *sqlite_column_entry(sqlite3_stmt *statement);
