/* A client's memberships: in the order of joining, and findable by room.
 *
 * Most clients are in one room or a few, and a list is all they need. One that is in many gets
 * an index too; else a client that comes back to a thousand rooms would cost a million steps. */
#include <assert.h>

#include "hub/client.h"
#include "hub/membership.h"

#define INDEX_FROM 16

static uint64_t key_of(const struct room *room) {
    return (uint64_t)(uintptr_t)room;
}

static void index_add(struct roster *roster, struct membership *membership) {
    membership->older = id_map_remove(roster->newest, key_of(membership->room));
    id_map_put(roster->newest, key_of(membership->room), membership);
}

static void index_build(struct roster *roster) {
    roster->newest = id_map_new();
    for (struct list_node *node = roster->memberships.first; node != NULL; node = node->next) {
        index_add(roster, container_of(node, struct membership, in_client));
    }
}

void roster_add(struct roster *roster, struct membership *membership) {
    list_append(&roster->memberships, &membership->in_client);
    roster->count++;
    if (roster->newest != NULL) {
        index_add(roster, membership);
    } else if (roster->count >= INDEX_FROM) {
        index_build(roster);
    }
}

/* Of several in one room it is always the oldest that goes. */
static void index_remove(struct roster *roster, const struct membership *membership) {
    struct membership *newest = id_map_find(roster->newest, key_of(membership->room));

    assert(membership->older == NULL);
    if (newest == membership) {
        id_map_remove(roster->newest, key_of(membership->room));
        return;
    }
    while (newest->older != membership) {
        newest = newest->older;
    }
    newest->older = NULL;
}

void roster_remove(struct roster *roster, struct membership *membership) {
    list_remove(&roster->memberships, &membership->in_client);
    roster->count--;
    if (roster->newest != NULL) {
        index_remove(roster, membership);
    }
}

struct membership *roster_find(const struct roster *roster, const struct room *room) {
    struct membership *newest = NULL;

    if (roster->newest != NULL) {
        newest = id_map_find(roster->newest, key_of(room));
        return newest != NULL && !newest->leaving ? newest : NULL;
    }
    for (struct list_node *node = roster->memberships.last; node != NULL; node = node->previous) {
        newest = container_of(node, struct membership, in_client);
        if (newest->room == room && !newest->leaving) {
            return newest;
        }
    }
    return NULL;
}

struct membership *roster_oldest(const struct roster *roster, const struct room *room) {
    struct membership *oldest = NULL;

    if (roster->newest != NULL) {
        oldest = id_map_find(roster->newest, key_of(room));
        while (oldest != NULL && oldest->older != NULL) {
            oldest = oldest->older;
        }
        return oldest;
    }
    for (struct list_node *node = roster->memberships.first; node != NULL; node = node->next) {
        oldest = container_of(node, struct membership, in_client);
        if (oldest->room == room) {
            return oldest;
        }
    }
    return NULL;
}

void roster_free(struct roster *roster) {
    struct list_node *node;

    while ((node = list_take_first(&roster->memberships)) != NULL) {
        membership_free(container_of(node, struct membership, in_client));
    }
    if (roster->newest != NULL) {
        id_map_free(roster->newest);
    }
}
