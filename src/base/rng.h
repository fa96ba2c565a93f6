/* A seeded random generator (xoshiro256**): the same seed gives the same numbers. Not for secrets
 * unless the seed is one; the server seeds secrets from the system instead. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_seed(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound); /* 0 … bound-1; bound > 0 */
void rng_fill(struct rng *rng, void *bytes, size_t size);
