/* Sessions: who somebody is. A session is known by its identity, the digest of its secret, and
 * whoever shows the secret gets it: name, limits, direct messages. It has one client at most. That
 * of an account is known by the account, and has a client for each of its devices.
 *
 *   live ── client lost ──▶ lingering ── session_linger_s ──▶ over ──▶ freed
 *     ▲                        │                               │
 *     └── takeover ────────────┴───────────────────────────────┘
 *
 * One that is over has no name any more, unless it is an account's. It stays as long as a
 * direct-message room needs it, and whoever comes back with its secret until then reads on there.
 */
#include <assert.h>
#include <string.h>

#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/membership.h"
#include "hub/room.h"
#include "hub/session.h"

#define SECOND_US INT64_C(1000000)

void session_weigh(struct session *session) {
    session->role = ROLE_GUEST;
    for (struct client *client = session->client; client != NULL;
         client = client_extras(client)->sibling) {
        enum role role = client_role(client);

        session->role = role > session->role ? (uint8_t)role : session->role;
    }
}

static void add(struct session *session, struct client *client) {
    client->session = session;
    if (session->client != NULL) {
        client_open_extras(client)->sibling = session->client;
    }
    session->client = client;
    session_weigh(session);
}

void session_remove(struct session *session, struct client *client) {
    struct client *sibling = client_extras(client)->sibling;
    struct client *before = session->client;

    if (before == client) {
        session->client = sibling;
    } else {
        while (before->extras->sibling != client) {
            before = before->extras->sibling;
        }
        before->extras->sibling = sibling;
        client_drop_extras(before);
    }
    if (sibling != NULL) {
        client->extras->sibling = NULL;
        client_drop_extras(client);
    }
    client->session = NULL;
    session_weigh(session);
}

struct session *session_new(struct hub *hub, const struct identity *identity, struct slice secret,
                            struct client *client) {
    struct session *session = pool_new(&hub->session_pool);

    assert(secret.length < sizeof(session->secret));
    session->identity = *identity;
    memcpy(session->secret, secret.data, secret.length);
    if (client != NULL) {
        add(session, client);
    }
    map_put(hub->sessions, identity_slice(&session->identity), session);
    return session;
}

struct client *session_next_client(const struct session *session, const struct client *previous) {
    return previous == NULL ? session->client : client_extras(previous)->sibling;
}

struct session *session_find(const struct hub *hub, const struct identity *identity) {
    return map_find(hub->sessions, identity_slice(identity));
}

const struct belongings *session_belongings(const struct session *session) {
    static const struct belongings nothing;

    return session->belongings != NULL ? session->belongings : &nothing;
}

struct belongings *session_open_belongings(struct session *session) {
    if (session->belongings == NULL) {
        session->belongings = memory_new_struct(struct belongings);
    }
    return session->belongings;
}

void session_free(struct hub *hub, struct session *session) {
    direct_points_free(session);
    mark_free_all(session);
    if (session->belongings != NULL) {
        memory_free(session->belongings->lingering);
        memory_free(session->belongings->purse.rate);
        memory_free(session->belongings);
    }
    claim_free(hub, session->claim);
    pool_free(&hub->session_pool, session);
}

bool session_over(const struct session *session) {
    return session->client == NULL && session_belongings(session)->lingering == NULL;
}

void session_settle(struct hub *hub, struct session *session) {
    if (session_over(session) && list_empty(&session_belongings(session)->directs)) {
        name_release(hub, session);
        caller_take_over(hub, session);
        map_remove(hub->sessions, identity_slice(&session->identity));
        session_free(hub, session);
    }
}

/* Its rooms may all go now, and with the last of them the session itself. */
static void end(struct hub *hub, struct session *session) {
    struct list_node *next;

    mark_save_all(hub, session);
    if (!session->registered || account_find(hub, &session->identity) == NULL) {
        name_release(hub, session);
    } else if (session->claim != NULL) {
        claim_let_go(hub, session->claim);
    }
    if (list_empty(&session_belongings(session)->directs)) {
        session_settle(hub, session);
        return;
    }
    for (struct list_node *node = session->belongings->directs.first; node != NULL; node = next) {
        next = node->next;
        room_settle(hub, container_of(node, struct direct_side, node)->room);
    }
}

