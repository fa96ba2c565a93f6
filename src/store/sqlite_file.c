#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/slice.h"
#include "store/sqlite_connection.h"
#include "store/ulid.h"

/* In the lock file, behind the process id, from when the log is there until the end. */
#define SERVING "serving\n"
#define OTHER_FOLDER "or choose another folder with --data"

/* What leads from each version of the schema to the next. Steps are only ever added: a database
 * goes through those it has not seen, in the transaction that also notes the new version. */
static const char *const STEPS[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE rooms ("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT NOT NULL UNIQUE," /* how it is found: the folded name, or of a direct-message room
                                     the identities */
    "  name TEXT NOT NULL,"       /* how it is shown */
    "  topic TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE TABLE entries ("
    "  room INTEGER NOT NULL," /* rooms.id */
    "  seq INTEGER NOT NULL,"
    "  id TEXT NOT NULL,"           /* a ULID */
    "  timestamp INTEGER NOT NULL," /* microseconds since 1970 */
    "  kind INTEGER NOT NULL,"      /* 0 message, 1 edit, 2 delete, 3 reaction, 4 topic */
    "  sender TEXT NOT NULL,"
    "  identity BLOB NOT NULL,"
    "  cid TEXT,"
    "  body_hash INTEGER," /* with a cid: tells a repetition from another message */
    "  content TEXT NOT NULL,"
    "  re INTEGER,"
    "  of INTEGER,"
    "  key TEXT,"
    "  removal INTEGER NOT NULL,"
    "  meta TEXT,"
    "  deleted INTEGER NOT NULL DEFAULT 0," /* its content was erased */
    "  PRIMARY KEY (room, seq)"
    ") STRICT, WITHOUT ROWID;"
    /* In this order: the cid tells most apart, so that inserting looks at little of the rest. */
    "CREATE UNIQUE INDEX entries_by_cid ON entries (cid, identity, room) WHERE cid IS NOT NULL;"
    "CREATE INDEX edits_by_message ON entries (room, of) WHERE kind = 1;",

    /* Retention: what remains of entries that were let go of. */
    "ALTER TABLE rooms ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;" /* the last seq let go of; 0:
                                                                       none */
    "ALTER TABLE rooms ADD COLUMN gone_timestamp INTEGER NOT NULL DEFAULT 0;" /* and its time */
    "CREATE TABLE cids (" /* of entries that went before their cids */
    "  room INTEGER NOT NULL,"
    "  cid TEXT NOT NULL,"
    "  identity BLOB NOT NULL,"
    "  body_hash INTEGER NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  id TEXT NOT NULL,"
    "  timestamp INTEGER NOT NULL,"
    "  PRIMARY KEY (room, cid, identity)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX cids_by_time ON cids (timestamp);"
    "CREATE TABLE reads (" /* how far somebody has read a room */
    "  identity BLOB NOT NULL,"
    "  room INTEGER NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  updated INTEGER NOT NULL," /* when that was told */
    "  PRIMARY KEY (identity, room)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX reads_by_room ON reads (room);",
};

#define SCHEMA_VERSION ((int)(sizeof(STEPS) / sizeof(STEPS[0])))

int sqlite_file_schema(void) {
    return SCHEMA_VERSION;
}

static int fail_errno(struct buffer *message, const char *what, const char *path) {
    const char *cure = "make it writable for this user";
    if (errno == ENOSPC || errno == EDQUOT) {
        cure = "free some space";
    } else if (errno == ENOENT) {
        cure = "make the folder that it is to stand in first";
    }
    buffer_append_format(message, "cannot %s %s: %s; %s, " OTHER_FOLDER, what, path,
                         strerror(errno), cure);
    return ERR_IO;
}

static char *join_path(const char *folder, const char *name) {
    struct buffer path = {0};
    buffer_append_format(&path, "%s/%s", folder, name);
    char *copy = memory_copy_string(buffer_slice(&path));
    buffer_close(&path);
    return copy;
}

static int make_folder(const char *folder, struct buffer *message) {
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return fail_errno(message, "create the data folder", folder);
    }
    return 0;
}

static void describe_holder(int descriptor, const char *folder, struct buffer *message) {
    char pid[24] = {0};
    ssize_t length = pread(descriptor, pid, sizeof(pid) - 1, 0);
    buffer_append_format(message, "the data folder %s is in use by another banterd", folder);
    if (length > 0) {
        pid[strcspn(pid, "\n")] = '\0';
        buffer_append_format(message, " (process %s)", pid);
    }
    buffer_append_string(message, "; stop that one, " OTHER_FOLDER);
}

