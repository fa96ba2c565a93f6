#include "auth/vouch.h"

#include <sodium.h>

#include "base/memory.h"
#include "base/pack.h"
#include "base/text.h"

/* A principal and what it points to, in one piece. */
struct copy {
    struct principal principal;
    size_t size; /* of all of it */
    struct slice rooms[];
};

struct principal *principal_copy(const struct principal *principal) {
    size_t size = sizeof(struct copy) + principal->room_count * sizeof(struct slice) +
                  principal->name.length + principal->session.length + principal->hook_room.length +
                  principal->label.length;
    struct copy *copy;
    char *at;

    for (size_t i = 0; i < principal->room_count; i++)
        size += principal->rooms[i].length;
    copy = memory_new(size);
    at = (char *)&copy->rooms[principal->room_count];
    copy->size = size;
    copy->principal = *principal;
    at = pack_slice(&copy->principal.name, at);
    at = pack_slice(&copy->principal.session, at);
    at = pack_slice(&copy->principal.hook_room, at);
    at = pack_slice(&copy->principal.label, at);
    for (size_t i = 0; i < principal->room_count; i++) {
        copy->rooms[i] = principal->rooms[i];
        at = pack_slice(&copy->rooms[i], at);
    }
    copy->principal.rooms = copy->rooms;
    return &copy->principal;
}

void principal_free(struct principal *principal) {
    struct copy *copy;

    if (!principal)
        return;
    copy = container_of(principal, struct copy, principal);
    sodium_memzero(copy, copy->size);
    memory_free(copy);
}

bool room_pattern_valid(struct slice pattern) {
    if (pattern.length > 0 && pattern.data[pattern.length - 1] == '*')
        pattern.length--;
    else if (pattern.length == 0)
        return false;
    return pattern.length == 0 || name_check(pattern) == 0;
}
