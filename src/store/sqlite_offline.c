#include "store/sqlite_offline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/sqlite_connection.h"

static int fail(struct buffer *message, const char *path, const char *reason) {
    buffer_append_format(message, "cannot read the database %s: %s", path, reason);
    return ERR_IO;
}

/* A read transaction holds all that follows at one moment. */
static int open_file(struct sqlite_offline *offline, const char *path, struct buffer *message) {
    if (access(path, R_OK) != 0) {
        return fail(message, path, strerror(errno));
    }
    int code =
        sqlite3_open_v2(path, &offline->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(offline->db, SQLITE_BUSY_TIMEOUT_MS);
        code = sqlite3_exec(offline->db, "PRAGMA trusted_schema = OFF; BEGIN", NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? 0 : fail(message, path, sqlite3_errmsg(offline->db));
}

/* One number, -1 when it cannot be had. */
static int query_number(const struct sqlite_offline *offline, const char *sql) {
    sqlite3_stmt *statement = sqlite_offline_query(offline, sql, 0);
    int number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    return number;
}

static int check_kind(const struct sqlite_offline *offline, const char *path,
                      struct buffer *message) {
    int application = query_number(offline, "PRAGMA application_id");
    int version = query_number(offline, "PRAGMA user_version");
    if (application != SQLITE_FILE_APPLICATION || version < 0) {
        return fail(message, path, "it is not a banter database, or is damaged at its beginning");
    }
    if (version != sqlite_file_schema()) {
        buffer_append_format(message, "%s has schema %d, but this banterd knows schema %d: %s",
                             path, version, sqlite_file_schema(),
                             version < sqlite_file_schema()
                                 ? "start the server once, which brings it up to date"
                                 : "use the banterd that wrote it");
        return ERR_IO;
    }
    return 0;
}

static int read_epoch(struct sqlite_offline *offline, const char *path, struct buffer *message) {
    sqlite3_stmt *statement =
        sqlite_offline_query(offline, "SELECT value FROM meta WHERE key = 'epoch'", 0);
    int error = 0;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        struct slice epoch = sqlite_column_slice(statement, 0);
        snprintf(offline->epoch, sizeof(offline->epoch), "%.*s", SLICE_ARGS(epoch));
    } else {
        error = fail(message, path, "it has no epoch: it is damaged");
    }
    sqlite3_finalize(statement);
    return error;
}

int sqlite_offline_open(struct sqlite_offline *offline, const char *folder,
                        struct buffer *message) {
    struct buffer path = {0};
    *offline = (struct sqlite_offline){0};
    buffer_append_format(&path, "%s/banter.db", folder);
    buffer_append_char(&path, '\0');
    const char *text = buffer_slice(&path).data;
    int error = open_file(offline, text, message);
    if (error == 0) {
        error = check_kind(offline, text, message);
    }
    if (error == 0) {
        error = read_epoch(offline, text, message);
    }
    if (error != 0) {
        sqlite_offline_close(offline);
    }
    buffer_close(&path);
    return error;
}

void sqlite_offline_close(struct sqlite_offline *offline) {
    sqlite3_close(offline->db);
    *offline = (struct sqlite_offline){0};
}

sqlite3_stmt *sqlite_offline_query(const struct sqlite_offline *offline, const char *sql,
                                   int64_t parameter) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(offline->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_bind_parameter_count(statement) > 0) {
        sqlite3_bind_int64(statement, 1, parameter);
    }
    return statement;
}
