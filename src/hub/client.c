/* Clients: a connection as the hub sees it, from EVENT_OPENED until the connection is closed and
 * the last of what it asked for has come back from the store's queue. Only then is it freed, so
 * a completion always finds whom it belongs to, and a leave always undoes its join.
 *
 *   LIVE ── quit ──▶ QUITTING ── nothing under way ──▶ CLOSING ── closed ──▶ freed
 *     └──── closed ─────┴──────▶ GONE ── nothing under way ──▶ freed */
#include <assert.h>
#include <string.h>

#include "base/close_code.h"
#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/membership.h"
#include "hub/room.h"
#include "hub/session.h"

const struct extras *client_extras(const struct client *client) {
    static const struct extras none;

    return client->extras != NULL ? client->extras : &none;
}

struct passport *client_passport(const struct client *client) {
    return client_extras(client)->passport;
}

struct extras *client_open_extras(struct client *client) {
    if (client->extras == NULL) {
        client->extras = memory_new_struct(struct extras);
    }
    return client->extras;
}

void client_drop_extras(struct client *client) {
    const struct extras *extras = client_extras(client);

    if (extras->number == 0 && extras->sibling == NULL && extras->passport == NULL &&
        extras->deferral == NULL && extras->newcomer == NULL) {
        memory_free(client->extras);
        client->extras = NULL;
    }
}

static void await_introduction(struct hub *hub, struct client *client) {
    struct newcomer *newcomer = memory_new_struct(struct newcomer);

    newcomer->client = client;
    newcomer->opened_us = hub->now_us;
    list_append(&hub->newcomers, &newcomer->node);
    client_open_extras(client)->newcomer = newcomer;
}

void client_open(struct hub *hub, const struct event *event) {
    struct client *client = pool_new(&hub->client_pool);

    client->connection = event->connection;
    client->traits = event->opened.traits;
    client_set_address(client, event->opened.address);
    id_map_put(hub->clients, client->connection, client);
    if (client->traits.transient) {
        return;
    }
    session_new(hub, &event->opened.identity, slice_of_string(event->opened.secret), client);
    if (client->traits.numbered) {
        client_open_extras(client)->number = ++hub->last_number;
    }
    if (client_duty(client) != NULL || !client_is_admitted(hub, client)) {
        await_introduction(hub, client);
    }
    if (!authentication_open(hub, client, event)) {
        client_enter(hub, client);
    }
}

void client_enter(struct hub *hub, struct client *client) {
    struct entrance entrance = {.kind = ENTRANCE_OPENED};
    struct place lobby = place_lobby(hub);

    if (access_turn_away(hub, client, SLICE_NONE, SLICE_NONE)) {
        return;
    }
    if (client->traits.no_login && !client_is_admitted(hub, client)) {
        client_quit(hub, client, CLOSE_POLICY, false);
        return;
    }
    if (client->traits.lobby_at_open && !client->entered && client_is_admitted(hub, client) &&
        client_may_see(client, lobby.key)) {
        client->entered = true;
        client->current = membership_enter(hub, client, &lobby, entrance_new(&entrance));
    }
}

const char *client_duty(const struct client *client) {
    const struct traits *traits = &client->traits;

    if (traits->transient) {
        return NULL;
    }
    if (traits->needs_name) {
        return client->session->claim == NULL ? "Register a name first" : NULL;
    }
    return !traits->default_room && !client->introduced ? "Say hello first" : NULL;
}

void client_set_address(struct client *client, struct slice address) {
    client->has_address = address16_parse(address, &client->address) == 0;
}

const struct address16 *client_address(const struct client *client) {
    return client->has_address ? &client->address : NULL;
}

static void end_introduction(struct hub *hub, struct client *client) {
    struct newcomer *newcomer = client_extras(client)->newcomer;

    if (newcomer != NULL) {
        list_remove(&hub->newcomers, &newcomer->node);
        memory_free(newcomer);
        client->extras->newcomer = NULL;
        client_drop_extras(client);
    }
}

void client_review_introduction(struct hub *hub, struct client *client) {
    bool waits = client_extras(client)->newcomer != NULL;

    if (waits && client->state == CLIENT_LIVE && client_duty(client) == NULL &&
        client_is_admitted(hub, client)) {
        end_introduction(hub, client);
    }
}

/* Everybody has equally long, so those whose time is up first stand first. Who has done their duty
 * by then is not looked for earlier. */
void client_tick(struct hub *hub) {
    int64_t allowed_us = (int64_t)hub->options.introduction_ms * 1000;

    while (allowed_us > 0 && !list_empty(&hub->newcomers)) {
        struct newcomer *newcomer = container_of(hub->newcomers.first, struct newcomer, node);
        struct client *client = newcomer->client;

        if (hub->now_us - newcomer->opened_us < allowed_us) {
            return;
        }
        end_introduction(hub, client);
        /* One that is leaving has no session any more. */
        bool waits = client->state == CLIENT_LIVE &&
                     (client_duty(client) != NULL || !client_is_admitted(hub, client));

        if (waits) {
            hub->counters.refused[REFUSED_INTRODUCTION]++;
            client_quit(hub, client, CLOSE_IDLE, true);
        }
    }
}

bool client_hears(const struct client *client) {
    return client->state == CLIENT_LIVE || client->state == CLIENT_QUITTING;
}

struct slice client_name(const struct client *client) {
    const struct session *session = client->session;

    if (session == NULL) { /* HTTP, or it has quit */
        return client->traits.transient && client_passport(client) != NULL
                   ? client_passport(client)->name
                   : SLICE_NONE;
    }
    return session->claim != NULL ? claim_shown(session->claim) : SLICE_NONE;
}

struct origin client_origin(const struct client *client) {
    return (struct origin){client->connection, client->connection};
}

void client_free(struct hub *hub, struct client *client) {
    roster_free(hub, &client->roster);
    memory_free(client_extras(client)->deferral);
    memory_free(client_extras(client)->newcomer);
    memory_free(client_passport(client));
    memory_free(client->extras);
    pool_free(&hub->client_pool, client);
}

static void finish_if_idle(struct hub *hub, struct client *client) {
    if (client->outstanding > 0) {
        return;
    }
    assert(client->state == CLIENT_LIVE || slim_list_empty(&client->roster.memberships));
    if (client->state == CLIENT_QUITTING) {
        client->state = CLIENT_CLOSING;
        struct effect *effect = effects_add(hub->effects, EFFECT_CLOSE);
        effect->connection = client->connection;
        effect->close_code = client->close_code;
    } else if (client->state == CLIENT_GONE) {
        id_map_remove(hub->clients, client->connection);
        end_introduction(hub, client);
        passport_withdraw(hub, client);
        client_free(hub, client);
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
    if (client->paused && client_extras(client)->deferral == NULL && !client->listing &&
        client->joining == 0 && client->outstanding <= LIMIT_OUTSTANDING / 2) {
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
    if (client->session != NULL) {
        session_detach(hub, client, lost && client->traits.lingers);
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
    client_send_away(hub, client, CLOSE_REPLACED);
}

void client_send_away(struct hub *hub, struct client *client, uint16_t close_code) {
    leave_rooms(hub, client);
    session_remove(client->session, client);
    client->state = CLIENT_QUITTING;
    client->close_code = close_code;
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
