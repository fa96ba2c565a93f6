/* How long to wait before trying again: at random, in a range that doubles with every failure,
 * so that a crowd that lost its server at the same moment does not come back at the same moment. */
#pragma once

#include "base/rng.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 8000

struct backoff {
    unsigned min_ms, max_ms; /* min_ms <= max_ms */
    unsigned failures;       /* in a row */
};

void backoff_init(struct backoff *backoff);

/* What the server asks for. Out of reason is brought into reason: 50 ms to 10 minutes. */
void backoff_set_range(struct backoff *backoff, uint64_t min_ms, uint64_t max_ms);

/* Counts a failure; returns the milliseconds to wait: from min_ms up to min_ms doubled for each
 * failure in a row, at most max_ms. */
unsigned backoff_next(struct backoff *backoff, struct rng *rng);

/* It worked: the next failure is the first again. */
void backoff_reset(struct backoff *backoff);
