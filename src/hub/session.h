/* Somebody: identity, secret, name, and how far they have read. Private to hub/. */
#pragma once

#include "hub/internal.h"
#include "hub/limits.h"

/* session.c */

/* There are many, and few of them have ever done more than listen: what those do not have stands
 * elsewhere. */
struct session {
    struct identity identity;
    char secret[sizeof(((struct event *)0)->opened.secret)];
    uint8_t role;          /* enum role, on the whole server: the highest that a client of it has */
    bool registered : 1;   /* an account's */
    bool recalling : 1;    /* EFFECT_RECALL is out */
    bool returned : 1;     /* its secret was known already when it began */
    struct client *client; /* the first of those that have it; NULL: lost or over */
    struct claim *claim;   /* NULL: has no name */
    struct belongings *belongings;    /* NULL: nothing */
    struct quota_bucket joins, names; /* see limits.c */
};

/* What a session has beside its name. */
struct belongings {
    struct purse purse;
    struct lingering *lingering; /* NULL: the session is live, or over */
    struct list directs;         /* sides of direct-message rooms */
    unsigned direct_count;
    struct direct_point *points; /* places in such rooms whose other side is not back yet */
    struct map *marks;           /* how far it has read, by room key; NULL: nothing */
};

/* While a session without clients can be come back to. */
struct lingering {
    struct session *session;
    struct list_node node; /* in hub->lingering */
    int64_t expires_us;
};

/* `client` may be NULL. */
struct session *session_new(struct hub *hub, const struct identity *identity, struct slice secret,
                            struct client *client);
/* The clients that have it, one after the other; NULL after the last, `previous` NULL before the
 * first. */
struct client *session_next_client(const struct session *session, const struct client *previous);
struct session *session_find(const struct hub *hub, const struct identity *identity);
const struct belongings *session_belongings(const struct session *session);
/* To be added to. */
struct belongings *session_open_belongings(struct session *session);
/* Gives `client` the session, whoever had it. The client's own session so far is over; its name
 * goes to one without. */
void session_take_over(struct hub *hub, struct session *session, struct client *client);
/* Somebody has come with the secret of a session that may have been on another node. */
void session_recover(struct hub *hub, struct session *session, struct slice secret);
/* Gives `client` a new session of this identity, with the name and the limits of its own so far. */
void session_take_on(struct hub *hub, const struct identity *identity, struct slice secret,
                     struct client *client);
/* Makes `client` one more client of an account's session. Its own session so far is over; its name
 * goes to one without. */
void session_become(struct hub *hub, struct session *session, struct client *client);
/* The client has it no more, and nothing else follows from that. */
void session_remove(struct session *session, struct client *client);
/* The client is gone. `linger`: where it was the last, it may come back for a while. */
void session_detach(struct hub *hub, struct client *client, bool linger);
/* A session without clients lingers no more. */
void session_end(struct hub *hub, struct session *session);
/* What its clients may do has changed. */
void session_weigh(struct session *session);
/* No client has it and none can come back to its name: it is only kept for its direct-message
 * rooms. */
bool session_over(const struct session *session);
/* Frees a session that is over and has no direct-message room left. */
void session_settle(struct hub *hub, struct session *session);
void session_tick(struct hub *hub);
void session_free(struct hub *hub, struct session *session);

/* name.c */

struct claim {
    struct session *session;
    uint32_t number;       /* in the order of claiming */
    uint16_t shown_length; /* 0: it is shown as it is compared */
    uint16_t folded_length : 15;
    uint16_t held : 1; /* on all nodes, see claim.c */
    char bytes[];      /* the name as it is compared, then as it is shown */
};

/* Claims of names that are not long are of one size. */
#define CLAIM_SIZE_SMALL 40

void claim_free(struct hub *hub, struct claim *claim); /* NULL is fine */
struct slice claim_folded(const struct claim *claim);
struct slice claim_shown(const struct claim *claim);

struct claim *name_find(struct hub *hub, struct slice name); /* NULL: nobody holds it */
/* Whether nobody can be called that. */
bool name_is_reserved(struct slice folded);
/* Whether `session` (NULL: a new one) may claim `name`; ERR_BAD_REQUEST, ERR_NAME_TAKEN,
 * ERR_UNAUTHORIZED: it is an account's; ERR_FORBIDDEN: the session is an account's, which has
 * another. A name held by `also` counts as free. */
int name_check_claim(struct hub *hub, struct slice name, const struct session *session,
                     const struct session *also) MUST_USE;
/* ERR_NAME_TAKEN: somebody else holds it on another node, or is about to. */
int name_check_elsewhere(struct hub *hub, struct slice name,
                         const struct identity *identity) MUST_USE;
/* Whether this label may be signed with; ERR_NAME_TAKEN when it could be taken for a name that
 * somebody else holds, for a numbered client or for the server. ERR_BAD_REQUEST. */
int name_check_label(struct hub *hub, struct slice label, const struct identity *identity) MUST_USE;
/* Only after name_check_claim. A name held so far is released. */
void name_claim(struct hub *hub, struct session *session, struct slice name);
void name_release(struct hub *hub, struct session *session);
/* Tells the client's rooms that it goes by another name now; `former` may be empty. */
void name_announce(struct hub *hub, struct client *client, struct slice former);
/* The same in one room. */
void name_announce_in(struct hub *hub, const struct membership *membership, struct slice former);
/* A client's first way into the lobby, answered by REPLY_NAMED when it is in. */
void name_enter_lobby(struct hub *hub, struct client *client, struct slice cid);
void name_answer_error(struct hub *hub, const struct client *client, struct slice cid, int error);

/* mark.c */

/* How far the session (may be NULL) has read the room, but no further than `last`; 0: nothing. */
uint64_t mark_seq(const struct session *session, struct slice room_key, uint64_t last);
/* Asks the store for the marks of a session that was not here before. */
void mark_recall(struct hub *hub, struct session *session);
void mark_recalled(struct hub *hub, const struct event *event);
/* What the session has read is written now. */
void mark_save_all(struct hub *hub, const struct session *session);
void mark_tick(struct hub *hub);
void mark_free_all(struct session *session); /* without effects */
