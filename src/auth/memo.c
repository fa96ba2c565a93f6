#include "auth/memo.h"

#include <sodium.h>
#include <string.h>

#include "auth/vouch.h"
#include "base/memory.h"

#define ENTRIES 256
#define KEPT_US (INT64_C(10) * 1000000)
#define DIGEST_BYTES 32

struct entry_of_memo {
    uint8_t digest[DIGEST_BYTES];
    int64_t until_us;
    struct principal *principal; /* NULL: free */
};

struct memo {
    uint8_t key[crypto_generichash_KEYBYTES];
    struct entry_of_memo entries[ENTRIES]; /* by the first byte of the digest */
};

struct memo *memo_new(void) {
    struct memo *memo = memory_new_struct(struct memo);

    randombytes_buf(memo->key, sizeof(memo->key));
    return memo;
}

void memo_clear(struct memo *memo) {
    for (size_t i = 0; i < ENTRIES; i++) {
        principal_free(memo->entries[i].principal);
        memo->entries[i] = (struct entry_of_memo){0};
    }
}

void memo_free(struct memo *memo) {
    memo_clear(memo);
    sodium_memzero(memo, sizeof(*memo));
    memory_free(memo);
}

/* Names hold no zero, so it keeps them apart from the password. */
static void digest_of(const struct memo *memo, struct slice name, struct slice password,
                      uint8_t digest[DIGEST_BYTES]) {
    static const unsigned char zero;
    crypto_generichash_state state;

    crypto_generichash_init(&state, memo->key, sizeof(memo->key), DIGEST_BYTES);
    crypto_generichash_update(&state, (const unsigned char *)name.data, name.length);
    crypto_generichash_update(&state, &zero, 1);
    crypto_generichash_update(&state, (const unsigned char *)password.data, password.length);
    crypto_generichash_final(&state, digest, DIGEST_BYTES);
    sodium_memzero(&state, sizeof(state));
}

const struct principal *memo_find(const struct memo *memo, struct slice name, struct slice password,
                                  int64_t now_us) {
    const struct entry_of_memo *entry;
    uint8_t digest[DIGEST_BYTES];

    digest_of(memo, name, password, digest);
    entry = &memo->entries[digest[0]];
    return entry->principal && entry->until_us > now_us &&
                   sodium_memcmp(entry->digest, digest, DIGEST_BYTES) == 0
               ? entry->principal
               : NULL;
}

void memo_put(struct memo *memo, struct slice name, struct slice password,
              const struct principal *principal, int64_t now_us) {
    struct principal *copy = principal_copy(principal);
    struct entry_of_memo *entry;
    uint8_t digest[DIGEST_BYTES];

    digest_of(memo, name, password, digest);
    entry = &memo->entries[digest[0]];
    principal_free(entry->principal);
    memcpy(entry->digest, digest, DIGEST_BYTES);
    entry->until_us = now_us + KEPT_US;
    entry->principal = copy;
}
