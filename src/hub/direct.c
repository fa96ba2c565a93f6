/* Direct messages: a room of two sessions. Its key is made of their identities, so it is theirs
 * whatever they are called; its name is only how it is shown, and stays what it was when the
 * first message was sent. To everybody else it does not exist. When neither of the two can come
 * back, it is erased; so is the oldest whose other side cannot come back, where there are too
 * many. */
#include <string.h>

#include "base/pack.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/membership.h"
#include "hub/room.h"
#include "hub/session.h"

#define KEY_LENGTH (2 + 4 * IDENTITY_SIZE)

static char *append_hex(char *at, const struct identity *identity) {
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof(identity->bytes); i++) {
        *at++ = digits[identity->bytes[i] >> 4];
        *at++ = digits[identity->bytes[i] & 15];
    }
    return at;
}

static struct slice make_key(char key[KEY_LENGTH], const struct identity *a,
                             const struct identity *b) {
    bool ordered = memcmp(a->bytes, b->bytes, sizeof(a->bytes)) <= 0;
    char *at = key;

    *at++ = '@';
    at = append_hex(at, ordered ? a : b);
    *at++ = ',';
    append_hex(at, ordered ? b : a);
    return slice_from(key, KEY_LENGTH);
}

struct slice direct_key(struct hub *hub, const struct identity *a, const struct identity *b) {
    char key[KEY_LENGTH];

    return hub_keep(hub, make_key(key, a, b));
}

struct slice direct_name(struct hub *hub, struct slice first, struct slice second) {
    struct buffer *text = &hub->text;

    buffer_clear(text);
    buffer_append_char(text, '@');
    buffer_append_slice(text, first);
    buffer_append_char(text, ',');
    buffer_append_slice(text, second);
    return hub_keep(hub, buffer_slice(text));
}

struct slice direct_names(struct hub *hub, const struct room *room) {
    struct identity sides[2];

    if (room == NULL || room->direct == NULL || !direct_parse_key(room->key, sides)) {
        return SLICE_NONE;
    }
    struct slice second = slice_skip(hub_text(room->name), 1);
    struct slice first = slice_cut(&second, ',');
    bool in_order = direct_side_of(room, &sides[0]) == SIDE_FIRST;
    struct buffer *text = &hub->text;

    buffer_clear(text);
    buffer_append_slice(text, in_order ? first : second);
    buffer_append_char(text, ',');
    buffer_append_slice(text, in_order ? second : first);
    return hub_keep(hub, buffer_slice(text));
}

static void link_side(struct room *room, size_t index, struct session *session) {
    struct direct_side *side = &room->direct->sides[index];

    side->session = session;
    side->room = room;
    if (index == 0 || session != room->direct->sides[0].session) {
        struct belongings *belongings = session_open_belongings(session);

        list_append(&belongings->directs, &side->node);
        belongings->direct_count++;
    }
}

static struct room *direct_new(struct hub *hub, struct slice key, const struct direct_person *first,
                               const struct direct_person *second) {
    struct slice name = direct_name(hub, first->shown, second->shown);
    struct slice folded = direct_name(hub, first->folded, second->folded);
    struct room *room = room_new(hub, key, name);

    room->direct = memory_new(sizeof(*room->direct) + folded.length);
    room->direct->folded = folded;
    pack_slice(&room->direct->folded, room->direct->bytes);
    link_side(room, 0, first->session);
    link_side(room, 1, second->session);
    return room;
}

static struct room *side_room(struct list_node *node) {
    return container_of(node, struct direct_side, node)->room;
}

static bool other_is_over(const struct hub *hub, const struct session *session,
                          const struct room *room) {
    const struct session *first = room->direct->sides[0].session;
    const struct session *other = first != session ? first : room->direct->sides[1].session;

    return session_over(other) && elsewhere_find(hub, &other->identity) == NULL;
}

static void leave_all(struct hub *hub, const struct session *session, const struct room *room) {
    struct client *client = session_next_client(session, NULL);

    for (; client != NULL; client = session_next_client(session, client)) {
        struct membership *membership = roster_find(&client->roster, room);

        if (membership != NULL) {
            membership_leave(hub, membership, SLICE_NONE);
        }
    }
}

/* Gives up the oldest conversation with somebody who will hardly come back. Else any number of
 * passing strangers could leave a room each behind, for as long as the one they wrote to stays. */
static int make_way(struct hub *hub, struct session *session) {
    if (session_belongings(session)->direct_count < LIMIT_DIRECTS_PER_SESSION) {
        return 0;
    }
    for (struct list_node *node = session_belongings(session)->directs.first; node != NULL;
         node = node->next) {
        struct room *room = side_room(node);

        if (room->direct->forsaken || !other_is_over(hub, session, room)) {
            continue;
        }
        room->direct->forsaken = true;
        leave_all(hub, session, room);
        room_settle(hub, room);
        return 0;
    }
    return ERR_TOO_MANY;
}

int direct_open_as(struct hub *hub, const struct direct_person *from,
                   const struct direct_person *to, struct room **room) {
    char buffer[KEY_LENGTH];
    struct slice key = make_key(buffer, &from->session->identity, &to->session->identity);
    struct room *known = room_find(hub, key);

    if (known != NULL) {
        *room = known;
        return known->direct->forsaken ? ERR_UNAVAILABLE : 0;
    }
    int error = make_way(hub, from->session);

    if (error == 0 && to->session != from->session) {
        error = make_way(hub, to->session);
    }
    if (error < 0) {
        return error;
    }
    bool ordered = slice_compare(from->folded, to->folded) <= 0;

    *room = direct_new(hub, key, ordered ? from : to, ordered ? to : from);
    return 0;
}

