/* What the servers ("nodes") that share a store have in common beside the logs: who holds a name,
 * how many are in a room, who is called to a conversation. The hub does not know nodes: whatever is
 * not its own is "elsewhere". A store that is one server's alone has no struct shared_engine, and
 * then none of this is asked for.
 *
 * What a node holds here it holds while it is alive, that is while it renews its lease; when it
 * dies, the others get EVENT_ELSEWHERE (gone) for its names and SIGNAL_COUNT for its rooms. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/entry.h"
#include "hub/signal.h"

struct store;

/* A name that a session here wants to hold, or holds. */
struct name_claim {
    struct slice folded; /* as names are compared */
    struct slice shown;
    struct identity identity; /* who holds it. The same identity may claim on another node: then it
                                 has moved, unless it is registered (an account's, which may be on
                                 several) */
    bool registered;
    uint64_t ticket; /* handed back; 0: nobody waits for the answer */
};

/* Somebody in a room on another node. */
struct other_member {
    struct identity identity;
    struct slice name;
};

/* A conversation that somebody on this node has opened with somebody elsewhere, in the words of
 * both: whichever node has a session of `to` opens it too. */
struct call {
    struct slice room_key; /* "@" + hex of both identities */
    struct identity from, to;
    struct slice from_name, to_name; /* as shown */
};

/* A part of struct store_engine. Like its calls these are asynchronous and go into the queue. */
struct shared_engine {
    /* Tells the other nodes what the readers of this room are shown, in order with what was
     * appended from here before. `count`: the sessions in the room on this node from now on. They
     * are told nothing of a silent one; it only changes who is gathered. Copies. */
    void (*share)(struct store *store, const struct signal *signal, unsigned count);
    /* Answered by EVENT_CLAIMED when the ticket is not 0: 0, ERR_NAME_TAKEN or ERR_UNAVAILABLE.
     * Held until release, or until the node is dead. Copies. */
    void (*claim)(struct store *store, const struct name_claim *claim);
    /* Only if this node (still) holds it for this identity. */
    void (*release)(struct store *store, struct slice folded, const struct identity *identity);
    /* Who is in the room on other nodes; answered by EVENT_GATHERED. At most LIMIT_LIST_ITEMS,
     * named ones only. */
    void (*gather)(struct store *store, struct slice room_key, struct origin origin,
                   struct slice cid);
    /* EVENT_CALLED on every other node. Not kept: what must not be lost is marked (mark, recall).
     */
    void (*call)(struct store *store, const struct call *call);
};
