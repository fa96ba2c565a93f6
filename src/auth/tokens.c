#include "auth/tokens.h"

#include <assert.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "auth/query.h"
#include "wire/secret.h"

#define SESSIONS_MAX 64 /* of one account */

#define COLUMNS                                                                                    \
    "tokens.id, tokens.kind, tokens.label, tokens.created, tokens.used, tokens.expires, "          \
    "tokens.rate, tokens.rooms, tokens.role"
#define ALIVE "(tokens.expires = 0 OR tokens.expires > ?2)"

static_assert(sizeof(TOKEN_PREFIX) - 1 + SECRET_LENGTH == TOKEN_LENGTH, "a prefix and a secret");

void token_make(char text[TOKEN_LENGTH + 1]) {
    uint8_t random[SECRET_BYTES];

    randombytes_buf(random, sizeof(random));
    memcpy(text, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1);
    secret_format(random, text + sizeof(TOKEN_PREFIX) - 1);
    sodium_memzero(random, sizeof(random));
}

bool token_form(struct slice text) {
    return slice_starts_with(text, SLICE(TOKEN_PREFIX)) &&
           secret_valid(slice_skip(text, sizeof(TOKEN_PREFIX) - 1));
}

static void digest_of(struct slice text, uint8_t digest[SHA256_DIGEST_LENGTH]) {
    SHA256((const uint8_t *)text.data, text.length, digest);
}

struct identity token_device(struct slice text) {
    struct identity device;

    secret_digest(text, device.bytes);
    return device;
}

int tokens_end(struct accounts *accounts, const struct account *account, bool all, int64_t now_us) {
    struct query query;
    int error;

    query_begin(&query, accounts->db, "DELETE FROM tokens WHERE account = ?1 AND kind <= ?2");
    query_bind_bytes(&query, account->identity.bytes, IDENTITY_SIZE);
    query_bind_number(&query, all ? TOKEN_API : TOKEN_SESSION);
    error = query_run(&query);
    return error ? error : changes_add(accounts, account, CHANGE_REVOKED, NULL, now_us);
}

/* One token that `sql` finds, as (id, digest), by the account and a number. */
static int end_one(struct accounts *accounts, const struct account *account, const char *sql,
                   int64_t number, int64_t now_us) {
    struct identity device;
    struct query query;
    int64_t id = 0;
    bool found;
    int error;

    query_begin(&query, accounts->db, sql);
    query_bind_bytes(&query, account->identity.bytes, IDENTITY_SIZE);
    query_bind_number(&query, number);
    found = query_row(&query);
    if (found) {
        id = query_number(&query, 0);
        device = query_identity(&query, 1);
    }
    error = query_end(&query);
    if (error || !found)
        return error ? error : ERR_NOT_FOUND;
    query_begin(&query, accounts->db, "DELETE FROM tokens WHERE id = ?1");
    query_bind_number(&query, id);
    error = query_run(&query);
    return error ? error : changes_add(accounts, account, CHANGE_REVOKED, &device, now_us);
}

static int end_oldest_session(struct accounts *accounts, const struct account *account,
                              int64_t now_us) {
    int error = end_one(accounts, account,
                        "SELECT id, digest FROM tokens WHERE account = ?1 AND kind = 0"
                        " ORDER BY max(used, created) DESC, id DESC LIMIT 1 OFFSET ?2",
                        SESSIONS_MAX, now_us);

    return error == ERR_NOT_FOUND ? 0 : error;
}

static int forget_expired(struct accounts *accounts, int64_t now_us) {
    struct query query;

    query_begin(&query, accounts->db, "DELETE FROM tokens WHERE expires > 0 AND expires <= ?1");
    query_bind_number(&query, now_us);
    return query_run(&query);
}

static int insert(struct accounts *accounts, const struct account *account,
                  const struct token *token, const uint8_t digest[SHA256_DIGEST_LENGTH]) {
    struct query query;
    int error;

    query_begin(&query, accounts->db,
                "INSERT INTO tokens (digest, account, kind, label, created, used, expires, rate,"
                " rooms, role) SELECT ?1, identity, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10 FROM accounts"
                " WHERE identity = ?2 AND password = ?3");
    query_bind_bytes(&query, digest, SHA256_DIGEST_LENGTH);
    query_bind_bytes(&query, account->identity.bytes, IDENTITY_SIZE);
    query_bind_text(&query, account->password);
    query_bind_number(&query, token->kind);
    query_bind_text(&query, token->label);
    query_bind_number(&query, token->created_us);
    query_bind_number(&query, token->expires_us);
    if (token->has_rate)
        query_bind_number(&query, token->rate_per_minute);
    else
        query_bind_null(&query);
    if (token->restricted)
        query_bind_text(&query, token->rooms);
    else
        query_bind_null(&query);
    query_bind_number(&query, token->role);
    error = query_run(&query);
    if (error)
        return error;
    return sqlite3_changes(accounts->db) == 1 ? 0 : ERR_NOT_FOUND;
}

