/* xoshiro256** by David Blackman and Sebastiano Vigna, seeded through splitmix64 as they advise.
 * Plain arithmetic on 64 bits: the same seed gives the same numbers on every machine, which the
 * simulator's seeds depend on. */
#include "base/rng.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static uint64_t rotate_left(uint64_t value, unsigned bits) {
    return (value << bits) | (value >> (64 - bits));
}

static uint64_t split_mix(uint64_t *state) {
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

void rng_seed(struct rng *rng, uint64_t seed) {
    for (size_t i = 0; i < 4; i++) {
        rng->state[i] = split_mix(&seed);
    }
}

uint64_t rng_next(struct rng *rng) {
    uint64_t *state = rng->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t rng_below(struct rng *rng, uint64_t bound) {
    uint64_t value, uneven;

    assert(bound > 0);
    /* The 2^64 mod bound lowest numbers would make small results a little likelier than others. */
    uneven = -bound % bound;
    do {
        value = rng_next(rng);
    } while (value < uneven);
    return value % bound;
}

void rng_fill(struct rng *rng, void *bytes, size_t size) {
    unsigned char *to = bytes;

    while (size > 0) {
        uint64_t word = htole64(rng_next(rng));
        size_t take = size < sizeof(word) ? size : sizeof(word);

        memcpy(to, &word, take);
        to += take;
        size -= take;
    }
}
