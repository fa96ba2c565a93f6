#include "store/sqlite_trim.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

/* What one step may cost: entries looked at and let go of, bytes of them (overwritten as they go),
 * rooms and time of looking for something to do. */
#define STEP_ENTRIES 64
#define STEP_BYTES (1024 * 1024)
#define STEP_ROOMS 64
#define MEASURE_ENTRIES 512

/* Entries of a room to let go of. */
struct cut {
    uint64_t up_to; /* may go at most */
    uint64_t least; /* are looked at in any case, whatever they weigh */
    uint64_t limit; /* are looked at at most */
    int64_t horizon_us;
    uint64_t gone; /* the last that goes; 0: none does */
    int64_t gone_timestamp_us;
    bool more; /* at the limit, there was more */
};

static bool count_exceeded(const struct sqlite_room *room, const struct retention *retention) {
    return room->last + 1 - room->first > retention->count;
}

/* Counts entries that are not in room->bytes yet, as far as it matters. */
static int measure(struct sqlite_log *log, struct sqlite_room *room,
                   const struct retention *retention, bool *more) {
    uint64_t bytes = 0;
    int code = SQLITE_ROW;
    *more = false;
    if (room->measured <= room->first || room->bytes > retention->bytes) {
        return SQLITE_OK;
    }
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_SIZES);
    sqlite3_bind_int64(statement, 1, room->id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)room->measured);
    sqlite3_bind_int(statement, 3, MEASURE_ENTRIES);
    while (bytes < STEP_BYTES && room->bytes <= retention->bytes &&
           (code = sqlite3_step(statement)) == SQLITE_ROW) {
        room->measured = (uint64_t)sqlite3_column_int64(statement, 0);
        uint64_t size = (uint64_t)sqlite3_column_int64(statement, 1);
        room->bytes += size;
        bytes += size;
    }
    sqlite3_reset(statement);
    if (code == SQLITE_DONE) {
        room->measured = room->first; /* there are no others, whatever the numbers say */
    }
    *more = room->measured > room->first && room->bytes <= retention->bytes;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Whether the oldest entry, number `seq`, is past a bound when those before it are gone. */
static bool is_past(const struct sqlite_room *room, const struct retention *retention,
                    const struct cut *cut, uint64_t seq, int64_t timestamp_us) {
    return room->last + 1 - seq > retention->count || room->bytes > retention->bytes ||
           timestamp_us < cut->horizon_us;
}

/* Finds where to cut. The bytes of what goes are taken off the room at once. */
static int find_cut(struct sqlite_log *log, struct sqlite_room *room,
                    const struct retention *retention, struct cut *cut) {
    uint64_t count = 0, bytes = 0;
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_FRONT);
    sqlite3_bind_int64(statement, 1, room->id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)cut->up_to);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)cut->limit + 1);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(statement, 0);
        int64_t timestamp_us = sqlite3_column_int64(statement, 1);
        uint64_t size = (uint64_t)sqlite3_column_int64(statement, 2);
        if (!is_past(room, retention, cut, seq, timestamp_us)) {
            break;
        }
        if (count >= cut->limit || (count >= cut->least && bytes >= STEP_BYTES)) {
            cut->more = true;
            break;
        }
        count++;
        bytes += size;
        cut->gone = seq;
        cut->gone_timestamp_us = timestamp_us;
        if (seq >= room->measured) {
            room->bytes -= size;
        }
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int run_on_room(struct sqlite_log *log, enum sqlite_statement which, int64_t room,
                       uint64_t seq, int64_t timestamp_us) {
    sqlite3_stmt *statement = sqlite_statement(&log->connection, which);
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)seq);
    if (sqlite3_bind_parameter_count(statement) > 2) {
        sqlite3_bind_int64(statement, 3, timestamp_us);
    }
    return sqlite_run(statement);
}

static int64_t cid_horizon(const struct sqlite_log *log) {
    return retention_now(log->retention) - RETENTION_CID_US;
}

