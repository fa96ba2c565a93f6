#include "base/backoff.h"

#define FLOOR_MS 50
#define CEILING_MS (10 * 60 * 1000)

void backoff_init(struct backoff *backoff) {
    *backoff = (struct backoff){.min_ms = BACKOFF_MIN_MS, .max_ms = BACKOFF_MAX_MS};
}

static unsigned clamp(uint64_t value, unsigned low, unsigned high) {
    return value < low ? low : value > high ? high : (unsigned)value;
}

void backoff_set_range(struct backoff *backoff, uint64_t min_ms, uint64_t max_ms) {
    backoff->min_ms = clamp(min_ms, FLOOR_MS, CEILING_MS);
    backoff->max_ms = clamp(max_ms, backoff->min_ms, CEILING_MS);
}

unsigned backoff_next(struct backoff *backoff, struct rng *rng) {
    uint64_t top = backoff->min_ms;
    for (unsigned i = 0; i <= backoff->failures && top < backoff->max_ms; i++)
        top *= 2;
    if (top > backoff->max_ms)
        top = backoff->max_ms;
    backoff->failures++;
    return backoff->min_ms + (unsigned)rng_below(rng, top - backoff->min_ms + 1);
}

void backoff_reset(struct backoff *backoff) {
    backoff->failures = 0;
}
