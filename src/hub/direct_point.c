/* Coming back to a conversation after the server was restarted. The hub knows a direct-message room
 * by the sessions of both sides, and has forgotten it with them; its log is still there. The first
 * of the two to come back cannot name the other yet, so the place where it was cut off is kept with
 * its session, until the other is back or writes.
 *
 * Whoever says to come back need not have been there: the name may be somebody else's by now, or it
 * is just a try. So a room that is opened in this way is gone again when its log turns out to be
 * empty. */
#include "base/pack.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/membership.h"
#include "hub/room.h"
#include "hub/session.h"

#define POINTS_PER_SESSION 100

struct direct_point {
    struct direct_point *next;
    uint64_t after;
    struct slice folded, epoch; /* point into bytes */
    char bytes[];
};

void direct_points_free(struct session *session) {
    struct direct_point *next = session_belongings(session)->points;

    while (next != NULL) {
        struct direct_point *point = next;

        next = point->next;
        memory_free(point);
    }
}

/* The link to it; NULL: there is none. */
static struct direct_point **find_point(struct session *session, struct slice folded) {
    if (session->belongings == NULL) {
        return NULL;
    }
    struct direct_point **link = &session->belongings->points;

    while (*link != NULL && !slice_equal((*link)->folded, folded)) {
        link = &(*link)->next;
    }
    return *link != NULL ? link : NULL;
}

static void drop_point(struct session *session, struct slice folded) {
    struct direct_point **link = find_point(session, folded);

    if (link != NULL) {
        struct direct_point *point = *link;

        *link = point->next;
        memory_free(point);
    }
}

static void keep_point(struct session *session, struct slice folded, const struct entrance *from) {
    struct belongings *belongings = session_open_belongings(session);
    unsigned count = 0;

    drop_point(session, folded);
    for (const struct direct_point *each = belongings->points; each != NULL; each = each->next) {
        count++;
    }
    if (count >= POINTS_PER_SESSION) {
        return;
    }
    struct direct_point *point = memory_new(sizeof(*point) + folded.length + from->epoch.length);

    point->after = from->after;
    point->folded = folded;
    point->epoch = from->epoch;
    pack_slice(&point->epoch, pack_slice(&point->folded, point->bytes));
    point->next = belongings->points;
    belongings->points = point;
}

/* The one of both names that is not the session's own; empty: neither is, so the room is not the
 * session's. */
static struct slice other_name(const struct session *session, struct slice folded) {
    struct slice second = slice_skip(folded, 1);
    struct slice first = slice_cut(&second, ',');

    if (session->claim == NULL) {
        return SLICE_NONE;
    }
    if (slice_equal(first, claim_folded(session->claim))) {
        return second;
    }
    return slice_equal(second, claim_folded(session->claim)) ? first : SLICE_NONE;
}

/* Whether it can have been there before the server was restarted. One that began here has no log
 * anywhere that the hub does not know of. */
static bool was_here(const struct hub *hub, const struct session *session) {
    return session->returned || session->registered ||
           (hub->options.shared && session_is_stand_in(session));
}

int direct_come_back(struct hub *hub, const struct client *client, struct slice name,
                     const struct entrance *entrance, struct place *place) {
    struct session *session = client->session;
    struct slice folded;

    if (name.data[0] != '@' || direct_fold(hub, name, &folded) < 0) {
        return ERR_NOT_FOUND;
    }
    struct slice other = other_name(session, folded);

    if (other.length == 0 || !client_may_see(client, folded)) {
        return ERR_NOT_FOUND;
    }
    struct session *others = device_find_session(hub, other);

    if (others == NULL || !was_here(hub, session) || !was_here(hub, others)) {
        if (others == NULL && entrance->has_after) {
            keep_point(session, folded, entrance);
        }
        if (others != NULL) {
            session_settle(hub, others);
        }
        return ERR_NOT_FOUND;
    }
    struct room *room;
    int error = direct_open(hub, session, others, &room);

    if (error < 0) {
        session_settle(hub, others);
        return error;
    }
    if (room->references == 0 && !room->exists) {
        room->direct->doubtful = true;
    }
    *place = place_of(room);
    return 0;
}

struct entrance *direct_point_take(struct session *session, const struct room *room) {
    struct direct_point **link = find_point(session, room->direct->folded);

    if (link == NULL) {
        return NULL;
    }
    struct direct_point *point = *link;
    struct entrance entrance = {
        .kind = ENTRANCE_RETURN, .has_after = true, .after = point->after, .epoch = point->epoch};
    struct entrance *taken = entrance_new(&entrance);

    *link = point->next;
    memory_free(point);
    return taken;
}

void direct_point_drop(struct session *session, const struct room *room) {
    drop_point(session, room->direct->folded);
}
