/* Memberships: a client in a room. Joining and leaving are signals in the store's queue, and take effect when they come
 * back: between the messages where everybody sees them.
 *
 * For one client and one room the signals come back in the order they were sent, so the oldest membership is always the
 * one that is meant; one that is leaving does not keep a new one from joining behind it.
 *
 * In a direct-message room nobody is counted and nothing is announced, so joining it only waits for the room's head and
 * leaving it for nothing. */
#include <assert.h>

#include "hub/internal.h"

struct membership *membership_find(const struct client *client, const struct room *room) {
    for (struct list_node *node = client->memberships.last; node != NULL; node = node->previous) {
        struct membership *membership = container_of(node, struct membership, in_client);

        if (membership->room == room && !membership->leaving) {
            return membership;
        }
    }
    return NULL;
}

static struct membership *find_oldest(const struct client *client, const struct room *room) {
    for (struct list_node *node = client->memberships.first; node != NULL; node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        if (membership->room == room) {
            return membership;
        }
    }
    return NULL;
}

static void send(struct hub *hub, const struct membership *membership, enum signal_kind kind) {
    struct signal signal = {.kind = kind, .name = client_name(membership->client)};
    struct place place = place_of(membership->room);

    presence_send(hub, membership->client, &place, &signal);
}

static struct membership *membership_new(struct client *client, struct room *room) {
    struct membership *membership = memory_new_struct(struct membership);

    membership->client = client;
    membership->room = room;
    list_append(&client->memberships, &membership->in_client);
    client->room_count += room->direct == NULL;
    room->references++;
    return membership;
}

static void start_joining(struct hub *hub, struct membership *membership) {
    struct room *room = membership->room;

    if (room->direct == NULL) {
        send(hub, membership, SIGNAL_JOINED);
        return;
    }
    membership->side = (uint8_t)direct_side_of(room, &membership->client->session->identity);
    list_append(&room->members, &membership->in_room);
    if (room->state == ROOM_FOLLOWED) {
        membership_admit(hub, membership);
    }
}

static void queue_entrance(struct membership *membership, struct entrance *entrance) {
    struct entrance **end = &membership->entrances;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = entrance;
}

struct membership *membership_enter(struct hub *hub, struct client *client,
                                    const struct place *place, struct entrance *entrance) {
    struct room *room = room_open(hub, place);
    struct membership *membership = membership_find(client, room);

    if (membership == NULL) {
        membership = membership_new(client, room);
        if (entrance != NULL) {
            queue_entrance(membership, entrance);
        }
        start_joining(hub, membership);
    } else if (entrance != NULL && membership->state == MEMBERSHIP_JOINED) {
        entrance_admit(hub, membership, entrance);
    } else if (entrance != NULL) {
        queue_entrance(membership, entrance);
    }
    return membership;
}

static void forget_current(struct membership *membership) {
    if (membership->client->current == membership) {
        membership->client->current = NULL;
    }
}

void membership_leave(struct hub *hub, struct membership *membership, struct slice cid) {
    struct client *client = membership->client;

    forget_current(membership);
    if (membership->room->direct != NULL) {
        struct slice room = hub_keep(hub, hub_text(membership->room->name));

        membership_drop(hub, membership);
        answer_ack(hub, client, cid, room);
        return;
    }
    membership->leaving = true;
    client->room_count--;
    if (cid.length > 0) {
        membership->leave_cid = blob_new(cid);
    }
    send(hub, membership, SIGNAL_LEFT);
}

void membership_unsubscribe(struct hub *hub, struct membership *membership) {
    if (!membership->subscribed) {
        return;
    }
    membership->subscribed = false;
    if (client_hears(membership->client)) {
        struct slice key = hub_keep(hub, membership->room->key);
        struct effect *effect = effects_add(hub->effects, EFFECT_UNSUBSCRIBE);

        effect->connection = membership->client->connection;
        effect->room_key = key;
    }
}

void membership_admit(struct hub *hub, struct membership *membership) {
    membership->state = MEMBERSHIP_JOINED;
    if (membership->entrances == NULL) {
        entrance_read(hub, membership, NULL, false);
    }
    while (membership->entrances != NULL) {
        struct entrance *entrance = membership->entrances;

        membership->entrances = entrance->next;
        entrance->next = NULL;
        entrance_admit(hub, membership, entrance);
    }
}

/* One whose protocol knows no rooms or only the current one would be nowhere. */
static void return_to_lobby(struct hub *hub, struct client *client) {
    struct entrance entrance = {.kind = ENTRANCE_JOIN};
    struct place lobby = place_lobby(hub);

    client->current = membership_enter(hub, client, &lobby, entrance_new(&entrance));
}

static void refuse_entrances(struct hub *hub, struct membership *membership, int error) {
    while (membership->entrances != NULL) {
        struct entrance *entrance = membership->entrances;

        membership->entrances = entrance->next;
        entrance->next = NULL;
        entrance_refuse(hub, membership->client, entrance, error);
    }
}

