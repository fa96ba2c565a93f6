#include "store/search_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "store/sqlite_connection.h"

#define NAME "search.db"
#define VERSION "1" /* of what follows; any change of it, and the index is built again */
#define BOOT_ID_LENGTH 36

/* Marks belong to words: without them Devanagari and others would fall apart at their vowels. */
static const char SCHEMA[] =
    "PRAGMA journal_mode = WAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE rooms ("
    "  id INTEGER PRIMARY KEY," /* as in the log */
    "  key TEXT NOT NULL,"
    "  seq INTEGER NOT NULL,"  /* indexed up to here */
    "  entry TEXT NOT NULL,"   /* the id of that one: tells whether it is still the same log */
    "  first INTEGER NOT NULL" /* nothing is indexed before this */
    ") STRICT;"
    "CREATE TABLE docs ("
    "  id INTEGER PRIMARY KEY,"
    "  room INTEGER NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  timestamp INTEGER NOT NULL,"
    "  sender TEXT NOT NULL," /* as senders are compared */
    "  content TEXT NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX docs_by_entry ON docs (room, seq);"
    "CREATE INDEX docs_by_sender ON docs (sender, timestamp);"
    "CREATE INDEX docs_by_time ON docs (timestamp);"
    "CREATE VIRTUAL TABLE words USING fts5 (content, content = 'docs', content_rowid = 'id',"
    "  tokenize = \"unicode61 remove_diacritics 2 categories 'L* N* M* Co'\");";

#define PURGED "SELECT id FROM docs WHERE room = ?1 AND seq < ?2 ORDER BY seq LIMIT ?3"

static const char *const STATEMENTS[SEARCH_STATEMENT_COUNT] = {
    [SEARCH_BEGIN] = "BEGIN",
    [SEARCH_COMMIT] = "COMMIT",
    [SEARCH_ROLLBACK] = "ROLLBACK",
    [SEARCH_LOG_VERSION] = "PRAGMA log.data_version",
    [SEARCH_NEWS] = "WITH logged AS (SELECT id, key,"
                    "  (SELECT max(seq) FROM log.entries WHERE room = rooms.id) AS last,"
                    "  (SELECT min(seq) FROM log.entries WHERE room = rooms.id) AS first"
                    "  FROM log.rooms WHERE id > ?1)"
                    " SELECT l.id, l.key, i.seq, i.entry, i.first, coalesce(l.first, i.seq + 1),"
                    "  coalesce(i.key <> l.key OR l.last < i.seq, 0)"
                    " FROM logged AS l LEFT JOIN main.rooms AS i ON i.id = l.id"
                    " WHERE l.last > coalesce(i.seq, 0) OR l.last < i.seq OR i.key <> l.key"
                    "  OR coalesce(l.first, i.seq + 1) > i.first"
                    " ORDER BY l.id LIMIT ?2",
    [SEARCH_GONE] = "SELECT id FROM main.rooms WHERE id NOT IN (SELECT id FROM log.rooms) LIMIT ?1",
    [SEARCH_LOG_ID] = "SELECT id FROM log.entries WHERE room = ?1 AND seq = ?2",
    [SEARCH_LOG_ENTRIES] = "SELECT seq, id, timestamp, kind, sender, content, of, deleted"
                           " FROM log.entries WHERE room = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    [SEARCH_ADD_DOC] = "INSERT INTO docs (room, seq, timestamp, sender, content)"
                       " VALUES (?1, ?2, ?3, ?4, ?5)",
    [SEARCH_ADD_WORDS] = "INSERT INTO words (rowid, content)"
                         " SELECT id, content FROM docs WHERE room = ?1 AND seq = ?2",
    [SEARCH_DROP_WORDS] = "INSERT INTO words (words, rowid, content)"
                          " SELECT 'delete', id, content FROM docs WHERE room = ?1 AND seq = ?2",
    [SEARCH_DROP_DOC] = "DELETE FROM docs WHERE room = ?1 AND seq = ?2",
    [SEARCH_SET_DOC] = "UPDATE docs SET content = ?3 WHERE room = ?1 AND seq = ?2",
    [SEARCH_PURGE_WORDS] = "INSERT INTO words (words, rowid, content)"
                           " SELECT 'delete', id, content FROM docs WHERE id IN (" PURGED ")",
    [SEARCH_PURGE_DOCS] = "DELETE FROM docs WHERE id IN (" PURGED ")",
    [SEARCH_SET_ROOM] = "INSERT OR REPLACE INTO main.rooms (id, key, seq, entry, first)"
                        " VALUES (?1, ?2, ?3, ?4, ?5)",
    [SEARCH_DROP_ROOM] = "DELETE FROM main.rooms WHERE id = ?1",
    [SEARCH_MERGE] = "INSERT INTO words (words, rank) VALUES ('merge', ?1)",
    [SEARCH_FIND_ROOM] = "SELECT id FROM log.rooms WHERE key = ?1",
    [SEARCH_FETCH] =
        "SELECT e.seq, e.id, e.timestamp, e.kind, e.sender, e.identity, e.cid,"
        " coalesce((SELECT content FROM log.entries WHERE room = ?1 AND of = ?2 AND kind = 1"
        "  AND deleted = 0 ORDER BY seq DESC LIMIT 1), e.content),"
        " e.re, e.of, e.key, e.removal, e.meta, e.deleted, r.name"
        " FROM log.entries AS e JOIN log.rooms AS r ON r.id = e.room"
        " WHERE e.room = ?1 AND e.seq = ?2",
};

