#include "store/search_follow.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "hub/entry.h"
#include "store/search_words.h"
#include "store/sqlite_connection.h"

#define STEP_ROOMS 32    /* looked at in one step */
#define STEP_ENTRIES 400 /* of one room in one step, added or purged */
#define MERGE_PAGES 64   /* in one step of scrubbing */

/* A room whose log is not as it was indexed. */
struct news {
    int64_t room;
    char *key;
    uint64_t seq, first; /* as indexed */
    char entry[ENTRY_ID_LENGTH + 1];
    uint64_t log_first;
    bool known;   /* it is indexed */
    bool another; /* it is another log than was indexed */
};

static void keep_id(char id[ENTRY_ID_LENGTH + 1], struct slice text) {
    snprintf(id, ENTRY_ID_LENGTH + 1, "%.*s", SLICE_ARGS(text));
}

static struct news read_news(sqlite3_stmt *statement) {
    struct news news = {
        .room = sqlite3_column_int64(statement, 0),
        .key = memory_copy_string(sqlite_column_slice(statement, 1)),
        .seq = (uint64_t)sqlite3_column_int64(statement, 2),
        .first = 1,
        .log_first = (uint64_t)sqlite3_column_int64(statement, 5),
        .known = sqlite3_column_type(statement, 2) != SQLITE_NULL,
        .another = sqlite3_column_int(statement, 6) != 0,
    };
    keep_id(news.entry, sqlite_column_slice(statement, 3));
    if (news.known) {
        news.first = (uint64_t)sqlite3_column_int64(statement, 4);
    }
    return news;
}

static int list_news(const struct search_file *file, int64_t after, struct news *list,
                     size_t *count) {
    sqlite3_stmt *statement = search_statement(file, SEARCH_NEWS);
    sqlite3_bind_int64(statement, 1, after);
    sqlite3_bind_int(statement, 2, STEP_ROOMS);
    int code;
    *count = 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && *count < STEP_ROOMS) {
        list[(*count)++] = read_news(statement);
    }
    sqlite3_reset(statement);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* Takes away what is indexed of the room before `seq`. `finished`: nothing is left of it. */
static int purge(struct search_follow *follow, const struct search_file *file, int64_t room,
                 uint64_t seq, bool *finished) {
    static const enum search_statement steps[] = {SEARCH_PURGE_WORDS, SEARCH_PURGE_DOCS};
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && code == SQLITE_OK; i++) {
        sqlite3_stmt *statement = search_statement(file, steps[i]);
        sqlite3_bind_int64(statement, 1, room);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)seq);
        sqlite3_bind_int(statement, 3, STEP_ENTRIES);
        code = sqlite_run(statement);
    }
    int count = sqlite3_changes(file->db);
    follow->erased = follow->erased || count > 0;
    *finished = count < STEP_ENTRIES;
    return code;
}

static int forget_room(struct search_follow *follow, const struct search_file *file, int64_t room) {
    bool finished = false;
    int code = purge(follow, file, room, INT64_MAX, &finished);
    if (code == SQLITE_OK && finished) {
        sqlite3_stmt *statement = search_statement(file, SEARCH_DROP_ROOM);
        sqlite3_bind_int64(statement, 1, room);
        code = sqlite_run(statement);
    }
    return code;
}

static int add_message(const struct search_file *file, int64_t room, uint64_t seq,
                       sqlite3_stmt *entry) {
    sqlite3_stmt *statement = search_statement(file, SEARCH_ADD_DOC);
    struct buffer sender = {0};
    search_fold_sender(sqlite_column_slice(entry, 4), &sender);
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)seq);
    sqlite3_bind_int64(statement, 3, sqlite3_column_int64(entry, 2));
    sqlite_bind_slice(statement, 4, buffer_slice(&sender));
    sqlite_bind_slice(statement, 5, sqlite_column_slice(entry, 5));
    int code = sqlite_run(statement);
    buffer_close(&sender);
    return code == SQLITE_OK ? search_run_on(file, SEARCH_ADD_WORDS, room, seq) : code;
}

