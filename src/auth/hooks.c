#include "auth/hooks.h"

#include <assert.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "auth/accounts.h"
#include "auth/query.h"
#include "wire/secret.h"

#define COLUMNS "id, identity, room, label, created, used, rate"

static_assert(sizeof(HOOK_PREFIX) - 1 + SECRET_LENGTH == HOOK_LENGTH, "a prefix and a secret");

void hook_make(char secret[HOOK_LENGTH + 1]) {
    uint8_t random[SECRET_BYTES];

    randombytes_buf(random, sizeof(random));
    memcpy(secret, HOOK_PREFIX, sizeof(HOOK_PREFIX) - 1);
    secret_format(random, secret + sizeof(HOOK_PREFIX) - 1);
    sodium_memzero(random, sizeof(random));
}

bool hook_form(struct slice secret) {
    return slice_starts_with(secret, SLICE(HOOK_PREFIX)) &&
           secret_valid(slice_skip(secret, sizeof(HOOK_PREFIX) - 1));
}

struct identity hook_device(struct slice secret) {
    struct identity device;

    secret_digest(secret, device.bytes);
    return device;
}

static int insert(struct accounts *accounts, const struct hook *hook,
                  const struct identity *identity, const uint8_t digest[SHA256_DIGEST_LENGTH]) {
    struct query query;

    query_begin(&query, accounts->db,
                "INSERT INTO hooks (digest, identity, room, label, created, used, rate)"
                " VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)");
    query_bind_bytes(&query, digest, SHA256_DIGEST_LENGTH);
    query_bind_bytes(&query, identity->bytes, IDENTITY_SIZE);
    query_bind_text(&query, hook->room);
    query_bind_text(&query, hook->label);
    query_bind_number(&query, hook->created_us);
    if (hook->has_rate)
        query_bind_number(&query, hook->rate_per_minute);
    else
        query_bind_null(&query);
    return query_run(&query);
}

int hooks_add(struct accounts *accounts, const struct hook *hook, struct slice secret) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct identity identity;
    int error;

    SHA256((const uint8_t *)secret.data, secret.length, digest);
    randombytes_buf(identity.bytes, IDENTITY_SIZE);
    do {
        error = accounts_begin(accounts);
        if (!error)
            error = accounts_end(accounts, insert(accounts, hook, &identity, digest));
    } while (accounts_overtaken(accounts, error));
    return error;
}

static struct hook row_hook(const struct query *query) {
    return (struct hook){
        .id = query_number(query, 0),
        .identity = query_identity(query, 1),
        .room = query_text(query, 2),
        .label = query_text(query, 3),
        .created_us = query_number(query, 4),
        .used_us = query_number(query, 5),
        .has_rate = !query_is_null(query, 6),
        .rate_per_minute = (unsigned)query_number(query, 6),
    };
}

/* What is found outlives its query. */
static struct hook copy_hook(struct accounts *accounts, const struct hook *row) {
    struct hook copy = *row;
    struct slice text;

    buffer_clear(&accounts->text);
    buffer_append_slice(&accounts->text, row->room);
    buffer_append_slice(&accounts->text, row->label);
    text = buffer_slice(&accounts->text);
    copy.room = slice_from(text.data, row->room.length);
    copy.label = slice_skip(text, row->room.length);
    return copy;
}

int hooks_find(struct accounts *accounts, struct slice secret, struct hook *hook) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct hook found_hook = {0};
    struct query query;
    bool found;
    int error;

    SHA256((const uint8_t *)secret.data, secret.length, digest);
    query_begin_kept(&query, accounts->db, "SELECT " COLUMNS " FROM hooks WHERE digest = ?1",
                     &accounts->find_hook);
    query_bind_bytes(&query, digest, sizeof(digest));
    found = query_row(&query);
    if (found) {
        struct hook row = row_hook(&query);
        found_hook = copy_hook(accounts, &row);
    }
    error = query_end(&query);
    if (error || !found)
        return error ? error : ERR_NOT_FOUND;
    *hook = found_hook;
    return 0;
}

int hooks_touch(struct accounts *accounts, int64_t id, int64_t now_us) {
    struct query query;

    query_begin(&query, accounts->db, "UPDATE hooks SET used = ?2 WHERE id = ?1");
    query_bind_number(&query, id);
    query_bind_number(&query, now_us);
    return query_run(&query);
}

int hooks_list(struct accounts *accounts, hook_visitor *visit, void *context) {
    struct query query;

    query_begin(&query, accounts->db, "SELECT " COLUMNS " FROM hooks ORDER BY id");
    while (query_row(&query)) {
        struct hook hook = row_hook(&query);
        visit(context, &hook);
    }
    return query_end(&query);
}

static int remove_hook(struct accounts *accounts, int64_t id, int64_t now_us) {
    struct account owner = {0}; /* for `changes`: the hook itself, which has no name */
    struct identity device;
    struct query query;
    bool found;
    int error;

    query_begin(&query, accounts->db, "DELETE FROM hooks WHERE id = ?1 RETURNING identity, digest");
    query_bind_number(&query, id);
    found = query_row(&query);
    if (found) {
        owner.identity = query_identity(&query, 0);
        device = query_identity(&query, 1);
    }
    error = query_run(&query);
    if (error || !found)
        return error ? error : ERR_NOT_FOUND;
    return changes_add(accounts, &owner, CHANGE_REVOKED, &device, now_us);
}

int hooks_revoke(struct accounts *accounts, int64_t id, int64_t now_us) {
    int error;

    do {
        error = accounts_begin(accounts);
        if (!error)
            error = accounts_end(accounts, remove_hook(accounts, id, now_us));
    } while (accounts_overtaken(accounts, error));
    return error;
}
