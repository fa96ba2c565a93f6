#include "store/search_find.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "store/job.h"
#include "store/mailbox.h"
#include "store/search_query.h"
#include "store/search_words.h"
#include "store/sqlite_connection.h"
#include "wire/json.h"

#define PATIENCE_NS (2 * UINT64_C(1000000000))
#define CLOCK_OPERATIONS 1000 /* of SQLite's machine between two looks at the clock */

/* Parameters of the statement that finds. */
enum { MATCH = 1, FROM, UNTIL, SENDERS, ROOMS, COUNT, SKIPPED, EXCLUDED };

struct found {
    int64_t room;
    uint64_t seq;
};

struct finder {
    const struct search_file *file;
    const struct search_query *query;
    struct search_question question;
    struct buffer sql, match, senders, rooms, excluded; /* the parameters as SQLite takes them */
    size_t room_count;
    size_t limit;
    bool all_public;
    uint64_t deadline_ns;
    struct found found[LIMIT_BATCH_ENTRIES + 1];
    size_t count;
};

/* Words in quotation marks have no meaning but themselves; between them is nothing that was typed.
 */
static void append_term(struct buffer *match, const struct search_term *term) {
    struct slice rest = term->text, word;
    const char *before = "\"";
    while (search_word_next(&rest, &word)) {
        buffer_append_string(match, before);
        buffer_append_slice(match, word);
        before = " ";
    }
    buffer_append_string(match, term->prefix ? "\" *" : "\"");
}

static void build_match(struct finder *finder) {
    for (size_t i = 0; i < finder->question.term_count; i++) {
        buffer_append_string(&finder->match, i > 0 ? " AND " : "");
        append_term(&finder->match, &finder->question.terms[i]);
    }
}

/* One as it is, so that the index on senders gives the newest first; several as JSON. */
static void build_senders(struct finder *finder) {
    struct buffer folded = {0};
    if (finder->question.sender_count == 1) {
        search_fold_sender(finder->question.senders[0], &finder->senders);
        return;
    }
    for (size_t i = 0; i < finder->question.sender_count; i++) {
        buffer_clear(&folded);
        search_fold_sender(finder->question.senders[i], &folded);
        buffer_append_char(&finder->senders, i > 0 ? ',' : '[');
        json_append_string(&finder->senders, buffer_slice(&folded));
    }
    buffer_append_char(&finder->senders, ']');
    buffer_close(&folded);
}

static void build_excluded(struct finder *finder) {
    buffer_append_char(&finder->excluded, '[');
    for (size_t i = 0; i < finder->query->excluded_count; i++) {
        if (i > 0) {
            buffer_append_char(&finder->excluded, ',');
        }
        json_append_string(&finder->excluded, finder->query->excluded[i]);
    }
    buffer_append_char(&finder->excluded, ']');
}

