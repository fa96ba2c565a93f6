#include <string.h>

#include "store/archive.h"
#include "store/archive_words.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_offline.h"
#include "wire/json.h"

struct exporter {
    struct sqlite_offline offline;
    FILE *file;
    struct buffer line;
    struct archive_counts counts;
};

static void put_line(struct exporter *exporter) {
    struct slice line = buffer_slice(&exporter->line);
    fwrite(line.data, 1, line.length, exporter->file);
    fputc('\n', exporter->file);
    buffer_clear(&exporter->line);
}

static void put_identity(struct buffer *line, const struct identity *identity) {
    json_append_key(line, "identity");
    buffer_append_char(line, '"');
    for (size_t i = 0; i < IDENTITY_SIZE; i++) {
        buffer_append_format(line, "%02x", identity->bytes[i]);
    }
    buffer_append_char(line, '"');
}

static void put_hash(struct buffer *line, sqlite3_stmt *row, int column) {
    buffer_append_format(line, ",\"hash\":\"%016llx\"",
                         (unsigned long long)sqlite3_column_int64(row, column));
}

static void put_optional(struct buffer *line, const char *key, struct slice text) {
    if (text.length > 0) {
        json_append_string_member(line, key, text);
    }
}

static void put_number(struct buffer *line, const char *key, uint64_t number) {
    if (number > 0) {
        json_append_u64_member(line, key, number);
    }
}

static void put_switch(struct buffer *line, const char *key, bool on) {
    if (on) {
        json_append_key(line, key);
        buffer_append_string(line, "true");
    }
}

static void put_entry(struct exporter *exporter, const struct entry *entry, sqlite3_stmt *row) {
    const struct entry_body *body = &entry->body;
    struct buffer *line = &exporter->line;
    buffer_append_format(line, "{\"seq\":%llu,\"id\":\"%s\"", (unsigned long long)entry->seq,
                         entry->id);
    json_append_u64_member(line, "time", (uint64_t)entry->timestamp_us);
    json_append_string_member(line, "kind", slice_of_string(archive_kinds[body->kind]));
    json_append_string_member(line, "sender", body->sender);
    put_identity(line, &body->identity);
    if (body->cid.length > 0) {
        json_append_string_member(line, "cid", body->cid);
        put_hash(line, row, 14);
    }
    json_append_string_member(line, "content", body->content);
    put_number(line, "re", body->re);
    put_number(line, "of", body->of);
    put_optional(line, "key", body->key);
    put_switch(line, "removal", body->removal);
    put_optional(line, "meta", body->meta);
    put_switch(line, "deleted", body->deleted);
    buffer_append_char(line, '}');
    put_line(exporter);
    exporter->counts.entries++;
}

/* What cannot be read is told by verify, and left out of nothing silently here. */
static int put_entries(struct exporter *exporter, int64_t room) {
    sqlite3_stmt *row = sqlite_offline_query(&exporter->offline,
                                             "SELECT " SQLITE_PAGE_COLUMNS ", body_hash"
                                             " FROM entries WHERE room = ?1 ORDER BY seq",
                                             room);
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        struct entry *entry = sqlite_column_entry(row);
        if (entry == NULL) {
            code = SQLITE_CORRUPT;
            break;
        }
        put_entry(exporter, entry, row);
        entry_unref(entry);
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int put_old_cids(struct exporter *exporter, int64_t room) {
    struct buffer *line = &exporter->line;
    sqlite3_stmt *row =
        sqlite_offline_query(&exporter->offline,
                             "SELECT cid, identity, body_hash, seq, id, timestamp FROM cids"
                             " WHERE room = ?1 ORDER BY seq",
                             room);
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        struct identity identity = sqlite_column_identity(row, 1);
        buffer_append_string(line, "{\"old_cid\":");
        json_append_string(line, sqlite_column_slice(row, 0));
        put_identity(line, &identity);
        put_hash(line, row, 2);
        json_append_u64_member(line, "seq", (uint64_t)sqlite3_column_int64(row, 3));
        json_append_string_member(line, "id", sqlite_column_slice(row, 4));
        json_append_u64_member(line, "time", (uint64_t)sqlite3_column_int64(row, 5));
        buffer_append_char(line, '}');
        put_line(exporter);
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static void put_room(struct exporter *exporter, sqlite3_stmt *room) {
    struct buffer *line = &exporter->line;
    buffer_append_string(line, "{\"room\":");
    json_append_string(line, sqlite_column_slice(room, 1));
    json_append_string_member(line, "name", sqlite_column_slice(room, 2));
    put_optional(line, "topic", sqlite_column_slice(room, 3));
    put_number(line, "gone", (uint64_t)sqlite3_column_int64(room, 4));
    put_number(line, "gone_time", (uint64_t)sqlite3_column_int64(room, 5));
    buffer_append_char(line, '}');
    put_line(exporter);
    exporter->counts.rooms++;
}

static int put_rooms(struct exporter *exporter) {
    sqlite3_stmt *room = sqlite_offline_query(
        &exporter->offline,
        "SELECT id, key, name, topic, gone, gone_timestamp FROM rooms ORDER BY id", 0);
    int code, result = SQLITE_OK;
    while (result == SQLITE_OK && (code = sqlite3_step(room)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(room, 0);
        put_room(exporter, room);
        result = put_entries(exporter, id);
        if (result == SQLITE_OK) {
            result = put_old_cids(exporter, id);
        }
    }
    sqlite3_finalize(room);
    return result != SQLITE_OK || code == SQLITE_DONE ? result : code;
}

static int put_all(struct exporter *exporter) {
    buffer_append_string(&exporter->line, "{\"format\":\"" ARCHIVE_FORMAT "\"");
    json_append_u64_member(&exporter->line, "version", ARCHIVE_VERSION);
    json_append_string_member(&exporter->line, "epoch", slice_of_string(exporter->offline.epoch));
    buffer_append_char(&exporter->line, '}');
    put_line(exporter);
    return put_rooms(exporter);
}

int archive_export(const char *folder, FILE *file, struct archive_counts *counts,
                   struct buffer *message) {
    struct exporter exporter = {.file = file};
    int error = sqlite_offline_open(&exporter.offline, folder, message);
    if (error != 0) {
        return error;
    }
    int code = put_all(&exporter);
    if (code != SQLITE_OK) {
        buffer_append_format(message, "cannot export all of %s: %s; banterd verify says more",
                             folder, sqlite3_errstr(code));
        error = ERR_IO;
    } else if (fflush(file) != 0 || ferror(file)) {
        buffer_append_string(message, "cannot write the archive: is the disk full?");
        error = ERR_IO;
    }
    *counts = exporter.counts;
    sqlite_offline_close(&exporter.offline);
    buffer_close(&exporter.line);
    return error;
}