void search_file_init(struct search_file *file, const struct sqlite_file *log,
                      const struct log *lines) {
    const char *slash = strrchr(log->path, '/');
    size_t folder = slash != NULL ? (size_t)(slash - log->path) + 1 : 0;
    struct buffer path = {0};
    *file = (struct search_file){.log = log, .lines = lines};
    buffer_append(&path, log->path, folder);
    buffer_append_string(&path, NAME);
    file->path = memory_copy_string(buffer_slice(&path));
    buffer_close(&path);
}

void search_file_free(struct search_file *file) {
    memory_free(file->path);
    file->path = NULL;
}

sqlite3_stmt *search_statement(const struct search_file *file, enum search_statement which) {
    sqlite3_reset(file->statements[which]);
    return file->statements[which];
}

int search_run(const struct search_file *file, enum search_statement which) {
    return sqlite_run(search_statement(file, which));
}

int search_run_on(const struct search_file *file, enum search_statement which, int64_t room,
                  uint64_t seq) {
    sqlite3_stmt *statement = search_statement(file, which);
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)seq);
    return sqlite_run(statement);
}

/* Names the time between two starts of the machine; where it has no name, every opening is a new
 * one. */
static void read_boot_id(char id[BOOT_ID_LENGTH + 1]) {
    int descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    memset(id, 0, BOOT_ID_LENGTH + 1);
    if (descriptor >= 0 && read(descriptor, id, BOOT_ID_LENGTH) != BOOT_ID_LENGTH) {
        id[0] = '\0';
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
}

static int execute(sqlite3 *db, const char *sql) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int set_meta(const struct search_file *file, const char *key, const char *value) {
    char *sql = sqlite3_mprintf("INSERT OR REPLACE INTO main.meta VALUES (%Q, %Q)", key, value);
    int code = sql != NULL ? execute(file->db, sql) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return code;
}

static bool meta_is(const struct search_file *file, const char *key, const char *value,
                    bool missing) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(file->db, "SELECT value FROM main.meta WHERE key = ?1", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite_bind_slice(statement, 1, slice_of_string(key));
        code = sqlite3_step(statement);
    }
    bool same = code == SQLITE_DONE && missing;
    if (code == SQLITE_ROW) {
        same = slice_equal(sqlite_column_slice(statement, 0), slice_of_string(value));
    }
    sqlite3_finalize(statement);
    return same;
}

static bool is_usable(const struct search_file *file) {
    char boot[BOOT_ID_LENGTH + 1];
    read_boot_id(boot);
    return meta_is(file, "version", VERSION, false) &&
           meta_is(file, "epoch", file->log->epoch, false) && meta_is(file, "boot", boot, true);
}

