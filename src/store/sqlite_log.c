#include "store/sqlite_log.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/sqlite_pages.h"
#include "store/target.h"

#define SCRUB_TIMEOUT_MS 10

int sqlite_log_open(struct sqlite_log *log, const struct sqlite_file *file,
                    const struct retention_rules *retention, uint64_t seed) {
    memset(log, 0, sizeof(*log));
    log->file = file;
    log->retention = retention;
    ulid_source_init(&log->ids, seed);
    sqlite_rooms_init(&log->rooms, rng_next(&log->ids.rng));
    return sqlite_connection_open(&log->connection, file->path);
}

void sqlite_log_close(struct sqlite_log *log) {
    sqlite_rooms_close(&log->rooms);
    sqlite_connection_close(&log->connection);
}

/* SQLite would go on writing to a file that has no name any more, and lose everything with the last
 * descriptor. */
static bool has_moved(const struct sqlite_log *log) {
    int moved = 0;
    int code = sqlite3_file_control(log->connection.db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return code == SQLITE_OK && moved != 0;
}

int sqlite_log_begin(struct sqlite_log *log) {
    if (has_moved(log)) {
        return SQLITE_READONLY_DBMOVED;
    }
    return sqlite_run_simple(&log->connection, STATEMENT_BEGIN_WRITE);
}

int sqlite_log_commit(struct sqlite_log *log) {
    int code = sqlite_run_simple(&log->connection, STATEMENT_COMMIT);
    if (code == SQLITE_OK) {
        sqlite_rooms_committed(&log->rooms);
    }
    return code;
}

/* Whether the connection itself is as good as before. One whose file was moved must stay: what lies
 * in its place now is not the database these rooms are from. */
static bool harmless(int code) {
    int primary = code & 0xff;
    return primary == SQLITE_BUSY || primary == SQLITE_FULL || primary == SQLITE_CONSTRAINT ||
           code == SQLITE_READONLY_DBMOVED;
}

void sqlite_log_fail(struct sqlite_log *log, int code) {
    sqlite_rooms_failed(&log->rooms);
    if (log->connection.db == NULL || !harmless(code)) {
        log->reopen = true;
    } else if (!sqlite3_get_autocommit(log->connection.db) &&
               sqlite_run_simple(&log->connection, STATEMENT_ROLLBACK) != SQLITE_OK) {
        log->reopen = true;
    }
}

/* Entries of the room past what was reported, at most a page. */
static int find_entries(struct sqlite_log *log, struct sqlite_room *room, struct job_list *found) {
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_PAGE_UP);
    struct entry **entries = memory_new(LIMIT_PAGE_ENTRIES * sizeof(struct entry *));
    struct entry *entry = NULL;
    size_t count = 0;
    sqlite3_bind_int64(statement, 1, room->id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)room->reported + 1);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)room->last);
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW && count < LIMIT_PAGE_ENTRIES &&
           (entry = sqlite_column_entry(statement)) != NULL) {
        entries[count++] = entry;
        room->reported = entry->seq;
        code = sqlite3_step(statement);
    }
    sqlite3_reset(statement);
    job_list_append(found, job_new_found(room->key, entries, count));
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        return count > 0 ? SQLITE_OK : SQLITE_CORRUPT; /* the last entry was there a moment ago */
    }
    return code;
}

static int settle_room(struct sqlite_log *log, struct sqlite_room *room, struct job_list *found) {
    int code = sqlite_room_load(&log->connection, room);
    while (code == SQLITE_OK && room->reported < room->last) {
        code = find_entries(log, room, found);
    }
    if (code == SQLITE_OK) {
        sqlite_rooms_settled(&log->rooms, room);
    }
    return code;
}

