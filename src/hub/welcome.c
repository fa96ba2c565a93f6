/* Welcomes: the answer to a hello, which waits until all the rooms that the hello asks for are
 * through, and what follows it: each room's feed, or why there is none. */
#include "base/pack.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/session.h"

struct welcome *welcome_new(struct hub *hub, const struct client *client, struct slice cid) {
    struct slice name = client_name(client);
    struct slice secret = client_secret(client);
    struct welcome *welcome =
        memory_new(sizeof(*welcome) + cid.length + name.length + secret.length);
    char *at = welcome->bytes;

    welcome->waiting = 1;
    welcome->number = ++hub->last_hello;
    welcome->end = &welcome->points;
    welcome->cid = cid;
    welcome->name = name;
    welcome->secret = secret;
    at = pack_slice(&welcome->cid, at);
    at = pack_slice(&welcome->name, at);
    pack_slice(&welcome->secret, at);
    return welcome;
}

static void welcome_free(struct welcome *welcome) {
    while (welcome->points != NULL) {
        struct entrance *entrance = welcome->points;

        welcome->points = entrance->next;
        memory_free(entrance);
    }
    memory_free(welcome);
}

void welcome_forget(struct welcome *welcome) {
    if (--welcome->waiting == 0) {
        welcome_free(welcome);
    }
}

/* The room of a point that is through; NULL: refused, or left meanwhile (and perhaps being
 * joined again on its own). */
static struct membership *find_point(struct hub *hub, const struct client *client,
                                     const struct entrance *point) {
    struct room *room = point->error == 0 ? room_find(hub, point->room_key) : NULL;
    struct membership *membership = room != NULL ? roster_find(&client->roster, room) : NULL;

    return membership != NULL && membership->state == MEMBERSHIP_JOINED ? membership : NULL;
}

static void answer_welcome(struct hub *hub, const struct client *client,
                           const struct welcome *welcome) {
    struct slice name = hub_keep(hub, welcome->name);
    struct slice secret = hub_keep(hub, welcome->secret);
    struct reply_item *items;
    size_t count = 0;

    for (const struct entrance *point = welcome->points; point != NULL; point = point->next) {
        count++;
    }
    items = effects_allocate(hub->effects, count * sizeof(*items));
    count = 0;
    for (const struct entrance *point = welcome->points; point != NULL; point = point->next) {
        const struct membership *membership = find_point(hub, client, point);

        if (membership != NULL) {
            const struct room *room = membership->room;

            items[count] = room_item(hub, room);
            items[count++].read = mark_seq(client->session, room->key, room->last);
        }
    }
    struct reply *reply = answer(hub, client, REPLY_WELCOME, welcome->cid);

    reply->name = name;
    reply->session = secret;
    reply->items = items;
    reply->item_count = count;
}

/* After the welcome: each room's feed, or why there is none. */
static void open_point(struct hub *hub, struct client *client, const struct entrance *point) {
    struct membership *membership = find_point(hub, client, point);

    if (membership != NULL && !point->has_after && membership->subscribed) {
        return; /* goes on reading where it is */
    }
    if (membership != NULL) {
        entrance_read(hub, membership, point->has_after ? point : NULL, true);
    } else if (point->error < 0) {
        struct slice room = hub_keep(hub, point->room_name);

        answer_error(hub, client, SLICE_NONE, point->error, SLICE_NONE)->room = room;
    }
}

/* Answers in place of the welcome where it was to be all or nothing, and a room is missing. */
static bool answer_missing(struct hub *hub, const struct client *client,
                           const struct welcome *welcome) {
    const struct entrance *point = welcome->whole ? welcome->points : NULL;

    while (point != NULL && point->error == 0) {
        point = point->next;
    }
    if (point == NULL) {
        return false;
    }
    struct slice room = hub_keep(hub, point->room_name);

    answer_error(hub, client, welcome->cid, point->error, SLICE_NONE)->room = room;
    return true;
}

void welcome_release(struct hub *hub, struct client *client, struct welcome *welcome) {
    if (--welcome->waiting > 0) {
        return;
    }
    if (client_hears(client) && !answer_missing(hub, client, welcome)) {
        answer_welcome(hub, client, welcome);
        for (const struct entrance *point = welcome->points; point != NULL; point = point->next) {
            open_point(hub, client, point);
        }
    }
    welcome_free(welcome);
}

void welcome_settle(struct hub *hub, struct client *client, struct entrance *entrance) {
    struct welcome *welcome = entrance->welcome;

    *welcome->end = entrance;
    welcome->end = &entrance->next;
    welcome_release(hub, client, welcome);
}
