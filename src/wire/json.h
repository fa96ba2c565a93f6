/* JSON: what comes in is parsed by jansson (which checks its UTF-8), what goes out is written
 * straight into a buffer. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* A JSON object, or NULL when `text` is not one, is nested deeper than LIMIT_JSON_DEPTH, or has a
 * key twice. json_decref it. Strings may hold U+0000; integers past 64 bits become reals (somebody
 * else's members must not spoil a message). */
json_t *json_parse_object(struct slice text);

/* The same of what a stranger sends: NULL also when it has more than LIMIT_JSON_VALUES values, of
 * which a message of "{},{},{}" would have enough to keep the loop busy for a tenth of a second. */
json_t *json_parse_message(struct slice text);

/* A member that is a string: 0 and its bytes; absent or null: 0 and an empty slice with data NULL;
 * else ERR_BAD_REQUEST. */
int json_get_string(const json_t *object, const char *key, struct slice *value) MUST_USE;
/* A member that is an integer >= 0 (also written 4180.0, up to 2^53). Absent or null: 0 and
 * `*present` false, `*value` untouched; else ERR_BAD_REQUEST. */
int json_get_u64(const json_t *object, const char *key, uint64_t *value, bool *present) MUST_USE;

/* `s` (valid UTF-8) quoted and escaped. Escapes what RFC 8259 section 7 demands, and U+2028,
 * U+2029, DEL and C1 controls. */
void json_append_string(struct buffer *out, struct slice s);
/* `,"key":` before a value that is not the first; `key` is a literal that needs no escaping. */
void json_append_key(struct buffer *out, const char *key);
void json_append_string_member(struct buffer *out, const char *key, struct slice value);
void json_append_u64_member(struct buffer *out, const char *key, uint64_t value);
