/* The entrance: one event in, its effects out.
 *
 * A request is looked up in a table of verbs; a completion of the store goes to whoever waits
 * for it. What must happen in the order of a room's feed (joins, leaves, messages) is only sent
 * off here and decided when it comes back, so the order of the store's queue is the only order
 * there is. A request that only looks does not pass through the queue: if anything of the same
 * client is still in there, it waits for that (see deferral.c).
 *
 * To add a request: a kind in request.h, a handler, and its line in the table. */
#include "hub/hub.h"

#include <assert.h>

#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/deferral.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/membership.h"
#include "hub/ready.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

typedef void handle_request(struct hub *hub, struct client *client, const struct request *request);

static void handle_quit(struct hub *hub, struct client *client, const struct request *request);

static const struct verb {
    handle_request *handle;
    bool introducing; /* allowed before the name or the hello that the protocol wants first */
    bool sessionless; /* makes sense without a session */
    bool unchecked;   /* answered whoever asks: no credential is looked at, and no rule */
    bool waits; /* looks at what earlier requests of the client do, and not through the queue */
} verbs[] = {
    [REQUEST_HELLO] = {handle_hello, .introducing = true},
    [REQUEST_NAME] = {handle_name, .introducing = true},
    [REQUEST_AUTH] = {handle_auth, .introducing = true},
    [REQUEST_TICKET] = {handle_ticket, .sessionless = true},
    [REQUEST_JOIN] = {handle_join},
    [REQUEST_LEAVE] = {handle_leave},
    [REQUEST_PUBLISH] = {handle_publish, .sessionless = true},
    [REQUEST_BINARY] = {handle_binary},
    [REQUEST_HISTORY] = {handle_history, .sessionless = true, .waits = true},
    [REQUEST_SEARCH] = {handle_search, .waits = true},
    [REQUEST_ROOMS] = {handle_rooms, .sessionless = true, .waits = true},
    [REQUEST_MEMBERS] = {handle_members, .sessionless = true, .waits = true},
    [REQUEST_NAMES] = {handle_names, .sessionless = true, .waits = true},
    [REQUEST_TOKEN] = {handle_token},
    [REQUEST_READ] = {handle_read, .waits = true},
    [REQUEST_TYPING] = {handle_typing},
    [REQUEST_RULE] = {handle_rule, .waits = true},
    [REQUEST_RULES] = {handle_rules, .waits = true},
    [REQUEST_AUDIT] = {handle_audit, .waits = true},
    [REQUEST_READY] = {handle_ready, .sessionless = true, .unchecked = true},
    [REQUEST_QUIT] = {handle_quit, .introducing = true, .sessionless = true},
};

/* Everybody who is connected and in a room has one of each, see Memory in ARCHITECTURE.md. What
 * only some have belongs into struct extras, struct belongings. */
static_assert(sizeof(struct client) <= 88, "a quiet connection costs more than it should");
static_assert(sizeof(struct session) <= 104, "a quiet connection costs more than it should");
static_assert(sizeof(struct membership) <= 72, "a quiet connection costs more than it should");

static uint64_t client_id(const void *client) {
    return ((const struct client *)client)->connection;
}

static struct slice session_key(const void *session) {
    return identity_slice(&((const struct session *)session)->identity);
}

static struct slice claim_key(const void *claim) {
    return claim_folded(claim);
}

struct hub *hub_new(const struct hub_options *options) {
    struct hub *hub = memory_new_struct(struct hub);

    pool_open(&hub->client_pool, sizeof(struct client));
    pool_open(&hub->session_pool, sizeof(struct session));
    pool_open(&hub->membership_pool, sizeof(struct membership));
    pool_open(&hub->claim_pool, CLAIM_SIZE_SMALL);

    hub->options = *options;
    hub->clients = id_map_new_of(client_id);
    hub->sessions = map_new_of(options->seed, session_key);
    hub->claims = map_new_of(options->seed, claim_key);
    hub->rooms = map_new(options->seed);
    limit_open(hub);
    directory_open(hub);
    hub->rules = rules_new(options->seed);
    ready_open(hub);
    elsewhere_open(hub);
    return hub;
}

