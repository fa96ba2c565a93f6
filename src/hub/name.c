/* Names: who holds which. A name is held by a session from claiming it until it is released: by
 * another claim, by a clean goodbye, or when a lost session is not taken over in time. */
#include <stdlib.h>
#include <string.h>

#include "base/pack.h"
#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

/* What messages without a sender are signed with; nobody can be it. */
static const struct slice nobody = SLICE("anonymous");
/* "error: …" are words of the server, where only the text of a line shows whose it is. */
static const struct slice server_voice = SLICE("error");
static const struct slice numbered_voice = SLICE("client ");

static size_t claim_size(size_t folded_length, size_t shown_length) {
    return offsetof(struct claim, bytes) + folded_length + shown_length;
}

static struct claim *claim_new(struct hub *hub, struct slice folded, struct slice shown) {
    size_t size = claim_size(folded.length, shown.length);
    struct claim *claim = size > CLAIM_SIZE_SMALL ? memory_new(size) : pool_new(&hub->claim_pool);

    claim->folded_length = (uint16_t)(folded.length & 0x7fff);
    claim->shown_length = (uint16_t)shown.length;
    memcpy(claim->bytes, folded.data, folded.length);
    if (shown.length > 0) {
        memcpy(claim->bytes + folded.length, shown.data, shown.length);
    }
    return claim;
}

void claim_free(struct hub *hub, struct claim *claim) {
    if (claim != NULL && claim_size(claim->folded_length, claim->shown_length) > CLAIM_SIZE_SMALL) {
        memory_free(claim);
    } else {
        pool_free(&hub->claim_pool, claim);
    }
}

struct slice claim_folded(const struct claim *claim) {
    return slice_from(claim->bytes, claim->folded_length);
}

struct slice claim_shown(const struct claim *claim) {
    return claim->shown_length > 0
               ? slice_from(claim->bytes + claim->folded_length, claim->shown_length)
               : claim_folded(claim);
}

struct claim *name_find(struct hub *hub, struct slice name) {
    struct slice folded;

    if (map_count(hub->claims) == 0 || hub_fold(hub, name, &folded) < 0) {
        return NULL;
    }
    return map_find(hub->claims, folded);
}

bool name_is_reserved(struct slice folded) {
    return slice_equal(folded, nobody) || slice_equal(folded, server_voice);
}

/* Of accounts: their names are only theirs, and they have no others. */
static int check_account(struct hub *hub, struct slice folded, const struct session *session) {
    static const struct identity no_one;
    const struct identity *identity = session != NULL ? &session->identity : &no_one;
    const struct account *own = account_find(hub, identity);

    if (own != NULL) {
        return slice_equal(account_folded(own), folded) ? 0 : ERR_FORBIDDEN;
    }
    return account_denies(hub, folded, identity) ? ERR_UNAUTHORIZED : 0;
}

