/* What stands in the lines of an archive, read and checked. Private to the import.
 *
 * Each is false when there is something wrong, and then says what in `*why`; texts point into the
 * object. What is not there is empty or 0. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "hub/entry.h"

bool archive_text(const char **why, const json_t *object, const char *key, struct slice *text);
bool archive_number(const char **why, const json_t *object, const char *key, uint64_t *number);
/* That of a cid, which must be there. */
bool archive_hash(const char **why, const json_t *object, uint64_t *hash);
/* Seq, id, time and identity, which entries and old cids have. */
bool archive_common(const char **why, const json_t *object, struct entry *entry);
/* The rest of an entry, but not the hash. */
bool archive_body(const char **why, const json_t *object, struct entry_body *body);
