#include "store/sqlite_connection.h"

#include <string.h>

#include "base/text.h"
#include "store/retention.h"

#define FIRST "coalesce((SELECT min(seq) FROM entries WHERE room = rooms.id), gone + 1)"
#define LAST "coalesce((SELECT max(seq) FROM entries WHERE room = rooms.id), gone)"
#define LAST_TIMESTAMP                                                                             \
    "coalesce((SELECT timestamp FROM entries WHERE room = rooms.id ORDER BY seq DESC LIMIT 1),"    \
    " gone_timestamp)"
#define FIRST_TIMESTAMP "(SELECT timestamp FROM entries WHERE room = rooms.id ORDER BY seq LIMIT 1)"
/* As retention_size says. */
#define SIZE                                                                                       \
    "length(CAST(content AS BLOB)) + length(CAST(sender AS BLOB)) +"                               \
    " coalesce(length(CAST(meta AS BLOB)), 0) + " DIGITS(RETENTION_ENTRY_BYTES)
#define DIGITS(number) DIGITS_OF(number)
#define DIGITS_OF(number) #number

static const char *const STATEMENTS[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN_READ] = "BEGIN",
    [STATEMENT_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_FIND_ROOM] =
        "SELECT id, name, topic, " FIRST ", " LAST ", " LAST_TIMESTAMP ","
        " EXISTS (SELECT 1 FROM cids WHERE room = rooms.id) FROM rooms WHERE key = ?1",
    [STATEMENT_ADD_ROOM] = "INSERT INTO rooms (key, name) VALUES (?1, ?2)",
    [STATEMENT_SET_TOPIC] = "UPDATE rooms SET topic = ?2 WHERE id = ?1",
    [STATEMENT_ADD_ENTRY] =
        "INSERT INTO entries (room, " SQLITE_ENTRY_COLUMNS ", body_hash)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    [STATEMENT_FIND_CID] = "SELECT body_hash, seq, id, timestamp FROM entries"
                           " WHERE cid = ?2 AND identity = ?3 AND room = ?1"
                           " UNION ALL SELECT body_hash, seq, id, timestamp FROM cids"
                           " WHERE room = ?1 AND cid = ?2 AND identity = ?3",
    [STATEMENT_FIND_TARGET] =
        "SELECT kind, identity, deleted FROM entries WHERE room = ?1 AND seq = ?2",
    [STATEMENT_ERASE_MESSAGE] = "UPDATE entries SET content = '', meta = NULL, deleted = 1"
                                " WHERE room = ?1 AND seq = ?2",
    [STATEMENT_ERASE_EDITS] = "UPDATE entries SET content = '', meta = NULL, deleted = 1"
                              " WHERE room = ?1 AND of = ?2 AND kind = 1",
    [STATEMENT_ERASE_ENTRIES] = "DELETE FROM entries WHERE room = ?1",
    [STATEMENT_ERASE_CIDS] = "DELETE FROM cids WHERE room = ?1",
    [STATEMENT_ERASE_ROOM] = "DELETE FROM rooms WHERE id = ?1",
    [STATEMENT_NEXT_ROOM] = "SELECT id, key, " FIRST ", " LAST ", " FIRST_TIMESTAMP
                            " FROM rooms WHERE id > ?1 ORDER BY id LIMIT 1",
    [STATEMENT_SIZES] = "SELECT seq, " SIZE " FROM entries"
                        " WHERE room = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3",
    [STATEMENT_FRONT] = "SELECT seq, timestamp, " SIZE " FROM entries"
                        " WHERE room = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
    [STATEMENT_KEEP_CIDS] =
        "INSERT OR REPLACE INTO cids (room, cid, identity, body_hash, seq, id, timestamp)"
        " SELECT room, cid, identity, body_hash, seq, id, timestamp FROM entries"
        " WHERE room = ?1 AND seq <= ?2 AND cid IS NOT NULL AND timestamp > ?3",
    [STATEMENT_TRIM] = "DELETE FROM entries WHERE room = ?1 AND seq <= ?2",
    [STATEMENT_SET_GONE] = "UPDATE rooms SET gone = ?2, gone_timestamp = ?3 WHERE id = ?1",
    [STATEMENT_OLD_CIDS] = "SELECT 1 FROM cids WHERE timestamp < ?1 LIMIT 1",
    [STATEMENT_FORGET_CIDS] =
        "DELETE FROM cids WHERE (room, cid, identity) IN"
        " (SELECT room, cid, identity FROM cids WHERE timestamp < ?1 ORDER BY timestamp LIMIT ?2)",
    [STATEMENT_SET_READ] =
        "INSERT INTO reads (identity, room, seq, updated)"
        " SELECT ?1, id, ?3, ?4 FROM rooms WHERE key = ?2"
        " ON CONFLICT (identity, room) DO UPDATE SET seq = max(seq, excluded.seq),"
        " updated = excluded.updated",
    [STATEMENT_LIST_READS] = "SELECT rooms.key, reads.seq, reads.updated FROM reads"
                             " JOIN rooms ON rooms.id = reads.room"
                             " WHERE reads.identity = ?1 LIMIT ?2",
    [STATEMENT_ERASE_READS] = "DELETE FROM reads WHERE room = ?1",
    [STATEMENT_FORGET_READS] = "DELETE FROM reads WHERE updated < ?1",
    [STATEMENT_PAGE_UP] = "SELECT " SQLITE_PAGE_COLUMNS " FROM entries"
                          " WHERE room = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq",
    [STATEMENT_PAGE_DOWN] = "SELECT " SQLITE_PAGE_COLUMNS " FROM entries"
                            " WHERE room = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC",
    [STATEMENT_LIST] = "SELECT key, name, topic, " FIRST ", " LAST " FROM rooms"
                       " WHERE substr(key, 1, 1) NOT IN ('@', '$') ORDER BY key LIMIT ?1",
};