static struct direct_person person(struct session *session) {
    return (struct direct_person){session, claim_folded(session->claim),
                                  claim_shown(session->claim)};
}

int direct_open(struct hub *hub, struct session *from, struct session *to, struct room **room) {
    if (from->claim == NULL || to->claim == NULL) {
        return ERR_NOT_FOUND;
    }
    struct direct_person first = person(from), second = person(to);

    return direct_open_as(hub, &first, &second, room);
}

/* Whether both sides still go by the names that the room shows. */
static bool is_current(const struct room *room) {
    struct slice rest = slice_skip(room->direct->folded, 1);
    struct slice first = slice_cut(&rest, ',');
    const struct claim *claims[] = {room->direct->sides[0].session->claim,
                                    room->direct->sides[1].session->claim};

    return claims[0] != NULL && slice_equal(claim_folded(claims[0]), first) && claims[1] != NULL &&
           slice_equal(claim_folded(claims[1]), rest);
}

int direct_fold(struct hub *hub, struct slice name, struct slice *folded) {
    struct slice second = slice_skip(name, 1);
    struct slice first = slice_cut(&second, ',');
    struct slice part;

    if (hub_fold(hub, first, &part) < 0) {
        return ERR_BAD_REQUEST;
    }
    first = hub_keep(hub, part);
    if (hub_fold(hub, second, &part) < 0) {
        return ERR_BAD_REQUEST;
    }
    *folded = direct_name(hub, first, part);
    return 0;
}

int direct_name_with(struct hub *hub, const struct client *client, struct slice name,
                     struct slice *room) {
    const struct claim *own = client->session != NULL ? client->session->claim : NULL;
    struct slice folded;

    if (own == NULL) {
        return ERR_NOT_FOUND;
    }
    if (hub_fold(hub, name, &folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    bool ordered = slice_compare(claim_folded(own), folded) <= 0;

    *room = direct_name(hub, ordered ? claim_shown(own) : name, ordered ? name : claim_shown(own));
    return 0;
}

/* Two rooms can look the same, when somebody gave a name up and somebody else took it. The one
 * meant is with whoever holds the name now, else the newest. */
struct room *direct_find(struct hub *hub, const struct session *session, struct slice name) {
    struct slice folded;
    struct room *found = NULL;

    if (list_empty(&session_belongings(session)->directs) || direct_fold(hub, name, &folded) < 0) {
        return NULL;
    }
    for (struct list_node *node = session_belongings(session)->directs.last; node != NULL;
         node = node->previous) {
        struct room *room = side_room(node);

        if (room->direct->forsaken || !slice_equal(room->direct->folded, folded)) {
            continue;
        }
        if (is_current(room)) {
            return room;
        }
        found = found != NULL ? found : room;
    }
    return found;
}

/* Who has to say hello first is told nothing before, and finds its conversations in the answer. */
static bool follows(const struct client *client, const struct room *room) {
    return client->traits.direct &&
           (client->introduced || client->traits.default_room || client->traits.needs_name) &&
           client_may_see(client, room->direct->folded) &&
           roster_find(&client->roster, room) == NULL;
}

static struct entrance *entrance_after(const uint64_t *after) {
    struct entrance entrance = {.kind = ENTRANCE_CALLED, .has_after = true};

    if (after == NULL) {
        return NULL;
    }
    entrance.after = *after;
    return entrance_new(&entrance);
}

static void attach_side(struct hub *hub, struct room *room, struct session *session,
                        const uint64_t *after) {
    struct client *client = session_next_client(session, NULL);

    for (; client != NULL; client = session_next_client(session, client)) {
        if (follows(client, room)) {
            struct place place = place_of(room);
            struct entrance *entrance = direct_point_take(session, room);

            membership_enter(hub, client, &place,
                             entrance != NULL ? entrance : entrance_after(after));
        }
    }
}

static void attach(struct hub *hub, struct room *room, const uint64_t *after) {
    struct place place = place_of(room);

    room_open(hub, &place);
    attach_side(hub, room, room->direct->sides[0].session, after);
    attach_side(hub, room, room->direct->sides[1].session, after);
}

void direct_attach(struct hub *hub, struct room *room) {
    attach(hub, room, NULL);
}

void direct_attach_after(struct hub *hub, struct room *room, uint64_t after) {
    attach(hub, room, &after);
}

enum side direct_side_of(const struct room *room, const struct identity *identity) {
    if (room->direct == NULL) {
        return SIDE_PUBLIC;
    }
    return identity_equal(&room->direct->sides[0].session->identity, identity) ? SIDE_FIRST
                                                                               : SIDE_SECOND;
}

bool direct_over(const struct room *room) {
    const struct direct *direct = room->direct;

    return direct->forsaken ||
           (session_over(direct->sides[0].session) && session_over(direct->sides[1].session));
}

static void unlink_side(struct direct_side *side) {
    list_remove(&side->session->belongings->directs, &side->node);
    side->session->belongings->direct_count--;
}

void direct_unlink(struct hub *hub, struct room *room) {
    struct session *first = room->direct->sides[0].session;
    struct session *second = room->direct->sides[1].session;

    unlink_side(&room->direct->sides[0]);
    if (second != first) {
        unlink_side(&room->direct->sides[1]);
        session_settle(hub, second);
    }
    session_settle(hub, first);
}