static int drop_message(struct search_follow *follow, const struct search_file *file, int64_t room,
                        uint64_t seq) {
    int code = search_run_on(file, SEARCH_DROP_WORDS, room, seq);
    if (code == SQLITE_OK) {
        code = search_run_on(file, SEARCH_DROP_DOC, room, seq);
        follow->erased = true;
    }
    return code;
}

static int edit_message(struct search_follow *follow, const struct search_file *file, int64_t room,
                        uint64_t seq, struct slice content) {
    int code = search_run_on(file, SEARCH_DROP_WORDS, room, seq);
    if (code == SQLITE_OK) {
        sqlite3_stmt *statement = search_statement(file, SEARCH_SET_DOC);
        sqlite3_bind_int64(statement, 1, room);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)seq);
        sqlite_bind_slice(statement, 3, content);
        code = sqlite_run(statement);
        follow->erased = true;
    }
    return code == SQLITE_OK ? search_run_on(file, SEARCH_ADD_WORDS, room, seq) : code;
}

/* Of what was deleted meanwhile nothing is there to be indexed. */
static int take_entry(struct search_follow *follow, const struct search_file *file, int64_t room,
                      sqlite3_stmt *entry) {
    uint64_t seq = (uint64_t)sqlite3_column_int64(entry, 0);
    uint64_t of = (uint64_t)sqlite3_column_int64(entry, 6);
    bool deleted = sqlite3_column_int(entry, 7) != 0;
    switch (sqlite3_column_int(entry, 3)) {
    case ENTRY_MESSAGE:
        return deleted ? SQLITE_OK : add_message(file, room, seq, entry);
    case ENTRY_EDIT:
        return deleted ? SQLITE_OK
                       : edit_message(follow, file, room, of, sqlite_column_slice(entry, 5));
    case ENTRY_DELETE:
        return drop_message(follow, file, room, of);
    default:
        return SQLITE_OK;
    }
}

/* From `news->seq` on, which advances. */
static int take_entries(struct search_follow *follow, const struct search_file *file,
                        struct news *news) {
    sqlite3_stmt *entry = search_statement(file, SEARCH_LOG_ENTRIES);
    sqlite3_bind_int64(entry, 1, news->room);
    sqlite3_bind_int64(entry, 2, (sqlite3_int64)news->seq);
    sqlite3_bind_int(entry, 3, STEP_ENTRIES);
    int code;
    while ((code = sqlite3_step(entry)) == SQLITE_ROW) {
        code = take_entry(follow, file, news->room, entry);
        if (code != SQLITE_OK) {
            break;
        }
        news->seq = (uint64_t)sqlite3_column_int64(entry, 0);
        keep_id(news->entry, sqlite_column_slice(entry, 1));
    }
    sqlite3_reset(entry);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int set_room(const struct search_file *file, const struct news *news) {
    sqlite3_stmt *statement = search_statement(file, SEARCH_SET_ROOM);
    sqlite3_bind_int64(statement, 1, news->room);
    sqlite_bind_slice(statement, 2, slice_of_string(news->key));
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)news->seq);
    sqlite_bind_slice(statement, 4, slice_of_string(news->entry));
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)news->first);
    return sqlite_run(statement);
}

/* Whether the entry indexed last is another one now. That retention took it says nothing. */
static int check_entry(const struct search_file *file, struct news *news) {
    if (!news->known || news->another) {
        return SQLITE_OK;
    }
    sqlite3_stmt *statement = search_statement(file, SEARCH_LOG_ID);
    sqlite3_bind_int64(statement, 1, news->room);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)news->seq);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        news->another =
            !slice_equal(sqlite_column_slice(statement, 0), slice_of_string(news->entry));
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int follow_within(struct search_follow *follow, const struct search_file *file,
                         struct news *news) {
    bool finished = true;
    int code = check_entry(file, news);
    if (code == SQLITE_OK && news->another) {
        return forget_room(follow, file, news->room);
    }
    if (code == SQLITE_OK && news->log_first > news->first) {
        code = purge(follow, file, news->room, news->log_first, &finished);
        news->first = finished ? news->log_first : news->first;
    }
    if (code == SQLITE_OK) {
        code = take_entries(follow, file, news);
    }
    return code == SQLITE_OK ? set_room(file, news) : code;
}