int sqlite_log_settle(struct sqlite_log *log, struct job_list *found) {
    if (log->reopen) {
        sqlite_connection_close(&log->connection);
        int code = sqlite_connection_open(&log->connection, log->file->path);
        if (code != SQLITE_OK) {
            return code;
        }
        log->reopen = false;
    }
    while (!list_empty(&log->rooms.stale)) {
        struct sqlite_room *room =
            container_of(log->rooms.stale.first, struct sqlite_room, touched_node);
        int code = settle_room(log, room, found);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    return SQLITE_OK;
}

bool sqlite_log_settled(const struct sqlite_log *log) {
    return !log->reopen && list_empty(&log->rooms.stale);
}

/* Whether the cid is known already: then `outcome` tells what became of it. */
static int find_cid(struct sqlite_log *log, const struct sqlite_room *room,
                    const struct entry_body *body, uint64_t body_hash, struct outcome *outcome,
                    bool *known) {
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_FIND_CID);
    sqlite3_bind_int64(statement, 1, room->id);
    sqlite_bind_slice(statement, 2, body->cid);
    sqlite_bind_identity(statement, 3, &body->identity);
    int code = sqlite3_step(statement);
    *known = code == SQLITE_ROW;
    if (*known && (uint64_t)sqlite3_column_int64(statement, 0) != body_hash) {
        outcome->error = ERR_CID_REUSED;
    } else if (*known) {
        struct slice id = sqlite_column_slice(statement, 2);
        outcome->duplicate = true;
        outcome->seq = (uint64_t)sqlite3_column_int64(statement, 1);
        outcome->timestamp_us = sqlite3_column_int64(statement, 3);
        memcpy(outcome->id, id.data, id.length < ENTRY_ID_LENGTH ? id.length : ENTRY_ID_LENGTH);
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int check_target(struct sqlite_log *log, const struct sqlite_room *room,
                        const struct draft *draft, struct outcome *outcome) {
    struct target target = {0};
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_FIND_TARGET);
    sqlite3_bind_int64(statement, 1, room->id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)draft->body.of);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        target.exists = true;
        target.kind = (enum entry_kind)sqlite3_column_int(statement, 0);
        target.identity = sqlite_column_identity(statement, 1);
        target.deleted = sqlite3_column_int(statement, 2) != 0;
    }
    sqlite3_reset(statement);
    outcome->error = target_check(draft, &target);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* What can be decided before the insertion decides about the cid. An entry about another one is
 * asked for its cid first: a delete that comes again finds its message deleted. So is any where
 * cids outlived their entries: the index is on these; and one that is only welcome if its cid is
 * known. */
static int check(struct sqlite_log *log, const struct sqlite_room *room, const struct draft *draft,
                 uint64_t body_hash, struct outcome *outcome, bool *decided) {
    *decided = false;
    const struct entry_body *body = &draft->body;
    bool about_another = entry_refers(body->kind);
    int code = SQLITE_OK;
    if (body->cid.length > 0 && (about_another || room->old_cids || draft->known_only)) {
        code = find_cid(log, room, body, body_hash, outcome, decided);
    }
    if (code == SQLITE_OK && draft->known_only && !*decided) {
        outcome->error = ERR_RATE_LIMITED;
        *decided = true;
    }
    if (code == SQLITE_OK && about_another && !*decided) {
        code = check_target(log, room, draft, outcome);
        *decided = outcome->error != 0;
    }
    return code;
}

static int add_room(struct sqlite_log *log, struct sqlite_room *room) {
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_ADD_ROOM);
    sqlite_bind_slice(statement, 1, room->key);
    sqlite_bind_slice(statement, 2, room->name);
    int code = sqlite_run(statement);
    if (code == SQLITE_OK) {
        room->id = sqlite3_last_insert_rowid(log->connection.db);
    }
    return code;
}

static int add_entry(struct sqlite_log *log, const struct sqlite_room *room,
                     const struct entry_body *body, uint64_t body_hash,
                     const struct outcome *outcome) {
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_ADD_ENTRY);
    sqlite_bind_entry(statement, room->id, body, outcome, body_hash);
    return sqlite_run(statement);
}

static int erase_message(struct sqlite_log *log, struct sqlite_room *room, uint64_t of) {
    static const enum sqlite_statement steps[] = {STATEMENT_ERASE_MESSAGE, STATEMENT_ERASE_EDITS};
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && code == SQLITE_OK; i++) {
        sqlite3_stmt *statement = sqlite_statement(&log->connection, steps[i]);
        sqlite3_bind_int64(statement, 1, room->id);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)of);
        code = sqlite_run(statement);
    }
    sqlite_room_measure_again(room);
    return code;
}

static int set_topic(struct sqlite_log *log, const struct sqlite_room *room, struct slice topic) {
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_SET_TOPIC);
    sqlite3_bind_int64(statement, 1, room->id);
    sqlite_bind_slice(statement, 2, topic);
    return sqlite_run(statement);
}

/* What the entry changes besides being there. */
static int take_effect(struct sqlite_log *log, struct sqlite_room *room,
                       const struct entry_body *body) {
    switch (body->kind) {
    case ENTRY_DELETE:
        return erase_message(log, room, body->of);
    case ENTRY_TOPIC:
        return set_topic(log, room, body->content);
    default:
        return SQLITE_OK;
    }
}

/* Inserts the entry under the room's next number; the index on cids may refuse it. */
static int insert(struct sqlite_log *log, struct sqlite_room *room, const struct draft *draft,
                  uint64_t body_hash, struct outcome *outcome) {
    struct outcome next = {.seq = room->last + 1, .timestamp_us = draft->proposed_us};
    if (next.timestamp_us < room->last_timestamp_us) {
        next.timestamp_us = room->last_timestamp_us;
    }
    ulid_next(&log->ids, next.timestamp_us, next.id);
    int code = add_entry(log, room, &draft->body, body_hash, &next);
    if (code != SQLITE_OK) {
        return code;
    }
    room->last = next.seq;
    room->last_timestamp_us = next.timestamp_us;
    room->bytes += retention_size(&draft->body);
    *outcome = next;
    return take_effect(log, room, &draft->body);
}

