#include <string.h>

#include "store/archive.h"
#include "store/archive_writer.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_offline.h"

struct exporter {
    struct sqlite_offline offline;
    struct archive_writer writer;
};

/* What cannot be read is told by verify, and left out of nothing silently here. */
static int put_entries(struct exporter *exporter, int64_t room) {
    sqlite3_stmt *row = sqlite_offline_query(&exporter->offline, SQLITE_ROOM_ENTRIES, room);
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        struct entry *entry = sqlite_column_entry(row);
        if (entry == NULL) {
            code = SQLITE_CORRUPT;
            break;
        }
        archive_put_entry(&exporter->writer, entry,
                          (uint64_t)sqlite3_column_int64(row, SQLITE_BODY_HASH_COLUMN));
        entry_unref(entry);
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int put_old_cids(struct exporter *exporter, int64_t room) {
    sqlite3_stmt *row = sqlite_offline_query(&exporter->offline, SQLITE_ROOM_OLD_CIDS, room);
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        archive_put_old_cid(&exporter->writer, &(struct archive_old_cid){
                                                   .cid = sqlite_column_slice(row, 0),
                                                   .identity = sqlite_column_identity(row, 1),
                                                   .hash = (uint64_t)sqlite3_column_int64(row, 2),
                                                   .seq = (uint64_t)sqlite3_column_int64(row, 3),
                                                   .id = sqlite_column_slice(row, 4),
                                                   .timestamp_us = sqlite3_column_int64(row, 5),
                                               });
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static void put_room(struct exporter *exporter, sqlite3_stmt *room) {
    archive_put_room(&exporter->writer, &(struct archive_room){
                                            .key = sqlite_column_slice(room, 1),
                                            .name = sqlite_column_slice(room, 2),
                                            .topic = sqlite_column_slice(room, 3),
                                            .gone = (uint64_t)sqlite3_column_int64(room, 4),
                                            .gone_us = sqlite3_column_int64(room, 5),
                                        });
}

static int put_rooms(struct exporter *exporter) {
    sqlite3_stmt *room = sqlite_offline_query(&exporter->offline, SQLITE_ROOMS, 0);
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

int archive_export(const char *folder, FILE *file, struct archive_counts *counts,
                   struct buffer *message) {
    struct exporter exporter = {.writer = {.file = file}};
    int error = sqlite_offline_open(&exporter.offline, folder, message);
    if (error != 0) {
        return error;
    }
    archive_put_head(&exporter.writer, slice_of_string(exporter.offline.epoch));
    int code = put_rooms(&exporter);
    if (code != SQLITE_OK) {
        buffer_append_format(message, "cannot export all of %s: %s; banterd verify says more",
                             folder, sqlite3_errstr(code));
        error = ERR_IO;
    }
    int finished = archive_finish(&exporter.writer, message);
    *counts = exporter.writer.counts;
    sqlite_offline_close(&exporter.offline);
    return error != 0 ? error : finished;
}
