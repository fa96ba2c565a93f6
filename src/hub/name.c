/* Names: who holds which. A name is held by a session from claiming it until it is released: by
 * another claim, by a clean goodbye, or when a lost session is not taken over in time. */
#include <string.h>

#include "hub/internal.h"
#include "hub/pack.h"

/* What messages without a sender are signed with; nobody can be it. */
static const struct slice nobody = SLICE("anonymous");
/* "error: …" are words of the server, where only the text of a line shows whose it is. */
static const struct slice server_voice = SLICE("error");
static const struct slice numbered_voice = SLICE("client ");

struct claim *name_find(struct hub *hub, struct slice name) {
    struct slice folded;

    if (map_count(hub->claims) == 0 || hub_fold(hub, name, &folded) < 0) {
        return NULL;
    }
    return map_find(hub->claims, folded);
}

int name_check_claim(struct hub *hub, struct slice name, const struct session *session,
                     const struct session *also) {
    struct slice folded;

    if (hub_fold(hub, name, &folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    if (slice_equal(folded, nobody) || slice_equal(folded, server_voice)) {
        return ERR_NAME_TAKEN;
    }
    const struct claim *claim = map_find(hub->claims, folded);

    if (claim != NULL && claim->session != session && claim->session != also) {
        return ERR_NAME_TAKEN;
    }
    return 0;
}

/* "client 7", with any amount of space. */
static bool is_numbered_voice(struct slice folded) {
    if (!slice_starts_with(folded, numbered_voice)) {
        return false;
    }
    struct slice number = slice_trim(slice_skip(folded, numbered_voice.length));

    for (size_t i = 0; i < number.length; i++) {
        if (number.data[i] < '0' || number.data[i] > '9') {
            return false;
        }
    }
    return number.length > 0;
}

int name_check_label(struct hub *hub, struct slice label, const struct identity *identity) {
    buffer_clear(&hub->folded);
    if (label_fold(label, &hub->folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    /* Space that was of another kind before. */
    struct slice folded = slice_trim(buffer_slice(&hub->folded));

    if (slice_equal(folded, server_voice) || is_numbered_voice(folded)) {
        return ERR_NAME_TAKEN;
    }
    const struct claim *claim = map_find(hub->claims, folded);

    return claim != NULL && !identity_equal(&claim->session->identity, identity) ? ERR_NAME_TAKEN
                                                                                 : 0;
}

void name_release(struct hub *hub, struct session *session) {
    struct claim *claim = session->claim;

    if (claim != NULL) {
        map_remove(hub->claims, claim->folded);
        list_remove(&hub->claim_order, &claim->node);
        memory_free(claim);
        session->claim = NULL;
    }
}

void name_claim(struct hub *hub, struct session *session, struct slice name) {
    struct slice folded;
    int error = hub_fold(hub, name, &folded);
    struct claim *claim;
    char *at;

    if (error < 0) {
        return;
    }
    claim = memory_new(sizeof(*claim) + folded.length + name.length);
    at = claim->bytes;
    claim->session = session;
    claim->folded = folded;
    claim->shown = name;
    at = pack_slice(&claim->folded, at);
    pack_slice(&claim->shown, at);
    name_release(hub, session);
    session->claim = claim;
    map_put(hub->claims, claim->folded, claim);
    list_append(&hub->claim_order, &claim->node);
}

void name_announce(struct hub *hub, struct client *client, struct slice former) {
    struct signal renamed = {.kind = SIGNAL_RENAMED, .name = client_name(client), .former = former};

    for (struct list_node *node = client->roster.memberships.first; node != NULL;
         node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        if (!membership->leaving && membership->room->direct == NULL) {
            struct place place = place_of(membership->room);

            presence_send(hub, client, &place, &renamed);
        }
    }
}

/* Whether the room that the client is in will show the change, to everybody there. */
static bool is_announced(const struct hub *hub, const struct client *client) {
    const struct membership *current = client->current;

    return current != NULL && !current->leaving && current->room->direct == NULL &&
           current->room->member_count <= hub->options.announce_limit;
}

void name_answer_error(struct hub *hub, const struct client *client, struct slice cid, int error) {
    static const struct slice invalid = SLICE("A name is 1 to 64 letters, digits, '-', '_' or '.'");

    answer_error(hub, client, cid, error, error == ERR_BAD_REQUEST ? invalid : SLICE_NONE);
}

void name_enter_lobby(struct hub *hub, struct client *client, struct slice cid) {
    struct entrance entrance = {.kind = ENTRANCE_NAMED, .cid = cid, .name = client_name(client)};
    struct place lobby = place_lobby(hub);

    client->current = membership_enter(hub, client, &lobby, entrance_new(&entrance));
}

void handle_name(struct hub *hub, struct client *client, const struct request *request) {
    struct session *session = client->session;
    struct slice former = hub_keep(hub, client_name(client));
    int error = name_check_claim(hub, request->name, session, NULL);

    if (error < 0) {
        name_answer_error(hub, client, request->cid, error);
        return;
    }
    if (slice_equal(former, request->name)) {
        answer(hub, client, REPLY_NAMED, request->cid)->name = former;
        return;
    }
    name_claim(hub, session, request->name);
    if (former.length == 0 && client->traits.lobby_when_named && client->current == NULL) {
        name_enter_lobby(hub, client, request->cid);
        return;
    }
    struct slice name = hub_keep(hub, session->claim->shown);
    struct reply *reply = answer(hub, client, REPLY_NAMED, request->cid);

    reply->name = name;
    reply->greeting = former.length == 0;
    reply->announced = is_announced(hub, client);
    name_announce(hub, client, former);
}

void handle_names(struct hub *hub, struct client *client, const struct request *request) {
    struct reply_item *items =
        effects_allocate(hub->effects, map_count(hub->claims) * sizeof(*items));
    size_t count = 0;

    for (struct list_node *node = hub->claim_order.first; node != NULL; node = node->next) {
        struct claim *claim = container_of(node, struct claim, node);

        if (claim->session->client != NULL) {
            items[count++].name = hub_keep(hub, claim->shown);
        }
    }
    struct reply *reply = answer(hub, client, REPLY_NAMES, request->cid);

    reply->items = items;
    reply->item_count = count;
}
