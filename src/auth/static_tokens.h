/* Static tokens: whoever shows one comes in. Kept as digests. */
#pragma once

#include <stdbool.h>

#include "hub/entry.h"

struct static_tokens {
    struct identity *digests;
    size_t count;
};

void static_tokens_set(struct static_tokens *set, const char *const *tokens, size_t count);
void static_tokens_close(struct static_tokens *set);
/* Takes as long wherever it stands, and whether it is one. `digest`, when it is one: by what it is
 * known to the hub. */
bool static_tokens_hold(const struct static_tokens *set, struct slice token,
                        struct identity *digest);
bool static_tokens_have(const struct static_tokens *set, const struct identity *digest);