void membership_refuse(struct hub *hub, struct membership *membership, int error) {
    struct client *client = membership->client;
    bool was_current = client->current == membership;
    bool was_lobby = membership->room->lobby;

    refuse_entrances(hub, membership, error);
    if (membership->leaving) {
        membership->state = MEMBERSHIP_FAILED;
        return;
    }
    membership_drop(hub, membership);
    if (was_current && !was_lobby && client->state == CLIENT_LIVE) {
        return_to_lobby(hub, client);
    }
}

void membership_free(struct membership *membership) {
    while (membership->entrances != NULL) {
        struct entrance *entrance = membership->entrances;

        membership->entrances = entrance->next;
        if (entrance->welcome != NULL) {
            welcome_forget(entrance->welcome);
        }
        memory_free(entrance);
    }
    blob_unref(membership->leave_cid);
    memory_free(membership);
}

void membership_drop(struct hub *hub, struct membership *membership) {
    struct client *client = membership->client;
    struct room *room = membership->room;

    refuse_entrances(hub, membership, ERR_NOT_FOUND);
    membership_unsubscribe(hub, membership);
    forget_current(membership);
    list_remove(&client->memberships, &membership->in_client);
    if (room->direct != NULL) {
        list_remove(&room->members, &membership->in_room);
    } else {
        client->room_count -= !membership->leaving;
        if (membership->state == MEMBERSHIP_JOINED) {
            list_remove(&room->members, &membership->in_room);
            room->member_count--;
        }
    }
    room->references--;
    membership_free(membership);
    room_settle(hub, room);
}

void membership_drop_directs(struct hub *hub, struct client *client) {
    struct list_node *next;

    for (struct list_node *node = client->memberships.first; node != NULL; node = next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        next = node->next;
        if (membership->room->direct != NULL) {
            membership_drop(hub, membership);
        }
    }
}

void membership_joined(struct hub *hub, struct client *client, struct room *room,
                       struct signal *signal, int error) {
    struct membership *membership = find_oldest(client, room);

    assert(membership != NULL && membership->state == MEMBERSHIP_JOINING);
    if (error == 0 && room->state != ROOM_FOLLOWED) {
        error = ERR_UNAVAILABLE;
    } else if (error == 0 && room_is_missing(hub, room)) {
        error = ERR_NOT_FOUND;
    }
    if (error < 0) {
        membership_refuse(hub, membership, error);
        return;
    }
    list_append(&room->members, &membership->in_room);
    room->member_count++;
    presence_show(hub, room, signal);
    membership_admit(hub, membership);
}

void membership_left(struct hub *hub, struct client *client, struct room *room,
                     struct signal *signal, int error) {
    struct membership *membership = find_oldest(client, room);

    assert(membership != NULL && membership->leaving);
    bool was_in = membership->state == MEMBERSHIP_JOINED;
    struct slice cid = hub_keep(hub, hub_text(membership->leave_cid));
    struct slice name = hub_keep(hub, hub_text(room->name));

    room->references++; /* until it was shown */
    membership_drop(hub, membership);
    if (error < 0 && cid.length > 0) {
        answer_error(hub, client, cid, error, SLICE_NONE);
    } else {
        answer_ack(hub, client, cid, name);
    }
    if (was_in) {
        presence_show(hub, room, signal);
    }
    room->references--;
    room_settle(hub, room);
}

/* A request for a room that the client may be in already. */
static int check_join(const struct client *client, const struct place *place) {
    bool inside = place->room != NULL && membership_find(client, place->room) != NULL;

    return !inside && client->room_count >= LIMIT_ROOMS_PER_SESSION ? ERR_TOO_MANY : 0;
}

void handle_join(struct hub *hub, struct client *client, const struct request *request) {
    struct place place;
    int error = place_find(hub, client, request->room, &place);
    struct entrance entrance = {.kind = ENTRANCE_JOIN,
                                .has_after = request->has_after,
                                .after = request->after,
                                .cid = request->cid,
                                .epoch = request->epoch};

    if (error == 0) {
        error = check_join(client, &place);
    }
    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    struct membership *current = client->current;

    if (request->move && current != NULL && current->room != place.room) {
        membership_leave(hub, current, SLICE_NONE);
    }
    struct membership *membership = membership_enter(hub, client, &place, entrance_new(&entrance));

    if (request->move) {
        client->current = membership;
    }
}

void handle_leave(struct hub *hub, struct client *client, const struct request *request) {
    struct place place = {0};

    if (request->room.length == 0) {
        answer_ack(hub, client, request->cid, SLICE_NONE);
        client_quit(hub, client, 0, false);
        return;
    }
    int error = place_find(hub, client, request->room, &place);
    struct membership *membership = place.room != NULL ? membership_find(client, place.room) : NULL;

    if (error == 0 && membership == NULL) {
        error = ERR_NOT_FOUND;
    }
    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    membership_leave(hub, membership, request->cid);
}
