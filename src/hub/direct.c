/* Direct messages: a room of two sessions. Its key is made of their identities, so it is theirs whatever they are called;
 * its name is only how it is shown, and stays what it was when the first message was sent. To everybody else it does not
 * exist. When neither of the two can come back, it is erased. */
#include <string.h>

#include "hub/internal.h"
#include "hub/pack.h"

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

/* "@FIRST,SECOND", in memory of the step. */
static struct slice make_name(struct hub *hub, struct slice first, struct slice second) {
    struct buffer *text = &hub->text;

    buffer_clear(text);
    buffer_append_char(text, '@');
    buffer_append_slice(text, first);
    buffer_append_char(text, ',');
    buffer_append_slice(text, second);
    return hub_keep(hub, buffer_slice(text));
}

static void link_side(struct room *room, size_t index, struct session *session) {
    struct direct_side *side = &room->direct->sides[index];

    side->session = session;
    side->room = room;
    if (index == 0 || session != room->direct->sides[0].session) {
        list_append(&session->directs, &side->node);
    }
}

static struct room *direct_new(struct hub *hub, struct slice key, struct session *first,
                               struct session *second) {
    struct slice name = make_name(hub, first->claim->shown, second->claim->shown);
    struct slice folded = make_name(hub, first->claim->folded, second->claim->folded);
    struct room *room = room_new(hub, key, name);

    room->direct = memory_new(sizeof(*room->direct) + folded.length);
    room->direct->folded = folded;
    pack_slice(&room->direct->folded, room->direct->bytes);
    link_side(room, 0, first);
    link_side(room, 1, second);
    return room;
}

int direct_open(struct hub *hub, struct session *from, struct session *to, struct room **room) {
    char buffer[KEY_LENGTH];
    struct slice key = make_key(buffer, &from->identity, &to->identity);
    struct room *known = room_find(hub, key);

    if (known == NULL) {
        if (from->opened >= LIMIT_ROOMS_PER_SESSION) {
            return ERR_TOO_MANY;
        }
        bool ordered = slice_compare(from->claim->folded, to->claim->folded) <= 0;

        known = direct_new(hub, key, ordered ? from : to, ordered ? to : from);
        known->direct->opener = from;
        from->opened++;
    }
    *room = known;
    return 0;
}

static struct room *side_room(struct list_node *node) {
    return container_of(node, struct direct_side, node)->room;
}

/* Whether both sides still go by the names that the room shows. */
static bool is_current(const struct room *room) {
    struct slice rest = slice_skip(room->direct->folded, 1);
    struct slice first = slice_cut(&rest, ',');
    const struct claim *claims[] = {room->direct->sides[0].session->claim,
                                    room->direct->sides[1].session->claim};

    return claims[0] != NULL && slice_equal(claims[0]->folded, first) && claims[1] != NULL &&
           slice_equal(claims[1]->folded, rest);
}

/* Two rooms can look the same, when somebody gave a name up and somebody else took it. The one meant is with whoever holds
 * the name now, else the newest. */
struct room *direct_find(struct hub *hub, const struct session *session, struct slice name) {
    struct slice second = slice_skip(name, 1);
    struct slice first = slice_cut(&second, ',');
    struct slice folded;
    struct room *found = NULL;

    if (list_empty(&session->directs) || hub_fold(hub, first, &folded) < 0) {
        return NULL;
    }
    first = hub_keep(hub, folded);
    if (hub_fold(hub, second, &folded) < 0) {
        return NULL;
    }
    name = make_name(hub, first, folded);
    for (struct list_node *node = session->directs.last; node != NULL; node = node->previous) {
        struct room *room = side_room(node);

        if (!slice_equal(room->direct->folded, name)) {
            continue;
        }
        if (is_current(room)) {
            return room;
        }
        found = found != NULL ? found : room;
    }
    return found;
}

static void attach_side(struct hub *hub, struct room *room, const struct session *session) {
    struct client *client = session->client;

    if (client != NULL && client->traits.direct && roster_find(&client->roster, room) == NULL) {
        struct place place = place_of(room);

        membership_enter(hub, client, &place, NULL);
    }
}

void direct_attach(struct hub *hub, struct room *room) {
    struct place place = place_of(room);

    room_open(hub, &place);
    attach_side(hub, room, room->direct->sides[0].session);
    attach_side(hub, room, room->direct->sides[1].session);
}

enum side direct_side_of(const struct room *room, const struct identity *identity) {
    if (room->direct == NULL) {
        return SIDE_PUBLIC;
    }
    return identity_equal(&room->direct->sides[0].session->identity, identity) ? SIDE_FIRST
                                                                               : SIDE_SECOND;
}

bool direct_over(const struct room *room) {
    return session_over(room->direct->sides[0].session) &&
           session_over(room->direct->sides[1].session);
}

void direct_unlink(struct hub *hub, struct room *room) {
    struct session *first = room->direct->sides[0].session;
    struct session *second = room->direct->sides[1].session;

    room->direct->opener->opened--;
    list_remove(&first->directs, &room->direct->sides[0].node);
    if (second != first) {
        list_remove(&second->directs, &room->direct->sides[1].node);
        session_settle(hub, second);
    }
    session_settle(hub, first);
}
