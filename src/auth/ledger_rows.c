#include "auth/ledger_rows.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "auth/ledger_tables.h"
#include "auth/query.h"

/* Which row a field names. */
struct row {
    enum ledger_table table;
    uint8_t key[LEDGER_DIGEST_SIZE], other[LEDGER_DIGEST_SIZE];
};

static bool take_hex(struct slice *text, uint8_t *bytes, size_t size) {
    size_t count = 0;

    if (text->length < 2 * size ||
        sodium_hex2bin(bytes, size, text->data, 2 * size, NULL, &count, NULL) != 0 || count != size)
        return false;
    *text = slice_skip(*text, 2 * size);
    return true;
}

static bool parse_field(struct slice field, struct row *row) {
    for (row->table = 0; row->table < LEDGER_TABLES; row->table++) {
        size_t other_size = ledger_tables[row->table].other_size;
        struct slice rest;
        if (!slice_starts_with(field, ledger_tables[row->table].prefix))
            continue;
        rest = slice_skip(field, ledger_tables[row->table].prefix.length);
        if (!take_hex(&rest, row->key, ledger_tables[row->table].key_size))
            return false;
        if (other_size == 0)
            return rest.length == 0;
        if (!slice_starts_with(rest, SLICE(":")))
            return false;
        rest = slice_skip(rest, 1);
        return take_hex(&rest, row->other, other_size) && rest.length == 0;
    }
    return false;
}

static struct identity identity_of(const uint8_t *bytes) {
    struct identity identity;

    memcpy(identity.bytes, bytes, IDENTITY_SIZE);
    return identity;
}

static void begin(struct query *query, struct accounts *accounts, const char *sql,
                  const struct row *row) {
    query_begin(query, accounts->db, sql);
    query_bind_bytes(query, row->key, ledger_tables[row->table].key_size);
}

/* Replaces `record`; left empty where there is no such row. */
static int read_record(struct accounts *accounts, const struct row *row, struct buffer *record) {
    struct query query;

    buffer_clear(record);
    begin(&query, accounts, ledger_tables[row->table].record, row);
    if (query_row(&query))
        buffer_append_slice(record, query_text(&query, 0));
    return query_end(&query);
}

int ledger_place_read(struct accounts *accounts, struct ledger_place *place) {
    struct query query;

    *place = (struct ledger_place){0};
    query_begin(&query, accounts->db, "SELECT lineage, position FROM ledger");
    if (query_row(&query)) {
        snprintf(place->lineage, sizeof(place->lineage), "%.*s", SLICE_ARGS(query_text(&query, 0)));
        snprintf(place->position, sizeof(place->position), "%.*s",
                 SLICE_ARGS(query_text(&query, 1)));
    }
    return query_end(&query);
}

int ledger_place_forget(struct accounts *accounts) {
    struct query query;

    query_begin(&query, accounts->db, "DELETE FROM ledger");
    return query_run(&query);
}

int ledger_place_write(struct accounts *accounts, const struct ledger_place *place) {
    struct query query;
    int error = ledger_place_forget(accounts);

    if (error)
        return error;
    query_begin(&query, accounts->db, "INSERT INTO ledger (lineage, position) VALUES (?1, ?2)");
    query_bind_text(&query, slice_of_string(place->lineage));
    query_bind_text(&query, slice_of_string(place->position));
    return query_run(&query);
}

static int execute(struct accounts *accounts, const char *sql) {
    return sqlite3_exec(accounts->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : ERR_UNAVAILABLE;
}

int ledger_rows_watch(struct accounts *accounts) {
    return execute(accounts, ledger_watch);
}

int ledger_rows_forget(struct accounts *accounts) {
    return execute(accounts, "DELETE FROM changed");
}

int ledger_rows_clear(struct accounts *accounts) {
    return execute(accounts, "DELETE FROM laid_out");
}

int ledger_rows_any(struct accounts *accounts, bool *any) {
    struct query query;

    *any = false;
    query_begin(&query, accounts->db,
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM accounts)"
                " OR EXISTS (SELECT 1 FROM hooks)");
    *any = query_row(&query);
    return query_end(&query);
}

static int visit_fields(struct accounts *accounts, const char *sql, ledger_row_visitor *visit,
                        void *context) {
    struct buffer record = {0};
    struct query query;
    int error = 0, ended;

    query_begin(&query, accounts->db, sql);
    while (!error && query_row(&query)) {
        struct slice field = query_text(&query, 0);
        struct row row;
        if (!parse_field(field, &row))
            continue;
        error = read_record(accounts, &row, &record);
        if (!error)
            visit(context, field, buffer_slice(&record));
    }
    ended = query_end(&query);
    buffer_close(&record);
    return error ? error : ended;
}

int ledger_rows_changed(struct accounts *accounts, ledger_row_visitor *visit, void *context) {
    return visit_fields(accounts, "SELECT field FROM changed", visit, context);
}

int ledger_rows_all(struct accounts *accounts, ledger_row_visitor *visit, void *context) {
    return visit_fields(accounts, LEDGER_ALL_FIELDS, visit, context);
}

int ledger_rows_lay_out(struct accounts *accounts, struct slice field, struct slice record) {
    struct query query;

    query_begin(&query, accounts->db, "INSERT OR REPLACE INTO laid_out VALUES (?1, ?2)");
    query_bind_text(&query, field);
    if (record.length > 0)
        query_bind_text(&query, record);
    else
        query_bind_null(&query);
    return query_run(&query);
}