static int let_go(struct sqlite_log *log, struct sqlite_room *room, const struct cut *cut) {
    int code = run_on_room(log, STATEMENT_KEEP_CIDS, room->id, cut->gone, cid_horizon(log));
    if (code == SQLITE_OK) {
        room->old_cids = room->old_cids || sqlite3_changes(log->connection.db) > 0;
        code = run_on_room(log, STATEMENT_TRIM, room->id, cut->gone, 0);
    }
    if (code == SQLITE_OK) {
        code = run_on_room(log, STATEMENT_SET_GONE, room->id, cut->gone, cut->gone_timestamp_us);
    }
    if (code == SQLITE_OK) {
        room->first = cut->gone + 1;
        room->measured = room->measured > room->first ? room->measured : room->first;
    }
    return code;
}

/* Within a transaction that has touched the room. */
static int trim(struct sqlite_log *log, struct sqlite_room *room, const struct retention *retention,
                struct cut *cut, struct job_list *trimmed) {
    int code = find_cut(log, room, retention, cut);
    if (code == SQLITE_OK && cut->gone > 0) {
        code = let_go(log, room, cut);
        if (code == SQLITE_OK) {
            job_list_append(trimmed, job_new_trimmed(room->key, room->first));
        }
    }
    return code;
}

/* What the transaction itself appended stays: if its end is never heard of, that is how it is found
 * out. */
static int trim_grown(struct sqlite_log *log, struct sqlite_room *room, struct job_list *trimmed,
                      bool *more) {
    struct retention retention = retention_of(log->retention, room->key);
    bool unmeasured = false;
    int code = SQLITE_OK;
    if (retention.bytes != RETENTION_ALL) {
        code = measure(log, room, &retention, &unmeasured);
    }
    bool due = count_exceeded(room, &retention) || room->bytes > retention.bytes;
    if (code == SQLITE_OK && due && room->id != 0 && room->reported <= room->last) {
        uint64_t grown = room->last - room->reported;
        struct cut cut = {
            .up_to = room->reported, .least = grown, .limit = 2 * grown + STEP_ENTRIES};
        code = trim(log, room, &retention, &cut, trimmed);
        due = count_exceeded(room, &retention) || room->bytes > retention.bytes;
    }
    *more = *more || unmeasured || due;
    return code;
}

int sqlite_trim_touched(struct sqlite_log *log, struct job_list *trimmed, bool *more) {
    int code = SQLITE_OK;
    if (log->retention == NULL) {
        return code;
    }
    for (struct list_node *node = log->rooms.touched.first; node != NULL && code == SQLITE_OK;
         node = node->next) {
        code = trim_grown(log, container_of(node, struct sqlite_room, touched_node), trimmed, more);
    }
    return code;
}

static int trim_alone(struct sqlite_log *log, struct sqlite_room *room,
                      const struct retention *retention, struct job_list *trimmed, bool *more) {
    struct cut cut = {
        .up_to = room->last,
        .least = 1,
        .limit = STEP_ENTRIES,
        .horizon_us = retention_horizon(retention, retention_now(log->retention)),
    };
    struct job_list found = {0};
    int code = sqlite_log_begin(log);
    if (code == SQLITE_OK) {
        sqlite_rooms_touch(&log->rooms, room);
        code = trim(log, room, retention, &cut, &found);
    }
    if (code == SQLITE_OK) {
        code = sqlite_log_commit(log);
    }
    if (code != SQLITE_OK) {
        job_list_clear(&found);
    }
    job_list_move(trimmed, &found);
    *more = cut.more;
    return code;
}

/* A room as the sweep comes past it. */
struct passed {
    int64_t id; /* 0: there is no further one */
    uint64_t first, last;
    int64_t first_timestamp_us;
    struct slice key; /* into bytes */
    char bytes[LIMIT_ROOM_KEY];
};

