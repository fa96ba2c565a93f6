#include "auth/query.h"

#include <string.h>

void query_begin(struct query *query, sqlite3 *db, const char *sql) {
    *query = (struct query){0};
    query->code = sqlite3_prepare_v2(db, sql, -1, &query->statement, NULL);
}

void query_begin_kept(struct query *query, sqlite3 *db, const char *sql, sqlite3_stmt **kept) {
    *query = (struct query){.kept = true};
    if (!*kept)
        query->code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, kept, NULL);
    query->statement = *kept;
}

static void keep(struct query *query, int code) {
    if (query->code == SQLITE_OK)
        query->code = code;
}

void query_bind_text(struct query *query, struct slice text) {
    const char *data = text.length > 0 ? text.data : "";

    keep(query, sqlite3_bind_text64(query->statement, ++query->parameter, data, text.length,
                                    SQLITE_STATIC, SQLITE_UTF8));
}

void query_bind_bytes(struct query *query, const void *bytes, size_t size) {
    keep(query,
         sqlite3_bind_blob64(query->statement, ++query->parameter, bytes, size, SQLITE_STATIC));
}

void query_bind_number(struct query *query, int64_t number) {
    keep(query, sqlite3_bind_int64(query->statement, ++query->parameter, number));
}

void query_bind_null(struct query *query) {
    keep(query, sqlite3_bind_null(query->statement, ++query->parameter));
}

bool query_row(struct query *query) {
    int code = query->code == SQLITE_OK ? sqlite3_step(query->statement) : SQLITE_DONE;

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        query->code = code;
    return code == SQLITE_ROW;
}

struct slice query_text(const struct query *query, int column) {
    const void *text = sqlite3_column_text(query->statement, column);

    return slice_from(text, (size_t)sqlite3_column_bytes(query->statement, column));
}

int64_t query_number(const struct query *query, int column) {
    return sqlite3_column_int64(query->statement, column);
}

bool query_is_null(const struct query *query, int column) {
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

struct identity query_identity(const struct query *query, int column) {
    struct identity identity = {0};
    const void *bytes = sqlite3_column_blob(query->statement, column);

    if (bytes && sqlite3_column_bytes(query->statement, column) >= IDENTITY_SIZE)
        memcpy(identity.bytes, bytes, IDENTITY_SIZE);
    return identity;
}

int query_end(struct query *query) {
    if (query->kept && query->statement) {
        sqlite3_reset(query->statement);
        sqlite3_clear_bindings(query->statement); /* they point to what is the caller's */
    } else {
        sqlite3_finalize(query->statement);
    }
    query->statement = NULL;
    if (query->code == SQLITE_OK)
        return 0;
    return (query->code & 0xff) == SQLITE_CONSTRAINT ? ERR_NAME_TAKEN : ERR_UNAVAILABLE;
}

int query_run(struct query *query) {
    while (query_row(query))
        continue;
    return query_end(query);
}
