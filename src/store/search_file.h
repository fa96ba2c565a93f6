/* The search index: a database of its own beside the log, that can be thrown away at any time.
 *
 *     DATA/search.db        and SQLite's search.db-wal and -shm beside it
 *
 * `docs` has a row for each message that can be found, with its words as they are now; `words` is
 * the index on them, and `rooms` says how far each room's log is indexed. The log is attached as
 * `log`, only to be read. A message's text stands in both databases: taking a message out of an
 * index of SQLite needs the words as they were put in, and those of a deleted message are nowhere
 * else any more.
 *
 * It is not synced while it is written (it must never keep the log's commits waiting), and so
 * cannot be trusted after the machine has stopped without notice: it notes the boot it is in use
 * in, and is built again when that was another one. It is also built again when it is damaged, of
 * another version, or of another epoch than the log.
 *
 * Used by one thread. Functions return an SQLite code. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "store/sqlite_file.h"

enum search_statement {
    SEARCH_BEGIN,
    SEARCH_COMMIT,
    SEARCH_ROLLBACK,
    SEARCH_LOG_VERSION, /* changes when the log does */
    SEARCH_NEWS,        /* room, limit → rooms after it whose log is not as it was indexed; see
                           search_follow.c */
    SEARCH_GONE,        /* limit → rooms indexed that are not in the log */
    SEARCH_LOG_ID,      /* room, seq → the entry's id */
    SEARCH_LOG_ENTRIES, /* room, seq, limit → later entries: seq, id, timestamp, kind, sender,
                           content, of, deleted */
    SEARCH_ADD_DOC,     /* room, seq, timestamp, sender, content */
    SEARCH_ADD_WORDS,   /* room, seq */
    SEARCH_DROP_WORDS,  /* room, seq */
    SEARCH_DROP_DOC,    /* room, seq */
    SEARCH_SET_DOC,     /* room, seq, content */
    SEARCH_PURGE_WORDS, /* room, seq, limit: the first ones, before seq */
    SEARCH_PURGE_DOCS,  /* the same */
    SEARCH_SET_ROOM,    /* room, key, seq, entry's id, first */
    SEARCH_DROP_ROOM,   /* room */
    SEARCH_MERGE,       /* pages; see search_follow.c */
    SEARCH_FIND_ROOM,   /* key → the room in the log */
    SEARCH_FETCH,       /* room, seq → the message as it reads now, the name of its room */
    SEARCH_STATEMENT_COUNT,
};

struct search_file {
    const struct sqlite_file *log;
    const struct log *lines; /* NULL: says nothing */
    char *path;
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *statements[SEARCH_STATEMENT_COUNT];
};

void search_file_init(struct search_file *file, const struct sqlite_file *log,
                      const struct log *lines);
void search_file_free(struct search_file *file); /* it is closed by then */

/* Opens the index, or makes a new one where there is none that can be used. */
int search_file_open(struct search_file *file) MUST_USE;
/* Whether something was taken away whose words may still be in the files: noted in the index
 * itself, so that it outlives the process. Set within a transaction, it comes and goes with that.
 */
int search_file_soiled(const struct search_file *file, bool *soiled) MUST_USE;
int search_file_set_soiled(const struct search_file *file, bool soiled) MUST_USE;
/* Moves everything from SQLite's write-ahead log into the index and empties it. */
int search_file_checkpoint(const struct search_file *file) MUST_USE;

/* Closes it, synced. Fine when it is not open. */
void search_file_close(struct search_file *file);
/* Closes it, and deletes it if it is damaged. */
void search_file_fail(struct search_file *file, int code);

/* The statement, ready for its parameters. */
sqlite3_stmt *search_statement(const struct search_file *file, enum search_statement which);
int search_run(const struct search_file *file, enum search_statement which) MUST_USE;
/* With a room and a seq. */
int search_run_on(const struct search_file *file, enum search_statement which, int64_t room,
                  uint64_t seq) MUST_USE;
