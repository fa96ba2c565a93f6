/* Clients: a connection as the hub sees it, from EVENT_OPENED until the connection is closed and
 * the last of what it asked for has come back from the store's queue. Only then is it freed, so
 * a completion always finds whom it belongs to, and a leave always undoes its join.
 *
 *   LIVE ── quit ──▶ QUITTING ── nothing under way ──▶ CLOSING ── closed ──▶ freed
 *     └──── closed ─────┴──────▶ GONE ── nothing under way ──▶ freed */
#include <assert.h>

#include "hub/internal.h"

#define CLOSE_NORMAL 1000
#define CLOSE_REPLACED 4502

void client_open(struct hub *hub, const struct event *event) {
    struct client *client = memory_new_struct(struct client);

    client->connection = event->connection;
    client->traits = event->opened.traits;
    id_map_put(hub->clients, client->connection, client);
    if (client->traits.transient) {
        return;
    }
    session_new(hub, &event->opened.identity, slice_of_string(event->opened.secret), client);
    if (client->traits.numbered) {
        client->number = ++hub->last_number;
    }
    if (client->traits.lobby_at_open) {
        struct entrance entrance = {.kind = ENTRANCE_OPENED};
        struct place lobby = place_lobby(hub);

        client->current = membership_enter(hub, client, &lobby, entrance_new(&entrance));
    }
}

bool client_hears(const struct client *client) {
    return client->state == CLIENT_LIVE || client->state == CLIENT_QUITTING;
}

struct slice client_name(const struct client *client) {
    const struct session *session = client->session;

    return session != NULL && session->claim != NULL ? session->claim->shown : SLICE_NONE;
}

struct origin client_origin(const struct client *client) {
    return (struct origin){client->connection, client->connection};
}

void client_free(struct client *client) {
    roster_free(&client->roster);
    memory_free(client->deferral);
    memory_free(client);
}

static void finish_if_idle(struct hub *hub, struct client *client) {
    if (client->outstanding > 0) {
        return;
    }
    assert(client->state == CLIENT_LIVE || list_empty(&client->roster.memberships));
    if (client->state == CLIENT_QUITTING) {
        client->state = CLIENT_CLOSING;
        struct effect *effect = effects_add(hub->effects, EFFECT_CLOSE);
        effect->connection = client->connection;
        effect->close_code = client->close_code;
    } else if (client->state == CLIENT_GONE) {
        id_map_remove(hub->clients, client->connection);
        client_free(client);
    }
}

void client_pause(struct hub *hub, struct client *client) {
    if (!client->paused && client->state == CLIENT_LIVE) {
        client->paused = true;
        effects_add(hub->effects, EFFECT_PAUSE)->connection = client->connection;
    }
}

void client_submit(struct hub *hub, struct client *client) {
    client->outstanding++;
    if (client->outstanding >= LIMIT_OUTSTANDING) {
        client_pause(hub, client);
    }
}

void client_settle(struct hub *hub, struct client *client) {
    assert(client->outstanding > 0);
    client->outstanding--;
    if (client->paused && client->deferral == NULL && !client->listing &&
        client->outstanding <= LIMIT_OUTSTANDING / 2) {
        client->paused = false;
        if (client_hears(client)) {
            effects_add(hub->effects, EFFECT_RESUME)->connection = client->connection;
        }
    }
    finish_if_idle(hub, client);
}

static void leave_rooms(struct hub *hub, struct client *client) {
    for (struct list_node *node = client->roster.memberships.first; node != NULL;
         node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        if (!membership->leaving) {
            membership_leave(hub, membership, SLICE_NONE);
        }
    }
}

static void let_session_go(struct hub *hub, struct client *client, bool lost) {
    struct session *session = client->session;

    if (session != NULL) {
        client->session = NULL;
        session_detach(hub, session, lost && client->traits.lingers);
    }
}

void client_quit(struct hub *hub, struct client *client, uint16_t close_code, bool lost) {
    leave_rooms(hub, client);
    let_session_go(hub, client, lost);
    client->state = CLIENT_QUITTING;
    client->close_code = close_code != 0 ? close_code : CLOSE_NORMAL;
    finish_if_idle(hub, client);
}

void client_replace(struct hub *hub, struct client *client) {
    leave_rooms(hub, client);
    client->session = NULL;
    client->state = CLIENT_QUITTING;
    client->close_code = CLOSE_REPLACED;
    finish_if_idle(hub, client);
}

void client_closed(struct hub *hub, struct client *client, bool lost) {
    if (client->state == CLIENT_LIVE) {
        leave_rooms(hub, client);
        let_session_go(hub, client, lost);
    }
    client->state = CLIENT_GONE;
    finish_if_idle(hub, client);
}
