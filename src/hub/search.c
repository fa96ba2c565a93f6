/* Searching: which rooms a search may look into. All that are open to everybody, unless the rules
 * of one say otherwise of who asks; of those that are not, and of direct-message rooms, one's own.
 */
#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

#define SEARCH_DEFAULT 20

static void add_room(struct hub *hub, struct search_query *query, struct search_room *rooms,
                     const struct place *place) {
    rooms[query->room_count++] =
        (struct search_room){hub_keep(hub, place->key), hub_keep(hub, place->name)};
}

/* Of the rooms that have rules, those that this client may not read. */
static void exclude(struct hub *hub, const struct client *client, struct search_query *query) {
    const struct room_rules *rules;
    size_t cursor = 0, count = 0;
    struct slice *keys =
        effects_allocate(hub->effects, map_count(hub->rules->rooms) * sizeof(*keys));

    while ((rules = map_next(hub->rules->rooms, &cursor)) != NULL) {
        struct place place = {NULL, rules->key, hub_text(rules->name)};

        if (access_check(hub, client, &place, ACCESS_READ) < 0) {
            keys[count++] = hub_keep(hub, rules->key);
        }
    }
    query->excluded = keys;
    query->excluded_count = count;
}

/* Whose credential is good for some rooms only searches those it is in. */
static void allow_current(struct hub *hub, const struct client *client,
                          struct search_query *query) {
    struct search_room *rooms =
        effects_allocate(hub->effects, client->roster.count * sizeof(*rooms));

    query->rooms = rooms;
    for (struct list_node *node = client->roster.memberships.first; node != NULL;
         node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_client);
        struct place place = place_of(membership->room);

        if (membership->state == MEMBERSHIP_JOINED && !membership->leaving &&
            access_check(hub, client, &place, ACCESS_READ) == 0) {
            add_room(hub, query, rooms, &place);
        }
    }
}

/* Everything that this client may read. */
static void allow_all(struct hub *hub, const struct client *client, struct search_query *query) {
    const struct belongings *belongings = session_belongings(client->session);
    struct search_room *rooms =
        effects_allocate(hub->effects, belongings->direct_count * sizeof(*rooms));

    if (client_passport(client) != NULL && client_passport(client)->restricted) {
        allow_current(hub, client, query);
        return;
    }
    query->rooms = rooms;
    query->public_rooms = true;
    exclude(hub, client, query);
    for (struct list_node *node = belongings->directs.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct direct_side, node)->room;
        struct place place = place_of(room);

        if (!room->direct->forsaken && query->room_count < belongings->direct_count) {
            add_room(hub, query, rooms, &place);
        }
    }
}

static int allow_named(struct hub *hub, const struct client *client, const struct request *request,
                       struct search_query *query) {
    struct search_room *rooms =
        effects_allocate(hub->effects, request->room_count * sizeof(*rooms));

    query->rooms = rooms;
    for (size_t i = 0; i < request->room_count; i++) {
        struct place place;
        int error = request->rooms[i].length > 0
                        ? place_find(hub, client, request->rooms[i], &place)
                        : ERR_BAD_REQUEST;

        if (error < 0) {
            return error;
        }
        error = access_check(hub, client, &place, ACCESS_READ);
        if (error == 0) {
            add_room(hub, query, rooms, &place);
        } else if (error != ERR_NOT_FOUND) {
            return error;
        } /* in what is not there nothing is found */
    }
    return 0;
}

static int allow(struct hub *hub, const struct client *client, const struct request *request,
                 struct search_query *query) {
    if (request->room_count > LIMIT_SEARCH_ROOMS) {
        return ERR_TOO_MANY;
    }
    if (request->room_count > 0) {
        return allow_named(hub, client, request, query);
    }
    allow_all(hub, client, query);
    return 0;
}

static unsigned limit_of(const struct request *request) {
    if (request->limit == 0) {
        return SEARCH_DEFAULT;
    }
    return request->limit < LIMIT_BATCH_ENTRIES ? request->limit : LIMIT_BATCH_ENTRIES;
}

void handle_search(struct hub *hub, struct client *client, const struct request *request) {
    struct search_query query = {.limit = limit_of(request), .offset = request->offset};

    if (request->offset > LIMIT_SEARCH_OFFSET) {
        answer_error(hub, client, request->cid, ERR_TOO_MANY, SLICE("Only the best are shown"));
        return;
    }
    int error = allow(hub, client, request, &query);

    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    query.text = hub_keep(hub, request->content);
    struct slice cid = hub_keep(hub, request->cid);
    struct effect *effect = effects_add(hub->effects, EFFECT_SEARCH);

    effect->connection = client->connection;
    effect->search.cid = cid;
    effect->search.query = query;
}
