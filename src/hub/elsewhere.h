/* The other nodes, as the hub's files share it: names that are held elsewhere and what is asked of
 * the store so that a name is held once (nodes.h has the vocabulary). All of it does nothing where
 * the store is this server's alone. Private to hub/.
 *
 *   elsewhere.c    namesake: a name held on another node; stand-ins: sessions that are there
 *   claim.c        asks for names and lets go of them
 *   share.c        shows other nodes what this one's readers are shown, and counts
 *   ahead.c        readers that have seen more on another node than has come here
 *   direct_call.c  conversations whose sides are on different nodes */
#pragma once

#include "hub/internal.h"

/* A name that is held on another node. */
struct namesake {
    struct list_node node; /* in the order in which it was heard of */
    struct identity identity;
    bool registered;
    struct slice folded, shown; /* point into bytes */
    char bytes[];
};

struct elsewhere {
    struct map *names;   /* namesakes by folded name */
    struct map *holders; /* the same by identity: the name that it took last */
    struct list order;
    struct list asked;          /* claims without an answer, see claim.c */
    struct list failed;         /* those that the store could not answer, first come first */
    struct list ahead;          /* see ahead.c */
    const struct event *answer; /* EVENT_CLAIMED, while the request that waited is carried out */
};

void elsewhere_open(struct hub *hub);
void elsewhere_close(struct hub *hub);

/* elsewhere.c */

/* NULL: it holds no name on another node. */
const struct namesake *elsewhere_find(const struct hub *hub, const struct identity *identity);
/* Whether somebody else holds the name (folded) on another node. */
bool elsewhere_denies(const struct hub *hub, struct slice folded, const struct identity *identity);
/* `identity` holds the name here now: whoever was thought to hold it elsewhere does not. */
void elsewhere_yield(struct hub *hub, struct slice folded, const struct identity *identity);
/* A session for who holds this name on another node, so that a conversation has two sides here; it
 * has no client and goes by session_settle. NULL: nobody does. */
struct session *elsewhere_stand_in(struct hub *hub, struct slice folded);
/* The same for an identity, whose name need not be known. */
struct session *elsewhere_stand_in_for(struct hub *hub, const struct identity *identity);
/* Whether nobody has come here with the secret of this session. */
bool session_is_stand_in(const struct session *session);
/* EVENT_ELSEWHERE */
void elsewhere_told(struct hub *hub, const struct event *event);

/* claim.c */

/* Whether the request has to wait until the store has said that `identity` may hold the name. If
 * so it is kept, and will be carried out again (request.again) when it may. */
bool claim_start(struct hub *hub, struct client *client, const struct request *request,
                 struct slice name, const struct identity *identity);
/* Whether the store is being asked to let somebody else here have it: of two on one node the first
 * to ask gets it, which the store cannot tell apart from one who moves. */
bool claim_is_contended(const struct hub *hub, struct slice folded,
                        const struct identity *identity);
/* The answer that the request under way has waited for; NULL: it did not. */
const struct event *claim_answer(const struct hub *hub);
/* The name (of a session that is here) is to be held over all nodes, or not any more. */
void claim_hold(struct hub *hub, struct claim *claim);
void claim_let_go(struct hub *hub, struct claim *claim);
/* EVENT_CLAIMED */
void claim_answered(struct hub *hub, const struct event *event);
void claim_tick(struct hub *hub);
void claim_close(struct hub *hub);
/* The session goes on without its name, which somebody holds elsewhere. */
void claim_lose(struct hub *hub, struct session *session);

/* share.c */

/* origin.session of a signal of ours for which nobody waits; that of another node has none. */
#define OWN_SIGNAL UINT64_MAX

/* How many sessions are in the room, over all nodes. */
unsigned room_client_count(const struct room *room);
/* What this node's readers are shown, the other nodes' are shown too. */
void share_signal(struct hub *hub, struct room *room, const struct signal *signal);
/* Of one of ours that is told of as a bare count: the list of members has to know all the same. */
void share_silently(struct hub *hub, const struct room *room, struct signal *signal);
/* The client's join is on its way, is back. */
void share_join(struct hub *hub, struct client *client, const struct room *room);
void share_joined(struct client *client, const struct room *room);
/* Tells the others how many are in the room here, if that has changed. */
void share_count(struct hub *hub, struct room *room);
/* A signal that another node has shared brings its count with it. */
void share_taken(struct hub *hub, struct room *room, const struct signal *signal);
/* The room's head, with the count of the others; what they know of ours may be lost. */
void share_followed(struct hub *hub, struct room *room, const struct room_head *head);

/* ahead.c */

/* Whether the reader must wait until what it has seen elsewhere has come here. */
bool ahead_waits(const struct hub *hub, const struct membership *membership,
                 const struct entrance *entrance);
/* Its first entrance does: membership_admit when that is over. */
void ahead_add(struct hub *hub, struct membership *membership);
void ahead_forget(struct hub *hub, const struct membership *membership);
/* The room has got further, or its log is another one. */
void ahead_advance(struct hub *hub, const struct room *room);
void ahead_tick(struct hub *hub);
/* EVENT_GATHERED that no client waits for. */
void ahead_told(struct hub *hub, const struct event *event);
void ahead_close(struct hub *hub);

/* direct_call.c */

/* `from` writes: whichever node has the other side, or another device of this one, opens the
 * conversation too. */
void direct_call(struct hub *hub, struct room *room, const struct session *from);
/* The conversation of a call, with a stand-in for who is not here. ERR_BAD_REQUEST,
 * ERR_TOO_MANY, ERR_UNAVAILABLE. */
int direct_open_called(struct hub *hub, const struct call *call, struct room **room) MUST_USE;
/* EVENT_CALLED */
void direct_called(struct hub *hub, const struct event *event);
