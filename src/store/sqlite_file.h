/* The database of the sqlite engine: the folder it lies in, the lock that keeps a second server
 * out, and its schema.
 *
 *     DATA/banter.db        and SQLite's banter.db-wal and -shm beside it
 *     DATA/banter.lock      locked while a server has the folder; holds its process id, and
 *                           while it writes the word "serving"
 *
 * What was committed last is in the write-ahead log until SQLite moves it. If a server was killed
 * while serving and that log is not there any more (somebody has "cleaned up", or copied the
 * database alone), numbers that readers have seen would be given again; so a new epoch begins.
 *
 * `rooms` has a row for each room that has or had entries, `entries` the logs. What a room's first
 * and last number are is not written down beside them: it is read from its entries, so the two
 * cannot disagree. Only what retention took leaves a note in its room, how far it went, so that the
 * numbers go on where they were when nothing is left. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

#define SQLITE_EPOCH_LENGTH 8
#define SQLITE_FILE_APPLICATION                                                                    \
    0x626e7472 /* "bntr", so that `file` and we know whose database it is */

struct sqlite_file {
    char *path;        /* of the database */
    int lock;          /* descriptor, -1: none */
    bool serving;      /* sqlite_file_serve was called */
    bool log_was_lost; /* see above */
    char epoch[SQLITE_EPOCH_LENGTH + 1];
};

/* Makes the folder and the database if they are missing, takes the lock, brings the schema up to
 * date. ERR_IO, with one line for the operator in `message`: what is wrong, where, what to do. */
int sqlite_file_open(struct sqlite_file *file, const char *folder, struct buffer *message) MUST_USE;
/* Within a transaction: from now on the numbers in this database are others than any seen before.
 * An SQLite code. */
int sqlite_file_renew_epoch(sqlite3 *db) MUST_USE;
int sqlite_file_schema(void); /* the version that an open database has */
/* A connection with a write-ahead log is open from here on to sqlite_file_close: if this process is
 * killed, that log must be there. */
void sqlite_file_serve(struct sqlite_file *file);
/* Every connection to it is closed by then. */
void sqlite_file_close(struct sqlite_file *file);