void hub_free(struct hub *hub) {
    size_t cursor = 0;
    struct client *client;
    struct session *session;
    struct room *room;

    while ((client = id_map_next(hub->clients, &cursor)) != NULL) {
        client_free(hub, client);
    }
    cursor = 0;
    while ((session = map_next(hub->sessions, &cursor)) != NULL) {
        session_free(hub, session);
    }
    cursor = 0;
    while ((room = map_next(hub->rooms, &cursor)) != NULL) {
        room_free(room);
    }
    limit_close(hub);
    directory_close(hub);
    rules_free(hub->rules);
    ready_close(hub);
    elsewhere_close(hub);
    id_map_free(hub->clients);
    map_free(hub->sessions);
    map_free(hub->claims);
    map_free(hub->rooms);
    pool_close(&hub->claim_pool);
    pool_close(&hub->membership_pool);
    pool_close(&hub->session_pool);
    pool_close(&hub->client_pool);
    buffer_close(&hub->folded);
    buffer_close(&hub->text);
    memory_free(hub);
}

int hub_fold(struct hub *hub, struct slice name, struct slice *folded) {
    buffer_clear(&hub->folded);
    if (name_fold(name, &hub->folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    *folded = buffer_slice(&hub->folded);
    return 0;
}

struct slice hub_keep(struct hub *hub, struct slice s) {
    return effects_copy(hub->effects, s);
}

struct slice hub_text(const struct blob *blob) {
    return blob != NULL ? blob_slice(blob) : SLICE_NONE;
}

static void handle_quit(struct hub *hub, struct client *client, const struct request *request) {
    client_quit(hub, client, request->close_code, request->lost);
}

/* One that comes for a single request is not sent away when it comes, so it is asked here. */
static void carry_out(struct hub *hub, struct client *client, const struct request *request) {
    if (!client->traits.transient ||
        !access_turn_away(hub, client, request->sender, request->cid)) {
        verbs[request->kind].handle(hub, client, request);
    }
    client_review_introduction(hub, client);
}

static void take_request(struct hub *hub, struct client *client, const struct request *request) {
    assert(request->kind < sizeof(verbs) / sizeof(verbs[0]));
    const struct verb *verb = &verbs[request->kind];

    if (client->state != CLIENT_LIVE) {
        return;
    }
    if (request->address.length > 0) {
        client_set_address(client, request->address);
    }
    if (!limit_cid_valid(request->cid)) {
        answer_error(hub, client, SLICE_NONE, ERR_BAD_REQUEST, SLICE_NONE);
        return;
    }
    if (client->traits.transient && !verb->sessionless) {
        answer_error(hub, client, request->cid, ERR_BAD_REQUEST, SLICE_NONE);
        return;
    }
    if (verb->unchecked) {
        verb->handle(hub, client, request);
        return;
    }
    if (client->traits.transient) {
        passport_withdraw(hub, client);
    }
    if (authentication_start(hub, client, request)) {
        return;
    }
    if (!client_is_admitted(hub, client) && request->kind != REQUEST_QUIT) {
        answer_error(hub, client, request->cid, ERR_UNAUTHORIZED, SLICE_NONE);
        return;
    }
    const char *duty = verb->introducing ? NULL : client_duty(client);

    if (duty != NULL) {
        answer_error(hub, client, request->cid, ERR_UNAUTHORIZED, slice_of_string(duty));
        return;
    }
    if (verb->waits && client->outstanding > 0) {
        deferral_start(hub, client, request);
        return;
    }
    carry_out(hub, client, request);
}

/* A client that is on its way out gets an answer, but nothing is begun for it any more. */
void deferral_carry_out(struct hub *hub, struct client *client, struct deferral *deferral) {
    const struct request *request = &deferral->request;

    if (deferral->state == DEFERRAL_HANDSHAKE && client->state == CLIENT_LIVE) {
        client_enter(hub, client);
    } else if (client->state == CLIENT_LIVE) {
        carry_out(hub, client, request);
    } else {
        answer_error(hub, client, request->cid, ERR_UNAVAILABLE, SLICE_NONE);
    }
    memory_free(deferral);
}

/* What was asked for before the deferred request has taken effect. */
static void take_fence(struct hub *hub, const struct event *event) {
    struct client *client = id_map_find(hub->clients, event->signalled.signal->origin.session);

    if (client == NULL) {
        return;
    }
    struct deferral *deferral = deferral_take(hub, client);

    if (deferral != NULL) {
        deferral_carry_out(hub, client, deferral);
    }
    client_settle(hub, client);
}

/* The hub reads two logs itself: that of rules, and the one that shows whether all is well. */
static void take_followed(struct hub *hub, const struct event *event) {
    if (slice_equal(event->followed.head.room_key, RULES_ROOM)) {
        rules_followed(hub, event);
    } else if (slice_equal(event->followed.head.room_key, READY_ROOM)) {
        ready_followed(hub, event);
    } else {
        room_followed(hub, event);
    }
}

static void take_appended(struct hub *hub, const struct event *event) {
    if (slice_equal(event->appended.draft->room_key, RULES_ROOM)) {
        rules_appended(hub, event);
    } else if (slice_equal(event->appended.draft->room_key, READY_ROOM)) {
        ready_appended(hub, event);
    } else {
        publish_appended(hub, event);
    }
}

static void take_committed(struct hub *hub, const struct event *event) {
    if (slice_equal(event->committed.room_key, RULES_ROOM)) {
        rules_committed(hub, event);
    } else if (slice_equal(event->committed.room_key, READY_ROOM)) {
        ready_committed(hub, event);
    } else {
        room_committed(hub, event);
    }
}

/* Events of connections that are not known (any more) mean nothing. */
static void take_from_client(struct hub *hub, const struct event *event) {
    struct client *client = id_map_find(hub->clients, event->connection);

    if (client == NULL) {
        return;
    }
    if (event->kind == EVENT_REQUEST) {
        take_request(hub, client, event->request);
    } else {
        client_closed(hub, client, event->closed.lost);
    }
}

/* Whatever an option decides looks it up when it decides, so there is nothing to bring up to date.
 * The seed is that of maps which are in use. */
static void configure(struct hub *hub, const struct hub_options *options) {
    uint64_t seed = hub->options.seed;

    hub->options = *options;
    hub->options.seed = seed;
    passport_demand(hub);
}

void hub_step(struct hub *hub, const struct event *event, struct effects *effects) {
    hub->now_us = event->now_us;
    hub->effects = effects;
    switch (event->kind) {
    case EVENT_TICK:
        session_tick(hub);
        passport_tick(hub);
        presence_tick(hub);
        mark_tick(hub);
        limit_tick(hub);
        client_tick(hub);
        rules_tick(hub);
        ready_tick(hub);
        claim_tick(hub);
        ahead_tick(hub);
        break;
    case EVENT_OPENED:
        client_open(hub, event);
        break;
    case EVENT_REQUEST:
    case EVENT_CLOSED:
        take_from_client(hub, event);
        break;
    case EVENT_FOLLOWED:
        take_followed(hub, event);
        break;
    case EVENT_APPENDED:
        take_appended(hub, event);
        break;
    case EVENT_COMMITTED:
        take_committed(hub, event);
        break;
    case EVENT_STARTED:
        rules_start(hub);
        break;
    case EVENT_REPLAYED:
        rules_replayed(hub, event);
        break;
    case EVENT_SIGNALLED:
        if (event->signalled.signal->kind == SIGNAL_FENCE) {
            take_fence(hub, event);
        } else {
            presence_signalled(hub, event);
        }
        break;
    case EVENT_CLAIMED:
        claim_answered(hub, event);
        break;
    case EVENT_ELSEWHERE:
        elsewhere_told(hub, event);
        break;
    case EVENT_GATHERED:
        lookup_gathered(hub, event);
        break;
    case EVENT_CALLED:
        direct_called(hub, event);
        break;
    case EVENT_RECALLED:
        mark_recalled(hub, event);
        break;
    case EVENT_LISTED:
        lookup_listed(hub, event);
        break;
    case EVENT_AUTHENTICATED:
        authentication_told(hub, event);
        break;
    case EVENT_ACCOUNT:
        account_told(hub, event);
        break;
    case EVENT_REVOKED:
        passport_revoked(hub, event);
        break;
    case EVENT_CONFIGURED:
        configure(hub, event->configured);
        break;
    case EVENT_TRIMMED:
        room_trimmed(hub, event);
        break;
    }
    hub->effects = NULL;
}

bool hub_is_ready(const struct hub *hub) {
    return hub->rules->loaded;
}

size_t hub_session_count(const struct hub *hub) {
    return map_count(hub->sessions);
}

bool hub_has_session(const struct hub *hub, const struct identity *identity) {
    return map_find(hub->sessions, identity_slice(identity)) != NULL;
}

size_t hub_client_count(const struct hub *hub) {
    return id_map_count(hub->clients);
}

bool hub_count_members(const struct hub *hub, struct slice room_key, unsigned *here,
                       unsigned *elsewhere) {
    const struct room *room = room_find(hub, room_key);

    *here = room != NULL ? room->shared_count : 0;
    *elsewhere = room != NULL ? room->elsewhere : 0;
    return room != NULL && room->state == ROOM_FOLLOWED;
}

size_t hub_room_count(const struct hub *hub) {
    return map_count(hub->rooms);
}

const struct hub_counters *hub_counters(const struct hub *hub) {
    return &hub->counters;
}
