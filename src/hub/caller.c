/* Callers: those who come without a session (HTTP), known by an identity that is made of their
 * address and the name they sign with. They are remembered for what they have done lately, until
 * that is of no more use. Of LIMIT_CALLERS remembered the one silent longest is forgotten, by which
 * nobody gains anything: another name is a new caller anyway, and all those of an address are
 * counted together (senders_per_address). */
#include <string.h>

#include "hub/limits.h"
#include "hub/session.h"

#define LOOKED_AT 1000 /* in a tick */

static void forget_caller(struct hub *hub, struct caller *caller) {
    map_remove(hub->callers, identity_slice(&caller->identity));
    list_remove(&hub->caller_order, &caller->node);
    memory_free(caller->purse.rate);
    memory_free(caller);
}

static struct caller *oldest_caller(const struct hub *hub) {
    return container_of(hub->caller_order.first, struct caller, node);
}

struct caller *caller_find(struct hub *hub, const struct identity *identity) {
    struct caller *caller = map_find(hub->callers, identity_slice(identity));

    if (caller != NULL) {
        list_remove(&hub->caller_order, &caller->node);
    } else {
        if (map_count(hub->callers) >= LIMIT_CALLERS) {
            forget_caller(hub, oldest_caller(hub));
        }
        caller = memory_new_struct(struct caller);
        caller->identity = *identity;
        map_put(hub->callers, identity_slice(&caller->identity), caller);
    }
    list_append(&hub->caller_order, &caller->node);
    caller->used_us = hub->now_us;
    return caller;
}

static bool owes(const struct purse *purse, const struct quota_bucket *joins,
                 const struct quota_bucket *names, int64_t now_us) {
    return purse->bytes.full_us > now_us || purse->rooms.full_us > now_us ||
           joins->full_us > now_us || names->full_us > now_us;
}

void caller_take_over(struct hub *hub, struct session *session) {
    const struct purse *purse = &session_belongings(session)->purse;
    bool matters =
        purse->rate != NULL || owes(purse, &session->joins, &session->names, hub->now_us);

    if (!session->registered || !matters) {
        return;
    }
    struct caller *caller = caller_find(hub, &session->identity);

    memory_free(caller->purse.rate);
    caller->purse = *purse;
    if (session->belongings != NULL) {
        session->belongings->purse.rate = NULL;
    }
    caller->joins = session->joins;
    caller->names = session->names;
}

void caller_hand_over(struct hub *hub, struct session *session) {
    struct caller *caller = map_find(hub->callers, identity_slice(&session->identity));

    if (caller != NULL) {
        session_open_belongings(session)->purse = caller->purse;
        caller->purse.rate = NULL;
        session->joins = caller->joins;
        session->names = caller->names;
        forget_caller(hub, caller);
    }
}

/* Who still owes something, for a room made within the hour, goes to the end of the line. */
void callers_tick(struct hub *hub) {
    for (int looked_at = 0; looked_at < LOOKED_AT; looked_at++) {
        if (list_empty(&hub->caller_order) ||
            hub->now_us - oldest_caller(hub)->used_us < RATE_WINDOW_US) {
            return;
        }
        struct caller *caller = oldest_caller(hub);

        if (!owes(&caller->purse, &caller->joins, &caller->names, hub->now_us)) {
            forget_caller(hub, caller);
        } else {
            list_remove(&hub->caller_order, &caller->node);
            list_append(&hub->caller_order, &caller->node);
        }
    }
}

void callers_close(struct hub *hub) {
    while (!list_empty(&hub->caller_order)) {
        forget_caller(hub, oldest_caller(hub));
    }
    map_free(hub->callers);
}
