#include "store/direct_rooms.h"

#include "store/sqlite_connection.h"
#include "store/sqlite_offline.h"

int direct_rooms_read(const char *folder, struct slice after, size_t limit, struct buffer *keys,
                      struct buffer *message) {
    struct sqlite_offline offline;
    int error = sqlite_offline_open(&offline, folder, message);
    if (error != 0) {
        return error;
    }
    /* Between "@" and "A": all that begin with "@". */
    sqlite3_stmt *row = sqlite_offline_query(&offline,
                                             "SELECT key FROM rooms WHERE key > ?2 AND key >= '@'"
                                             " AND key < 'A' ORDER BY key LIMIT ?1",
                                             (int64_t)limit);
    sqlite_bind_slice(row, 2, after);
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        buffer_append_slice(keys, sqlite_column_slice(row, 0));
        buffer_append_char(keys, '\n');
    }
    sqlite3_finalize(row);
    if (code != SQLITE_DONE) {
        buffer_append_format(message, "cannot read the rooms in %s: %s", folder,
                             sqlite3_errstr(code));
        error = ERR_IO;
    }
    sqlite_offline_close(&offline);
    return error;
}
