/* Names and identities are found by maps, however many there are. Of addresses there are ranges,
 * which are gone through one by one: that is some ten nanoseconds each, and how many there can be
 * is limited where they are asked for. */
#include "hub/sanction.h"

#include "base/memory.h"
#include "base/pack.h"

/* Those that are over go when there are so many more: going through all each time would take long
 * where thousands are read from the log. */
#define TIDY_EVERY 64

void sanctions_init(struct sanctions *sanctions, uint64_t seed) {
    *sanctions = (struct sanctions){
        .by_name = map_new(seed), .by_identity = map_new(seed), .by_address = map_new(seed)};
}

static void discard(struct sanctions *sanctions, struct sanction *sanction) {
    if (sanction->folded.length > 0) {
        map_remove(sanctions->by_name, sanction->folded);
    }
    if (!identity_none(&sanction->identity)) {
        map_remove(sanctions->by_identity, identity_slice(&sanction->identity));
    }
    if (sanction->by_address) {
        map_remove(sanctions->by_address, sanction->address);
    }
    list_remove(&sanctions->order, &sanction->node);
    sanctions->count--;
    memory_free(sanction);
}

void sanctions_close(struct sanctions *sanctions) {
    while (!list_empty(&sanctions->order)) {
        discard(sanctions, container_of(sanctions->order.first, struct sanction, node));
    }
    map_free(sanctions->by_name);
    map_free(sanctions->by_identity);
    map_free(sanctions->by_address);
}

bool sanction_over(const struct sanction *sanction, int64_t now_us) {
    return sanction->until_us > 0 && sanction->until_us <= now_us;
}

static void discard_old(struct sanctions *sanctions, int64_t now_us) {
    struct list_node *next;

    for (struct list_node *node = sanctions->order.first; node != NULL; node = next) {
        struct sanction *sanction = container_of(node, struct sanction, node);

        next = node->next;
        if (sanction_over(sanction, now_us)) {
            discard(sanctions, sanction);
        }
    }
}

static struct sanction *find_named(const struct sanctions *sanctions, struct slice folded,
                                   const struct identity *identity) {
    struct sanction *found = folded.length > 0 ? map_find(sanctions->by_name, folded) : NULL;

    if (found == NULL && identity != NULL && !identity_none(identity)) {
        found = map_find(sanctions->by_identity, identity_slice(identity));
    }
    return found;
}

void sanctions_lift(struct sanctions *sanctions, struct slice folded,
                    const struct identity *identity, struct slice address) {
    struct sanction *sanction;

    while ((sanction = find_named(sanctions, folded, identity)) != NULL) {
        discard(sanctions, sanction);
    }
    if (address.length > 0 && (sanction = map_find(sanctions->by_address, address)) != NULL) {
        discard(sanctions, sanction);
    }
}

void sanctions_add(struct sanctions *sanctions, const struct sanction *from, int64_t now_us) {
    struct sanction *sanction =
        memory_new(sizeof(*sanction) + from->name.length + from->folded.length +
                   from->address.length + from->reason.length + from->by.length);
    char *at = sanction->bytes;

    if (sanctions->count % TIDY_EVERY == 0) {
        discard_old(sanctions, now_us);
    }
    sanctions_lift(sanctions, from->folded, &from->identity, from->address);
    *sanction = *from;
    at = pack_slice(&sanction->name, at);
    at = pack_slice(&sanction->folded, at);
    at = pack_slice(&sanction->address, at);
    at = pack_slice(&sanction->reason, at);
    pack_slice(&sanction->by, at);
    sanction->node = (struct list_node){0};
    list_append(&sanctions->order, &sanction->node);
    sanctions->count++;
    if (sanction->by_address) {
        map_put(sanctions->by_address, sanction->address, sanction);
    }
    if (sanction->folded.length > 0) {
        map_put(sanctions->by_name, sanction->folded, sanction);
    }
    if (!identity_none(&sanction->identity)) {
        map_put(sanctions->by_identity, identity_slice(&sanction->identity), sanction);
    }
}

static const struct sanction *find_address(const struct sanctions *sanctions,
                                           const struct address16 *address, int64_t now_us) {
    if (address == NULL || map_count(sanctions->by_address) == 0) {
        return NULL;
    }
    for (struct list_node *node = sanctions->order.first; node != NULL; node = node->next) {
        const struct sanction *sanction = container_of(node, struct sanction, node);

        if (sanction->by_address && !sanction_over(sanction, now_us) &&
            cidr_contains(&sanction->addresses, address)) {
            return sanction;
        }
    }
    return NULL;
}

const struct sanction *sanctions_find(const struct sanctions *sanctions,
                                      const struct suspect *suspect, int64_t now_us) {
    static const struct identity nobody;
    const struct sanction *found = NULL;

    if (sanctions->count == 0) {
        return NULL;
    }
    if (suspect->identity != NULL) {
        found = find_named(sanctions, SLICE_NONE, suspect->identity);
    }
    if (found == NULL || sanction_over(found, now_us)) {
        found = find_named(sanctions, suspect->folded, &nobody);
    }
    if (found == NULL || sanction_over(found, now_us)) {
        found = find_address(sanctions, suspect->address, now_us);
    }
    return found;
}
