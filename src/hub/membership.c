/* Memberships: a client in a room. Joining and leaving are signals in the store's queue, and
 * take effect when they come back: between the messages where everybody sees them.
 *
 * For one client and one room the signals come back in the order they were sent, so the oldest
 * membership is always the one that is meant; one that is leaving does not keep a new one from
 * joining behind it.
 *
 * In a direct-message room nobody asked to be, nobody is counted and nothing is announced;
 * coming and going keep their order in the same way. */
#include <assert.h>

#include "base/close_code.h"
#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/deferral.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/session.h"

static void send(struct hub *hub, const struct membership *membership, enum signal_kind kind) {
    struct signal signal = {.kind = kind,
                            .name = client_name(membership->client),
                            .quiet = membership->client->traits.quiet};
    struct place place = place_of(membership->room);

    presence_send(hub, membership->client, &place, &signal);
}

static struct membership *membership_new(struct hub *hub, struct client *client,
                                         struct room *room) {
    struct membership *membership = pool_new(&hub->membership_pool);

    membership->client = client;
    membership->room = room;
    roster_add(&client->roster, membership);
    if (room->direct == NULL) {
        client->roster.joined_count++;
    } else {
        membership->side = (uint8_t)direct_side_of(room, &client->session->identity);
        direct_point_drop(client->session, room);
    }
    room->references++;
    return membership;
}

/* It counts as under way, so that nobody can make us hold any number of them. */
static void queue_entrance(struct hub *hub, struct membership *membership,
                           struct entrance *entrance) {
    struct entrance **end = &membership->entrances;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = entrance;
    client_submit(hub, membership->client);
}

/* The client stays: the signal that brought us here is still under way. */
static struct entrance *take_entrance(struct hub *hub, struct membership *membership) {
    struct entrance *entrance = membership->entrances;

    membership->entrances = entrance->next;
    entrance->next = NULL;
    client_settle(hub, membership->client);
    return entrance;
}

struct membership *membership_enter(struct hub *hub, struct client *client,
                                    const struct place *place, struct entrance *entrance) {
    struct room *room = room_open(hub, place);
    struct membership *membership = roster_find(&client->roster, room);

    if (membership == NULL) {
        membership = membership_new(hub, client, room);
        if (entrance != NULL) {
            queue_entrance(hub, membership, entrance);
        }
        send(hub, membership, SIGNAL_JOINED);
        share_join(hub, client, room);
    } else if (entrance != NULL && membership->state == MEMBERSHIP_JOINED &&
               membership->entrances == NULL && !ahead_waits(hub, membership, entrance)) {
        entrance_admit(hub, membership, entrance);
    } else if (entrance != NULL) {
        queue_entrance(hub, membership, entrance);
        if (membership->state == MEMBERSHIP_JOINED) {
            ahead_add(hub, membership);
        }
    }
    return membership;
}

static void refuse_entrances(struct hub *hub, struct membership *membership, int error) {
    while (membership->entrances != NULL) {
        entrance_refuse(hub, membership->client, take_entrance(hub, membership), error);
    }
}

static void forget_current(struct membership *membership) {
    if (membership->client->current == membership) {
        membership->client->current = NULL;
    }
}

