/* Passwords that were right a moment ago, so that a program which shows one with every HTTP request
 * costs argon2id once in a while and not each time. Kept for seconds only, few at a time, and as a
 * keyed hash of name and password. */
#pragma once

#include <stdint.h>

#include "hub/credential.h"

struct memo;

struct memo *memo_new(void);
void memo_free(struct memo *memo);

/* Borrowed until the next call; NULL: unknown, or too long ago. */
const struct principal *memo_find(const struct memo *memo, struct slice name, struct slice password,
                                  int64_t now_us);
void memo_put(struct memo *memo, struct slice name, struct slice password,
              const struct principal *principal, int64_t now_us);
/* Forgets all: accounts have changed. */
void memo_clear(struct memo *memo);