/* Whether the last holder of the lock was killed, and its write-ahead log is gone. */
static bool has_lost_log(const struct sqlite_file *file, int lock) {
    char held[64] = {0};
    struct stat found;
    if (pread(lock, held, sizeof(held) - 1, 0) < 0 || strstr(held, SERVING) == NULL) {
        return false;
    }
    struct buffer log = {0};
    buffer_append_format(&log, "%s-wal", file->path);
    buffer_append_char(&log, '\0');
    bool lost = stat(file->path, &found) == 0 && stat(buffer_slice(&log).data, &found) != 0 &&
                errno == ENOENT;
    buffer_close(&log);
    return lost;
}

/* The process id is for people; what locks is the lock, which ends with the process however it
 * ends. */
static int take_lock(struct sqlite_file *file, const char *folder, struct buffer *message) {
    char *path = join_path(folder, "banter.lock");
    char pid[24];
    int error = 0;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        error = fail_errno(message, "open", path);
        goto out;
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        describe_holder(descriptor, folder, message);
        error = ERR_IO;
        goto out;
    }
    file->log_was_lost = has_lost_log(file, descriptor);
    int length = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, pid, (size_t)length, 0) != length) {
        error = fail_errno(message, "write to", path);
        goto out;
    }
    file->lock = descriptor;
    descriptor = -1;
out:
    if (descriptor >= 0) {
        close(descriptor);
    }
    memory_free(path);
    return error;
}

/* SQLite would create it readable for all; its other files get the same mode as this one. */
static int make_database(const struct sqlite_file *file, struct buffer *message) {
    int descriptor = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return fail_errno(message, "open", file->path);
    }
    close(descriptor);
    return 0;
}

static const char *advice(int code) {
    switch (code & 0xff) {
    case SQLITE_NOTADB:
        return "it is not a banter database: move it away, " OTHER_FOLDER;
    case SQLITE_CORRUPT:
        return "it is damaged: put a backup in its place, " OTHER_FOLDER;
    case SQLITE_BUSY:
        return "another program holds a lock on it: end that program, " OTHER_FOLDER;
    case SQLITE_FULL:
        return "free some space, " OTHER_FOLDER;
    case SQLITE_IOERR:
        return "see that its disk works and is not full, " OTHER_FOLDER;
    default:
        return "make it writable for this user, " OTHER_FOLDER;
    }
}

static int fail_sqlite(struct buffer *message, const struct sqlite_file *file, sqlite3 *db,
                       int code) {
    const char *reason = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    buffer_append_format(message, "cannot open the database %s: %s; %s", file->path, reason,
                         advice(code));
    return ERR_IO;
}