static const char PRAGMAS[] =
    "PRAGMA synchronous = FULL;"
    "PRAGMA secure_delete = ON;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -8192;"            /* KiB */
    "PRAGMA journal_size_limit = 16777216"; /* of the log after a checkpoint */

int sqlite_connection_open_file(const char *path, sqlite3 **db) {
    *db = NULL;
    int code = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    sqlite3_extended_result_codes(*db, 1);
    sqlite3_busy_timeout(*db, SQLITE_BUSY_TIMEOUT_MS);
    return sqlite3_exec(*db, PRAGMAS, NULL, NULL, NULL);
}

static int prepare_all(struct sqlite_connection *connection) {
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        int code = sqlite3_prepare_v3(connection->db, STATEMENTS[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &connection->statements[i], NULL);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    return SQLITE_OK;
}

int sqlite_connection_open(struct sqlite_connection *connection, const char *path) {
    memset(connection, 0, sizeof(*connection));
    int code = sqlite_connection_open_file(path, &connection->db);
    if (code == SQLITE_OK) {
        code = prepare_all(connection);
    }
    if (code != SQLITE_OK) {
        sqlite_connection_close(connection);
    }
    return code;
}

void sqlite_connection_close(struct sqlite_connection *connection) {
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(connection->statements[i]);
    }
    sqlite3_close(connection->db);
    memset(connection, 0, sizeof(*connection));
}

sqlite3_stmt *sqlite_statement(const struct sqlite_connection *connection,
                               enum sqlite_statement which) {
    sqlite3_reset(connection->statements[which]);
    return connection->statements[which];
}

