#include "delivery/authority_none.h"

#include "base/error.h"
#include "base/memory.h"

struct none {
    struct authority base;
    uint64_t *waiting; /* connections that have asked */
    size_t first, count, capacity;
    struct event event;
};

static void authenticate(struct authority *authority, uint64_t connection,
                         const struct credential *credential, struct slice address,
                         bool wants_ticket) {
    struct none *none = (struct none *)authority;
    (void)credential;
    (void)address;
    (void)wants_ticket;
    if (none->count == none->capacity) {
        none->capacity = none->capacity ? 2 * none->capacity : 16;
        none->waiting = memory_resize(none->waiting, none->capacity * sizeof(*none->waiting));
    }
    none->waiting[none->count++] = connection;
}

static struct event *collect(struct authority *authority) {
    struct none *none = (struct none *)authority;
    if (none->first == none->count) {
        none->first = none->count = 0;
        return NULL;
    }
    none->event = (struct event){.kind = EVENT_AUTHENTICATED,
                                 .connection = none->waiting[none->first++],
                                 .authenticated = {.error = ERR_UNAUTHORIZED}};
    return &none->event;
}

static void close_none(struct authority *authority) {
    struct none *none = (struct none *)authority;
    memory_free(none->waiting);
    memory_free(none);
}

static const struct authority_engine engine = {authenticate, collect, close_none};

struct authority *authority_none_open(void) {
    struct none *none = memory_new_struct(struct none);
    none->base.engine = &engine;
    return &none->base;
}
