/* The archive is read line by line into one transaction of a new database, so that it is there
 * whole or not at all. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "hub/rule.h"
#include "store/archive.h"
#include "store/archive_fields.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_file.h"
#include "wire/json.h"

/* The longest content there can be, escaped, and what stands around it. */
#define LINE_MAX_BYTES ((size_t)100 * 1024 * 1024)

struct importer {
    struct sqlite_file file;
    struct sqlite_connection connection;
    sqlite3_stmt *add_cid, *mark_deleted;
    struct archive_counts counts;
    const char *why; /* what is wrong with the line */
    int code;        /* SQLite's, where that failed */
    /* The room that is being read. */
    int64_t room; /* 0: none yet */
    uint64_t gone, last;
    int64_t timestamp_us;
};

static bool refuse(struct importer *importer, const char *why) {
    importer->why = why;
    return false;
}

static bool run(struct importer *importer, sqlite3_stmt *statement) {
    int code = sqlite_run(statement);
    if (code == SQLITE_OK) {
        return true;
    }
    if ((code & 0xff) == SQLITE_CONSTRAINT) {
        return refuse(importer, "what it says was there before");
    }
    importer->code = code;
    return refuse(importer, "cannot be stored");
}

static bool add_entry(struct importer *importer, const struct entry *entry, uint64_t hash) {
    struct outcome outcome = {.seq = entry->seq, .timestamp_us = entry->timestamp_us};
    memcpy(outcome.id, entry->id, sizeof(outcome.id));
    sqlite3_stmt *statement = sqlite_statement(&importer->connection, STATEMENT_ADD_ENTRY);
    sqlite_bind_entry(statement, importer->room, &entry->body, &outcome, hash);
    if (!run(importer, statement)) {
        return false;
    }
    if (!entry->body.deleted) {
        return true;
    }
    sqlite3_reset(importer->mark_deleted);
    sqlite3_bind_int64(importer->mark_deleted, 1, importer->room);
    sqlite3_bind_int64(importer->mark_deleted, 2, (sqlite3_int64)entry->seq);
    return run(importer, importer->mark_deleted);
}

static bool read_entry(struct importer *importer, const json_t *object) {
    struct entry entry = {0};
    uint64_t hash = 0;
    if (importer->room == 0) {
        return refuse(importer, "an entry must come after its room");
    }
    if (!archive_common(&importer->why, object, &entry) ||
        !archive_body(&importer->why, object, &entry.body)) {
        return false;
    }
    if (entry.seq != importer->last + 1) {
        return refuse(importer, "the seq must be the one after that of the entry before");
    }
    if (entry.timestamp_us < importer->timestamp_us) {
        return refuse(importer, "the time is before that of the entry before");
    }
    if (entry.body.of >= entry.seq) {
        return refuse(importer, "`of` must be the seq of an earlier entry");
    }
    if (entry.body.cid.length > 0 && !archive_hash(&importer->why, object, &hash)) {
        return false;
    }
    importer->last = entry.seq;
    importer->timestamp_us = entry.timestamp_us;
    importer->counts.entries++;
    return add_entry(importer, &entry, hash);
}

static bool read_old_cid(struct importer *importer, const json_t *object) {
    struct entry entry = {0};
    uint64_t hash;
    if (!archive_common(&importer->why, object, &entry) ||
        !archive_hash(&importer->why, object, &hash) ||
        !archive_text(&importer->why, object, "old_cid", &entry.body.cid)) {
        return false;
    }
    if (importer->room == 0 || entry.seq > importer->gone) {
        return refuse(importer, "an old cid must be of an entry that is gone");
    }
    sqlite3_stmt *statement = importer->add_cid;
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, importer->room);
    sqlite_bind_slice(statement, 2, entry.body.cid);
    sqlite_bind_identity(statement, 3, &entry.body.identity);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)hash);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)entry.seq);
    sqlite_bind_slice(statement, 6, slice_of_string(entry.id));
    sqlite3_bind_int64(statement, 7, entry.timestamp_us);
    return run(importer, statement);
}