int name_check_claim(struct hub *hub, struct slice name, const struct session *session,
                     const struct session *also) {
    struct slice folded;

    if (hub_fold(hub, name, &folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    if (name_is_reserved(folded)) {
        return ERR_NAME_TAKEN;
    }
    int error = check_account(hub, folded, session);

    if (error < 0) {
        return error;
    }
    const struct claim *claim = map_find(hub->claims, folded);

    if (claim != NULL && claim->session != session && claim->session != also) {
        return ERR_NAME_TAKEN;
    }
    return 0;
}

int name_check_elsewhere(struct hub *hub, struct slice name, const struct identity *identity) {
    struct slice folded;

    if (hub_fold(hub, name, &folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    bool taken =
        elsewhere_denies(hub, folded, identity) || claim_is_contended(hub, folded, identity);

    return taken ? ERR_NAME_TAKEN : 0;
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
    bool held = (claim != NULL && !identity_equal(&claim->session->identity, identity)) ||
                elsewhere_denies(hub, folded, identity);

    return held || account_denies(hub, folded, identity) ? ERR_NAME_TAKEN : 0;
}

void name_release(struct hub *hub, struct session *session) {
    struct claim *claim = session->claim;

    if (claim != NULL) {
        claim_let_go(hub, claim);
        map_remove(hub->claims, claim_folded(claim));
        claim_free(hub, claim);
        session->claim = NULL;
    }
}

void name_claim(struct hub *hub, struct session *session, struct slice name) {
    struct slice folded;
    int error = hub_fold(hub, name, &folded);
    struct claim *claim;

    if (error < 0) {
        return;
    }
    claim = claim_new(hub, folded, slice_equal(folded, name) ? SLICE_NONE : name);
    claim->session = session;
    if (session->claim != NULL && slice_equal(claim_folded(session->claim), claim_folded(claim))) {
        session->claim->held = false; /* it is only written in another way */
    }
    name_release(hub, session);
    session->claim = claim;
    map_put(hub->claims, claim_folded(claim), claim);
    claim->number = ++hub->last_claim;
    claim_hold(hub, claim);
}

void name_announce_in(struct hub *hub, const struct membership *membership, struct slice former) {
    struct client *client = membership->client;
    struct signal renamed = {.kind = SIGNAL_RENAMED, .name = client_name(client), .former = former};
    struct place place = place_of(membership->room);

    presence_send(hub, client, &place, &renamed);
}

void name_announce(struct hub *hub, struct client *client, struct slice former) {
    for (struct list_node *node = client->roster.memberships.first; node != NULL;
         node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        if (!membership->leaving && membership->room->direct == NULL) {
            name_announce_in(hub, membership, former);
        }
    }
}

/* Whether the room that the client is in will show the change, to everybody there. */
static bool is_announced(const struct hub *hub, const struct client *client) {
    const struct membership *current = client->current;

    return current != NULL && !current->leaving && current->room->direct == NULL &&
           room_client_count(current->room) <= hub->options.announce_limit;
}

void name_answer_error(struct hub *hub, const struct client *client, struct slice cid, int error) {
    static const struct slice invalid = SLICE("A name is 1 to 64 letters, digits, '-', '_' or '.'");
    static const struct slice owned = SLICE("This name has an account: show its password or token");
    static const struct slice fixed = SLICE("An account goes by its own name");
    static const struct slice busy = SLICE("It is not known whether this name is free, try again");
    struct slice text = error == ERR_BAD_REQUEST    ? invalid
                        : error == ERR_UNAUTHORIZED ? owned
                        : error == ERR_FORBIDDEN    ? fixed
                        : error == ERR_UNAVAILABLE  ? busy
                                                    : SLICE_NONE;

    answer_error(hub, client, cid, error, text);
}

void name_enter_lobby(struct hub *hub, struct client *client, struct slice cid) {
    struct entrance entrance = {.kind = ENTRANCE_NAMED, .cid = cid, .name = client_name(client)};
    struct place lobby = place_lobby(hub);

    client->current = membership_enter(hub, client, &lobby, entrance_new(&entrance));
}

/* It has its name by what it has shown. */
static void greet_account(struct hub *hub, struct client *client, struct slice cid) {
    struct slice name = hub_keep(hub, client_name(client));

    if (client->traits.lobby_when_named && client->current == NULL) {
        name_enter_lobby(hub, client, cid);
    } else {
        answer(hub, client, REPLY_NAMED, cid)->name = name;
    }
}

void handle_name(struct hub *hub, struct client *client, const struct request *request) {
    struct session *session = client->session;
    struct slice former = hub_keep(hub, client_name(client));
    bool free_of_charge = request->again || slice_equal(former, request->name);
    unsigned retry_ms = free_of_charge ? 0 : limit_name(hub, client, session);

    if (retry_ms > 0) {
        answer_rate_limited(hub, client, request->cid, retry_ms);
        return;
    }
    int error = name_check_claim(hub, request->name, session, NULL);

    if (error == 0) {
        error = name_check_elsewhere(hub, request->name, &session->identity);
    }
    if (error < 0) {
        name_answer_error(hub, client, request->cid, error);
        return;
    }
    if (access_turn_away(hub, client, request->name, request->cid)) {
        return;
    }
    if (client->session->registered && former.length > 0) {
        greet_account(hub, client, request->cid);
        return;
    }
    if (slice_equal(former, request->name)) {
        answer(hub, client, REPLY_NAMED, request->cid)->name = former;
        return;
    }
    if (claim_start(hub, client, request, request->name, &session->identity)) {
        return;
    }
    name_claim(hub, session, request->name);
    if (former.length == 0 && client->traits.lobby_when_named && client->current == NULL) {
        name_enter_lobby(hub, client, request->cid);
        return;
    }
    struct slice name = hub_keep(hub, claim_shown(session->claim));
    struct reply *reply = answer(hub, client, REPLY_NAMED, request->cid);

    reply->name = name;
    reply->greeting = former.length == 0;
    reply->announced = is_announced(hub, client);
    name_announce(hub, client, former);
    eviction_review(hub, client); /* it may be banned under that name */
}

/* Who is here with the same name is listed already. */
static size_t list_elsewhere(struct hub *hub, struct reply_item *items) {
    size_t count = 0;

    for (struct list_node *node = hub->elsewhere->order.first; node != NULL; node = node->next) {
        const struct namesake *namesake = container_of(node, struct namesake, node);
        const struct claim *claim = map_find(hub->claims, namesake->folded);

        if (claim == NULL || claim->session->client == NULL) {
            items[count++].name = hub_keep(hub, namesake->shown);
        }
    }
    return count;
}

static int compare_age(const void *first, const void *second) {
    uint32_t a = (*(const struct claim *const *)first)->number;
    uint32_t b = (*(const struct claim *const *)second)->number;

    return (a > b) - (a < b);
}

/* Those whose sessions are here, in the order of claiming. */
static size_t list_here(struct hub *hub, const struct claim **claims) {
    const struct claim *claim;
    size_t cursor = 0, count = 0;

    while ((claim = map_next(hub->claims, &cursor)) != NULL) {
        if (claim->session->client != NULL) {
            claims[count++] = claim;
        }
    }
    qsort(claims, count, sizeof(*claims), compare_age);
    return count;
}

void handle_names(struct hub *hub, struct client *client, const struct request *request) {
    size_t most = map_count(hub->claims) + map_count(hub->elsewhere->names);
    struct reply_item *items = effects_allocate(hub->effects, most * sizeof(*items));
    const struct claim **claims =
        effects_allocate(hub->effects, map_count(hub->claims) * sizeof(struct claim *));
    size_t count = list_here(hub, claims);

    for (size_t i = 0; i < count; i++) {
        items[i].name = hub_keep(hub, claim_shown(claims[i]));
    }
    count += list_elsewhere(hub, items + count);
    struct reply *reply = answer(hub, client, REPLY_NAMES, request->cid);

    reply->items = items;
    reply->item_count = count;
}
