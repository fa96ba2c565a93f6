/* Hello: a client introduces itself. It may claim a name, come back as the session it was, and
 * go on reading where it was cut off. Everything is checked before anything changes; then the
 * rooms are entered through the store's queue, and when the last of them is through comes the
 * welcome, and after it each room's feed.
 *
 * A secret that no session here has is taken on: identity and with it the remembered cids
 * survive a restart. */
#include "base/pack.h"
#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/deferral.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

/* Who has just shown to be an account does not come back as the guest it was. */
static bool asks_for_session(const struct client *client, const struct request *request) {
    bool is_account = client->session->registered && request->credential.kind != CREDENTIAL_NONE;

    return request->session.length > 0 && !is_account;
}

static int check_secret(struct hub *hub, const struct client *client,
                        const struct request *request) {
    const struct identity *identity = &request->session_identity;

    if (!asks_for_session(client, request)) {
        return 0;
    }
    if (request->session.length >= sizeof(((struct session *)NULL)->secret) ||
        identity_none(identity)) {
        return ERR_BAD_REQUEST;
    }
    if (client->session->registered) {
        return ERR_FORBIDDEN;
    }
    const struct session *target = session_find(hub, identity);
    bool is_account = account_find(hub, identity) != NULL || (target != NULL && target->registered);

    return is_account ? ERR_UNAUTHORIZED : 0;
}

static int check_points(struct hub *hub, const struct client *client,
                        const struct request *request) {
    if (client->roster.joined_count + request->resume_count > LIMIT_ROOMS_PER_SESSION) {
        return ERR_TOO_MANY;
    }
    for (size_t i = 0; i < request->resume_count; i++) {
        struct slice room = request->resume[i].room;
        struct place place;

        if (room.length == 0 || place_find(hub, client, room, &place) == ERR_BAD_REQUEST) {
            return ERR_BAD_REQUEST;
        }
    }
    return 0;
}

/* A room that is gone on with is one that is entered. Whoever comes back as the session they were
 * goes on with what that has left. */
static unsigned check_rates(struct hub *hub, const struct client *client,
                            const struct request *request, struct session *target) {
    struct session *session = target != NULL ? target : client->session;
    bool claims = request->name.length > 0 && !slice_equal(request->name, client_name(client));
    unsigned retry_ms = claims ? limit_name(hub, client, session) : 0;

    if (retry_ms == 0 && request->resume_count > 0) {
        retry_ms = limit_joins(hub, session, request->resume_count);
    }
    return retry_ms;
}

/* Who it will be. */
static const struct identity *identity_of(const struct client *client,
                                          const struct request *request) {
    return asks_for_session(client, request) ? &request->session_identity
                                             : &client->session->identity;
}

/* The name that comes with the session, or that the store has just granted; empty: none. */
static struct slice name_at_hand(struct hub *hub, const struct client *client,
                                 const struct request *request, const struct session *target) {
    const struct event *answer = claim_answer(hub);
    const struct namesake *namesake = NULL;

    if (answer != NULL && answer->claimed.error == 0) {
        return hub_keep(hub, answer->claimed.claim.shown);
    }
    if (request->again || !asks_for_session(client, request)) {
        return SLICE_NONE;
    }
    if (target != NULL && target != client->session && target->claim != NULL) {
        return hub_keep(hub, claim_shown(target->claim));
    }
    namesake = elsewhere_find(hub, &request->session_identity);
    return namesake != NULL ? hub_keep(hub, namesake->shown) : SLICE_NONE;
}

/* The name that it will go by; empty: the one that its session has. Who comes from another node
 * keeps the name that they had there, unless it is somebody's here: they did not ask for it, so
 * they come in without. */
static struct slice name_wanted(struct hub *hub, const struct client *client,
                                const struct request *request, const struct session *target) {
    if (request->name.length > 0) {
        return request->name;
    }
    struct slice name = name_at_hand(hub, client, request, target);
    bool free = name.length > 0 && name_check_claim(hub, name, target, client->session) == 0;

    return free ? name : SLICE_NONE;
}

static int check_name(struct hub *hub, const struct client *client, const struct request *request,
                      const struct session *target) {
    if (request->name.length == 0) {
        return 0;
    }
    int error = name_check_claim(hub, request->name, target, client->session);

    return error == 0 ? name_check_elsewhere(hub, request->name, identity_of(client, request))
                      : error;
}

/* Whether what the store knows of the session has been asked for, and must come first. */
static bool take_session(struct hub *hub, struct client *client, const struct request *request,
                         struct session *target) {
    if (!asks_for_session(client, request) || target == client->session) {
        return false;
    }
    /* It may have been on another node meanwhile. */
    bool was_away = hub->options.shared && (target == NULL || session_over(target));

    if (target == NULL) {
        session_take_on(hub, &request->session_identity, request->session, client);
        return was_away;
    }
    if (was_away) {
        session_recover(hub, target, request->session);
    }
    session_take_over(hub, target, client);
    return was_away;
}