/* A public room is found by its folded name, one of direct messages by two identities; the rules of
 * rooms are where the hub looks for them. */
static bool check_room(struct importer *importer, struct slice key, struct slice name) {
    struct buffer folded = {0};
    bool direct = slice_starts_with(key, SLICE("@"));
    bool good = key.length > 0 && key.length <= LIMIT_ROOM_KEY && name.length > 0 &&
                name.length <= LIMIT_ROOM_KEY;
    bool rules = slice_equal(key, RULES_ROOM) && slice_equal(name, RULES_ROOM);
    if (good && !direct && !rules) {
        good = name_fold(name, &folded) == 0 && slice_equal(buffer_slice(&folded), key);
    }
    buffer_close(&folded);
    return good || refuse(importer, "the room must be its name, folded");
}

static bool end_room(struct importer *importer) {
    return importer->room == 0 || importer->last > 0 ||
           refuse(importer, "the room before this line has no entries and never had any");
}

static bool read_room(struct importer *importer, const json_t *object) {
    struct slice key, name, topic;
    uint64_t gone, gone_time;
    if (!end_room(importer) || !archive_text(&importer->why, object, "room", &key) ||
        !archive_text(&importer->why, object, "name", &name) ||
        !archive_text(&importer->why, object, "topic", &topic) ||
        !archive_number(&importer->why, object, "gone", &gone) ||
        !archive_number(&importer->why, object, "gone_time", &gone_time) ||
        !check_room(importer, key, name)) {
        return false;
    }
    sqlite3_stmt *statement = sqlite_statement(&importer->connection, STATEMENT_ADD_ROOM);
    sqlite_bind_slice(statement, 1, key);
    sqlite_bind_slice(statement, 2, name);
    if (!run(importer, statement)) {
        return false;
    }
    importer->room = sqlite3_last_insert_rowid(importer->connection.db);
    importer->gone = importer->last = gone;
    importer->timestamp_us = (int64_t)gone_time;
    importer->counts.rooms++;
    statement = sqlite_statement(&importer->connection, STATEMENT_SET_GONE);
    sqlite3_bind_int64(statement, 1, importer->room);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)gone);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)gone_time);
    if (!run(importer, statement)) {
        return false;
    }
    statement = sqlite_statement(&importer->connection, STATEMENT_SET_TOPIC);
    sqlite3_bind_int64(statement, 1, importer->room);
    sqlite_bind_slice(statement, 2, topic);
    return run(importer, statement);
}

static bool read_header(struct importer *importer, const json_t *object) {
    struct slice format;
    uint64_t version;
    if (!archive_text(&importer->why, object, "format", &format) ||
        !archive_number(&importer->why, object, "version", &version)) {
        return false;
    }
    if (!slice_equal(format, SLICE(ARCHIVE_FORMAT))) {
        return refuse(importer, "this is no archive of banterd export");
    }
    return version == ARCHIVE_VERSION ||
           refuse(importer, "the archive is of another version; use the banterd that wrote it");
}

static bool read_line(struct importer *importer, struct slice text, uint64_t number) {
    json_t *object = json_parse_object(text);
    bool good;
    if (object == NULL) {
        return refuse(importer, "the line is no JSON object");
    }
    if (number == 1) {
        good = read_header(importer, object);
    } else if (json_object_get(object, "room") != NULL) {
        good = read_room(importer, object);
    } else if (json_object_get(object, "old_cid") != NULL) {
        good = read_old_cid(importer, object);
    } else {
        good = read_entry(importer, object);
    }
    json_decref(object);
    return good;
}

