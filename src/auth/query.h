/* One statement on its way through SQLite. What fails is remembered, so that only the end has to
 * be looked at:
 *
 *     struct query query;
 *     query_begin(&query, db, "SELECT name FROM accounts WHERE role = ?1");
 *     query_bind_number(&query, role);
 *     while (query_row(&query))
 *         … query_text(&query, 0) …
 *     error = query_end(&query);
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hub/entry.h"

struct query {
    sqlite3_stmt *statement;
    int parameter; /* bound last */
    int code;      /* SQLite's */
    bool kept;     /* the statement is for the next time too */
};

void query_begin(struct query *query, sqlite3 *db, const char *sql);
/* The same with a statement that is prepared once: `*kept` NULL at first, finalized by its owner.
 */
void query_begin_kept(struct query *query, sqlite3 *db, const char *sql, sqlite3_stmt **kept);
/* In the order of ?1, ?2, …; borrowed until query_end. */
void query_bind_text(struct query *query, struct slice text);
void query_bind_bytes(struct query *query, const void *bytes, size_t size);
void query_bind_number(struct query *query, int64_t number);
void query_bind_null(struct query *query);
/* The next row; false at the end and after a failure. */
bool query_row(struct query *query);
/* Of the row, borrowed until the next. NULL is empty, and 0. */
struct slice query_text(const struct query *query, int column);
int64_t query_number(const struct query *query, int column);
bool query_is_null(const struct query *query, int column);
/* The first bytes of a blob. */
struct identity query_identity(const struct query *query, int column);
/* ERR_NAME_TAKEN: what must be there once would be there twice; ERR_UNAVAILABLE: anything else. */
int query_end(struct query *query) MUST_USE;
/* Runs one that has been bound and returns no rows, to its end. */
int query_run(struct query *query) MUST_USE;
