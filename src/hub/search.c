/* Searching: which rooms somebody may search is decided here and nowhere else. Public rooms are
 * open to everybody; of direct-message rooms there are only one's own, to whoever asks. */
#include "hub/internal.h"

#define SEARCH_DEFAULT 20

static void add_room(struct hub *hub, struct search_query *query, struct search_room *rooms,
                     const struct place *place) {
    rooms[query->room_count++] =
        (struct search_room){hub_keep(hub, place->key), hub_keep(hub, place->name)};
}

/* Everything that this client may read. */
static void allow_all(struct hub *hub, const struct client *client, struct search_query *query) {
    const struct session *session = client->session;
    struct search_room *rooms =
        effects_allocate(hub->effects, session->direct_count * sizeof(*rooms));

    query->rooms = rooms;
    query->public_rooms = true;
    for (struct list_node *node = session->directs.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct direct_side, node)->room;
        struct place place = place_of(room);

        if (!room->direct->forsaken && query->room_count < session->direct_count) {
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
        add_room(hub, query, rooms, &place);
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
