/* Conversations over several nodes. Who writes to somebody that is, or may be, on another node
 * calls them: each node that has a session of one of the two opens the conversation, and its
 * clients read all of it that they have not read.
 *
 * A call is not kept. So it is repeated while there is something to say, and both sides are marked
 * (direct_written) to find the conversation when they come to another node. */
#include "hub/direct.h"

#include "hub/accounts.h"
#include "hub/elsewhere.h"
#include "hub/room.h"
#include "hub/session.h"

#define CALL_AGAIN_US INT64_C(10000000)

/* "@FIRST,SECOND": what the side was called when the room was opened. */
static struct slice side_name(struct slice room_name, const struct room *room,
                              const struct session *session) {
    struct slice second = slice_skip(room_name, 1);
    struct slice first = slice_cut(&second, ',');

    return room->direct->sides[0].session == session ? first : second;
}

static bool may_be_elsewhere(const struct hub *hub, const struct session *session) {
    return session->client == NULL || session->registered ||
           elsewhere_find(hub, &session->identity) != NULL;
}

void direct_call(struct hub *hub, struct room *room, const struct session *from) {
    struct direct *direct = room->direct;

    if (!hub->options.shared || from == NULL ||
        (direct->called_us != 0 && hub->now_us - direct->called_us < CALL_AGAIN_US)) {
        return;
    }
    const struct session *to =
        direct->sides[0].session == from ? direct->sides[1].session : direct->sides[0].session;

    if (!may_be_elsewhere(hub, to) && !from->registered) {
        return;
    }
    struct slice name = hub_keep(hub, hub_text(room->name));
    struct call call = {.room_key = hub_keep(hub, room->key),
                        .from = from->identity,
                        .to = to->identity,
                        .from_name = side_name(name, room, from),
                        .to_name = side_name(name, room, to)};

    direct->called_us = hub->now_us;
    effects_add(hub->effects, EFFECT_CALL)->call = call;
}

static bool is_here(const struct hub *hub, const struct identity *identity) {
    const struct session *session = session_find(hub, identity);

    return session != NULL && !session_over(session);
}

static struct session *session_for(struct hub *hub, const struct identity *identity) {
    return account_find(hub, identity) != NULL ? device_open_session(hub, identity)
                                               : elsewhere_stand_in_for(hub, identity);
}

/* ERR_BAD_REQUEST: that is no name. */
static int meet(struct hub *hub, const struct identity *identity, struct slice name,
                struct direct_person *person) {
    struct slice folded;

    if (hub_fold(hub, name, &folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    *person = (struct direct_person){session_for(hub, identity), hub_keep(hub, folded), name};
    return 0;
}

int direct_open_called(struct hub *hub, const struct call *call, struct room **room) {
    struct direct_person from = {0}, to = {0};
    int error = meet(hub, &call->from, call->from_name, &from);

    if (error == 0) {
        error = meet(hub, &call->to, call->to_name, &to);
    }
    if (error == 0) {
        error = direct_open_as(hub, &from, &to, room);
    }
    if (error < 0 && from.session != NULL) {
        session_settle(hub, from.session);
    }
    if (error < 0 && to.session != NULL && to.session != from.session) {
        session_settle(hub, to.session);
    }
    return error;
}

/* Who is not in the room, and is here, has read it as far as it was shown here, or as their mark
 * says. */
static uint64_t read_so_far(const struct hub *hub, const struct room *room,
                            const struct call *call) {
    const struct identity *sides[] = {&call->from, &call->to};
    uint64_t seq = UINT64_MAX;

    if (room->state == ROOM_FOLLOWED) {
        return room->last;
    }
    for (size_t i = 0; i < 2; i++) {
        const struct session *session = session_find(hub, sides[i]);

        if (session->client != NULL) {
            uint64_t own = mark_seq(session, room->key, UINT64_MAX);

            seq = own < seq ? own : seq;
        }
    }
    return seq != UINT64_MAX ? seq : 0;
}

void direct_called(struct hub *hub, const struct event *event) {
    const struct call *call = &event->called;
    struct room *room;

    if (!is_here(hub, &call->from) && !is_here(hub, &call->to)) {
        return;
    }
    if (!slice_equal(call->room_key, direct_key(hub, &call->from, &call->to)) ||
        direct_open_called(hub, call, &room) < 0) {
        return;
    }
    direct_attach_after(hub, room, read_so_far(hub, room, call));
}
