/* Replies to one client. Their texts are copies, because what they tell of may be freed before
 * the step is over. A client that has gone is answered into the void, so that no caller needs to
 * ask whether anybody listens. */
#include "hub/client.h"

struct reply *answer(struct hub *hub, const struct client *client, enum reply_kind kind,
                     struct slice cid) {
    struct reply *reply = &hub->unheard;
    cid = hub_keep(hub, cid);
    if (client_hears(client)) {
        struct effect *effect = effects_add(hub->effects, EFFECT_REPLY);

        effect->connection = client->connection;
        reply = &effect->reply;
    }
    *reply = (struct reply){.kind = kind, .cid = cid};
    return reply;
}

struct reply *answer_error(struct hub *hub, const struct client *client, struct slice cid,
                           int error, struct slice text) {
    text = hub_keep(hub, text);
    if (error < 0 && -error < COUNTED_ERRORS) {
        hub->counters.errors[-error]++;
    }
    struct reply *reply = answer(hub, client, REPLY_ERROR, cid);

    reply->error = error;
    reply->text = text.length > 0 ? text : slice_of_string(error_text(error));
    return reply;
}

void answer_rate_limited(struct hub *hub, const struct client *client, struct slice cid,
                         unsigned retry_ms) {
    answer_error(hub, client, cid, ERR_RATE_LIMITED, SLICE_NONE)->retry_ms = retry_ms;
}

void answer_ack(struct hub *hub, const struct client *client, struct slice cid, struct slice room) {
    if (cid.length > 0) {
        room = hub_keep(hub, room);
        hub->counters.acknowledged++;
        answer(hub, client, REPLY_ACK, cid)->room = room;
    }
}
