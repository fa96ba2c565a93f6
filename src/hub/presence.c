/* Signals: what a room shows but does not keep. They pass through the store's queue and are
 * shown when they come back, so that nobody hears of a departure before the last words.
 *
 * In a room of more than announce_limit members joins and leaves are not shown one by one (every
 * one of n arrivals told to n members would be n² messages); a bare count follows, at most once
 * a second. */
#include <assert.h>

#include "hub/access.h"
#include "hub/client.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/session.h"

#define COUNT_INTERVAL_US INT64_C(1000000)
#define TYPING_INTERVAL_MS 3000

void presence_send(struct hub *hub, struct client *client, const struct place *place,
                   const struct signal *content) {
    struct signal signal = *content;

    signal.origin = client_origin(client);
    signal.identity = client->session->identity;
    signal.proposed_us = hub->now_us;
    signal.room_key = place->key;
    signal.room_name = place->name;
    effects_add(hub->effects, EFFECT_SIGNAL)->signal = signal_new(&signal);
    client_submit(hub, client);
}

static void emit(struct hub *hub, const struct room *room, struct signal *signal) {
    struct slice key = hub_keep(hub, room->key);
    struct slice name = hub_keep(hub, hub_text(room->name));
    struct effect *effect = effects_add(hub->effects, EFFECT_SHOW_SIGNAL);

    signal->client_count = room_client_count(room);
    signal->announced = signal->client_count <= hub->options.announce_limit;
    signal->timestamp_us = hub->now_us > room->shown_us ? hub->now_us : room->shown_us;
    effect->room_key = key;
    effect->room = name;
    effect->signal = signal;
}

void presence_count(struct hub *hub, struct room *room) {
    if (!room->is_changed) {
        room->is_changed = true;
        list_append(&hub->changed, &room->changed);
    }
}

/* Who has just joined is a member already, but does not read yet. */
static bool has_readers(const struct room *room, const struct signal *signal) {
    bool joiner = signal->kind == SIGNAL_JOINED && signal->origin.session != 0;

    return joiner ? room->members.first != room->members.last : !list_empty(&room->members);
}

void presence_show(struct hub *hub, struct room *room, struct signal *signal) {
    bool of_names = signal->kind == SIGNAL_JOINED || signal->kind == SIGNAL_LEFT ||
                    signal->kind == SIGNAL_RENAMED;

    bool readers = has_readers(room, signal);
    bool own = hub->options.shared && signal->origin.session != 0;

    if (!(readers || own) || (of_names && room->direct != NULL)) {
        return;
    }
    bool told = room_client_count(room) <= hub->options.announce_limit && !signal->quiet;

    if ((of_names && !told) || signal->kind == SIGNAL_COUNT) {
        if (signal->kind != SIGNAL_RENAMED) {
            presence_count(hub, room);
        }
        if (own && of_names && !signal->quiet) {
            share_silently(hub, room, signal);
        }
        return;
    }
    if (readers) {
        emit(hub, room, signal);
    }
    if (own) {
        share_signal(hub, room, signal);
    }
}

void presence_signalled(struct hub *hub, const struct event *event) {
    struct signal *signal = event->signalled.signal;
    struct room *room = room_find(hub, signal->room_key);
    struct client *client = NULL;
    int error = event->signalled.error;

    if (signal->origin.session != 0) {
        client = id_map_find(hub->clients, signal->origin.session);
    }
    if (client != NULL && signal->kind == SIGNAL_JOINED) {
        share_joined(client, room);
        membership_joined(hub, client, room, signal, error);
    } else if (client != NULL && signal->kind == SIGNAL_LEFT) {
        membership_left(hub, client, room, signal, error);
    } else if (error == 0 && room != NULL) {
        share_taken(hub, room, signal);
        presence_show(hub, room, signal);
    }
    if (client != NULL) {
        client_settle(hub, client);
    }
}

void presence_tick(struct hub *hub) {
    struct list_node *next;

    for (struct list_node *node = hub->changed.first; node != NULL; node = next) {
        struct room *room = container_of(node, struct room, changed);

        next = node->next;
        if (hub->now_us - room->told_us < COUNT_INTERVAL_US) {
            continue;
        }
        list_remove(&hub->changed, &room->changed);
        room->is_changed = false;
        room->told_us = hub->now_us;
        share_count(hub, room);
        if (!list_empty(&room->members)) {
            struct signal *signal = effects_allocate(hub->effects, sizeof(*signal));

            signal->kind = SIGNAL_COUNT;
            signal->proposed_us = hub->now_us;
            signal->room_key = hub_keep(hub, room->key);
            signal->room_name = hub_keep(hub, hub_text(room->name));
            emit(hub, room, signal);
        }
    }
}

int membership_find(struct hub *hub, const struct client *client, struct slice name,
                    struct membership **membership) {
    struct place place = {0};
    int error = access_find(hub, client, name, ACCESS_READ, &place);

    if (error == 0) {
        *membership = place.room != NULL ? roster_find(&client->roster, place.room) : NULL;
        error = *membership != NULL ? 0 : ERR_NOT_FOUND;
    }
    return error;
}

/* A room that the client is in, and may say something in. */
static int find_audience(struct hub *hub, const struct client *client, struct slice name,
                         struct membership **membership) {
    int error = membership_find(hub, client, name, membership);

    if (error < 0) {
        return error;
    }
    struct place place = place_of((*membership)->room);

    return access_check(hub, client, &place, ACCESS_WRITE);
}

/* Of two times 32 bits of milliseconds are compared, so that a membership stays small: wrong for
 * three seconds after every seven weeks of silence. */
static bool may_pass_typing(const struct hub *hub, struct membership *membership) {
    uint32_t now_ms = (uint32_t)(hub->now_us / 1000) | 1; /* never 0 */

    if (membership->typed_ms != 0 && now_ms - membership->typed_ms < TYPING_INTERVAL_MS) {
        return false;
    }
    membership->typed_ms = now_ms;
    return true;
}

void handle_typing(struct hub *hub, struct client *client, const struct request *request) {
    struct membership *membership = NULL;
    int error = find_audience(hub, client, request->room, &membership);

    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    struct place place = place_of(membership->room);

    if (may_pass_typing(hub, membership)) {
        struct signal typing = {.kind = SIGNAL_TYPING,
                                .name = client_name(client),
                                .payload = request->active ? SLICE("active") : SLICE("idle")};

        presence_send(hub, client, &place, &typing);
    }
    answer_ack(hub, client, request->cid, place.name);
}

static int check_binary(struct hub *hub, struct client *client, const struct request *request,
                        struct membership **membership) {
    int error = find_audience(hub, client, request->room, membership);

    return error == 0 && request->content.length > hub->options.max_message ? ERR_TOO_LARGE : error;
}

void handle_binary(struct hub *hub, struct client *client, const struct request *request) {
    struct membership *membership = NULL;
    int error = check_binary(hub, client, request, &membership);

    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    unsigned retry_ms = limit_message(hub, client, &client->session->identity,
                                      membership->room->key, request->content.length);

    if (retry_ms > 0) {
        answer_rate_limited(hub, client, request->cid, retry_ms);
        return;
    }
    struct place place = place_of(membership->room);
    struct signal binary = {.kind = SIGNAL_BINARY, .payload = request->content};

    presence_send(hub, client, &place, &binary);
    answer_ack(hub, client, request->cid, place.name);
}
