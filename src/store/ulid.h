/* ULIDs, the ids of entries: 48 bits of milliseconds and 80 random bits in Crockford's base 32, so
 * that ids sort by time as text (https://github.com/ulid/spec). Each is greater than the one before
 * from the same source: within one millisecond, or when a time goes back, the random part counts
 * up. */
#pragma once

#include <stdint.h>

#include "base/rng.h"
#include "hub/entry.h"

struct ulid_source {
    struct rng rng;
    uint64_t time_ms;
    uint64_t low;  /* lower 64 of the random bits */
    uint16_t high; /* upper 16 */
};

void ulid_source_init(struct ulid_source *source, uint64_t seed);

/* `id` holds ENTRY_ID_LENGTH + 1 bytes. */
void ulid_next(struct ulid_source *source, int64_t timestamp_us, char *id);

/* Whether it is written as such an id is. */
bool ulid_valid(struct slice id);

/* `length` random characters in lower case from the same alphabet, zero-terminated: the name of an
 * epoch. */
void ulid_epoch(struct rng *rng, char *text, size_t length);
