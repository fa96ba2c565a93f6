/* A slice is a borrowed run of bytes: no ownership, no terminating zero. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *data;
    size_t length;
};

/* A slice of a string literal, usable in initialisers. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})

/* For printf("%.*s", SLICE_ARGS(s)). */
#define SLICE_ARGS(s) (int)(s).length, (s).data

struct slice slice_from(const void *data, size_t length);
struct slice slice_of_string(const char *string); /* NULL gives an empty slice */
bool slice_equal(struct slice a, struct slice b);
bool slice_equal_ignoring_case(struct slice a, struct slice b); /* ASCII only */
bool slice_starts_with(struct slice s, struct slice prefix);
int slice_compare(struct slice a, struct slice b); /* bytewise, like memcmp */

/* Position of the first `c`, or -1. */
ptrdiff_t slice_find(struct slice s, char c);

/* `s` without its first `count` bytes; empty when there are fewer. */
struct slice slice_skip(struct slice s, size_t count);

/* Without ASCII white space (space, TAB, CR, LF, VT, FF) at both ends. */
struct slice slice_trim(struct slice s);

/* Cuts `*rest` at the first `separator`: returns what stands before it and leaves what follows it
 * in `*rest`. Without a separator returns all and leaves `*rest` empty with data NULL. */
struct slice slice_cut(struct slice *rest, char separator);

/* Decimal digits only, no sign, no overflow. Returns false and leaves `*value` untouched otherwise.
 */
bool slice_to_u64(struct slice s, uint64_t *value);