static int add_once(struct accounts *accounts, const struct account *account,
                    const struct token *token, const uint8_t digest[SHA256_DIGEST_LENGTH]) {
    int error = accounts_begin(accounts);

    if (error)
        return error;
    error = forget_expired(accounts, token->created_us);
    if (!error)
        error = insert(accounts, account, token, digest);
    if (!error && token->kind == TOKEN_SESSION)
        error = end_oldest_session(accounts, account, token->created_us);
    return accounts_end(accounts, error);
}

int tokens_add(struct accounts *accounts, const struct account *account, const struct token *token,
               struct slice text) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    int error;

    digest_of(text, digest);
    do {
        error = add_once(accounts, account, token, digest);
    } while (accounts_overtaken(accounts, error));
    return error;
}

static struct token row_token(const struct query *query) {
    return (struct token){
        .id = query_number(query, 0),
        .kind = (enum token_kind)query_number(query, 1),
        .label = query_text(query, 2),
        .created_us = query_number(query, 3),
        .used_us = query_number(query, 4),
        .expires_us = query_number(query, 5),
        .has_rate = !query_is_null(query, 6),
        .rate_per_minute = (unsigned)query_number(query, 6),
        .restricted = !query_is_null(query, 7),
        .rooms = query_text(query, 7),
        .role = (enum role)query_number(query, 8),
    };
}

/* What is found outlives its query: label, rooms and the name, one after the other. */
static void copy_found(struct accounts *accounts, const struct query *query, struct token *token,
                       struct account *account) {
    struct token row = row_token(query);
    struct slice name = query_text(query, 10), text;

    buffer_clear(&accounts->text);
    buffer_append_slice(&accounts->text, row.label);
    buffer_append_slice(&accounts->text, row.rooms);
    buffer_append_slice(&accounts->text, name);
    text = buffer_slice(&accounts->text);
    *account = (struct account){
        .identity = query_identity(query, 9),
        .name = slice_skip(text, row.label.length + row.rooms.length),
        .role = (enum role)query_number(query, 11),
    };
    row.rooms = slice_from(slice_skip(text, row.label.length).data, row.rooms.length);
    row.label = slice_from(text.data, row.label.length);
    *token = row;
}

int tokens_find(struct accounts *accounts, struct slice text, int64_t now_us, struct token *token,
                struct account *account) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct token found_token;
    struct account found_account;
    struct query query;
    bool found;
    int error;

    digest_of(text, digest);
    query_begin_kept(&query, accounts->db,
                     "SELECT " COLUMNS ", accounts.identity, accounts.name, accounts.role"
                     " FROM tokens JOIN accounts ON accounts.identity = tokens.account"
                     " WHERE tokens.digest = ?1 AND " ALIVE,
                     &accounts->find_token);
    query_bind_bytes(&query, digest, sizeof(digest));
    query_bind_number(&query, now_us);
    found = query_row(&query);
    if (found)
        copy_found(accounts, &query, &found_token, &found_account);
    error = query_end(&query);
    if (error || !found)
        return error ? error : ERR_NOT_FOUND;
    *token = found_token;
    *account = found_account;
    return 0;
}

int tokens_touch(struct accounts *accounts, int64_t id, int64_t now_us, int64_t expires_us) {
    struct query query;

    query_begin(&query, accounts->db, "UPDATE tokens SET used = ?2, expires = ?3 WHERE id = ?1");
    query_bind_number(&query, id);
    query_bind_number(&query, now_us);
    query_bind_number(&query, expires_us);
    return query_run(&query);
}

int tokens_list(struct accounts *accounts, struct slice name, int64_t now_us, token_visitor *visit,
                void *context) {
    struct account account = {0};
    struct query query;
    int error = name.data ? accounts_find(accounts, name, &account) : 0;

    if (error)
        return error;
    query_begin(&query, accounts->db,
                "SELECT " COLUMNS ", accounts.name FROM tokens"
                " JOIN accounts ON accounts.identity = tokens.account"
                " WHERE (?1 = zeroblob(16) OR tokens.account = ?1) AND " ALIVE
                " ORDER BY tokens.id");
    query_bind_bytes(&query, account.identity.bytes, IDENTITY_SIZE);
    query_bind_number(&query, now_us);
    while (query_row(&query)) {
        struct token token = row_token(&query);
        visit(context, &token, query_text(&query, 9));
    }
    return query_end(&query);
}

static int revoke_once(struct accounts *accounts, int64_t id, int64_t now_us) {
    struct account account = {0};
    struct query query;
    int error = accounts_begin(accounts);

    if (error)
        return error;
    query_begin(&query, accounts->db, "SELECT account FROM tokens WHERE id = ?1");
    query_bind_number(&query, id);
    if (query_row(&query))
        account.identity = query_identity(&query, 0);
    error = query_end(&query);
    if (!error)
        error = accounts_find_identity(accounts, &account.identity, &account);
    if (!error)
        error = end_one(accounts, &account,
                        "SELECT id, digest FROM tokens WHERE account = ?1 AND id = ?2 LIMIT 1", id,
                        now_us);
    return accounts_end(accounts, error);
}

int tokens_revoke(struct accounts *accounts, int64_t id, int64_t now_us) {
    int error;

    do {
        error = revoke_once(accounts, id, now_us);
    } while (accounts_overtaken(accounts, error));
    return error;
}