static void take_name(struct hub *hub, struct client *client, struct slice name,
                      struct slice former) {
    bool has_own = account_find(hub, &client->session->identity) != NULL;

    const struct claim *claim = client->session->claim;
    bool has_it = slice_equal(name, client_name(client)) &&
                  !(hub->options.shared && claim != NULL && !claim->held);

    if (name.length > 0 && !has_own && !has_it) {
        name_claim(hub, client->session, name);
    }
    if (!slice_equal(client_name(client), former)) {
        name_announce(hub, client, former);
    }
}

/* Enters the room, unless this hello has asked for it already. */
static void enter(struct hub *hub, struct client *client, const struct place *place,
                  struct entrance *entrance) {
    struct membership *membership =
        place->room != NULL ? roster_find(&client->roster, place->room) : NULL;

    if (membership != NULL && membership->hello == entrance->welcome->number) {
        return;
    }
    entrance->welcome->waiting++;
    entrance->room_key = place->key;
    entrance->room_name = place->name;
    membership = membership_enter(hub, client, place, entrance_new(entrance));
    membership->hello = entrance->welcome->number;
}

static void enter_point(struct hub *hub, struct client *client, struct welcome *welcome,
                        const struct resume_point *point) {
    struct entrance entrance = {.kind = ENTRANCE_HELLO,
                                .has_after = !point->fresh,
                                .after = point->after,
                                .epoch = point->epoch,
                                .welcome = welcome};
    struct place place;
    int error = access_find(hub, client, point->room, ACCESS_ENTER, &place);
    bool comes_back = error == ERR_NOT_FOUND && point->room.data[0] == '@';

    if (comes_back) {
        error = direct_come_back(hub, client, point->room, &entrance, &place);
    }
    if (error == 0) {
        enter(hub, client, &place, &entrance);
        if (comes_back) {
            direct_attach(hub, place.room); /* the other side may have waited for this one */
        }
        return;
    }
    welcome->waiting++;
    entrance.room_name = point->room;
    entrance_refuse(hub, client, entrance_new(&entrance), error);
}

/* Direct messages come by themselves. */
static void enter_directs(struct hub *hub, struct client *client, struct welcome *welcome) {
    struct list_node *node =
        client->traits.direct ? session_belongings(client->session)->directs.first : NULL;

    for (; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct direct_side, node)->room;
        struct place place = place_of(room);
        struct entrance entrance = {.kind = ENTRANCE_HELLO, .welcome = welcome};

        if (!room->direct->forsaken && client_may_see(client, room->direct->folded)) {
            enter(hub, client, &place, &entrance);
        }
    }
}

/* The rest comes when the session's conversations are known, so that the welcome tells of them. */
static void wait_for_recall(struct hub *hub, struct client *client, const struct request *request) {
    struct request again = *request;

    again.again = true;
    deferral_start(hub, client, &again);
}

static void carry_out(struct hub *hub, struct client *client, const struct request *request,
                      struct slice name, struct session *target) {
    struct slice former = hub_keep(hub, client_name(client));

    client_enter(hub, client);
    bool waits = take_session(hub, client, request, target);

    take_name(hub, client, name, former);
    if (waits) {
        wait_for_recall(hub, client, request);
        return;
    }
    client->introduced = true;
    if (access_turn_away(hub, client, SLICE_NONE, request->cid)) {
        return; /* it is banned as who it was */
    }
    struct welcome *welcome = welcome_new(hub, client, request->cid);

    welcome->whole = request->whole;
    for (size_t i = 0; i < request->resume_count; i++) {
        enter_point(hub, client, welcome, &request->resume[i]);
    }
    enter_directs(hub, client, welcome);
    welcome_release(hub, client, welcome);
    if (client->traits.lobby_when_named && client->current == NULL &&
        client->session->claim != NULL) {
        name_enter_lobby(hub, client, SLICE_NONE);
    }
    eviction_review(hub, client); /* rooms it was in already, under another name */
}

void handle_hello(struct hub *hub, struct client *client, const struct request *request) {
    struct session *target = asks_for_session(client, request)
                                 ? session_find(hub, &request->session_identity)
                                 : client->session;
    int error = check_secret(hub, client, request);

    if (error == 0) {
        error = check_points(hub, client, request);
    }
    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    unsigned retry_ms = request->again ? 0 : check_rates(hub, client, request, target);

    if (retry_ms > 0) {
        answer_rate_limited(hub, client, request->cid, retry_ms);
        return;
    }
    error = check_name(hub, client, request, target);
    if (error < 0) {
        name_answer_error(hub, client, request->cid, error);
        return;
    }
    if (access_turn_away(hub, client, request->name, request->cid)) {
        return;
    }
    struct slice name = name_wanted(hub, client, request, target);

    if (!claim_start(hub, client, request, name, identity_of(client, request))) {
        carry_out(hub, client, request, name, target);
    }
}
