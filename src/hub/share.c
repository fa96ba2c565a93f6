/* Sharing what a room shows besides entries with the nodes that read it too. A signal of ours that
 * has come back from the queue and is shown here goes to the others with the number of sessions
 * that the room has here; each node adds up what the others have told.
 *
 * Who is above announce_limit (counted over all nodes), or comes quietly, is told of as a bare
 * count, here and elsewhere: at most once a second for each room and node, however many come. The
 * store still hears of each above the limit, silently, so that who lists the members of all nodes
 * finds who is there and nobody else. What others tell is shown and never passed on. */
#include "hub/client.h"
#include "hub/elsewhere.h"
#include "hub/room.h"

#define NEVER_SHARED UINT32_MAX

unsigned room_client_count(const struct room *room) {
    return room->member_count + room->elsewhere;
}

static void add_share(struct hub *hub, const struct room *room, const struct signal *signal) {
    struct slice key = hub_keep(hub, room->key);
    struct slice name = hub_keep(hub, hub_text(room->name));
    struct effect *effect = effects_add(hub->effects, EFFECT_SHARE);

    effect->room_key = key;
    effect->room = name;
    effect->share.signal = signal;
    effect->share.count = room->member_count;
}

void share_silently(struct hub *hub, const struct room *room, struct signal *signal) {
    signal->silent = true;
    add_share(hub, room, signal);
}

void share_signal(struct hub *hub, struct room *room, const struct signal *signal) {
    if (!hub->options.shared) {
        return;
    }
    add_share(hub, room, signal);
    room->shared_count = room->member_count;
}

/* A join is told to other nodes when it has come back here, and would come there behind what its
 * client says next; so that waits. Not where what it says next goes to the room that it means to be
 * in then: if it may not enter that, its words would go to the lobby. */
static bool is_waited_for(const struct client *client, const struct room *room) {
    return room->direct == NULL && (room->lobby || !client->traits.default_room);
}

void share_join(struct hub *hub, struct client *client, const struct room *room) {
    if (hub->options.shared && is_waited_for(client, room)) {
        client->joining++;
        client_pause(hub, client);
    }
}

void share_joined(struct client *client, const struct room *room) {
    if (client->joining > 0 && is_waited_for(client, room)) {
        client->joining--;
    }
}

void share_count(struct hub *hub, struct room *room) {
    if (!hub->options.shared || room->shared_count == room->member_count) {
        return;
    }
    struct signal *signal = effects_allocate(hub->effects, sizeof(*signal));

    *signal = (struct signal){.kind = SIGNAL_COUNT,
                              .proposed_us = hub->now_us,
                              .room_key = hub_keep(hub, room->key),
                              .room_name = hub_keep(hub, hub_text(room->name))};
    share_signal(hub, room, signal);
}

void share_taken(struct hub *hub, struct room *room, const struct signal *signal) {
    if (!hub->options.shared || signal->origin.session != 0) {
        return;
    }
    room->elsewhere = signal->elsewhere;
}

void share_followed(struct hub *hub, struct room *room, const struct room_head *head) {
    if (!hub->options.shared) {
        return;
    }
    if (room->elsewhere != head->elsewhere && room->member_count > 0) {
        presence_count(hub, room);
    }
    room->elsewhere = head->elsewhere;
    if (room->member_count > 0) {
        room->shared_count = NEVER_SHARED;
        share_count(hub, room);
    }
}
