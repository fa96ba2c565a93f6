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

#include "hub/internal.h"

typedef void handle_request(struct hub *hub, struct client *client, const struct request *request);

static void handle_quit(struct hub *hub, struct client *client, const struct request *request);
static void handle_auth(struct hub *hub, struct client *client, const struct request *request);

static const struct verb {
    handle_request *handle;
    bool stranger; /* allowed before the name or the hello that the protocol wants first */
    bool passer;   /* makes sense without a session */
    bool waits;    /* looks at what earlier requests of the client do, and not through the queue */
} verbs[] = {
    [REQUEST_HELLO] = {handle_hello, .stranger = true},
    [REQUEST_NAME] = {handle_name, .stranger = true},
    [REQUEST_AUTH] = {handle_auth, .stranger = true},
    [REQUEST_TICKET] = {handle_auth, .passer = true},
    [REQUEST_JOIN] = {handle_join},
    [REQUEST_LEAVE] = {handle_leave},
    [REQUEST_PUBLISH] = {handle_publish, .passer = true},
    [REQUEST_BINARY] = {handle_binary},
    [REQUEST_HISTORY] = {handle_history, .passer = true, .waits = true},
    [REQUEST_SEARCH] = {handle_search, .waits = true},
    [REQUEST_ROOMS] = {handle_rooms, .passer = true, .waits = true},
    [REQUEST_MEMBERS] = {handle_members, .passer = true, .waits = true},
    [REQUEST_NAMES] = {handle_names, .passer = true, .waits = true},
    [REQUEST_TOKEN] = {handle_token},
    [REQUEST_READ] = {handle_read, .waits = true},
    [REQUEST_TYPING] = {handle_typing},
    [REQUEST_QUIT] = {handle_quit, .stranger = true, .passer = true},
};

struct hub *hub_new(const struct hub_options *options) {
    struct hub *hub = memory_new_struct(struct hub);

    hub->options = *options;
    hub->clients = id_map_new();
    hub->sessions = map_new(options->seed);
    hub->claims = map_new(options->seed);
    hub->rooms = map_new(options->seed);
    hub->callers = map_new(options->seed);
    return hub;
}

void hub_free(struct hub *hub) {
    size_t cursor = 0;
    struct client *client;
    struct session *session;
    struct room *room;

    while ((client = id_map_next(hub->clients, &cursor)) != NULL) {
        client_free(client);
    }
    cursor = 0;
    while ((session = map_next(hub->sessions, &cursor)) != NULL) {
        session_free(session);
    }
    cursor = 0;
    while ((room = map_next(hub->rooms, &cursor)) != NULL) {
        room_free(room);
    }
    limit_close(hub);
    id_map_free(hub->clients);
    map_free(hub->sessions);
    map_free(hub->claims);
    map_free(hub->rooms);
    map_free(hub->callers);
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

static void handle_auth(struct hub *hub, struct client *client, const struct request *request) {
    answer_error(hub, client, request->cid, ERR_UNAUTHORIZED, SLICE_NONE);
}

static void handle_quit(struct hub *hub, struct client *client, const struct request *request) {
    client_quit(hub, client, request->close_code, request->lost);
}

/* What this client must do before anything else; NULL: it has done it. */
static const char *first_duty(const struct client *client) {
    const struct traits *traits = &client->traits;

    if (traits->transient) {
        return NULL;
    }
    if (traits->needs_name) {
        return client->session->claim == NULL ? "Register a name first" : NULL;
    }
    return !traits->default_room && !client->introduced ? "Say hello first" : NULL;
}

static void take_request(struct hub *hub, struct client *client, const struct request *request) {
    assert(request->kind < sizeof(verbs) / sizeof(verbs[0]));
    const struct verb *verb = &verbs[request->kind];

    if (client->state != CLIENT_LIVE) {
        return;
    }
    if (!limit_cid_valid(request->cid)) {
        answer_error(hub, client, SLICE_NONE, ERR_BAD_REQUEST, SLICE_NONE);
        return;
    }
    if (client->traits.transient && !verb->passer) {
        answer_error(hub, client, request->cid, ERR_BAD_REQUEST, SLICE_NONE);
        return;
    }
    const char *duty = verb->stranger ? NULL : first_duty(client);

    if (duty != NULL) {
        answer_error(hub, client, request->cid, ERR_UNAUTHORIZED, slice_of_string(duty));
        return;
    }
    if (verb->waits && client->outstanding > 0) {
        deferral_start(hub, client, request);
        return;
    }
    verb->handle(hub, client, request);
}

/* What was asked for before the deferred request has taken effect. A client that is on its way
 * out gets an answer, but nothing is begun for it any more. */
static void take_fence(struct hub *hub, const struct event *event) {
    struct client *client = id_map_find(hub->clients, event->signalled.signal->origin.session);

    if (client == NULL) {
        return;
    }
    struct deferral *deferral = deferral_take(hub, client);

    if (deferral != NULL) {
        const struct request *request = &deferral->request;

        if (client->state == CLIENT_LIVE) {
            verbs[request->kind].handle(hub, client, request);
        } else {
            answer_error(hub, client, request->cid, ERR_UNAVAILABLE, SLICE_NONE);
        }
        memory_free(deferral);
    }
    client_settle(hub, client);
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

void hub_step(struct hub *hub, const struct event *event, struct effects *effects) {
    hub->now_us = event->now_us;
    hub->effects = effects;
    switch (event->kind) {
    case EVENT_TICK:
        session_tick(hub);
        presence_tick(hub);
        mark_tick(hub);
        limit_tick(hub);
        break;
    case EVENT_OPENED:
        client_open(hub, event);
        break;
    case EVENT_REQUEST:
    case EVENT_CLOSED:
        take_from_client(hub, event);
        break;
    case EVENT_FOLLOWED:
        room_followed(hub, event);
        break;
    case EVENT_APPENDED:
        publish_appended(hub, event);
        break;
    case EVENT_COMMITTED:
        room_committed(hub, event);
        break;
    case EVENT_SIGNALLED:
        if (event->signalled.signal->kind == SIGNAL_FENCE) {
            take_fence(hub, event);
        } else {
            presence_signalled(hub, event);
        }
        break;
    case EVENT_RECALLED:
        mark_recalled(hub, event);
        break;
    case EVENT_LISTED:
        lookup_listed(hub, event);
        break;
    case EVENT_AUTHENTICATED:
    case EVENT_ACCOUNT:
    case EVENT_REVOKED:
        break;
    case EVENT_TRIMMED:
        room_trimmed(hub, event);
        break;
    }
    hub->effects = NULL;
}

size_t hub_session_count(const struct hub *hub) {
    return map_count(hub->sessions);
}

bool hub_has_session(const struct hub *hub, const struct identity *identity) {
    return map_find(hub->sessions, slice_from(identity->bytes, IDENTITY_SIZE)) != NULL;
}

size_t hub_client_count(const struct hub *hub) {
    return id_map_count(hub->clients);
}

size_t hub_room_count(const struct hub *hub) {
    return map_count(hub->rooms);
}
