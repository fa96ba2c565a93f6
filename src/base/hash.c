#include "base/hash.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>
#include <string.h>

static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "SipHash-2-4");

uint64_t hash_slice(uint64_t seed, struct slice s) {
    /* The key wants 128 bits and the seed has 64; the second half is the first one turned
     * around, so that no seed gives two equal halves by accident of being small. */
    uint64_t halves[2] = {htole64(seed), htole64(~seed * 0x9e3779b97f4a7c15u)};
    unsigned char key[crypto_shorthash_KEYBYTES];
    uint64_t hash;

    memcpy(key, halves, sizeof(key));
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)(s.length > 0 ? s.data : ""),
                     s.length, key);
    return le64toh(hash);
}
