/* Entrances: a client asks to join a room, and when its turn in the room's feed has come it is
 * answered and starts to read. Where it starts is decided here and nowhere else, and whatever it
 * cannot get any more is told as a gap. */
#include "base/pack.h"
#include "hub/client.h"
#include "hub/elsewhere.h"
#include "hub/membership.h"
#include "hub/room.h"
#include "hub/session.h"

static const struct slice reason_epoch = SLICE("epoch");
static const struct slice reason_rewound = SLICE("rewound");
static const struct slice reason_retention = SLICE("retention");

struct entrance *entrance_new(const struct entrance *from) {
    struct entrance *entrance =
        memory_new(sizeof(*entrance) + from->cid.length + from->epoch.length +
                   from->room_key.length + from->room_name.length + from->name.length);
    char *at = entrance->bytes;

    *entrance = *from;
    at = pack_slice(&entrance->cid, at);
    at = pack_slice(&entrance->epoch, at);
    at = pack_slice(&entrance->room_key, at);
    at = pack_slice(&entrance->room_name, at);
    pack_slice(&entrance->name, at);
    return entrance;
}

/* Why the client cannot go on exactly where it was; empty: it can. */
static struct slice gap_reason(const struct room *room, const struct entrance *entrance) {
    struct slice epoch = hub_text(room->epoch);

    if (entrance->epoch.length > 0 && !slice_equal(entrance->epoch, epoch)) {
        return reason_epoch;
    }
    if (entrance->after > room->last) {
        return reason_rewound;
    }
    if (entrance->after + 1 < room->first) {
        return reason_retention;
    }
    return SLICE_NONE;
}

/* Where reading starts for one who has read nothing yet. */
static uint64_t fresh_start(const struct hub *hub, const struct membership *membership) {
    const struct room *room = membership->room;
    uint64_t backlog = membership->client->traits.backlog ? hub->options.backlog : 0;
    uint64_t next = room->last > backlog ? room->last - backlog + 1 : 1;

    return next > room->first ? next : room->first;
}

static void subscribe(struct hub *hub, struct membership *membership, uint64_t next,
                      bool live_reply, bool fresh) {
    struct room *room = membership->room;
    struct slice key = hub_keep(hub, room->key);
    struct slice name = hub_keep(hub, hub_text(room->name));

    membership_unsubscribe(hub, membership);
    if (!client_hears(membership->client)) {
        return;
    }
    /* An event stream was told its place, so it would miss what goes between now and the reading.
     */
    fresh = fresh && !membership->client->traits.quiet;
    struct effect *effect = effects_add(hub->effects, EFFECT_SUBSCRIBE);

    effect->connection = membership->client->connection;
    effect->room_key = key;
    effect->room = name;
    effect->subscribe.next = next;
    effect->subscribe.last = room->last;
    effect->subscribe.side = (enum side)membership->side;
    effect->subscribe.live_reply = live_reply;
    effect->subscribe.fresh = fresh;
    membership->subscribed = true;
}

/* `next` is what is read next. */
static void answer_gap(struct hub *hub, const struct membership *membership, uint64_t after,
                       uint64_t next, struct slice reason) {
    const struct room *room = membership->room;
    struct slice name = hub_keep(hub, hub_text(room->name));
    struct slice epoch = hub_keep(hub, hub_text(room->epoch));

    hub->counters.gaps++;
    struct reply *reply = answer(hub, membership->client, REPLY_GAP, SLICE_NONE);

    reply->room = name;
    reply->epoch = epoch;
    reply->after = after;
    reply->first = room->first;
    reply->last = next - 1;
    reply->reason = reason;
}

