#include "store/sqlite_verify.h"

#include "base/limits.h"
#include "base/memory.h"
#include "hub/entry.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_offline.h"
#include "store/ulid.h"

#define TOLD_OF_ROOM 5     /* problems of a room that are told one by one */
#define TOLD_OF_FILE "100" /* lines of SQLite's own check */

struct verifier {
    struct sqlite_offline offline;
    struct verification *found;
    struct buffer *report;
};

/* The room that is being gone through. */
struct room_check {
    struct verifier *verifier;
    int64_t id;
    uint64_t seq; /* of the entry before */
    int64_t timestamp_us;
    unsigned problems;
    struct buffer told;
};

static void note(struct room_check *check, const char *what, uint64_t seq) {
    if (check->problems < TOLD_OF_ROOM) {
        buffer_append_format(&check->told, "%s %s %llu", check->problems > 0 ? ";" : "", what,
                             (unsigned long long)seq);
    }
    check->problems++;
    check->verifier->found->problems++;
}

/* The hash was made of what the entry said; what was erased cannot be compared any more. */
static void check_cid(struct room_check *check, const struct entry *entry, sqlite3_stmt *row) {
    bool has_hash = sqlite3_column_type(row, SQLITE_BODY_HASH_COLUMN) != SQLITE_NULL;
    uint64_t hash = (uint64_t)sqlite3_column_int64(row, SQLITE_BODY_HASH_COLUMN);
    if (has_hash != (entry->body.cid.length > 0)) {
        note(check, "half a cid at", entry->seq);
    } else if (has_hash && !entry->body.deleted && hash != entry_body_hash(&entry->body)) {
        note(check, "the cid does not fit the content of", entry->seq);
    }
}

static void check_entry(struct room_check *check, sqlite3_stmt *row) {
    uint64_t seq = (uint64_t)sqlite3_column_int64(row, 0);
    int64_t timestamp_us = sqlite3_column_int64(row, 2);
    struct entry *entry = sqlite_column_entry(row);
    if (seq != check->seq + 1) {
        note(check, "entries are missing before", seq);
    }
    if (timestamp_us < check->timestamp_us) {
        note(check, "time goes back at", seq);
    }
    if (entry == NULL) {
        note(check, "unreadable is", seq);
    } else {
        if (!ulid_valid(slice_of_string(entry->id))) {
            note(check, "no id has", seq);
        }
        if (entry->body.of >= seq) {
            note(check, "an entry that comes later is meant by", seq);
        }
        check_cid(check, entry, row);
    }
    entry_unref(entry);
    check->seq = seq;
    check->timestamp_us = timestamp_us;
    check->verifier->found->entries++;
}

/* Goes on to the end, whatever is found. */
static void check_entries(struct room_check *check) {
    sqlite3_stmt *row =
        sqlite_offline_query(&check->verifier->offline, SQLITE_ROOM_ENTRIES, check->id);
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        check_entry(check, row);
    }
    if (code != SQLITE_DONE) {
        note(check, "SQLite cannot read on after", check->seq);
    }
    sqlite3_finalize(row);
}

/* A cid that outlived its entry must be of one that went. */
static void check_old_cids(struct room_check *check, uint64_t gone) {
    sqlite3_stmt *row =
        sqlite_offline_query(&check->verifier->offline,
                             "SELECT c.seq, e.seq FROM cids AS c LEFT JOIN entries AS e"
                             " ON e.room = c.room AND e.cid = c.cid AND e.identity = c.identity"
                             " WHERE c.room = ?1",
                             check->id);
    while (sqlite3_step(row) == SQLITE_ROW) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(row, 0);
        if (seq > gone || sqlite3_column_type(row, 1) != SQLITE_NULL) {
            note(check, "known twice is the cid of", seq);
        }
    }
    sqlite3_finalize(row);
}

static void check_room(struct verifier *verifier, sqlite3_stmt *room) {
    uint64_t gone = (uint64_t)sqlite3_column_int64(room, 2);
    struct room_check check = {
        .verifier = verifier,
        .id = sqlite3_column_int64(room, 0),
        .seq = gone,
        .timestamp_us = sqlite3_column_int64(room, 3),
    };
    check_entries(&check);
    check_old_cids(&check, gone);
    if (check.seq == 0) {
        note(&check, "never had entries:", check.seq);
    }
    if (check.problems > 0) {
        buffer_append_format(verifier->report, "%.*s: %u problem%s:%.*s%s\n",
                             SLICE_ARGS(sqlite_column_slice(room, 1)), check.problems,
                             check.problems == 1 ? "" : "s", SLICE_ARGS(buffer_slice(&check.told)),
                             check.problems > TOLD_OF_ROOM ? "; …" : "");
    }
    verifier->found->rooms++;
    buffer_close(&check.told);
}

static void check_rooms(struct verifier *verifier) {
    sqlite3_stmt *room = sqlite_offline_query(
        &verifier->offline, "SELECT id, name, gone, gone_timestamp FROM rooms ORDER BY key", 0);
    while (sqlite3_step(room) == SQLITE_ROW) {
        check_room(verifier, room);
    }
    sqlite3_finalize(room);
}

/* Each row of the query is a line that tells of a problem. */
static void check_query(struct verifier *verifier, const char *what, const char *sql) {
    sqlite3_stmt *row = sqlite_offline_query(&verifier->offline, sql, 0);
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        buffer_append_format(verifier->report, "%s: %.*s\n", what,
                             SLICE_ARGS(sqlite_column_slice(row, 0)));
        verifier->found->problems++;
    }
    if (code != SQLITE_DONE) {
        buffer_append_format(verifier->report, "%s: %s\n", what,
                             sqlite3_errmsg(verifier->offline.db));
        verifier->found->problems++;
    }
    sqlite3_finalize(row);
}

int sqlite_verify(const char *folder, struct verification *verification, struct buffer *report,
                  struct buffer *message) {
    *verification = (struct verification){0};
    struct verifier verifier = {.found = verification, .report = report};
    int error = sqlite_offline_open(&verifier.offline, folder, message);
    if (error != 0) {
        return error;
    }
    check_query(&verifier, "the file",
                "SELECT integrity_check FROM pragma_integrity_check(" TOLD_OF_FILE ")"
                " WHERE integrity_check <> 'ok'");
    check_query(&verifier, "an id that is there twice",
                "SELECT id FROM entries GROUP BY id HAVING count(*) > 1 LIMIT " TOLD_OF_FILE);
    check_query(&verifier, "entries without a room",
                "SELECT DISTINCT room FROM entries WHERE room NOT IN (SELECT id FROM rooms)");
    check_rooms(&verifier);
    sqlite_offline_close(&verifier.offline);
    return 0;
}
