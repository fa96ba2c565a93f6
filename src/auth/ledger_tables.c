#include "auth/ledger_tables.h"

/* clang-format off */
const struct ledger_table_words ledger_tables[LEDGER_TABLES] = {
    [LEDGER_ACCOUNTS] = {
        SLICE("account:"), IDENTITY_SIZE, 0,
        .record =
            "SELECT json_object('name', name, 'key', key, 'role', role, 'password', password,"
            "  'created', created)"
            " FROM accounts WHERE identity = ?1",
        .put =
            "INSERT INTO accounts (identity, name, key, role, password, created)"
            " SELECT ?1, ?2 ->> 'name', ?2 ->> 'key', ?2 ->> 'role', ?2 ->> 'password',"
            "  ?2 ->> 'created'"
            " WHERE CASE WHEN json_valid(?2) THEN ?2 ->> 'role' BETWEEN 0 AND 3 END"
            " ON CONFLICT (identity) DO UPDATE SET role = excluded.role,"
            "  password = excluded.password",
        .remove = "DELETE FROM accounts WHERE identity = ?1",
    },
    [LEDGER_TOKENS] = {
        SLICE("token:"), LEDGER_DIGEST_SIZE, IDENTITY_SIZE,
        .record =
            "SELECT json_object('id', id, 'kind', kind, 'label', label, 'created', created,"
            "  'used', used, 'expires', expires, 'rate', rate, 'rooms', rooms, 'role', role)"
            " FROM tokens WHERE digest = ?1",
        .put =
            "INSERT INTO tokens (digest, account, id, kind, label, created, used, expires, rate,"
            "  rooms, role)"
            " SELECT ?1, ?3, ?2 ->> 'id', ?2 ->> 'kind', ?2 ->> 'label', ?2 ->> 'created',"
            "  ?2 ->> 'used', ?2 ->> 'expires', ?2 ->> 'rate', ?2 ->> 'rooms', ?2 ->> 'role'"
            " WHERE CASE WHEN json_valid(?2) THEN typeof(?2 ->> 'id') = 'integer'"
            "  AND ?2 ->> 'kind' BETWEEN 0 AND 1 AND ?2 ->> 'role' BETWEEN 0 AND 3"
            "  AND coalesce(?2 ->> 'rate', 0) BETWEEN 0 AND 1000000 END"
            " ON CONFLICT (digest) DO UPDATE SET used = excluded.used, expires = excluded.expires",
        .remove = "DELETE FROM tokens WHERE digest = ?1",
    },
    [LEDGER_HOOKS] = {
        SLICE("hook:"), IDENTITY_SIZE, LEDGER_DIGEST_SIZE,
        .record =
            "SELECT json_object('id', id, 'room', room, 'label', label, 'created', created,"
            "  'used', used, 'rate', rate)"
            " FROM hooks WHERE identity = ?1",
        .put =
            "INSERT INTO hooks (identity, digest, id, room, label, created, used, rate)"
            " SELECT ?1, ?3, ?2 ->> 'id', ?2 ->> 'room', ?2 ->> 'label', ?2 ->> 'created',"
            "  ?2 ->> 'used', ?2 ->> 'rate'"
            " WHERE CASE WHEN json_valid(?2) THEN typeof(?2 ->> 'id') = 'integer'"
            "  AND coalesce(?2 ->> 'rate', 0) BETWEEN 0 AND 1000000 END"
            " ON CONFLICT (identity) DO UPDATE SET used = excluded.used",
        .remove = "DELETE FROM hooks WHERE identity = ?1",
    },
};

#define ACCOUNT(row) "'account:' || lower(hex(" row ".identity))"
#define TOKEN(row) "'token:' || lower(hex(" row ".digest)) || ':' || lower(hex(" row ".account))"
#define HOOK(row) "'hook:' || lower(hex(" row ".identity)) || ':' || lower(hex(" row ".digest))"

#define WATCH(table, deed, field) \
    "CREATE TEMP TRIGGER " table "_" deed " AFTER " deed " ON main." table \
    " BEGIN INSERT OR IGNORE INTO changed VALUES (" field "); END;"
#define WATCH_ALL(table, field) \
    WATCH(table, "INSERT", field("NEW")) \
    WATCH(table, "UPDATE", field("NEW")) \
    WATCH(table, "DELETE", field("OLD"))

const char ledger_watch[] =
    "CREATE TEMP TABLE changed (field TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TEMP TABLE laid_out ("
    "  field TEXT NOT NULL PRIMARY KEY,"
    "  record TEXT" /* NULL: the row is gone */
    ") WITHOUT ROWID;"
    WATCH_ALL("accounts", ACCOUNT)
    WATCH_ALL("tokens", TOKEN)
    WATCH_ALL("hooks", HOOK);
/* clang-format on */