static bool read_lines(struct importer *importer, FILE *file, uint64_t *number) {
    char *line = NULL;
    size_t size = 0;
    bool good = true;
    ssize_t length;
    *number = 0;
    while (good && (length = getline(&line, &size, file)) > 0) {
        (*number)++;
        bool ended = line[length - 1] == '\n';
        if (!ended || (size_t)length > LINE_MAX_BYTES) {
            good = refuse(importer, ended ? "the line is too long" : "the line has no end");
        } else {
            good = read_line(importer, slice_from(line, (size_t)length - 1), *number);
        }
    }
    free(line); /* getline's own */
    if (good && ferror(file)) {
        good = refuse(importer, "cannot be read further");
    } else if (good && *number == 0) {
        good = refuse(importer, "the archive is empty");
    }
    return good && end_room(importer);
}

static int prepare(struct importer *importer) {
    sqlite3 *db = importer->connection.db;
    int code = sqlite3_prepare_v2(db, "INSERT INTO cids VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", -1,
                                  &importer->add_cid, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_prepare_v2(db, "UPDATE entries SET deleted = 1 WHERE room = ?1 AND seq = ?2",
                                  -1, &importer->mark_deleted, NULL);
    }
    return code;
}

static int fail_sqlite(const struct importer *importer, int code, struct buffer *message) {
    buffer_append_format(message, "cannot write the database %s: %s", importer->file.path,
                         sqlite3_errstr(code));
    return ERR_IO;
}

/* Whether nothing is there that would be mixed with what comes. */
static int check_empty(const struct importer *importer, const char *folder,
                       struct buffer *message) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(importer->connection.db, "SELECT 1 FROM rooms LIMIT 1", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    if (code == SQLITE_ROW) {
        buffer_append_format(
            message, "%s has rooms already; import into a folder that has none, with --data",
            folder);
        return ERR_IO;
    }
    return code == SQLITE_DONE ? 0 : fail_sqlite(importer, code, message);
}

static int open_all(struct importer *importer, const char *folder, struct buffer *message) {
    int error = sqlite_file_open(&importer->file, folder, message);
    if (error != 0) {
        return error;
    }
    int code = sqlite_connection_open(&importer->connection, importer->file.path);
    if (code == SQLITE_OK) {
        code = prepare(importer);
    }
    return code == SQLITE_OK ? check_empty(importer, folder, message)
                             : fail_sqlite(importer, code, message);
}

/* Closing the connection takes back what was not committed. */
static void close_all(struct importer *importer) {
    sqlite3_finalize(importer->add_cid);
    sqlite3_finalize(importer->mark_deleted);
    sqlite_connection_close(&importer->connection);
    sqlite_file_close(&importer->file);
}

static int import_lines(struct importer *importer, FILE *file, const char *name,
                        struct buffer *message) {
    uint64_t number;
    int code = sqlite_run_simple(&importer->connection, STATEMENT_BEGIN_WRITE);
    if (code == SQLITE_OK && !read_lines(importer, file, &number)) {
        buffer_append_format(message, "%s:%llu: %s%s%s", name, (unsigned long long)number,
                             importer->why, importer->code != 0 ? ": " : "",
                             importer->code != 0 ? sqlite3_errstr(importer->code) : "");
        return importer->code != 0 ? ERR_IO : ERR_BAD_REQUEST;
    }
    if (code == SQLITE_OK) {
        code = sqlite_file_renew_epoch(importer->connection.db);
    }
    if (code == SQLITE_OK) {
        code = sqlite_run_simple(&importer->connection, STATEMENT_COMMIT);
    }
    return code == SQLITE_OK ? 0 : fail_sqlite(importer, code, message);
}

int archive_import(const char *folder, FILE *file, const char *name, struct archive_counts *counts,
                   struct buffer *message) {
    struct importer importer = {.file = {.lock = -1}};
    int error = open_all(&importer, folder, message);
    if (error == 0) {
        error = import_lines(&importer, file, name, message);
    }
    *counts = importer.counts;
    close_all(&importer);
    return error;
}
