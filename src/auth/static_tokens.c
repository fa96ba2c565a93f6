#include "auth/static_tokens.h"

#include <sodium.h>

#include "base/memory.h"
#include "wire/secret.h"

void static_tokens_set(struct static_tokens *set, const char *const *tokens, size_t count) {
    *set = (struct static_tokens){memory_new((count + 1) * sizeof(*set->digests)), count};
    for (size_t i = 0; i < count; i++)
        secret_digest(slice_of_string(tokens[i]), set->digests[i].bytes);
}

void static_tokens_close(struct static_tokens *set) {
    memory_free(set->digests);
    *set = (struct static_tokens){0};
}

bool static_tokens_have(const struct static_tokens *set, const struct identity *digest) {
    bool found = false;

    for (size_t i = 0; i < set->count; i++)
        found |= sodium_memcmp(set->digests[i].bytes, digest->bytes, IDENTITY_SIZE) == 0;
    return found;
}

bool static_tokens_hold(const struct static_tokens *set, struct slice token,
                        struct identity *digest) {
    struct identity shown;

    if (set->count == 0)
        return false;
    secret_digest(token, shown.bytes);
    if (!static_tokens_have(set, &shown))
        return false;
    *digest = shown;
    return true;
}
