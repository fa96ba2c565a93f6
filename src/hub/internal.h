/* The hub's state, and what all of its files use. Nobody outside hub/ includes this, nor the
 * headers that build on it:
 *
 *   client.h      client: one connection. roster: the rooms that it is in
 *   session.h     session: somebody, with identity, secret, name and limits; may outlive its
 * clients. claim: a name that a session holds room.h        room: its head and who reads it. place:
 * a room that a request means membership.h  membership: a client in a room, from asking to join
 * until the leave has come back. entrance: a request to join, until its turn in the room's feed has
 * come. welcome: a hello that waits for its entrances deferral.h    deferral: a client's request
 * that waits for those before it direct.h      direct: the two sides of a direct-message room
 *   accounts.h    account, passport: whom the authority knows, and what a client was let in with
 *   elsewhere.h   the other nodes: names held there, names claimed over all, counts shared
 *   limits.h      rates: what is charged to whom
 *   rules.h       the rules of rooms; access.h: what they allow; moderation.h: who may change them
 *   ready.h       whether the server does what it is for
 *   requests.h    a function for each kind of request
 *
 * Everything that must keep its order goes through the store's queue and is decided when it
 * comes back. Whatever may be freed in the same step is copied into the effects' arena before an
 * effect refers to it. */
#pragma once

#include "base/blob.h"
#include "base/buffer.h"
#include "base/cidr.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/quota.h"
#include "base/text.h"
#include "hub/hub.h"

struct account;
struct claim;
struct client;
struct deferral;
struct direct;
struct direct_point;
struct elsewhere;
struct entrance;
struct membership;
struct passport;
struct place;
struct rate;
struct ready;
struct room;
struct rules;
struct session;
struct welcome;

struct hub {
    struct hub_options options;
    int64_t now_us;          /* of the event under way */
    struct effects *effects; /* of the step under way */
    struct hub_counters counters;

    struct pool client_pool, session_pool, membership_pool, claim_pool;
    struct id_map *clients; /* by connection */
    struct list newcomers;  /* who may still have to say who they are; first come first */
    uint64_t last_number;   /* of "Client N" */
    uint32_t last_hello;

    struct map *sessions;  /* by identity */
    struct list lingering; /* sessions, the next to expire first */
    unsigned lingering_count;
    struct map *claims; /* by folded name */
    uint32_t last_claim;
    struct list unsaved; /* read marks that are not written yet, see mark.c */

    struct map *accounts;      /* by identity, see account.c */
    struct map *account_names; /* by folded name */
    struct list expiring;      /* passports, see passport.c */
    struct list bearers;       /* those that do not say whose they are */

    struct map *rooms;           /* by key */
    struct list changed;         /* rooms with a count to tell */
    struct list unwritten;       /* public rooms without an entry */
    struct rules *rules;         /* of rooms, see rules.h */
    struct elsewhere *elsewhere; /* what other nodes hold, see elsewhere.h */
    struct ready *ready;

    struct map *callers;           /* by identity, see caller.c */
    struct list caller_order;      /* the one unused for longest first */
    struct quota_table *addresses; /* what addresses have done lately, see limits.c */
    struct quota_table *busy_rooms;

    struct buffer folded; /* see hub_fold */
    struct buffer text;   /* a label or message under construction */
    struct reply unheard; /* where answers to those who have gone are written */
};

/* `name` as it is compared; valid until the next call. ERR_BAD_REQUEST when it is no name. */
int hub_fold(struct hub *hub, struct slice name, struct slice *folded) MUST_USE;
/* A copy for effects to refer to. */
struct slice hub_keep(struct hub *hub, struct slice s);
/* What stands in a blob that may be missing. */
struct slice hub_text(const struct blob *blob);

/* answer.c */

/* A new reply for this client, to be filled in before the next effect. */
struct reply *answer(struct hub *hub, const struct client *client, enum reply_kind kind,
                     struct slice cid);
/* `text` for people; empty: the usual words for `error`. The reply may be added to before the
 * next effect. */
struct reply *answer_error(struct hub *hub, const struct client *client, struct slice cid,
                           int error, struct slice text);
void answer_rate_limited(struct hub *hub, const struct client *client, struct slice cid,
                         unsigned retry_ms);
/* The ack of a request that makes no entry. Without a cid nobody waits for one. */
void answer_ack(struct hub *hub, const struct client *client, struct slice cid, struct slice room);
