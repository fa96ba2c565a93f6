#include "auth/accounts.h"

#include <sodium.h>

#include "auth/query.h"
#include "auth/tokens.h"
#include "base/text.h"

#define COLUMNS "identity, name, role, created, password"
/* A server looks for changes every few seconds. */
#define CHANGES_KEPT_US (INT64_C(24) * 3600 * 1000000)

/* Borrowed from the query; `copy_account` makes them last. */
static struct account row_account(const struct query *query) {
    return (struct account){
        .identity = query_identity(query, 0),
        .name = query_text(query, 1),
        .role = (enum role)query_number(query, 2),
        .created_us = query_number(query, 3),
        .password = query_text(query, 4),
    };
}

static struct account copy_account(struct accounts *accounts, const struct account *account) {
    struct account copy = *account;
    struct slice text;

    buffer_clear(&accounts->text);
    buffer_append_slice(&accounts->text, account->name);
    buffer_append_slice(&accounts->text, account->password);
    text = buffer_slice(&accounts->text);
    copy.name = slice_from(text.data, account->name.length);
    copy.password = slice_skip(text, account->name.length);
    return copy;
}

int accounts_list(struct accounts *accounts, account_visitor *visit, void *context) {
    struct query query;

    query_begin(&query, accounts->db, "SELECT " COLUMNS " FROM accounts ORDER BY key");
    while (query_row(&query)) {
        struct account account = row_account(&query);
        visit(context, &account);
    }
    return query_end(&query);
}

/* Ends the query, of which one row at most is wanted. */
static int take_account(struct accounts *accounts, struct query *query, struct account *account) {
    bool found = query_row(query);
    struct account copy = {0};
    int error;

    if (found) {
        struct account row = row_account(query);
        copy = copy_account(accounts, &row);
    }
    error = query_end(query);
    if (!error && !found)
        error = ERR_NOT_FOUND;
    if (!error)
        *account = copy;
    return error;
}

int accounts_find(struct accounts *accounts, struct slice name, struct account *account) {
    struct buffer key = {0};
    struct query query;
    int error;

    if (name_fold(name, &key) != 0)
        return ERR_NOT_FOUND;
    query_begin(&query, accounts->db, "SELECT " COLUMNS " FROM accounts WHERE key = ?1");
    query_bind_text(&query, buffer_slice(&key));
    error = take_account(accounts, &query, account);
    buffer_close(&key);
    return error;
}

int accounts_find_identity(struct accounts *accounts, const struct identity *identity,
                           struct account *account) {
    struct query query;

    query_begin(&query, accounts->db, "SELECT " COLUMNS " FROM accounts WHERE identity = ?1");
    query_bind_bytes(&query, identity->bytes, IDENTITY_SIZE);
    return take_account(accounts, &query, account);
}

static int forget_changes(struct accounts *accounts, int64_t now_us) {
    struct query query;

    query_begin(&query, accounts->db, "DELETE FROM changes WHERE time < ?1");
    query_bind_number(&query, now_us - CHANGES_KEPT_US);
    return query_run(&query);
}

int changes_add(struct accounts *accounts, const struct account *account, enum change_kind kind,
                const struct identity *device, int64_t now_us) {
    struct query query;
    int error;

    query_begin(&query, accounts->db,
                "INSERT INTO changes (time, account, name, kind, device)"
                " VALUES (?1, ?2, ?3, ?4, ?5)");
    query_bind_number(&query, now_us);
    query_bind_bytes(&query, account->identity.bytes, IDENTITY_SIZE);
    query_bind_text(&query, account->name);
    query_bind_number(&query, kind);
    if (device)
        query_bind_bytes(&query, device->bytes, IDENTITY_SIZE);
    else
        query_bind_null(&query);
    error = query_run(&query);
    return error ? error : forget_changes(accounts, now_us);
}

