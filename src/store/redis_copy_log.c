#include "store/redis_copy_log.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"

int copy_log_open(struct copy_log *copy, const char *folder, const struct log *lines,
                  struct buffer *message) {
    uint64_t seed;
    *copy = (struct copy_log){.lines = lines, .file.lock = -1};
    if (getentropy(&seed, sizeof(seed)) != 0) {
        buffer_append_string(message, "the system gives no random numbers");
        return ERR_IO;
    }
    int error = sqlite_file_open(&copy->file, folder, message);
    if (error != 0) {
        return error;
    }
    int code = sqlite_log_open(&copy->log, &copy->file, NULL, seed);
    copy->open = true;
    if (code == SQLITE_OK) {
        code =
            sqlite3_exec(copy->log.connection.db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
        buffer_append_format(message, "cannot open %s: %s", copy->file.path, sqlite3_errstr(code));
        return ERR_IO;
    }
    return 0;
}

void copy_log_close(struct copy_log *copy) {
    if (copy->open) {
        sqlite_log_close(&copy->log);
    }
    sqlite_file_close(&copy->file);
}

/* Whether what SQLite was asked worked. */
static bool worked(struct copy_log *copy, int code) {
    if (code == SQLITE_OK) {
        copy->failing = false;
        return true;
    }
    sqlite_log_fail(&copy->log, code);
    if (!copy->failing) {
        log_write(copy->lines, LOG_ERROR,
                  "Cannot write to %s: %s; what is said from now on is not found by searching",
                  copy->file.path, sqlite3_errstr(code));
    }
    copy->failing = true;
    return false;
}

static bool settle(struct copy_log *copy) {
    struct job_list found = {0};
    int code = sqlite_log_settled(&copy->log) ? SQLITE_OK : sqlite_log_settle(&copy->log, &found);
    job_list_clear(&found);
    return worked(copy, code);
}

static int get_room(struct copy_log *copy, struct slice room_key, struct sqlite_room **room) {
    return sqlite_rooms_get(&copy->log.rooms, &copy->log.connection, room_key, SLICE_NONE, room);
}

bool copy_log_last(struct copy_log *copy, struct slice room_key, uint64_t *last) {
    struct sqlite_room *room;
    if (!settle(copy) || !worked(copy, get_room(copy, room_key, &room))) {
        return false;
    }
    *last = room->last;
    return true;
}

/* The id of an entry of the copy; empty: it is not there. */
static void read_id(struct copy_log *copy, const struct sqlite_room *room, uint64_t seq,
                    char id[ENTRY_ID_LENGTH + 1]) {
    sqlite3_stmt *statement = sqlite_statement(&copy->log.connection, STATEMENT_PAGE_UP);
    sqlite3_bind_int64(statement, 1, room->id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)seq);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)seq);
    struct entry *entry =
        sqlite3_step(statement) == SQLITE_ROW ? sqlite_column_entry(statement) : NULL;
    sqlite3_reset(statement);
    memset(id, 0, ENTRY_ID_LENGTH + 1);
    if (entry != NULL) {
        memcpy(id, entry->id, ENTRY_ID_LENGTH);
    }
    entry_unref(entry);
}

/* Whether what the copy has is the beginning of this log. */
static bool same_log(struct copy_log *copy, const struct sqlite_room *room,
                     const struct log_page *page) {
    char id[ENTRY_ID_LENGTH + 1];
    if (room->last == 0 || page->head.last < room->last) {
        return room->last == 0;
    }
    read_id(copy, room, room->last, id);
    return page->count == 0 || page->entries[0]->seq != room->last || id[0] == '\0' ||
           strcmp(page->entries[0]->id, id) == 0;
}

/* What is deleted is not copied; nor would it be found. */
static int write_entries(struct copy_log *copy, const struct log_page *page, uint64_t after) {
    int code = SQLITE_OK;
    for (size_t i = 0; i < page->count && code == SQLITE_OK; i++) {
        const struct entry *entry = page->entries[i];
        if (entry->seq > after && !entry->body.deleted) {
            code = sqlite_log_copy(&copy->log, page->head.room_key, page->head.room_name, entry);
        }
    }
    return code;
}

static int write_page(struct copy_log *copy, const struct log_page *page, uint64_t after,
                      bool anew) {
    int code = sqlite_log_begin(&copy->log);
    if (code == SQLITE_OK && anew) {
        code = sqlite_log_erase(&copy->log, page->head.room_key);
    }
    if (code == SQLITE_OK && !anew) {
        code = write_entries(copy, page, after);
    }
    if (code == SQLITE_OK && !anew) {
        code = sqlite_log_forget(&copy->log, page->head.room_key, page->head.first);
    }
    return code == SQLITE_OK ? sqlite_log_commit(&copy->log) : code;
}

bool copy_log_take(struct copy_log *copy, const struct log_page *page, uint64_t after, bool *anew) {
    struct sqlite_room *room;
    if (!worked(copy, get_room(copy, page->head.room_key, &room))) {
        return false;
    }
    *anew = !same_log(copy, room, page);
    return worked(copy, write_page(copy, page, after, *anew));
}

size_t copy_log_rooms(const struct copy_log *copy, struct slice after, struct slice *keys,
                      size_t most) {
    sqlite3_stmt *statement = NULL;
    size_t count = 0;
    int code = sqlite3_prepare_v2(copy->log.connection.db,
                                  "SELECT key FROM rooms WHERE key > ?1 ORDER BY key", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite_bind_slice(statement, 1, after);
    }
    while (code == SQLITE_OK && count < most && sqlite3_step(statement) == SQLITE_ROW) {
        struct slice key = sqlite_column_slice(statement, 0);
        keys[count++] = slice_from(memory_copy_string(key), key.length);
    }
    sqlite3_finalize(statement);
    return count;
}