static int add_room(struct finder *finder, struct slice key) {
    sqlite3_stmt *statement = search_statement(finder->file, SEARCH_FIND_ROOM);
    sqlite_bind_slice(statement, 1, key);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        buffer_append_char(&finder->rooms, finder->room_count++ > 0 ? ',' : '[');
        buffer_append_u64(&finder->rooms, (uint64_t)sqlite3_column_int64(statement, 0));
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static bool is_excluded(const struct search_query *query, struct slice key) {
    for (size_t i = 0; i < query->excluded_count; i++) {
        if (slice_equal(query->excluded[i], key)) {
            return true;
        }
    }
    return false;
}

/* Public rooms that the question names. */
static int add_public_rooms(struct finder *finder) {
    struct buffer key = {0};
    int code = SQLITE_OK;
    for (size_t i = 0; i < finder->question.room_count && code == SQLITE_OK; i++) {
        buffer_clear(&key);
        search_fold_sender(finder->question.rooms[i], &key);
        struct slice folded = buffer_slice(&key);
        if (folded.length > 0 && folded.data[0] != '@' && folded.data[0] != '$' &&
            !is_excluded(finder->query, folded)) {
            code = add_room(finder, folded);
        }
    }
    buffer_close(&key);
    return code;
}

static int build_rooms(struct finder *finder) {
    const struct search_query *query = finder->query;
    int code = SQLITE_OK;
    for (size_t i = 0; i < query->room_count && code == SQLITE_OK; i++) {
        const struct search_room *room = &query->rooms[i];
        if (search_question_wants_room(&finder->question, room->key, room->name)) {
            code = add_room(finder, room->key);
        }
    }
    finder->all_public = query->public_rooms && finder->question.room_count == 0;
    if (code == SQLITE_OK && query->public_rooms && !finder->all_public) {
        code = add_public_rooms(finder);
    }
    buffer_append_string(&finder->rooms, finder->room_count > 0 ? "]" : "[]");
    return code;
}

/* Only what is put together here; everything that was typed is a parameter. */
static void build_sql(struct finder *finder) {
    const struct search_question *question = &finder->question;
    buffer_append_string(&finder->sql, "SELECT d.room, d.seq FROM ");
    buffer_append_string(&finder->sql, question->term_count > 0
                                           ? "words CROSS JOIN docs AS d ON d.id = words.rowid"
                                             " WHERE words MATCH ?1"
                                           : "docs AS d WHERE ?1 IS NOT NULL");
    buffer_append_string(&finder->sql, " AND d.timestamp >= ?2 AND d.timestamp < ?3");
    if (question->sender_count > 0) {
        buffer_append_string(&finder->sql,
                             question->sender_count == 1
                                 ? " AND d.sender = ?4"
                                 : " AND d.sender IN (SELECT value FROM json_each(?4))");
    }
    buffer_append_string(&finder->sql, " AND (d.room IN (SELECT value FROM json_each(?5))");
    if (finder->all_public) {
        buffer_append_string(&finder->sql,
                             " OR EXISTS (SELECT 1 FROM log.rooms AS r WHERE r.id = d.room"
                             "  AND substr(r.key, 1, 1) NOT IN ('@', '$')");
        buffer_append_string(&finder->sql,
                             finder->query->excluded_count > 0
                                 ? " AND r.key NOT IN (SELECT value FROM json_each(?8)))"
                                 : ")");
    }
    buffer_append_string(&finder->sql,
                         ") AND EXISTS (SELECT 1 FROM log.entries AS e WHERE e.room = d.room"
                         "  AND e.seq = d.seq AND e.timestamp = d.timestamp AND e.deleted = 0)"
                         " ORDER BY ");
    buffer_append_string(&finder->sql, question->term_count > 0 ? "words.rank, " : "");
    buffer_append_string(&finder->sql, "d.timestamp DESC, d.id DESC LIMIT ?6 OFFSET ?7");
}

static void bind_all(struct finder *finder, sqlite3_stmt *statement) {
    sqlite_bind_slice(statement, MATCH, buffer_slice(&finder->match));
    sqlite3_bind_int64(statement, FROM, finder->question.from_us);
    sqlite3_bind_int64(statement, UNTIL, finder->question.until_us);
    if (finder->question.sender_count > 0) {
        sqlite_bind_slice(statement, SENDERS, buffer_slice(&finder->senders));
    }
    sqlite_bind_slice(statement, ROOMS, buffer_slice(&finder->rooms));
    sqlite3_bind_int64(statement, COUNT, (sqlite3_int64)finder->limit + 1);
    sqlite3_bind_int64(statement, SKIPPED, finder->query->offset);
    if (finder->all_public && finder->query->excluded_count > 0) {
        sqlite_bind_slice(statement, EXCLUDED, buffer_slice(&finder->excluded));
    }
}

static int is_late(void *context) {
    const struct finder *finder = context;
    return mailbox_now() > finder->deadline_ns;
}

/* At most one more than was asked for. */
static int find(struct finder *finder) {
    sqlite3_stmt *statement = NULL;
    struct slice sql = buffer_slice(&finder->sql);
    int code = sqlite3_prepare_v2(finder->file->db, sql.data, (int)sql.length, &statement, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    bind_all(finder, statement);
    finder->deadline_ns = mailbox_now() + PATIENCE_NS;
    sqlite3_progress_handler(finder->file->db, CLOCK_OPERATIONS, is_late, finder);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && finder->count <= finder->limit) {
        finder->found[finder->count++] = (struct found){
            sqlite3_column_int64(statement, 0), (uint64_t)sqlite3_column_int64(statement, 1)};
    }
    sqlite3_progress_handler(finder->file->db, 0, NULL, NULL);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int fetch(const struct finder *finder, const struct found *found,
                 struct findings *findings) {
    sqlite3_stmt *statement = search_statement(finder->file, SEARCH_FETCH);
    sqlite3_bind_int64(statement, 1, found->room);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)found->seq);
    int code = sqlite3_step(statement);
    struct entry *entry = code == SQLITE_ROW ? sqlite_column_entry(statement) : NULL;
    if (entry != NULL) {
        struct slice name = sqlite_column_slice(statement, 14);
        findings->entries[findings->count] = entry;
        findings->rooms[findings->count++] = slice_from(memory_copy_string(name), name.length);
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int fetch_all(const struct finder *finder, struct findings *findings) {
    size_t bytes = 0;
    int code = SQLITE_OK;
    findings->entries = memory_new(finder->count * sizeof(*findings->entries) + 1);
    findings->rooms = memory_new(finder->count * sizeof(*findings->rooms) + 1);
    for (size_t i = 0; i < finder->count && code == SQLITE_OK; i++) {
        if (i == finder->limit || bytes > LIMIT_PAGE_BYTES) {
            findings->more = true;
            break;
        }
        size_t before = findings->count;
        code = fetch(finder, &finder->found[i], findings);
        if (findings->count > before) {
            bytes += entry_size(findings->entries[before]);
        }
    }
    return code;
}

static int find_within(struct finder *finder, struct findings *findings) {
    build_match(finder);
    build_senders(finder);
    build_excluded(finder);
    int code = build_rooms(finder);
    if (code != SQLITE_OK || (finder->room_count == 0 && !finder->all_public)) {
        return code;
    }
    build_sql(finder);
    code = find(finder);
    if (code == SQLITE_INTERRUPT) {
        findings->error = ERR_UNAVAILABLE;
        findings->reason = "That search takes too long: add a word, a name or a room";
        return SQLITE_OK;
    }
    return code == SQLITE_OK ? fetch_all(finder, findings) : code;
}

/* The index and the log as they were at one moment. */
static int find_at_once(struct finder *finder, struct findings *findings) {
    int code = search_run(finder->file, SEARCH_BEGIN);
    if (code == SQLITE_OK) {
        code = find_within(finder, findings);
    }
    /* It wrote nothing, so its end changes nothing about what was read. */
    int end = sqlite3_get_autocommit(finder->file->db) ? SQLITE_OK
                                                       : search_run(finder->file, SEARCH_ROLLBACK);
    return code == SQLITE_OK ? end : code;
}

static void close_finder(struct finder *finder) {
    buffer_close(&finder->sql);
    buffer_close(&finder->match);
    buffer_close(&finder->senders);
    buffer_close(&finder->rooms);
    buffer_close(&finder->excluded);
}

int search_find(const struct search_file *file, const struct search_query *query,
                struct findings *findings) {
    struct finder finder = {.file = file, .query = query};
    finder.limit = query->limit < LIMIT_BATCH_ENTRIES ? query->limit : LIMIT_BATCH_ENTRIES;
    findings->error = search_question_parse(query->text, &finder.question, &findings->reason);
    if (findings->error != 0) {
        return SQLITE_OK;
    }
    int code = find_at_once(&finder, findings);
    if (code != SQLITE_OK) {
        findings_clear(findings);
    }
    close_finder(&finder);
    return code;
}