/* The first column of the first row as a number. */
static int query_number(sqlite3 *db, const char *sql, int *number) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW) {
        *number = sqlite3_column_int(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int use_write_ahead_log(sqlite3 *db, const struct sqlite_file *file,
                               struct buffer *message) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    int error = 0;
    if (code != SQLITE_ROW) {
        error = fail_sqlite(message, file, db, code);
    } else if (!slice_equal(sqlite_column_slice(statement, 0), SLICE("wal"))) {
        buffer_append_format(message,
                             "the file system of %s cannot hold a shared database (a network "
                             "folder?); choose a folder on a local disk with --data",
                             file->path);
        error = ERR_IO;
    }
    sqlite3_finalize(statement);
    return error;
}

/* Whose it is and how old. */
static int check_version(sqlite3 *db, const struct sqlite_file *file, int *version,
                         struct buffer *message) {
    int application = 0, tables = 0;
    int code = query_number(db, "PRAGMA application_id", &application);
    if (code == SQLITE_OK) {
        code = query_number(db, "PRAGMA user_version", version);
    }
    if (code == SQLITE_OK) {
        code = query_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (code != SQLITE_OK) {
        return fail_sqlite(message, file, db, code);
    }
    if (application != SQLITE_FILE_APPLICATION && tables > 0) {
        buffer_append_format(
            message, "%s is another program's database; move it away, " OTHER_FOLDER, file->path);
        return ERR_IO;
    }
    if (*version > SCHEMA_VERSION) {
        buffer_append_format(message,
                             "%s was written by a newer banterd (schema %d, this one knows %d); "
                             "install that version, " OTHER_FOLDER,
                             file->path, *version, SCHEMA_VERSION);
        return ERR_IO;
    }
    return 0;
}

/* In a transaction, from `version` on. */
static int run_steps(sqlite3 *db, int version) {
    char *sql = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                SQLITE_FILE_APPLICATION, SCHEMA_VERSION);
    int code = sql != NULL ? SQLITE_OK : SQLITE_NOMEM;
    for (int step = version; step < SCHEMA_VERSION && code == SQLITE_OK; step++) {
        code = sqlite3_exec(db, STEPS[step], NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    }
    sqlite3_free(sql);
    return code;
}

int sqlite_file_renew_epoch(sqlite3 *db) {
    struct rng rng;
    uint64_t seed;
    char epoch[SQLITE_EPOCH_LENGTH + 1];
    if (getentropy(&seed, sizeof(seed)) != 0) {
        return SQLITE_IOERR;
    }
    rng_seed(&rng, seed);
    ulid_epoch(&rng, epoch, SQLITE_EPOCH_LENGTH);
    char *sql = sqlite3_mprintf("INSERT OR REPLACE INTO meta VALUES ('epoch', %Q)", epoch);
    int code = sql != NULL ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return code;
}

static int migrate(sqlite3 *db, int version) {
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        code = run_steps(db, version);
    }
    if (code == SQLITE_OK && version == 0) {
        code = sqlite_file_renew_epoch(db);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    return code; /* what was begun and not committed ends with the connection */
}

static int bring_up_to_date(sqlite3 *db, const struct sqlite_file *file, struct buffer *message) {
    int version = 0;
    int error = check_version(db, file, &version, message);
    if (error == 0) {
        error = use_write_ahead_log(db, file, message);
    }
    if (error != 0 || version == SCHEMA_VERSION) {
        return error;
    }
    int code = migrate(db, version);
    return code == SQLITE_OK ? 0 : fail_sqlite(message, file, db, code);
}

static int replace_epoch(sqlite3 *db) {
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        code = sqlite_file_renew_epoch(db);
    }
    return code == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : code;
}

static int read_epoch(sqlite3 *db, struct sqlite_file *file, struct buffer *message) {
    sqlite3_stmt *statement = NULL;
    int code =
        sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE key = 'epoch'", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    int error = 0;
    if (code == SQLITE_ROW) {
        struct slice epoch = sqlite_column_slice(statement, 0);
        snprintf(file->epoch, sizeof(file->epoch), "%.*s", SLICE_ARGS(epoch));
    } else {
        error = fail_sqlite(message, file, db, code == SQLITE_DONE ? SQLITE_CORRUPT : code);
    }
    sqlite3_finalize(statement);
    return error;
}

/* A new file and a new folder are only as durable as the folders that name them. */
static void sync_folder(const char *folder) {
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
}

static void sync_names(const char *folder) {
    char *parent = join_path(folder, "..");
    sync_folder(folder);
    sync_folder(parent);
    memory_free(parent);
}

static int prepare_database(struct sqlite_file *file, struct buffer *message) {
    sqlite3 *db = NULL;
    int code = sqlite_connection_open_file(file->path, &db);
    int error = code == SQLITE_OK ? 0 : fail_sqlite(message, file, db, code);
    if (error == 0) {
        error = bring_up_to_date(db, file, message);
    }
    if (error == 0 && file->log_was_lost) {
        code = replace_epoch(db);
        error = code == SQLITE_OK ? 0 : fail_sqlite(message, file, db, code);
    }
    if (error == 0) {
        error = read_epoch(db, file, message);
    }
    sqlite3_close(db);
    return error;
}

int sqlite_file_open(struct sqlite_file *file, const char *folder, struct buffer *message) {
    struct sqlite_file opened = {.path = join_path(folder, "banter.db"), .lock = -1};
    int error = make_folder(folder, message);
    if (error == 0) {
        error = take_lock(&opened, folder, message);
    }
    if (error == 0) {
        error = make_database(&opened, message);
    }
    if (error == 0) {
        error = prepare_database(&opened, message);
    }
    if (error != 0) {
        sqlite_file_close(&opened);
        return error;
    }
    sync_names(folder);
    *file = opened;
    return 0;
}

void sqlite_file_serve(struct sqlite_file *file) {
    off_t end = lseek(file->lock, 0, SEEK_END);
    ssize_t length = sizeof(SERVING) - 1;
    file->serving = pwrite(file->lock, SERVING, (size_t)length, end) == length;
}

void sqlite_file_close(struct sqlite_file *file) {
    if (file->lock >= 0) {
        if (file->serving) {
            /* If this fails, the next one only begins a new epoch without need. */
            (void)!ftruncate(file->lock, 0);
        }
        close(file->lock);
    }
    memory_free(file->path);
    *file = (struct sqlite_file){.lock = -1};
}