static int insert(struct accounts *accounts, const struct account *account, struct slice key) {
    struct query query;

    query_begin(&query, accounts->db,
                "INSERT INTO accounts (" COLUMNS ", key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    query_bind_bytes(&query, account->identity.bytes, IDENTITY_SIZE);
    query_bind_text(&query, account->name);
    query_bind_number(&query, account->role);
    query_bind_number(&query, account->created_us);
    query_bind_text(&query, account->password);
    query_bind_text(&query, key);
    return query_run(&query);
}

/* "anonymous" and "error" are what the server signs with. */
static int fold(struct slice name, struct buffer *key) {
    int error = name_check(name);

    if (!error)
        error = name_fold(name, key);
    if (!error && (slice_equal(buffer_slice(key), SLICE("anonymous")) ||
                   slice_equal(buffer_slice(key), SLICE("error"))))
        error = ERR_BAD_REQUEST;
    return error ? ERR_BAD_REQUEST : 0;
}

int accounts_check_name(struct slice name) {
    struct buffer key = {0};
    int error = fold(name, &key);

    buffer_close(&key);
    return error;
}

static int insert_and_tell(struct accounts *accounts, const struct account *account,
                           struct slice key) {
    int error = accounts_begin(accounts);

    if (error)
        return error;
    error = insert(accounts, account, key);
    if (!error)
        error = changes_add(accounts, account, CHANGE_ACCOUNT, NULL, account->created_us);
    return accounts_end(accounts, error);
}

int accounts_add(struct accounts *accounts, const struct account *account) {
    struct buffer key = {0};
    int error = fold(account->name, &key);

    if (!error) {
        do {
            error = insert_and_tell(accounts, account, buffer_slice(&key));
        } while (accounts_overtaken(accounts, error));
    }
    buffer_close(&key);
    return error;
}

/* One account's row, by `sql` whose ?1 is the identity. */
static int change_row(struct accounts *accounts, const char *sql, const struct account *account,
                      const struct slice *text, int64_t number) {
    struct query query;

    query_begin(&query, accounts->db, sql);
    query_bind_bytes(&query, account->identity.bytes, IDENTITY_SIZE);
    if (text)
        query_bind_text(&query, *text);
    else if (sqlite3_bind_parameter_count(query.statement) > 1)
        query_bind_number(&query, number);
    return query_run(&query);
}

enum deed { DEED_PASSWORD, DEED_ROLE, DEED_REMOVE };

/* All in one transaction: the sessions go with the password that made them. */
static int change_once(struct accounts *accounts, enum deed deed, struct slice name,
                       const struct slice *text, int64_t number, int64_t now_us) {
    static const char *const sql[] = {
        [DEED_PASSWORD] = "UPDATE accounts SET password = ?2 WHERE identity = ?1",
        [DEED_ROLE] = "UPDATE accounts SET role = ?2 WHERE identity = ?1",
        [DEED_REMOVE] = "DELETE FROM accounts WHERE identity = ?1",
    };
    struct account account;
    int error = accounts_begin(accounts);

    if (error)
        return error;
    error = accounts_find(accounts, name, &account);
    if (!error && deed != DEED_ROLE)
        error = tokens_end(accounts, &account, deed == DEED_REMOVE, now_us);
    if (!error)
        error = change_row(accounts, sql[deed], &account, text, number);
    if (!error)
        error = changes_add(accounts, &account, CHANGE_ACCOUNT, NULL, now_us);
    return accounts_end(accounts, error);
}

static int change(struct accounts *accounts, enum deed deed, struct slice name,
                  const struct slice *text, int64_t number, int64_t now_us) {
    int error;

    do {
        error = change_once(accounts, deed, name, text, number, now_us);
    } while (accounts_overtaken(accounts, error));
    return error;
}

int accounts_set_password(struct accounts *accounts, struct slice name, struct slice password,
                          int64_t now_us) {
    return change(accounts, DEED_PASSWORD, name, &password, 0, now_us);
}

int accounts_set_role(struct accounts *accounts, struct slice name, enum role role,
                      int64_t now_us) {
    return change(accounts, DEED_ROLE, name, NULL, role, now_us);
}

int accounts_remove(struct accounts *accounts, struct slice name, int64_t now_us) {
    return change(accounts, DEED_REMOVE, name, NULL, 0, now_us);
}

int changes_last(struct accounts *accounts, int64_t *id) {
    struct query query;

    *id = 0;
    query_begin(&query, accounts->db, "SELECT seq FROM sqlite_sequence WHERE name = 'changes'");
    if (query_row(&query))
        *id = query_number(&query, 0);
    return query_end(&query);
}

int changes_list(struct accounts *accounts, int64_t id, change_visitor *visit, void *context) {
    struct query query;

    query_begin(&query, accounts->db,
                "SELECT id, account, name, device, kind FROM changes WHERE id > ?1 ORDER BY id");
    query_bind_number(&query, id);
    while (query_row(&query)) {
        struct account_change row = {
            .id = query_number(&query, 0),
            .account = query_identity(&query, 1),
            .name = query_text(&query, 2),
            .device = query_identity(&query, 3),
            .kind = (enum change_kind)query_number(&query, 4),
        };
        visit(context, &row);
    }
    return query_end(&query);
}
