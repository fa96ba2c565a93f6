#include "store/sqlite_pages.h"

#include "base/limits.h"
#include "base/memory.h"
#include "store/page.h"

int sqlite_read_head(const struct sqlite_connection *connection, struct slice room_key,
                     const char *epoch, struct room_head *head, int64_t *room) {
    struct room_head found = {.room_key = room_key, .epoch = slice_of_string(epoch), .first = 1};
    int64_t id = 0;
    sqlite3_stmt *statement = sqlite_statement(connection, STATEMENT_FIND_ROOM);
    sqlite_bind_slice(statement, 1, room_key);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        id = sqlite3_column_int64(statement, 0);
        found.room_name = sqlite_column_slice(statement, 1);
        found.topic = sqlite_column_slice(statement, 2);
        found.first = (uint64_t)sqlite3_column_int64(statement, 3);
        found.last = (uint64_t)sqlite3_column_int64(statement, 4);
        found.exists = true;
    }
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        *head = head_copy(&found);
        if (room != NULL) {
            *room = id;
        }
        code = SQLITE_OK;
    }
    sqlite3_reset(statement);
    return code;
}

/* SQLite counts to 2^63 - 1. */
static sqlite3_int64 to_bound(uint64_t seq) {
    return seq < INT64_MAX ? (sqlite3_int64)seq : INT64_MAX;
}

static int read_entries(const struct sqlite_connection *connection, int64_t room,
                        const struct page_query *query, struct page_builder *builder) {
    struct page_range range = page_range(query);
    sqlite3_stmt *statement =
        sqlite_statement(connection, range.descending ? STATEMENT_PAGE_DOWN : STATEMENT_PAGE_UP);
    page_builder_init(builder, &range);
    sqlite3_bind_int64(statement, 1, room);
    sqlite3_bind_int64(statement, 2, to_bound(range.low));
    sqlite3_bind_int64(statement, 3, to_bound(range.high));
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW && page_builder_has_place(builder)) {
        struct entry *entry = sqlite_column_entry(statement);
        if (entry == NULL) {
            code = SQLITE_CORRUPT;
            break;
        }
        if (!page_builder_add(builder, entry)) {
            entry_unref(entry);
            break;
        }
        code = sqlite3_step(statement);
    }
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int read_within(const struct sqlite_connection *connection, const struct page_query *query,
                       const char *epoch, struct page *page) {
    struct page_builder builder = {.count = 0};
    struct room_head head;
    int64_t room = 0;
    int code = sqlite_read_head(connection, query->room_key, epoch, &head, &room);
    if (code != SQLITE_OK) {
        return code;
    }
    if (room != 0) {
        code = read_entries(connection, room, query, &builder);
    }
    if (code != SQLITE_OK) {
        page_builder_drop(&builder);
        head_free(&head);
        return code;
    }
    page->head = head;
    page_builder_finish(&builder, page);
    return SQLITE_OK;
}

int sqlite_read_page(const struct sqlite_connection *connection, const struct page_query *query,
                     const char *epoch, struct page *page) {
    int code = sqlite_run_simple(connection, STATEMENT_BEGIN_READ);
    if (code != SQLITE_OK) {
        return code;
    }
    code = read_within(connection, query, epoch, page);
    /* It wrote nothing, so its end changes nothing about what was read. */
    int end = sqlite_run_simple(connection, STATEMENT_ROLLBACK);
    return code != SQLITE_OK || page->head.room_key.data != NULL ? code : end;
}

int sqlite_read_list(const struct sqlite_connection *connection, const char *epoch,
                     struct room_head **heads, size_t *count) {
    struct room_head *found = memory_new(LIMIT_LIST_ITEMS * sizeof(struct room_head));
    size_t found_count = 0;
    sqlite3_stmt *statement = sqlite_statement(connection, STATEMENT_LIST);
    sqlite3_bind_int(statement, 1, LIMIT_LIST_ITEMS);
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW && found_count < LIMIT_LIST_ITEMS) {
        struct room_head head = {
            .room_key = sqlite_column_slice(statement, 0),
            .room_name = sqlite_column_slice(statement, 1),
            .epoch = slice_of_string(epoch),
            .topic = sqlite_column_slice(statement, 2),
            .first = (uint64_t)sqlite3_column_int64(statement, 3),
            .last = (uint64_t)sqlite3_column_int64(statement, 4),
            .exists = true,
        };
        found[found_count++] = head_copy(&head);
        code = sqlite3_step(statement);
    }
    sqlite3_reset(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        while (found_count > 0) {
            head_free(&found[--found_count]);
        }
        memory_free(found);
        return code;
    }
    *heads = found;
    *count = found_count;
    return SQLITE_OK;
}