static int open_database(struct search_file *file) {
    /* SQLite would make it readable for all. */
    int descriptor = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return SQLITE_CANTOPEN;
    }
    close(descriptor);
    int code =
        sqlite3_open_v2(file->path, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    sqlite3_extended_result_codes(file->db, 1);
    sqlite3_busy_timeout(file->db, SQLITE_BUSY_TIMEOUT_MS);
    return execute(file->db, "PRAGMA synchronous = OFF; PRAGMA secure_delete = ON;"
                             "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
                             "PRAGMA cache_size = -8192; PRAGMA journal_size_limit = 16777216");
}

static int attach_log(struct search_file *file) {
    char *sql = sqlite3_mprintf("ATTACH %Q AS log", file->log->path);
    int code = sql != NULL ? execute(file->db, sql) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return code;
}

static int prepare_all(struct search_file *file) {
    int code = SQLITE_OK;
    for (int i = 0; i < SEARCH_STATEMENT_COUNT && code == SQLITE_OK; i++) {
        code = sqlite3_prepare_v3(file->db, STATEMENTS[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &file->statements[i], NULL);
    }
    return code;
}

static void close_database(struct search_file *file) {
    for (int i = 0; i < SEARCH_STATEMENT_COUNT; i++) {
        sqlite3_finalize(file->statements[i]);
        file->statements[i] = NULL;
    }
    sqlite3_close(file->db);
    file->db = NULL;
}

static void delete_files(const struct search_file *file) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        struct buffer path = {0};
        buffer_append_format(&path, "%s%s", file->path, endings[i]);
        char *name = memory_copy_string(buffer_slice(&path));
        unlink(name);
        memory_free(name);
        buffer_close(&path);
    }
}

static int make_anew(struct search_file *file) {
    close_database(file);
    delete_files(file);
    int code = open_database(file);
    if (code == SQLITE_OK) {
        code = execute(file->db, SCHEMA);
    }
    if (code == SQLITE_OK) {
        code = set_meta(file, "version", VERSION);
    }
    if (code == SQLITE_OK) {
        code = set_meta(file, "epoch", file->log->epoch);
    }
    return code == SQLITE_OK ? execute(file->db, "COMMIT") : code;
}

static int note_boot(const struct search_file *file) {
    char boot[BOOT_ID_LENGTH + 1];
    read_boot_id(boot);
    return set_meta(file, "boot", boot);
}

int search_file_open(struct search_file *file) {
    int code = open_database(file);
    if (code != SQLITE_OK || !is_usable(file)) {
        code = make_anew(file);
    }
    if (code == SQLITE_OK) {
        code = note_boot(file);
    }
    if (code == SQLITE_OK) {
        code = attach_log(file);
    }
    if (code == SQLITE_OK) {
        code = prepare_all(file);
    }
    if (code != SQLITE_OK) {
        search_file_fail(file, code);
    }
    return code;
}

int search_file_soiled(const struct search_file *file, bool *soiled) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(file->db, "PRAGMA main.user_version", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW) {
        *soiled = sqlite3_column_int(statement, 0) != 0;
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

int search_file_set_soiled(const struct search_file *file, bool soiled) {
    return execute(file->db,
                   soiled ? "PRAGMA main.user_version = 1" : "PRAGMA main.user_version = 0");
}

int search_file_checkpoint(const struct search_file *file) {
    return sqlite3_wal_checkpoint_v2(file->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void search_file_close(struct search_file *file) {
    if (file->db == NULL) {
        return;
    }
    /* Of what is synced before the note goes, the note need not be there. If any of it fails, the
     * note stays. */
    int code = execute(file->db, "PRAGMA main.synchronous = FULL");
    if (code == SQLITE_OK) {
        code = search_file_checkpoint(file);
    }
    if (code == SQLITE_OK) {
        (void)execute(file->db, "DELETE FROM main.meta WHERE key = 'boot'");
    }
    close_database(file);
}

void search_file_fail(struct search_file *file, int code) {
    int primary = code & 0xff;
    close_database(file);
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_CONSTRAINT ||
        primary == SQLITE_ERROR) {
        delete_files(file);
    }
}
