/* Reading from the database: a room's head, a page of its log, the list of rooms. Functions return
 * an SQLite code, and leave their outputs alone if it is not SQLITE_OK. */
#pragma once

#include "store/job.h"
#include "store/sqlite_connection.h"

/* `head` is made by head_copy; `room` (may be NULL) becomes rooms.id, 0 when there is no such room.
 */
int sqlite_read_head(const struct sqlite_connection *connection, struct slice room_key,
                     const char *epoch, struct room_head *head, int64_t *room) MUST_USE;

/* The head and the entries as they were at one moment. */
int sqlite_read_page(const struct sqlite_connection *connection, const struct page_query *query,
                     const char *epoch, struct page *page) MUST_USE;

/* Public rooms by key, at most LIMIT_LIST_ITEMS; the caller owns the array and each head in it. */
int sqlite_read_list(const struct sqlite_connection *connection, const char *epoch,
                     struct room_head **heads, size_t *count) MUST_USE;
