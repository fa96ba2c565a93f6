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

#include "hub/internal.h"
#include "hub/pack.h"

static struct deferral *deferral_new(const struct request *from) {
    struct request request = *from;
    struct slice *const texts[] = {&request.cid,    &request.room,    &request.to,  &request.name,
                                   &request.sender, &request.content, &request.key, &request.meta,
                                   &request.epoch,  &request.session};
    const size_t count = sizeof(texts) / sizeof(texts[0]);
    size_t size = request.room_count * sizeof(struct slice);

    for (size_t i = 0; i < count; i++) {
        size += texts[i]->length;
    }
    for (size_t i = 0; i < request.room_count; i++) {
        size += request.rooms[i].length;
    }
    struct deferral *deferral = memory_new(sizeof(*deferral) + size);
    char *at = (char *)(deferral->rooms + request.room_count);

    for (size_t i = 0; i < count; i++) {
        at = pack_slice(texts[i], at);
    }
    for (size_t i = 0; i < request.room_count; i++) {
        deferral->rooms[i] = request.rooms[i];
        at = pack_slice(&deferral->rooms[i], at);
    }
    deferral->request = request;
    deferral->request.rooms = deferral->rooms;
    deferral->request.resume = NULL; /* no request that waits uses it */
    deferral->request.resume_count = 0;
    return deferral;
}

static void send_fence(struct hub *hub, struct client *client) {
    struct signal fence = {
        .kind = SIGNAL_FENCE, .origin = client_origin(client), .proposed_us = hub->now_us};

    effects_add(hub->effects, EFFECT_SIGNAL)->signal = signal_new(&fence);
    client_submit(hub, client);
}

void deferral_start(struct hub *hub, struct client *client, const struct request *request) {
    assert(client->deferral == NULL);
    client->deferral = deferral_new(request);
    client_pause(hub, client);
    send_fence(hub, client);
}

void deferral_overtake(struct client *client) {
    if (client->deferral != NULL) {
        client->deferral->overtaken = true;
    }
}

struct deferral *deferral_take(struct hub *hub, struct client *client) {
    struct deferral *deferral = client->deferral;

    assert(deferral != NULL);
    if (deferral->overtaken && client->state == CLIENT_LIVE) {
        deferral->overtaken = false;
        send_fence(hub, client);
        return NULL;
    }
    client->deferral = NULL;
    return deferral;
}