void entrance_read(struct hub *hub, struct membership *membership, const struct entrance *entrance,
                   bool live_reply) {
    const struct room *room = membership->room;

    if (entrance == NULL) {
        subscribe(hub, membership, room->last + 1, live_reply, false);
        return;
    }
    if (!entrance->has_after) {
        /* Who is told neither where the log begins nor when it is live knows nothing of numbers. */
        subscribe(hub, membership, fresh_start(hub, membership), live_reply, !live_reply);
        return;
    }
    hub->counters.resumed++;
    struct slice reason = gap_reason(room, entrance);
    uint64_t next = entrance->after + 1;
    bool fresh = false;

    if (reason.length > 0) {
        fresh = !slice_equal(reason, reason_retention);
        next = fresh ? fresh_start(hub, membership) : room->first;
        answer_gap(hub, membership, entrance->after, next, reason);
    }
    subscribe(hub, membership, next, live_reply, fresh);
}

void entrance_restart(struct hub *hub, struct membership *membership, uint64_t after,
                      bool rewound) {
    uint64_t next = fresh_start(hub, membership);

    answer_gap(hub, membership, after, next, rewound ? reason_rewound : reason_epoch);
    subscribe(hub, membership, next, false, true);
}

static void admit_connected(struct hub *hub, struct membership *membership) {
    struct slice name = hub_keep(hub, hub_text(membership->room->name));
    struct reply *reply = answer(hub, membership->client, REPLY_CONNECTED, SLICE_NONE);

    reply->room = name;
    reply->client_count = room_client_count(membership->room);
    reply->timestamp_us = hub->now_us;
}

static void admit_named(struct hub *hub, struct membership *membership,
                        const struct entrance *entrance) {
    struct slice name = hub_keep(hub, entrance->name);
    struct reply *reply = answer(hub, membership->client, REPLY_NAMED, entrance->cid);

    reply->name = name;
    reply->greeting = true;
}

static void admit_joined(struct hub *hub, struct membership *membership,
                         const struct entrance *entrance) {
    struct reply_item item = room_item(hub, membership->room);
    struct slice topic = hub_keep(hub, hub_text(membership->room->topic));
    struct reply *reply = answer(hub, membership->client, REPLY_JOINED, entrance->cid);

    reply->room = item.name;
    reply->epoch = item.epoch;
    reply->topic = topic; /* all of it */
    reply->first = membership->room->first;
    reply->last = item.last;
    reply->read = mark_seq(membership->client->session, membership->room->key, item.last);
    reply->client_count = item.client_count;
}

void entrance_admit(struct hub *hub, struct membership *membership, struct entrance *entrance) {
    switch (entrance->kind) {
    case ENTRANCE_OPENED:
        admit_connected(hub, membership);
        entrance_read(hub, membership, entrance, false);
        break;
    case ENTRANCE_NAMED:
        admit_named(hub, membership, entrance);
        entrance_read(hub, membership, entrance, false);
        break;
    case ENTRANCE_JOIN:
        /* What was on its way before the answer would be taken for what follows it. */
        membership_unsubscribe(hub, membership);
        admit_joined(hub, membership, entrance);
        entrance_read(hub, membership, entrance, true);
        break;
    case ENTRANCE_RETURN:
        entrance_read(hub, membership, entrance, true);
        break;
    case ENTRANCE_CALLED:
        entrance_read(hub, membership, entrance, false);
        break;
    case ENTRANCE_HELLO:
        welcome_settle(hub, membership->client, entrance);
        return;
    }
    memory_free(entrance);
}

void entrance_refuse(struct hub *hub, struct client *client, struct entrance *entrance, int error) {
    if (entrance->kind == ENTRANCE_HELLO) {
        entrance->error = error;
        welcome_settle(hub, client, entrance);
        return;
    }
    /* A name that leads nowhere is given back, so that it can be claimed again. */
    if (entrance->kind == ENTRANCE_NAMED && client->session != NULL &&
        !client->session->registered) {
        name_release(hub, client->session);
    }
    if (entrance->kind != ENTRANCE_RETURN && entrance->kind != ENTRANCE_CALLED) {
        answer_error(hub, client, entrance->cid, error, SLICE_NONE);
    }
    memory_free(entrance);
}