static int next_room(struct sqlite_log *log, const struct sqlite_sweep *sweep,
                     struct passed *passed) {
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_NEXT_ROOM);
    sqlite3_bind_int64(statement, 1, sweep->room);
    int code = sqlite3_step(statement);
    passed->id = 0;
    if (code == SQLITE_ROW) {
        struct slice key = sqlite_column_slice(statement, 1);
        size_t length = key.length < sizeof(passed->bytes) ? key.length : sizeof(passed->bytes);
        memcpy(passed->bytes, key.data, length);
        passed->key = slice_from(passed->bytes, length);
        passed->id = sqlite3_column_int64(statement, 0);
        passed->first = (uint64_t)sqlite3_column_int64(statement, 2);
        passed->last = (uint64_t)sqlite3_column_int64(statement, 3);
        passed->first_timestamp_us = sqlite3_column_int64(statement, 4);
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Whether it is worth a closer look: bytes are not known without one. */
static bool is_suspect(const struct sqlite_log *log, const struct passed *passed,
                       const struct retention *retention) {
    uint64_t count = passed->last + 1 - passed->first;
    return count > 0 && (count > retention->count || retention->bytes != RETENTION_ALL ||
                         passed->first_timestamp_us <
                             retention_horizon(retention, retention_now(log->retention)));
}

/* Whether the room was trimmed or measured, which is enough for one step; `more`: it needs another.
 */
static int look_closer(struct sqlite_log *log, const struct passed *passed,
                       const struct retention *retention, struct job_list *trimmed, bool *enough,
                       bool *more) {
    struct sqlite_room *room;
    bool unmeasured = false;
    int code = sqlite_rooms_get(&log->rooms, &log->connection, passed->key, SLICE_NONE, &room);
    if (code != SQLITE_OK || room->id != passed->id) {
        return code;
    }
    if (retention->bytes != RETENTION_ALL) {
        uint64_t measured = room->measured;
        code = measure(log, room, retention, &unmeasured);
        *enough = room->measured != measured;
    }
    *more = unmeasured;
    bool past =
        count_exceeded(room, retention) || room->bytes > retention->bytes ||
        passed->first_timestamp_us < retention_horizon(retention, retention_now(log->retention));
    if (code == SQLITE_OK && !unmeasured && past) {
        *enough = true;
        code = trim_alone(log, room, retention, trimmed, more);
    }
    return code;
}

static int forget_cids(struct sqlite_log *log, bool *enough) {
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_OLD_CIDS);
    sqlite3_bind_int64(statement, 1, cid_horizon(log));
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    *enough = code == SQLITE_ROW;
    if (code != SQLITE_ROW) {
        return code == SQLITE_DONE ? SQLITE_OK : code;
    }
    statement = sqlite_statement(&log->connection, STATEMENT_FORGET_CIDS);
    sqlite3_bind_int64(statement, 1, cid_horizon(log));
    sqlite3_bind_int(statement, 2, MEASURE_ENTRIES);
    return sqlite_run(statement);
}

int sqlite_sweep_step(struct sqlite_log *log, struct sqlite_sweep *sweep, struct job_list *trimmed,
                      bool *finished) {
    struct passed passed;
    bool enough = false;
    int code = SQLITE_OK;
    *finished = false;
    if (sweep->room == 0) {
        code = forget_cids(log, &enough);
    }
    for (int rooms = 0; rooms < STEP_ROOMS && code == SQLITE_OK && !enough; rooms++) {
        code = next_room(log, sweep, &passed);
        if (code == SQLITE_OK && passed.id == 0) {
            *finished = true;
            sweep->room = 0;
            break;
        }
        struct retention retention = retention_of(log->retention, passed.key);
        bool more = false;
        if (code == SQLITE_OK && is_suspect(log, &passed, &retention)) {
            code = look_closer(log, &passed, &retention, trimmed, &enough, &more);
        }
        sweep->room = more ? sweep->room : passed.id;
    }
    return code;
}
