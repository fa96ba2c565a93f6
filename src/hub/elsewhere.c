/* Names that are held on other nodes, as the store tells of them. They are nobody else's here, can
 * be written to, and are listed with our own.
 *
 * A conversation needs a session for each side. For somebody elsewhere a stand-in is made: a
 * session with identity and name, which no client has. It is like one that is over (session.c) and
 * goes with its last conversation; should its owner come here with the secret, it becomes theirs.
 *
 * A guest is in one place: when the identity of a session here appears on another node, they have
 * moved there. Accounts may be in several. */
#include "hub/elsewhere.h"

#include "base/close_code.h"
#include "base/pack.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/room.h"
#include "hub/session.h"

void elsewhere_open(struct hub *hub) {
    hub->elsewhere = memory_new_struct(struct elsewhere);
    hub->elsewhere->names = map_new(hub->options.seed);
    hub->elsewhere->holders = map_new(hub->options.seed);
}

void elsewhere_close(struct hub *hub) {
    struct namesake *namesake;
    size_t cursor = 0;

    while ((namesake = map_next(hub->elsewhere->names, &cursor)) != NULL) {
        memory_free(namesake);
    }
    claim_close(hub);
    ahead_close(hub);
    map_free(hub->elsewhere->names);
    map_free(hub->elsewhere->holders);
    memory_free(hub->elsewhere);
}

const struct namesake *elsewhere_find(const struct hub *hub, const struct identity *identity) {
    return map_find(hub->elsewhere->holders, identity_slice(identity));
}

bool elsewhere_denies(const struct hub *hub, struct slice folded, const struct identity *identity) {
    const struct namesake *namesake = map_find(hub->elsewhere->names, folded);

    return namesake != NULL && !identity_equal(&namesake->identity, identity);
}

bool session_is_stand_in(const struct session *session) {
    return session->client == NULL && session->secret[0] == '\0' &&
           session_belongings(session)->lingering == NULL;
}

/* Whether a session that has to do with another node may be given a name, or lose it. */
static bool is_only_there(const struct session *session) {
    return session != NULL && session_over(session) && !session->registered;
}

static void forget(struct hub *hub, struct namesake *namesake) {
    map_remove(hub->elsewhere->names, namesake->folded);
    if (elsewhere_find(hub, &namesake->identity) == namesake) {
        map_remove(hub->elsewhere->holders, identity_slice(&namesake->identity));
    }
    list_remove(&hub->elsewhere->order, &namesake->node);
    memory_free(namesake);
}

/* The name that a stand-in goes by; its rooms may all go now. */
static void take_name_from(struct hub *hub, struct session *session) {
    struct list_node *next;

    name_release(hub, session);
    if (list_empty(&session_belongings(session)->directs)) {
        session_settle(hub, session);
        return;
    }
    for (struct list_node *node = session->belongings->directs.first; node != NULL; node = next) {
        next = node->next;
        room_settle(hub, container_of(node, struct direct_side, node)->room);
    }
}

/* A node that has not met an account of elsewhere lets a guest have its name, which is the
 * account's here all the same, even while it is away. */
static void name_stand_in(struct hub *hub, struct session *session,
                          const struct namesake *namesake) {
    const struct claim *claim = map_find(hub->claims, namesake->folded);

    if ((claim == NULL || claim->session == session) &&
        !account_denies(hub, namesake->folded, &session->identity)) {
        name_claim(hub, session, namesake->shown);
    }
}

void elsewhere_yield(struct hub *hub, struct slice folded, const struct identity *identity) {
    struct namesake *namesake = map_find(hub->elsewhere->names, folded);
    struct claim *claim = map_find(hub->claims, folded);

    if (namesake != NULL &&
        !(namesake->registered && identity_equal(&namesake->identity, identity))) {
        forget(hub, namesake);
    }
    if (claim != NULL && is_only_there(claim->session) &&
        !identity_equal(&claim->session->identity, identity)) {
        take_name_from(hub, claim->session);
    }
}

