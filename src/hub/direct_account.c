/* Conversations between accounts: they outlive everybody who takes part. The hub knows such a room
 * while one of the two is here, and finds it again by the key, which both identities are in: for an
 * account that comes, by the read marks that are kept for it; for one that asks by name, from the
 * names of both. */
#include "hub/accounts.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/room.h"
#include "hub/session.h"

/* Read marks that nobody touches are forgotten after some months, by the store; that of a
 * conversation which goes on must not be. */
#define REMEMBER_EVERY 64

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_identity(struct slice *text, struct identity *identity) {
    if (text->length < 2 * sizeof(identity->bytes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(identity->bytes); i++) {
        int high = hex_digit(text->data[2 * i]), low = hex_digit(text->data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        identity->bytes[i] = (uint8_t)(high << 4 | low);
    }
    *text = slice_skip(*text, 2 * sizeof(identity->bytes));
    return true;
}

/* "@", two identities and a comma between them. */
bool direct_parse_key(struct slice key, struct identity sides[2]) {
    struct slice rest = slice_skip(key, 1);

    if (!slice_starts_with(key, SLICE("@")) || !take_identity(&rest, &sides[0]) ||
        !slice_starts_with(rest, SLICE(","))) {
        return false;
    }
    rest = slice_skip(rest, 1);
    return take_identity(&rest, &sides[1]) && rest.length == 0;
}

bool direct_is_durable(const struct hub *hub, const struct room *room) {
    const struct direct *direct = room->direct;

    return account_find(hub, &direct->sides[0].session->identity) != NULL &&
           account_find(hub, &direct->sides[1].session->identity) != NULL;
}

bool direct_is_lost(const struct hub *hub, const struct room *room) {
    const struct direct *direct = room->direct;
    const struct session *first = direct->sides[0].session, *second = direct->sides[1].session;
    /* Of a guest who has been on another node it is not known whether they come back. */
    bool was_away = hub->options.shared && ((!first->registered && first->secret[0] == '\0') ||
                                            (!second->registered && second->secret[0] == '\0') ||
                                            elsewhere_find(hub, &first->identity) != NULL ||
                                            elsewhere_find(hub, &second->identity) != NULL);

    return !was_away && !direct_is_durable(hub, room);
}

/* A session for the other side, where it can be known who that is. */
static struct session *find_other_side(struct hub *hub, const struct session *session,
                                       const struct identity *other) {
    bool accounts =
        account_find(hub, other) != NULL && account_find(hub, &session->identity) != NULL;

    if (accounts) {
        return device_open_session(hub, other);
    }
    if (!hub->options.shared) {
        return NULL;
    }
    if (account_find(hub, other) != NULL) {
        return device_open_session(hub, other);
    }
    return elsewhere_find(hub, other) != NULL ? elsewhere_stand_in_for(hub, other)
                                              : session_find(hub, other);
}

void direct_recall(struct hub *hub, struct session *session, struct slice key,
                   const uint64_t *unread) {
    struct identity sides[2];
    struct room *room;

    if (session->client == NULL || session->claim == NULL || !direct_parse_key(key, sides)) {
        return;
    }
    bool is_first = identity_equal(&sides[0], &session->identity);
    const struct identity *other = &sides[is_first ? 1 : 0];

    if (!is_first && !identity_equal(&sides[1], &session->identity)) {
        return;
    }
    struct session *others = find_other_side(hub, session, other);

    if (others == NULL) {
        return;
    }
    if (others->claim == NULL || direct_open(hub, session, others, &room) < 0) {
        session_settle(hub, others);
        return;
    }
    if (unread != NULL) {
        direct_attach_after(hub, room, *unread);
    } else {
        direct_attach(hub, room);
    }
}

/* The account that goes by the other of both names; NULL: the conversation is not this account's.
 */
static const struct account *find_other(struct hub *hub, const struct account *own,
                                        struct slice folded) {
    struct slice second = slice_skip(folded, 1);
    struct slice first = slice_cut(&second, ',');

    if (slice_equal(first, account_folded(own))) {
        return account_find_folded(hub, second);
    }
    return slice_equal(second, account_folded(own)) ? account_find_folded(hub, first) : NULL;
}

int direct_find_stored(struct hub *hub, const struct identity *identity, struct slice name,
                       struct place *place) {
    const struct account *own = account_find(hub, identity);
    struct slice folded;

    if (own == NULL || direct_fold(hub, name, &folded) < 0) {
        return ERR_NOT_FOUND;
    }
    const struct account *other = find_other(hub, own, folded);

    if (other == NULL) {
        return ERR_NOT_FOUND;
    }
    struct slice key = direct_key(hub, &own->identity, &other->identity);

    *place = (struct place){room_find(hub, key), key, hub_keep(hub, name)};
    return 0;
}

static void remember(struct hub *hub, const struct session *session, struct slice key) {
    struct effect *effect = effects_add(hub->effects, EFFECT_MARK);

    effect->mark = (struct read_mark){
        .identity = session->identity, .room_key = key, .updated_us = hub->now_us};
}

void direct_written(struct hub *hub, const struct room *room, uint64_t seq) {
    if (room == NULL || room->direct == NULL ||
        !(hub->options.shared || direct_is_durable(hub, room))) {
        return;
    }
    struct slice key = hub_keep(hub, room->key);

    for (size_t i = 0; i < 2; i++) {
        const struct session *session = room->direct->sides[i].session;

        if (seq % REMEMBER_EVERY == 1 || session->client == NULL) {
            remember(hub, session, key);
        }
    }
}
