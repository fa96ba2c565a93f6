/* Read marks in the database, on the writer's thread. Those that were told long ago are forgotten,
 * once a day. Functions return an SQLite code. */
#pragma once

#include "hub/mark.h"
#include "store/sqlite_connection.h"

/* Zeroed: nothing was forgotten yet. */
struct sqlite_marks {
    int64_t forgot_us; /* when old ones were forgotten last */
};

/* In a transaction. Of a room that has no row there is nothing to remember. */
int sqlite_mark_set(struct sqlite_marks *marks, const struct sqlite_connection *connection,
                    const struct read_mark *mark) MUST_USE;

/* At most LIMIT_ROOMS_PER_SESSION; the array and each room_key are the caller's. What was there
 * before is freed. */
int sqlite_mark_list(const struct sqlite_connection *connection, const struct identity *identity,
                     struct read_mark **marks, size_t *count) MUST_USE;
