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
    membership->has_older = id_map_remove(roster->newest, key_of(membership->room)) != NULL;
    id_map_put(roster->newest, key_of(membership->room), membership);
}

static void index_build(struct roster *roster) {
    roster->newest = id_map_new();
    for (struct list_node *node = roster->memberships.first; node != NULL; node = node->next) {
        index_add(roster, container_of(node, struct membership, in_client));
    }
}

void roster_add(struct roster *roster, struct membership *membership) {
    slim_list_append(&roster->memberships, &membership->in_client);
    roster->count++;
    if (roster->newest != NULL) {
        index_add(roster, membership);
    } else if (roster->count >= INDEX_FROM) {
        index_build(roster);
    }
}

static struct membership *first_of(const struct roster *roster, const struct room *room) {
    for (struct list_node *node = roster->memberships.first; node != NULL; node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        if (membership->room == room) {
            return membership;
        }
    }
    return NULL;
}

/* It is in the list no more. */
static void index_remove(struct roster *roster, const struct membership *membership) {
    struct membership *newest = id_map_find(roster->newest, key_of(membership->room));

    if (newest == membership) {
        id_map_remove(roster->newest, key_of(membership->room));
    } else {
        newest->has_older = first_of(roster, membership->room) != newest;
    }
}

void roster_remove(struct roster *roster, struct membership *membership) {
    slim_list_remove(&roster->memberships, &membership->in_client);
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
    for (struct list_node *node = slim_list_last(&roster->memberships); node != NULL;
         node = slim_list_before(&roster->memberships, node)) {
        newest = container_of(node, struct membership, in_client);
        if (newest->room == room && !newest->leaving) {
            return newest;
        }
    }
    return NULL;
}

struct membership *roster_oldest(const struct roster *roster, const struct room *room) {
    struct membership *newest =
        roster->newest != NULL ? id_map_find(roster->newest, key_of(room)) : NULL;

    return newest != NULL && !newest->has_older ? newest : first_of(roster, room);
}

void roster_free(struct hub *hub, struct roster *roster) {
    struct list_node *node;

    while ((node = slim_list_take_first(&roster->memberships)) != NULL) {
        membership_free(hub, container_of(node, struct membership, in_client));
    }
    if (roster->newest != NULL) {
        id_map_free(roster->newest);
    }
}