struct session *elsewhere_stand_in_for(struct hub *hub, const struct identity *identity) {
    struct session *session = session_find(hub, identity);
    const struct namesake *namesake = elsewhere_find(hub, identity);

    if (session == NULL) {
        session = session_new(hub, identity, SLICE(""), NULL);
        session->registered = namesake != NULL && namesake->registered;
    }
    if (session->claim == NULL && namesake != NULL && session_over(session)) {
        name_stand_in(hub, session, namesake);
    }
    return session;
}

struct session *elsewhere_stand_in(struct hub *hub, struct slice folded) {
    const struct namesake *namesake = map_find(hub->elsewhere->names, folded);

    if (namesake == NULL) {
        return NULL;
    }
    struct session *session = elsewhere_stand_in_for(hub, &namesake->identity);

    if (session->claim != NULL) {
        return session;
    }
    session_settle(hub, session); /* it is on its way from one name, or node, to another */
    return NULL;
}

/* It is the other node's now, with its name if that is the same. Who is here without a name may
 * have come while this node could not know of the one they have; they come back and get it. */
static void send_away(struct hub *hub, struct session *session, const struct namesake *namesake) {
    if (session->claim != NULL && slice_equal(claim_folded(session->claim), namesake->folded)) {
        session->claim->held = false;
    }
    if (session->client != NULL) {
        client_send_away(hub, session->client,
                         session->claim != NULL ? CLOSE_REPLACED : CLOSE_RESTART);
    }
    session_end(hub, session);
}

static struct namesake *learn(struct hub *hub, const struct name_claim *claim) {
    struct namesake *namesake =
        memory_new(sizeof(*namesake) + claim->folded.length + claim->shown.length);
    struct namesake *known = map_find(hub->elsewhere->names, claim->folded);

    if (known != NULL) {
        forget(hub, known);
    }
    namesake->identity = claim->identity;
    namesake->registered = claim->registered;
    namesake->folded = claim->folded;
    namesake->shown = claim->shown;
    pack_slice(&namesake->shown, pack_slice(&namesake->folded, namesake->bytes));
    map_remove(hub->elsewhere->holders, identity_slice(&claim->identity));
    map_put(hub->elsewhere->names, namesake->folded, namesake);
    map_put(hub->elsewhere->holders, identity_slice(&namesake->identity), namesake);
    list_append(&hub->elsewhere->order, &namesake->node);
    return namesake;
}

/* Of two who hold it the store has decided for the other one. */
static void settle_conflict(struct hub *hub, const struct namesake *namesake) {
    struct claim *claim = map_find(hub->claims, namesake->folded);
    struct session *session = claim != NULL ? claim->session : NULL;

    if (session == NULL || session->registered ||
        identity_equal(&session->identity, &namesake->identity)) {
        return;
    }
    if (session_over(session)) {
        take_name_from(hub, session);
    } else {
        claim_lose(hub, session);
    }
}

static void come(struct hub *hub, const struct name_claim *claim) {
    struct namesake *namesake = learn(hub, claim);

    settle_conflict(hub, namesake);
    struct session *session = session_find(hub, &namesake->identity);

    if (session != NULL && !session->registered && !session_over(session)) {
        send_away(hub, session, namesake);
    }
    session = session_find(hub, &namesake->identity);
    if (is_only_there(session)) {
        name_stand_in(hub, session, namesake);
    }
}

static void go(struct hub *hub, const struct name_claim *claim) {
    struct namesake *namesake = map_find(hub->elsewhere->names, claim->folded);

    if (namesake == NULL || !identity_equal(&namesake->identity, &claim->identity)) {
        return;
    }
    struct session *session = session_find(hub, &namesake->identity);
    bool was_called_that = is_only_there(session) && session->claim != NULL &&
                           slice_equal(claim_folded(session->claim), namesake->folded);

    forget(hub, namesake);
    if (was_called_that) {
        take_name_from(hub, session);
    }
}

void elsewhere_told(struct hub *hub, const struct event *event) {
    const struct name_claim *claim = &event->elsewhere.claim;

    if (event->elsewhere.gone) {
        go(hub, claim);
    } else {
        come(hub, claim);
    }
}
