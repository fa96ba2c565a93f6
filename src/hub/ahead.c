/* Readers that have seen more of a room than this node has: they come from another node, and what
 * they read there is still on its way here. They wait before the room's door until it has come, so
 * that nothing is taken for lost that is not.
 *
 * Who names a number that no log has ever had must not wait for good. So after a while the store is
 * asked for something; when it answers, and what was seen is still not here, it is nowhere. */
#include "hub/elsewhere.h"

#include "hub/client.h"
#include "hub/membership.h"
#include "hub/room.h"

#define PATIENCE_US INT64_C(2000000)

struct ahead {
    struct list_node node; /* in elsewhere->ahead, first come first */
    struct membership *membership;
    int64_t since_us;
    bool asked;
};

bool ahead_waits(const struct hub *hub, const struct membership *membership,
                 const struct entrance *entrance) {
    const struct room *room = membership->room;
    bool same_log =
        entrance->epoch.length == 0 || slice_equal(entrance->epoch, hub_text(room->epoch));

    return hub->options.shared && !membership->leaving && entrance->has_after &&
           entrance->after > room->last && same_log;
}

static struct ahead *ahead_of(struct list_node *node) {
    return container_of(node, struct ahead, node);
}

static struct ahead *find(const struct hub *hub, const struct membership *membership) {
    struct list_node *node = hub->elsewhere->ahead.first;

    while (node != NULL && ahead_of(node)->membership != membership) {
        node = node->next;
    }
    return node != NULL ? ahead_of(node) : NULL;
}

void ahead_add(struct hub *hub, struct membership *membership) {
    if (find(hub, membership) != NULL) {
        return;
    }
    struct ahead *ahead = memory_new_struct(struct ahead);

    ahead->membership = membership;
    ahead->since_us = hub->now_us;
    list_append(&hub->elsewhere->ahead, &ahead->node);
}

static void forget(struct hub *hub, struct ahead *ahead) {
    list_remove(&hub->elsewhere->ahead, &ahead->node);
    memory_free(ahead);
}

void ahead_forget(struct hub *hub, const struct membership *membership) {
    struct ahead *ahead = find(hub, membership);

    if (ahead != NULL) {
        forget(hub, ahead);
    }
}

/* Admitting one may have others leave, so it is looked through from the beginning each time. */
static struct membership *take_arrived(struct hub *hub, const struct room *room) {
    for (struct list_node *node = hub->elsewhere->ahead.first; node != NULL; node = node->next) {
        struct membership *membership = ahead_of(node)->membership;

        if (membership->room == room && !ahead_waits(hub, membership, membership->entrances)) {
            forget(hub, ahead_of(node));
            return membership;
        }
    }
    return NULL;
}

void ahead_advance(struct hub *hub, const struct room *room) {
    struct membership *membership;

    while (!list_empty(&hub->elsewhere->ahead) && (membership = take_arrived(hub, room)) != NULL) {
        membership_admit(hub, membership, false);
    }
}

void ahead_tick(struct hub *hub) {
    for (struct list_node *node = hub->elsewhere->ahead.first; node != NULL; node = node->next) {
        struct ahead *ahead = ahead_of(node);

        if (!ahead->asked && hub->now_us - ahead->since_us >= PATIENCE_US) {
            struct slice key = hub_keep(hub, ahead->membership->room->key);

            effects_add(hub->effects, EFFECT_GATHER)->room_key = key;
            ahead->asked = true;
        }
    }
}

static struct ahead *find_asked(const struct hub *hub, const struct room *room) {
    struct list_node *node = hub->elsewhere->ahead.first;

    while (node != NULL && !(ahead_of(node)->asked && ahead_of(node)->membership->room == room)) {
        node = node->next;
    }
    return node != NULL ? ahead_of(node) : NULL;
}

void ahead_told(struct hub *hub, const struct event *event) {
    const struct room *room = room_find(hub, event->gathered.room_key);
    struct ahead *ahead;

    while (room != NULL && (ahead = find_asked(hub, room)) != NULL) {
        struct membership *membership = ahead->membership;

        if (event->gathered.error < 0) { /* this node is cut off: it will hear of it all later */
            ahead->asked = false;
            ahead->since_us = hub->now_us;
            continue;
        }
        forget(hub, ahead);
        membership_admit(hub, membership, true);
    }
}

void ahead_close(struct hub *hub) {
    while (!list_empty(&hub->elsewhere->ahead)) {
        forget(hub, ahead_of(hub->elsewhere->ahead.first));
    }
}