/* Rooms that are erased have no row in the log any more. */
static int forget_gone_rooms(struct search_follow *follow, const struct search_file *file) {
    int64_t rooms[STEP_ROOMS];
    size_t count = 0;
    int code;
    sqlite3_stmt *statement = search_statement(file, SEARCH_GONE);
    sqlite3_bind_int(statement, 1, STEP_ROOMS);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && count < STEP_ROOMS) {
        rooms[count++] = sqlite3_column_int64(statement, 0);
    }
    sqlite3_reset(statement);
    code = code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = forget_room(follow, file, rooms[i]);
    }
    follow->found = follow->found || count > 0;
    return code;
}

static int step_within(struct search_follow *follow, const struct search_file *file) {
    struct news list[STEP_ROOMS];
    size_t count = 0;
    int code = list_news(file, follow->room, list, &count);
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = follow_within(follow, file, &list[i]);
    }
    follow->found = follow->found || count > 0;
    follow->room = count == STEP_ROOMS ? list[count - 1].room : 0;
    for (size_t i = 0; i < count; i++) {
        memory_free(list[i].key);
    }
    if (code == SQLITE_OK && follow->room == 0) {
        code = forget_gone_rooms(follow, file);
    }
    return code;
}

static int read_version(const struct search_file *file, int64_t *version) {
    sqlite3_stmt *statement = search_statement(file, SEARCH_LOG_VERSION);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *version = sqlite3_column_int64(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_reset(statement);
    return code;
}

int search_follow_step(struct search_follow *follow, const struct search_file *file, bool *more) {
    int code = SQLITE_OK;
    if (follow->room == 0) {
        code = read_version(file, &follow->version);
        follow->found = false;
    }
    *more = code == SQLITE_OK && (follow->room != 0 || follow->version != follow->clean_version);
    if (!*more) {
        return code;
    }
    code = search_run(file, SEARCH_BEGIN);
    if (code == SQLITE_OK) {
        code = step_within(follow, file);
    }
    if (code == SQLITE_OK && follow->erased) {
        code = search_file_set_soiled(file, true);
    }
    if (code == SQLITE_OK) {
        code = search_run(file, SEARCH_COMMIT);
    }
    if (code == SQLITE_OK && follow->room == 0 && !follow->found) {
        follow->clean_version = follow->version;
        *more = false;
    }
    return code;
}

int search_follow_start(struct search_follow *follow, const struct search_file *file) {
    *follow = (struct search_follow){.clean_version = -1};
    return search_file_soiled(file, &follow->erased);
}

bool search_follow_soiled(const struct search_follow *follow) {
    return follow->erased || follow->merging;
}

/* A negative number of pages takes up every segment of the index; positive ones go on with that
 * until there is nothing to do, which SQLite tells by having changed at most its own row
 * (https://www.sqlite.org/fts5.html, "merge"). */
int search_follow_scrub(struct search_follow *follow, const struct search_file *file) {
    sqlite3_stmt *statement = search_statement(file, SEARCH_MERGE);
    sqlite3_int64 before = sqlite3_total_changes64(file->db);
    sqlite3_bind_int(statement, 1, follow->merging ? MERGE_PAGES : -MERGE_PAGES);
    int code = sqlite_run(statement);
    if (code != SQLITE_OK) {
        return code;
    }
    if (!follow->merging) {
        follow->erased = false;
        follow->merging = true;
        return SQLITE_OK;
    }
    if (sqlite3_total_changes64(file->db) - before >= 2) {
        return SQLITE_OK;
    }
    follow->merging = false;
    if (!follow->erased) {
        code = search_file_set_soiled(file, false);
    }
    return code == SQLITE_OK ? search_file_checkpoint(file) : code;
}
