/* Which tokens and hooks were used, written down together: when a whole house comes back at once,
 * its people are not kept waiting for a commit each. Private to auth/. */
#pragma once

#include "auth/accounts_file.h"

#define TOUCHES_MAX 256

struct touch {
    bool is_hook;
    int64_t id, used_us, expires_us;
};

/* Zeroed: there are none. */
struct touches {
    size_t count;
    struct touch items[TOUCHES_MAX];
};

/* There is room for it. */
void touches_add(struct touches *touches, const struct touch *touch);
/* Whether they should be written before anything else is looked up: there is no more room, or they
 * are of a while ago. */
bool touches_press(const struct touches *touches, int64_t now_us);
/* Writes them, or not: then they are forgotten. ERR_UNAVAILABLE. */
int touches_write(struct touches *touches, struct accounts *accounts) MUST_USE;
