/* Devices: the clients of one account. They share a session, and with it name, rate, direct
 * messages and read marks. Whoever is in a room with several of them is there once: the first that
 * joins counts and is announced, and when it leaves another counts in its place. */
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/limits.h"
#include "hub/membership.h"
#include "hub/room.h"
#include "hub/session.h"

static const struct slice no_secret = SLICE("");

struct session *device_open_session(struct hub *hub, const struct identity *identity) {
    struct session *session = session_find(hub, identity);
    const struct account *account = account_find(hub, identity);

    if (session != NULL && (session->registered || !session_is_stand_in(session))) {
        return session;
    }
    if (session == NULL) {
        session = session_new(hub, identity, no_secret, NULL);
    }
    session->registered = true;
    caller_hand_over(hub, session);
    if (account != NULL) {
        session->role = account->role;
        name_claim(hub, session, account_name(account));
    }
    return session;
}

struct session *device_find_session(struct hub *hub, struct slice name) {
    const struct claim *claim = name_find(hub, name);
    const struct account *account = claim == NULL ? account_find_name(hub, name) : NULL;
    struct slice folded;

    if (claim != NULL) {
        return claim->session;
    }
    if (account != NULL) {
        return device_open_session(hub, &account->identity);
    }
    return hub_fold(hub, name, &folded) == 0 ? elsewhere_stand_in(hub, folded) : NULL;
}

/* Another client of the session that is in the room, or NULL. One that counts is preferred. */
static struct membership *find_other(const struct session *session, const struct client *client,
                                     const struct room *room) {
    struct membership *found = NULL;
    struct client *other = session != NULL ? session_next_client(session, NULL) : NULL;

    for (; other != NULL; other = session_next_client(session, other)) {
        struct membership *membership =
            other != client ? roster_oldest(&other->roster, room) : NULL;

        if (membership != NULL && membership->state == MEMBERSHIP_JOINED) {
            found = membership;
            if (membership->counts) {
                break;
            }
        }
    }
    return found;
}

/* One that has quit already has none any more, but what it has sent tells whose it was. */
static const struct session *session_of(struct hub *hub, const struct client *client,
                                        const struct identity *identity) {
    return client->session != NULL ? client->session : session_find(hub, identity);
}

bool device_comes(struct hub *hub, struct membership *membership, const struct identity *identity) {
    const struct session *session = session_of(hub, membership->client, identity);

    membership->counts = find_other(session, membership->client, membership->room) == NULL;
    membership->room->member_count += membership->counts;
    return membership->counts;
}

bool device_goes(struct hub *hub, struct membership *membership, const struct identity *identity) {
    const struct session *session = session_of(hub, membership->client, identity);
    struct membership *other = find_other(session, membership->client, membership->room);

    if (!membership->counts) {
        return false;
    }
    membership->counts = false;
    if (other != NULL && !other->counts) {
        other->counts = true;
        return false;
    }
    membership->room->member_count--;
    if (other == NULL || !session->registered) {
        return true; /* a guest's session was taken over: the other was there as somebody else */
    }
    /* It came when this one had quit, and was counted before this one left. */
    presence_count(hub, membership->room);
    return false;
}

/* Who was seen in the room under a former name has gone: somebody whom all know there came. */
static void show_merged(struct hub *hub, const struct membership *membership, struct slice former) {
    struct place place = place_of(membership->room);
    struct signal left = {.kind = SIGNAL_LEFT,
                          .name = former,
                          .proposed_us = hub->now_us,
                          .room_key = place.key,
                          .room_name = place.name};

    left.origin.session = hub->options.shared ? OWN_SIGNAL : 0;
    effects_add(hub->effects, EFFECT_SIGNAL)->signal = signal_new(&left);
}

/* The client has become one of the session's: counts the rooms that it is in anew. */
static void merge(struct hub *hub, struct client *client, struct slice former) {
    for (struct list_node *node = client->roster.memberships.first; node != NULL;
         node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        if (membership->leaving || membership->room->direct != NULL) {
            continue;
        }
        if (membership->counts && find_other(client->session, client, membership->room) != NULL) {
            membership->counts = false;
            membership->room->member_count--;
            show_merged(hub, membership, former);
        } else if (!slice_equal(client_name(client), former)) {
            name_announce_in(hub, membership, former);
        }
    }
}

/* What only reads may do so as often as it likes. */
static bool is_replaced(const struct client *client, const struct client *newest,
                        const struct identity *device) {
    return client != newest && !client->traits.quiet && !newest->traits.quiet &&
           !identity_none(device) && identity_equal(&client_passport(client)->device, device);
}

/* The same device is here only once: the earlier connection may be dead without our knowing. */
static unsigned replace_device(struct hub *hub, struct session *session,
                               const struct client *newest, const struct identity *device) {
    struct client *next;
    unsigned count = 0;

    for (struct client *client = session_next_client(session, NULL); client != NULL;
         client = next) {
        next = session_next_client(session, client);
        if (is_replaced(client, newest, device)) {
            client_replace(hub, client);
        } else {
            count++;
        }
    }
    return count;
}

static int admit_account(struct hub *hub, struct client *client,
                         const struct principal *principal) {
    account_learn(hub, principal);
    struct session *session = device_open_session(hub, &principal->identity);
    bool first = session_next_client(session, NULL) == NULL;

    if (!session->registered) { /* a guest's: then the digest of somebody's secret is an account */
        return ERR_FORBIDDEN;
    }
    if (replace_device(hub, session, client, &principal->device) >= LIMIT_DEVICES) {
        return ERR_TOO_MANY;
    }
    struct slice former = hub_keep(hub, client_name(client));

    passport_issue(hub, client, principal);
    session_become(hub, session, client);
    merge(hub, client, former);
    if (first) {
        mark_recall(hub, session);
    }
    return 0;
}

int device_admit(struct hub *hub, struct client *client, const struct principal *principal) {
    struct session *session = client->session;
    bool is_account = !identity_none(&principal->identity);

    if (session->registered && !identity_equal(&session->identity, &principal->identity)) {
        return ERR_FORBIDDEN;
    }
    if (is_account && !session->registered) {
        return admit_account(hub, client, principal);
    }
    if (is_account) {
        replace_device(hub, session, client, &principal->device);
    }
    passport_issue(hub, client, principal);
    return 0;
}

void device_tell_read(struct hub *hub, const struct client *client, const struct room *room,
                      uint64_t seq) {
    const struct session *session = client->session;
    struct slice folded = room->direct != NULL ? room->direct->folded : room->key;
    struct client *other = session_next_client(session, NULL);

    for (; other != NULL; other = session_next_client(session, other)) {
        if (other == client || !other->introduced || !client_may_see(other, folded)) {
            continue;
        }
        struct slice name = hub_keep(hub, hub_text(room->name));
        struct reply *reply = answer(hub, other, REPLY_READ, SLICE_NONE);

        reply->room = name;
        reply->read = seq;
    }
}
