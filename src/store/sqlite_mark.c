#include "store/sqlite_mark.h"

#include "base/limits.h"
#include "base/memory.h"
#include "store/job.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define REMEMBERED_US (90 * DAY_US)

static int forget_old(struct sqlite_marks *marks, const struct sqlite_connection *connection,
                      int64_t now_us) {
    if (now_us - marks->forgot_us < DAY_US) {
        return SQLITE_OK;
    }
    marks->forgot_us = now_us;
    sqlite3_stmt *statement = sqlite_statement(connection, STATEMENT_FORGET_READS);
    sqlite3_bind_int64(statement, 1, now_us - REMEMBERED_US);
    return sqlite_run(statement);
}

int sqlite_mark_set(struct sqlite_marks *marks, const struct sqlite_connection *connection,
                    const struct read_mark *mark) {
    sqlite3_stmt *statement = sqlite_statement(connection, STATEMENT_SET_READ);
    sqlite_bind_identity(statement, 1, &mark->identity);
    sqlite_bind_slice(statement, 2, mark->room_key);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)mark->seq);
    sqlite3_bind_int64(statement, 4, mark->updated_us);
    int code = sqlite_run(statement);
    return code == SQLITE_OK ? forget_old(marks, connection, mark->updated_us) : code;
}

int sqlite_mark_list(const struct sqlite_connection *connection, const struct identity *identity,
                     struct read_mark **marks, size_t *count) {
    struct read_mark *list = memory_new(LIMIT_ROOMS_PER_SESSION * sizeof(*list));
    size_t found = 0;
    sqlite3_stmt *statement = sqlite_statement(connection, STATEMENT_LIST_READS);
    sqlite_bind_identity(statement, 1, identity);
    sqlite3_bind_int(statement, 2, LIMIT_ROOMS_PER_SESSION);
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW && found < LIMIT_ROOMS_PER_SESSION) {
        struct read_mark mark = {
            .identity = *identity,
            .room_key = sqlite_column_slice(statement, 0),
            .seq = (uint64_t)sqlite3_column_int64(statement, 1),
            .updated_us = sqlite3_column_int64(statement, 2),
        };
        list[found++] = mark_copy(&mark);
        code = sqlite3_step(statement);
    }
    sqlite3_reset(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        marks_free(list, found);
        return code;
    }
    marks_free(*marks, *count);
    *marks = list;
    *count = found;
    return SQLITE_OK;
}