int sqlite_log_append(struct sqlite_log *log, const struct draft *draft, struct outcome *outcome) {
    const struct entry_body *body = &draft->body;
    uint64_t body_hash = body->cid.length > 0 ? entry_body_hash(body) : 0;
    struct sqlite_room *room;
    bool decided = false;
    *outcome = (struct outcome){0};
    int code =
        sqlite_rooms_get(&log->rooms, &log->connection, draft->room_key, draft->room_name, &room);
    if (code == SQLITE_OK) {
        code = check(log, room, draft, body_hash, outcome, &decided);
    }
    if (code != SQLITE_OK || decided) {
        return code;
    }
    sqlite_rooms_touch(&log->rooms, room);
    if (room->id == 0) {
        code = add_room(log, room);
    }
    if (code == SQLITE_OK) {
        code = insert(log, room, draft, body_hash, outcome);
    }
    if (code == SQLITE_CONSTRAINT_UNIQUE) {
        code = find_cid(log, room, body, body_hash, outcome, &decided);
        return code == SQLITE_OK && !decided ? SQLITE_CORRUPT_INDEX : code;
    }
    return code;
}

int sqlite_log_copy(struct sqlite_log *log, struct slice room_key, struct slice room_name,
                    const struct entry *entry) {
    struct outcome given = {.seq = entry->seq, .timestamp_us = entry->timestamp_us};
    struct sqlite_room *room;
    memcpy(given.id, entry->id, sizeof(given.id));
    int code = sqlite_rooms_get(&log->rooms, &log->connection, room_key, room_name, &room);
    if (code != SQLITE_OK) {
        return code;
    }
    sqlite_rooms_touch(&log->rooms, room);
    if (room->id == 0) {
        sqlite_room_rename(room, room_name);
        code = add_room(log, room);
    }
    if (code == SQLITE_OK) {
        code = add_entry(log, room, &entry->body, entry_body_hash(&entry->body), &given);
    }
    if (code != SQLITE_OK) {
        return code;
    }
    room->last = given.seq;
    room->last_timestamp_us = given.timestamp_us;
    return take_effect(log, room, &entry->body);
}

int sqlite_log_forget(struct sqlite_log *log, struct slice room_key, uint64_t first) {
    struct sqlite_room *room;
    int code = sqlite_rooms_get(&log->rooms, &log->connection, room_key, SLICE_NONE, &room);
    if (code != SQLITE_OK || room->id == 0 || room->first >= first) {
        return code;
    }
    sqlite_rooms_touch(&log->rooms, room);
    sqlite3_stmt *statement = sqlite_statement(&log->connection, STATEMENT_TRIM);
    sqlite3_bind_int64(statement, 1, room->id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)first - 1);
    room->first = first;
    sqlite_room_measure_again(room);
    return sqlite_run(statement);
}

int sqlite_log_erase(struct sqlite_log *log, struct slice room_key) {
    static const enum sqlite_statement steps[] = {STATEMENT_ERASE_ENTRIES, STATEMENT_ERASE_CIDS,
                                                  STATEMENT_ERASE_READS, STATEMENT_ERASE_ROOM};
    struct sqlite_room *room;
    int code = sqlite_rooms_get(&log->rooms, &log->connection, room_key, SLICE_NONE, &room);
    if (code != SQLITE_OK || room->id == 0) {
        return code;
    }
    sqlite_rooms_touch(&log->rooms, room);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && code == SQLITE_OK; i++) {
        sqlite3_stmt *statement = sqlite_statement(&log->connection, steps[i]);
        sqlite3_bind_int64(statement, 1, room->id);
        code = sqlite_run(statement);
    }
    sqlite_room_empty(room);
    return code;
}

int sqlite_log_head(struct sqlite_log *log, struct slice room_key, struct slice room_name,
                    struct room_head *head) {
    struct sqlite_room *room;
    int code = sqlite_rooms_get(&log->rooms, &log->connection, room_key, room_name, &room);
    if (code != SQLITE_OK) {
        return code;
    }
    code = sqlite_read_head(&log->connection, room_key, log->file->epoch, head, NULL);
    if (code == SQLITE_OK && !head->exists) {
        struct room_head named = *head;
        named.room_name = room->name;
        *head = head_copy(&named);
        head_free(&named);
    }
    return code;
}

int sqlite_log_scrub(struct sqlite_log *log) {
    sqlite3_busy_timeout(log->connection.db, SCRUB_TIMEOUT_MS);
    int code =
        sqlite3_wal_checkpoint_v2(log->connection.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(log->connection.db, SQLITE_BUSY_TIMEOUT_MS);
    return code;
}