int sqlite_run(sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

int sqlite_run_simple(const struct sqlite_connection *connection, enum sqlite_statement which) {
    return sqlite_run(sqlite_statement(connection, which));
}

void sqlite_bind_slice(sqlite3_stmt *statement, int parameter, struct slice text) {
    const char *data = text.length > 0 ? text.data : "";
    sqlite3_bind_text64(statement, parameter, data, text.length, SQLITE_STATIC, SQLITE_UTF8);
}

void sqlite_bind_optional(sqlite3_stmt *statement, int parameter, struct slice text) {
    if (text.length > 0) {
        sqlite_bind_slice(statement, parameter, text);
    } else {
        sqlite3_bind_null(statement, parameter);
    }
}

void sqlite_bind_identity(sqlite3_stmt *statement, int parameter, const struct identity *identity) {
    sqlite3_bind_blob(statement, parameter, identity->bytes, IDENTITY_SIZE, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *statement, int parameter, uint64_t value) {
    if (value != 0) {
        sqlite3_bind_int64(statement, parameter, (sqlite3_int64)value);
    } else {
        sqlite3_bind_null(statement, parameter);
    }
}

void sqlite_bind_entry(sqlite3_stmt *statement, int64_t room, const struct entry_body *body,
                       const struct outcome *outcome, uint64_t body_hash) {
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)outcome->seq);
    sqlite_bind_slice(statement, 3, slice_from(outcome->id, ENTRY_ID_LENGTH));
    sqlite3_bind_int64(statement, 4, outcome->timestamp_us);
    sqlite3_bind_int(statement, 5, body->kind);
    sqlite_bind_slice(statement, 6, body->sender);
    sqlite_bind_identity(statement, 7, &body->identity);
    sqlite_bind_optional(statement, 8, body->cid);
    sqlite_bind_slice(statement, 9, body->content);
    bind_number(statement, 10, body->re);
    bind_number(statement, 11, body->of);
    sqlite_bind_optional(statement, 12, body->key);
    sqlite3_bind_int(statement, 13, body->removal);
    sqlite_bind_optional(statement, 14, body->meta);
    if (body->cid.length > 0) {
        sqlite3_bind_int64(statement, 15, (sqlite3_int64)body_hash);
    } else {
        sqlite3_bind_null(statement, 15);
    }
}

struct slice sqlite_column_slice(sqlite3_stmt *statement, int column) {
    const void *text = sqlite3_column_text(statement, column);
    return slice_from(text, (size_t)sqlite3_column_bytes(statement, column));
}

struct identity sqlite_column_identity(sqlite3_stmt *statement, int column) {
    struct identity identity = {0};
    const void *bytes = sqlite3_column_blob(statement, column);
    if (bytes != NULL && sqlite3_column_bytes(statement, column) == IDENTITY_SIZE) {
        memcpy(identity.bytes, bytes, IDENTITY_SIZE);
    }
    return identity;
}

/* What a disk has garbled must not reach clients as text that is none. */
static bool is_text(const struct entry_body *body) {
    return utf8_valid(body->sender) && utf8_valid(body->cid) && utf8_valid(body->content) &&
           utf8_valid(body->key) && utf8_valid(body->meta);
}

struct entry *sqlite_column_entry(sqlite3_stmt *statement) {
    struct slice id = sqlite_column_slice(statement, 1);
    int kind = sqlite3_column_int(statement, 3);
    if (id.length != ENTRY_ID_LENGTH || kind < ENTRY_MESSAGE || kind > ENTRY_TOPIC) {
        return NULL;
    }
    char id_text[ENTRY_ID_LENGTH + 1] = {0};
    memcpy(id_text, id.data, ENTRY_ID_LENGTH);
    struct entry_body body = {
        .kind = (enum entry_kind)kind,
        .sender = sqlite_column_slice(statement, 4),
        .identity = sqlite_column_identity(statement, 5),
        .cid = sqlite_column_slice(statement, 6),
        .content = sqlite_column_slice(statement, 7),
        .re = (uint64_t)sqlite3_column_int64(statement, 8),
        .of = (uint64_t)sqlite3_column_int64(statement, 9),
        .key = sqlite_column_slice(statement, 10),
        .removal = sqlite3_column_int(statement, 11) != 0,
        .meta = sqlite_column_slice(statement, 12),
        .deleted = sqlite3_column_int(statement, 13) != 0,
    };
    if (!utf8_valid(id) || !is_text(&body)) {
        return NULL;
    }
    return entry_new(&body, (uint64_t)sqlite3_column_int64(statement, 0),
                     sqlite3_column_int64(statement, 2), id_text);
}