int ledger_rows_lay_out_rest(struct accounts *accounts) {
    struct query query;

    query_begin(&query, accounts->db,
                "INSERT OR IGNORE INTO laid_out (field) SELECT * FROM (" LEDGER_ALL_FIELDS ")");
    return query_run(&query);
}

static int put(struct accounts *accounts, const struct row *row, struct slice record) {
    struct query query;
    int error;

    begin(&query, accounts, ledger_tables[row->table].put, row);
    query_bind_text(&query, record);
    if (ledger_tables[row->table].other_size > 0)
        query_bind_bytes(&query, row->other, ledger_tables[row->table].other_size);
    error = query_run(&query);
    if (error)
        return error;
    return sqlite3_changes(accounts->db) > 0 ? 0 : ERR_NAME_TAKEN;
}

static int remove_row(struct accounts *accounts, const struct row *row) {
    struct query query;

    begin(&query, accounts, ledger_tables[row->table].remove, row);
    return query_run(&query);
}

/* Whether a record has another password than the account of this row. */
static int compare_password(struct accounts *accounts, const struct row *row, struct slice record,
                            bool *other) {
    struct query query;

    begin(&query, accounts,
          "SELECT 1 FROM accounts WHERE identity = ?1 AND"
          " CASE WHEN json_valid(?2) THEN password <> ?2 ->> 'password' END",
          row);
    query_bind_text(&query, record);
    *other = query_row(&query);
    return query_end(&query);
}

static int tell_account(struct accounts *accounts, const struct account *account, bool ends,
                        int64_t now_us) {
    int error = ends ? changes_add(accounts, account, CHANGE_REVOKED, NULL, now_us) : 0;

    return error ? error : changes_add(accounts, account, CHANGE_ACCOUNT, NULL, now_us);
}

/* Its tokens are fields of their own; but who is here without one must go too. */
static int apply_account(struct accounts *accounts, const struct row *row, struct slice record,
                         int64_t now_us) {
    struct identity identity = identity_of(row->key);
    struct account account;
    bool ends = true;
    int error;

    if (record.length == 0) {
        error = accounts_find_identity(accounts, &identity, &account);
        if (!error)
            error = remove_row(accounts, row);
        return error ? error : tell_account(accounts, &account, ends, now_us);
    }
    error = compare_password(accounts, row, record, &ends);
    if (!error)
        error = put(accounts, row, record);
    if (!error)
        error = accounts_find_identity(accounts, &identity, &account);
    return error ? error : tell_account(accounts, &account, ends, now_us);
}

/* One that has expired was no good any more: whoever came by it before may stay, as they may where
 * it was forgotten. */
static int revoke_token(struct accounts *accounts, const struct row *row, int64_t now_us) {
    struct identity device = identity_of(row->key), owner = identity_of(row->other);
    struct account account = {.identity = owner};
    struct query query;
    bool alive;
    int error;

    begin(&query, accounts, "DELETE FROM tokens WHERE digest = ?1 RETURNING expires", row);
    alive = query_row(&query) && (query_number(&query, 0) == 0 || query_number(&query, 0) > now_us);
    error = query_run(&query);
    if (error || !alive)
        return error;
    error = accounts_find_identity(accounts, &owner, &account);
    if (error && error != ERR_NOT_FOUND)
        return error;
    return changes_add(accounts, &account, CHANGE_REVOKED, &device, now_us);
}

static int revoke_hook(struct accounts *accounts, const struct row *row, int64_t now_us) {
    const struct account owner = {.identity = identity_of(row->key)}; /* as hooks_revoke has it */
    struct identity device = identity_of(row->other);
    int error = remove_row(accounts, row);

    return error ? error : changes_add(accounts, &owner, CHANGE_REVOKED, &device, now_us);
}

static int apply_row(struct accounts *accounts, const struct row *row, struct slice record,
                     int64_t now_us) {
    if (row->table == LEDGER_ACCOUNTS)
        return apply_account(accounts, row, record, now_us);
    if (record.length > 0)
        return put(accounts, row, record);
    return row->table == LEDGER_TOKENS ? revoke_token(accounts, row, now_us)
                                       : revoke_hook(accounts, row, now_us);
}

/* Whether it says what stands here already. */
static int compare(struct accounts *accounts, const struct row *row, struct slice record,
                   bool *same) {
    struct buffer before = {0};
    int error = read_record(accounts, row, &before);

    *same = slice_equal(buffer_slice(&before), record);
    buffer_close(&before);
    return error;
}

/* What is gone makes room for what comes, and accounts come before their tokens. */
int ledger_rows_apply(struct accounts *accounts, int64_t now_us, size_t *refused) {
    struct query query;
    int error = 0, ended;

    *refused = 0;
    query_begin(&query, accounts->db,
                "SELECT field, record FROM laid_out ORDER BY record IS NOT NULL, field");
    while (!error && query_row(&query)) {
        struct slice record = query_text(&query, 1);
        struct row row;
        bool same = true;
        if (!parse_field(query_text(&query, 0), &row))
            continue;
        error = compare(accounts, &row, record, &same);
        if (!error && !same)
            error = apply_row(accounts, &row, record, now_us);
        if (error == ERR_NAME_TAKEN) {
            ++*refused;
            error = 0;
        }
    }
    ended = query_end(&query);
    error = error ? error : ended;
    return error ? error : ledger_rows_forget(accounts);
}
