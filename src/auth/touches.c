#include "auth/touches.h"

#include <assert.h>

#include "auth/hooks.h"
#include "auth/tokens.h"

#define PATIENCE_US INT64_C(1000000)

void touches_add(struct touches *touches, const struct touch *touch) {
    assert(touches->count < TOUCHES_MAX);
    touches->items[touches->count++] = *touch;
}

bool touches_press(const struct touches *touches, int64_t now_us) {
    return touches->count == TOUCHES_MAX ||
           (touches->count > 0 && now_us - touches->items[0].used_us >= PATIENCE_US);
}

static int write_all(const struct touches *touches, struct accounts *accounts) {
    int error = 0;

    for (size_t i = 0; !error && i < touches->count; i++) {
        const struct touch *touch = &touches->items[i];
        error = touch->is_hook
                    ? hooks_touch(accounts, touch->id, touch->used_us)
                    : tokens_touch(accounts, touch->id, touch->used_us, touch->expires_us);
    }
    return error;
}

int touches_write(struct touches *touches, struct accounts *accounts) {
    int error;

    if (touches->count == 0)
        return 0;
    do {
        error = accounts_begin(accounts);
        if (!error)
            error = accounts_end(accounts, write_all(touches, accounts));
    } while (accounts_overtaken(accounts, error));
    touches->count = 0;
    return error;
}
