/* Rows of accounts.db as they go from node to node: each is a record, an object of JSON, under a
 * field that says which row it is:
 *
 *   account:IDENTITY          {"name":…,"key":…,"role":…,"password":…,"created":…}
 *   token:DIGEST:ACCOUNT      {"id":…,"kind":…,"label":…,"created":…,"used":…,"expires":…, …}
 *   hook:IDENTITY:DIGEST      {"id":…,"room":…,"label":…,"created":…,"used":…,"rate":…}
 *
 * in hexadecimal digits. What a row is does not change under its field, only what stands in it.
 * Equal rows give equal records. Private to auth/. Errors are those of query.h. */
#pragma once

#include "auth/accounts.h"

/* Which ledger the file is a copy of, and how far. */
struct ledger_place {
    char lineage[33];  /* empty: it is no copy */
    char position[48]; /* in the ledger's log */
};

int ledger_place_read(struct accounts *accounts, struct ledger_place *place) MUST_USE;
int ledger_place_write(struct accounts *accounts, const struct ledger_place *place) MUST_USE;

int ledger_place_forget(struct accounts *accounts) MUST_USE;

/* From now on it is noted what this connection changes. */
int ledger_rows_watch(struct accounts *accounts) MUST_USE;
/* Whether there are any accounts, tokens or hooks. */
int ledger_rows_any(struct accounts *accounts, bool *any) MUST_USE;

/* `record` is empty for a row that is gone. */
typedef void ledger_row_visitor(void *context, struct slice field, struct slice record);
/* What was changed since it was forgotten last. */
int ledger_rows_changed(struct accounts *accounts, ledger_row_visitor *visit,
                        void *context) MUST_USE;
int ledger_rows_forget(struct accounts *accounts) MUST_USE;
/* All there are. */
int ledger_rows_all(struct accounts *accounts, ledger_row_visitor *visit, void *context) MUST_USE;

/* Records that come from elsewhere: first they are laid out, then applied at once, in a
 * transaction. Of what has changed by it the hub is told (changes_add). Fields that mean nothing
 * here are passed over; `refused` counts records that cannot be rows. */
int ledger_rows_lay_out(struct accounts *accounts, struct slice field,
                        struct slice record) MUST_USE;
/* Rows that are here and were not laid out are gone. */
int ledger_rows_lay_out_rest(struct accounts *accounts) MUST_USE;
int ledger_rows_apply(struct accounts *accounts, int64_t now_us, size_t *refused) MUST_USE;
/* Nothing is laid out any more. */
int ledger_rows_clear(struct accounts *accounts) MUST_USE;
