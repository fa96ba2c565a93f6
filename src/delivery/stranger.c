#include "delivery/stranger.h"

#include "base/error.h"
#include "base/memory.h"

struct stranger {
    struct authority base;
    uint64_t *waiting; /* connections that have asked */
    size_t first, count, capacity;
    struct event event;
};

static void authenticate(struct authority *authority, uint64_t connection,
                         const struct credential *credential, struct slice address,
                         bool wants_ticket) {
    struct stranger *stranger = (struct stranger *)authority;
    (void)credential;
    (void)address;
    (void)wants_ticket;
    if (stranger->count == stranger->capacity) {
        stranger->capacity = stranger->capacity ? 2 * stranger->capacity : 16;
        stranger->waiting = memory_resize(stranger->waiting,
                                          stranger->capacity * sizeof(*stranger->waiting));
    }
    stranger->waiting[stranger->count++] = connection;
}

static struct event *collect(struct authority *authority) {
    struct stranger *stranger = (struct stranger *)authority;
    if (stranger->first == stranger->count) {
        stranger->first = stranger->count = 0;
        return NULL;
    }
    stranger->event = (struct event){.kind = EVENT_AUTHENTICATED,
                                     .connection = stranger->waiting[stranger->first++],
                                     .authenticated = {.error = ERR_UNAUTHORIZED}};
    return &stranger->event;
}

static void close_stranger(struct authority *authority) {
    struct stranger *stranger = (struct stranger *)authority;
    memory_free(stranger->waiting);
    memory_free(stranger);
}

static const struct authority_engine engine = {authenticate, collect, close_stranger};

struct authority *stranger_open(void) {
    struct stranger *stranger = memory_new_struct(struct stranger);
    stranger->base.engine = &engine;
    return &stranger->base;
}
