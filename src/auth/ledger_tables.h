/* The rows of accounts.db in SQL, as records go in and out of them; see ledger_rows.h. Private to
 * auth/. */
#pragma once

#include "base/slice.h"
#include "hub/entry.h"

#define LEDGER_DIGEST_SIZE 32

enum ledger_table { LEDGER_ACCOUNTS, LEDGER_TOKENS, LEDGER_HOOKS, LEDGER_TABLES };

/* In the statements ?1 is the row's key, ?2 a record, ?3 what else the field says. */
extern const struct ledger_table_words {
    struct slice prefix;         /* of a field */
    size_t key_size, other_size; /* of what stands behind it, in bytes; 0: that is not there */
    const char *record, *put, *remove;
} ledger_tables[LEDGER_TABLES];

/* The fields of all rows. */
#define LEDGER_ALL_FIELDS                                                                          \
    "SELECT 'account:' || lower(hex(identity)) FROM accounts"                                      \
    " UNION ALL SELECT 'token:' || lower(hex(digest)) || ':' || lower(hex(account)) FROM tokens"   \
    " UNION ALL SELECT 'hook:' || lower(hex(identity)) || ':' || lower(hex(digest)) FROM hooks"

/* Makes what a connection has for itself, in memory: `changed`, the fields of rows that it has
 * changed, and `laid_out`, records that are to be applied. */
extern const char ledger_watch[];
