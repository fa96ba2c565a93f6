/* Conversations that outlive everybody who takes part: those between accounts, and where several
 * servers share the store all of them. The hub knows such a room while one of the two is here, and
 * finds it again by the key, which both identities are in: for somebody who comes, by the read
 * marks that are kept for them; for an account that asks by name, from the names of both. */
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

/* The conversation of two accounts, whatever they are called by now. */
static int open_of_accounts(struct hub *hub, struct session *session, const struct identity *other,
                            struct room **room) {
    if (account_find(hub, other) == NULL || account_find(hub, &session->identity) == NULL) {
        return ERR_NOT_FOUND;
    }
    struct session *others = device_open_session(hub, other);
    int error = direct_open(hub, session, others, room);

    if (error < 0) {
        session_settle(hub, others);
    }
    return error;
}

void direct_recall(struct hub *hub, struct session *session, const struct read_mark *mark,
                   bool unread) {
    struct identity sides[2];
    struct room *room;

    if (session->client == NULL || session->claim == NULL ||
        !direct_parse_key(mark->room_key, sides)) {
        return;
    }
    bool is_first = identity_equal(&sides[0], &session->identity);

    if (!is_first && !identity_equal(&sides[1], &session->identity)) {
        return;
    }
    int error = open_of_accounts(hub, session, &sides[is_first ? 1 : 0], &room);

    if (error == ERR_NOT_FOUND && hub->options.shared && mark->names.length > 0) {
        struct slice second = mark->names;
        struct slice first = slice_cut(&second, ',');
        struct call call = {mark->room_key, sides[0], sides[1], first, second};

        error = direct_open_called(hub, &call, &room);
    }
    if (error < 0) {
        return;
    }
    if (unread) {
        direct_attach_after(hub, room, mark->seq);
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

    bool ordered = slice_compare(account_folded(own), account_folded(other)) <= 0;
    struct slice shown =
        direct_name(hub, account_name(ordered ? own : other), account_name(ordered ? other : own));

    *place = (struct place){room_find(hub, key), key, shown};
    return 0;
}

static void remember(struct hub *hub, const struct session *session, const struct room *room) {
    struct slice key = hub_keep(hub, room->key);
    struct slice names = direct_names(hub, room);
    struct effect *effect = effects_add(hub->effects, EFFECT_MARK);

    effect->mark = (struct read_mark){
        .identity = session->identity, .room_key = key, .updated_us = hub->now_us, .names = names};
}

static void remember_both(struct hub *hub, const struct room *room, uint64_t seq) {
    for (size_t i = 0; i < 2; i++) {
        const struct session *session = room->direct->sides[i].session;

        if (seq % REMEMBER_EVERY == 1 || session->client == NULL) {
            remember(hub, session, room);
        }
    }
}

/* Who writes without being in the room (over HTTP) writes to a log that the hub may not know of.
 * Whoever of the two is here reads on from what was written. */
static void open_written(struct hub *hub, const struct draft *draft, uint64_t seq) {
    struct identity sides[2];
    struct room *room;

    if (!direct_parse_key(draft->room_key, sides) || account_find(hub, &sides[0]) == NULL) {
        return;
    }
    struct session *first = device_open_session(hub, &sides[0]);

    if (open_of_accounts(hub, first, &sides[1], &room) < 0) {
        if (!identity_equal(&sides[0], &sides[1])) { /* else it was settled as the other */
            session_settle(hub, first);
        }
        return;
    }
    remember_both(hub, room, seq);
    direct_call(hub, room, session_find(hub, &draft->body.identity));
    if (direct_over(room)) {
        room_settle(hub, room);
    } else {
        direct_attach_after(hub, room, seq - 1);
    }
}

void direct_written(struct hub *hub, const struct draft *draft, uint64_t seq) {
    const struct room *room = room_find(hub, draft->room_key);

    if (room == NULL) {
        open_written(hub, draft, seq);
    } else if (room->direct != NULL && (hub->options.shared || direct_is_durable(hub, room))) {
        remember_both(hub, room, seq);
    }
}
