/* Deferrals: requests of one client take effect in order, and one that only looks (history, who
 * is here) would overtake the messages and joins before it, which are still in the store's queue.
 * So it is kept, and a fence sent after them: a signal of no room, which comes back behind all
 * that was sent before it. Meanwhile nothing is read from the client, so what it asks for next
 * comes behind as well.
 *
 * In the same way nothing is read from a client while a page of history (delivery sees to that) or
 * a list of rooms is on its way from the store.
 *
 * An earlier request may have sent something to the queue only after the fence: a message that
 * waited for the answer whether its room exists, or the way back to the lobby. What made it do so
 * came back before the fence does, so one more fence is behind it. */
#include <assert.h>

#include "base/pack.h"
#include "hub/client.h"
#include "hub/deferral.h"

static size_t list_size(const struct request *request) {
    size_t size = request->room_count * sizeof(request->rooms[0]) +
                  request->resume_count * sizeof(request->resume[0]);

    for (size_t i = 0; i < request->room_count; i++) {
        size += request->rooms[i].length;
    }
    for (size_t i = 0; i < request->resume_count; i++) {
        size += request->resume[i].room.length + request->resume[i].epoch.length;
    }
    return size;
}

/* The lists of the request move behind the deferral, the texts in them behind these. */
static char *pack_lists(struct deferral *deferral) {
    struct request *request = &deferral->request;
    struct resume_point *points = (struct resume_point *)deferral->lists;
    struct slice *rooms = (struct slice *)(points + request->resume_count);
    char *at = (char *)(rooms + request->room_count);

    for (size_t i = 0; i < request->resume_count; i++) {
        points[i] = request->resume[i];
        at = pack_slice(&points[i].room, at);
        at = pack_slice(&points[i].epoch, at);
    }
    for (size_t i = 0; i < request->room_count; i++) {
        rooms[i] = request->rooms[i];
        at = pack_slice(&rooms[i], at);
    }
    request->resume = points;
    request->rooms = rooms;
    return at;
}

static struct deferral *deferral_new(const struct request *from) {
    struct request request = *from;
    struct slice *const texts[] = {&request.cid,     &request.room,   &request.to,
                                   &request.name,    &request.sender, &request.content,
                                   &request.key,     &request.meta,   &request.epoch,
                                   &request.session, &request.reason, &request.subject};
    const size_t count = sizeof(texts) / sizeof(texts[0]);
    size_t size = list_size(from);

    for (size_t i = 0; i < count; i++) {
        size += texts[i]->length;
    }
    request.address = SLICE_NONE;                                     /* was dealt with */
    request.credential.name = request.credential.secret = SLICE_NONE; /* as well */
    struct deferral *deferral = memory_new(sizeof(*deferral) + size);

    deferral->request = *from;
    char *at = pack_lists(deferral);

    request.resume = deferral->request.resume;
    request.rooms = deferral->request.rooms;
    for (size_t i = 0; i < count; i++) {
        at = pack_slice(texts[i], at);
    }
    deferral->request = request;
    return deferral;
}

/* What it looks at is the log of rules, which may have a queue of its own: where other rooms are
 * kept in memory, it is on the disk all the same. */
static bool is_about_rules(const struct deferral *deferral) {
    enum request_kind kind = deferral->request.kind;

    return kind == REQUEST_RULE || kind == REQUEST_RULES || kind == REQUEST_AUDIT;
}

static void send_fence(struct hub *hub, struct client *client) {
    struct signal fence = {
        .kind = SIGNAL_FENCE, .origin = client_origin(client), .proposed_us = hub->now_us};

    if (is_about_rules(client_extras(client)->deferral)) {
        fence.room_key = RULES_ROOM;
    }

    effects_add(hub->effects, EFFECT_SIGNAL)->signal = signal_new(&fence);
    client_submit(hub, client);
}

void deferral_keep(struct hub *hub, struct client *client, const struct request *request,
                   enum deferral_state state) {
    struct extras *extras = client_open_extras(client);

    assert(extras->deferral == NULL);
    extras->deferral = deferral_new(request);
    extras->deferral->state = (uint8_t)state;
    client_pause(hub, client);
}

void deferral_start(struct hub *hub, struct client *client, const struct request *request) {
    deferral_keep(hub, client, request, DEFERRAL_FENCE);
    send_fence(hub, client);
}

void deferral_fence(struct hub *hub, struct client *client) {
    send_fence(hub, client);
}

void deferral_overtake(struct client *client) {
    struct deferral *deferral = client_extras(client)->deferral;

    if (deferral != NULL) {
        deferral->overtaken = true;
    }
}

void deferral_forget(struct client *client) {
    client->extras->deferral = NULL;
    client_drop_extras(client);
}

struct deferral *deferral_take(struct hub *hub, struct client *client) {
    struct deferral *deferral = client_extras(client)->deferral;

    assert(deferral != NULL);
    if (deferral->overtaken && client->state == CLIENT_LIVE) {
        deferral->overtaken = false;
        send_fence(hub, client);
        return NULL;
    }
    deferral_forget(client);
    return deferral;
}