void membership_leave(struct hub *hub, struct membership *membership, struct slice cid) {
    forget_current(membership);
    if (membership->state == MEMBERSHIP_JOINED && membership->entrances != NULL) {
        ahead_forget(hub, membership);
        membership_unsubscribe(hub, membership);
        refuse_entrances(hub, membership, ERR_UNAVAILABLE);
    }
    membership->leaving = true;
    if (membership->room->direct == NULL) {
        membership->client->roster.joined_count--;
    }
    membership->leave_cid = cid.length > 0 ? blob_new(cid) : NULL;
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

void membership_free(struct hub *hub, struct membership *membership) {
    while (membership->entrances != NULL) {
        struct entrance *entrance = membership->entrances;

        membership->entrances = entrance->next;
        if (entrance->welcome != NULL) {
            welcome_forget(entrance->welcome);
        }
        memory_free(entrance);
    }
    if (membership->leaving) {
        blob_unref(membership->leave_cid);
    }
    pool_free(&hub->membership_pool, membership);
}

static void drop(struct hub *hub, struct membership *membership) {
    struct client *client = membership->client;
    struct room *room = membership->room;

    membership_unsubscribe(hub, membership);
    forget_current(membership);
    roster_remove(&client->roster, membership);
    if (!membership->leaving && room->direct == NULL) {
        client->roster.joined_count--;
    }
    if (membership->state == MEMBERSHIP_JOINED) {
        list_remove(&room->members, &membership->in_room);
    }
    room->references--;
    membership_free(hub, membership);
    room_settle(hub, room);
}

void membership_admit(struct hub *hub, struct membership *membership, bool now) {
    while (membership->entrances != NULL) {
        if (!now && ahead_waits(hub, membership, membership->entrances)) {
            ahead_add(hub, membership);
            return;
        }
        entrance_admit(hub, membership, take_entrance(hub, membership));
    }
}

static void admit(struct hub *hub, struct membership *membership) {
    membership->state = MEMBERSHIP_JOINED;
    if (membership->entrances == NULL) {
        entrance_read(hub, membership, NULL, false);
    }
    membership_admit(hub, membership, false);
}

void membership_return(struct hub *hub, struct client *client) {
    struct entrance entrance = {.kind = ENTRANCE_JOIN};
    struct place lobby = place_lobby(hub);

    client->current = membership_enter(hub, client, &lobby, entrance_new(&entrance));
    deferral_overtake(client);
}

static void refuse(struct hub *hub, struct membership *membership, int error) {
    struct client *client = membership->client;
    bool was_current = client->current == membership;
    bool was_lobby = membership->room->lobby;

    refuse_entrances(hub, membership, error);
    if (membership->leaving) {
        membership->state = MEMBERSHIP_FAILED;
        return;
    }
    drop(hub, membership);
    if (was_current && !was_lobby && client->state == CLIENT_LIVE) {
        membership_return(hub, client);
    } else if (was_current && was_lobby && error == ERR_FORBIDDEN && !client->traits.direct) {
        client_quit(hub, client, CLOSE_BANNED, false); /* there is nowhere else to go for it */
    } else if (was_current && was_lobby && error == ERR_UNAVAILABLE && hub->options.shared &&
               client->traits.lobby_at_open) {
        client_quit(hub, client, CLOSE_TRY_LATER, true); /* on another node it may be better */
    }
}

void membership_joined(struct hub *hub, struct client *client, struct room *room,
                       struct signal *signal, int error) {
    struct membership *membership = roster_oldest(&client->roster, room);

    assert(membership != NULL && membership->state == MEMBERSHIP_JOINING);
    if (error == 0 && room->state != ROOM_FOLLOWED) {
        error = ERR_UNAVAILABLE;
    } else if (error == 0 && room_is_missing(hub, room)) {
        error = ERR_NOT_FOUND;
        if (room->direct != NULL) {
            room->direct->forsaken = true;
        }
    } else if (error == 0 && !membership->leaving) {
        struct place place = place_of(room);

        error = access_check(hub, client, &place, ACCESS_ENTER);
    }
    if (error < 0) {
        refuse(hub, membership, error);
        return;
    }
    list_append(&room->members, &membership->in_room);
    hub->counters.joined++;
    if (device_comes(hub, membership, &signal->identity)) {
        presence_show(hub, room, signal);
    }
    admit(hub, membership);
}

void membership_left(struct hub *hub, struct client *client, struct room *room,
                     struct signal *signal, int error) {
    struct membership *membership = roster_oldest(&client->roster, room);

    assert(membership != NULL && membership->leaving);
    bool goes =
        membership->state == MEMBERSHIP_JOINED && device_goes(hub, membership, &signal->identity);
    struct slice cid = hub_keep(hub, hub_text(membership->leave_cid));
    struct slice name = hub_keep(hub, hub_text(room->name));

    room->references++; /* until it was shown */
    drop(hub, membership);
    if (error < 0 && cid.length > 0) {
        answer_error(hub, client, cid, error, SLICE_NONE);
    } else {
        answer_ack(hub, client, cid, name);
    }
    if (goes) {
        presence_show(hub, room, signal);
    }
    room->references--;
    room_settle(hub, room);
}

/* A request for a room that the client may be in already. */
static int check_join(const struct client *client, const struct place *place) {
    bool inside = place->room != NULL && roster_find(&client->roster, place->room) != NULL;

    return !inside && client->roster.joined_count >= LIMIT_ROOMS_PER_SESSION ? ERR_TOO_MANY : 0;
}

/* Whether a request for this room waits already. Were any number of them to wait, all their
 * answers, each with the room's topic, would come at once, whether the client takes them or not. */
static bool is_entering(const struct client *client, const struct room *room) {
    const struct membership *membership = room != NULL ? roster_find(&client->roster, room) : NULL;

    return membership != NULL && membership->state == MEMBERSHIP_JOINING &&
           membership->entrances != NULL;
}

void handle_join(struct hub *hub, struct client *client, const struct request *request) {
    struct place place;
    int error = access_find(hub, client, request->room, ACCESS_ENTER, &place);
    struct entrance entrance = {.kind = ENTRANCE_JOIN,
                                .has_after = request->has_after,
                                .after = request->after,
                                .cid = request->cid,
                                .epoch = request->epoch};

    if (error == 0 && is_entering(client, place.room)) {
        deferral_start(hub, client, request);
        return;
    }
    unsigned retry_ms = limit_joins(hub, client->session, 1);

    if (retry_ms > 0) {
        answer_rate_limited(hub, client, request->cid, retry_ms);
        return;
    }
    bool comes_back = error == ERR_NOT_FOUND && slice_starts_with(request->room, SLICE("@"));

    if (comes_back) {
        error = direct_come_back(hub, client, request->room, &entrance, &place);
    }
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

    if (comes_back) {
        direct_attach(hub, place.room);
    }
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
    struct membership *membership =
        place.room != NULL ? roster_find(&client->roster, place.room) : NULL;

    if (error == 0 && membership == NULL) {
        error = ERR_NOT_FOUND;
    }
    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    membership_leave(hub, membership, request->cid);
}