static void stop_lingering(struct hub *hub, struct session *session) {
    struct lingering *lingering = session_belongings(session)->lingering;

    if (lingering != NULL) {
        list_remove(&hub->lingering, &lingering->node);
        hub->lingering_count--;
        memory_free(lingering);
        session->belongings->lingering = NULL;
    }
}

static const struct lingering *next_to_expire(const struct hub *hub) {
    return container_of(hub->lingering.first, struct lingering, node);
}

static void expire(struct hub *hub, struct session *session) {
    stop_lingering(hub, session);
    end(hub, session);
}

static void start_lingering(struct hub *hub, struct session *session) {
    struct lingering *lingering = memory_new_struct(struct lingering);

    session_open_belongings(session)->lingering = lingering;
    lingering->session = session;
    lingering->expires_us = hub->now_us + hub->options.session_linger_s * SECOND_US;
    list_append(&hub->lingering, &lingering->node);
    hub->lingering_count++;
    if (hub->lingering_count > LIMIT_LINGERING) {
        expire(hub, next_to_expire(hub)->session);
    }
}

/* What a client reads as the session that it gives up. */
static void leave_directs(struct hub *hub, struct client *client) {
    for (struct list_node *node = client->roster.memberships.first; node != NULL;
         node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        if (membership->room->direct != NULL && !membership->leaving) {
            membership_leave(hub, membership, SLICE_NONE);
        }
    }
}

static void change(struct hub *hub, struct client *client, struct session *session) {
    stop_lingering(hub, session);
    session_remove(client->session, client);
    add(session, client);
    if (session->claim != NULL) {
        claim_hold(hub, session->claim);
    }
}

void session_take_over(struct hub *hub, struct session *session, struct client *client) {
    struct session *former = client->session;
    struct slice name = hub_keep(hub, client_name(client));

    leave_directs(hub, client);
    if (session->client != NULL) {
        client_replace(hub, session->client);
    }
    hub->counters.returned++;
    change(hub, client, session);
    end(hub, former);
    if (session->claim == NULL && name.length > 0) {
        name_claim(hub, session, name);
    }
}

void session_recover(struct hub *hub, struct session *session, struct slice secret) {
    assert(secret.length < sizeof(session->secret));
    memset(session->secret, 0, sizeof(session->secret));
    memcpy(session->secret, secret.data, secret.length);
    session->returned = true;
    mark_recall(hub, session);
}

void session_take_on(struct hub *hub, const struct identity *identity, struct slice secret,
                     struct client *client) {
    struct session *former = client->session;
    struct slice name = hub_keep(hub, client_name(client));

    leave_directs(hub, client);
    struct session *session = session_new(hub, identity, secret, NULL);

    mark_recall(hub, session);
    if (former->belongings != NULL) {
        session_open_belongings(session)->purse = former->belongings->purse;
        former->belongings->purse.rate = NULL;
    }
    session->joins = former->joins;
    session->names = former->names;
    session->returned = true;
    change(hub, client, session);
    end(hub, former);
    if (name.length > 0) {
        name_claim(hub, session, name);
    }
}

void session_become(struct hub *hub, struct session *session, struct client *client) {
    struct session *former = client->session;
    struct slice name = hub_keep(hub, client_name(client));

    leave_directs(hub, client);
    change(hub, client, session);
    end(hub, former);
    if (session->claim == NULL && name.length > 0) {
        name_claim(hub, session, name);
    }
}

void session_detach(struct hub *hub, struct client *client, bool linger) {
    struct session *session = client->session;
    /* Nobody can come back to what nobody knows of: no name, and a secret that was never told. */
    bool known = session->claim != NULL || client->introduced;

    session_remove(session, client);
    if (session->client != NULL) {
        return;
    }
    mark_save_all(hub, session);
    if (linger && known && hub->options.session_linger_s > 0) {
        start_lingering(hub, session);
    } else {
        end(hub, session);
    }
}

void session_end(struct hub *hub, struct session *session) {
    expire(hub, session);
}

void session_tick(struct hub *hub) {
    while (!list_empty(&hub->lingering) && next_to_expire(hub)->expires_us <= hub->now_us) {
        expire(hub, next_to_expire(hub)->session);
    }
}
