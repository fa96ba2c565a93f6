/* What the hub's files share: its state, and what each file does for the others. Nobody outside
 * hub/ includes this.
 *
 *   client      one connection: the rooms it is in, and how much it waits for
 *   deferral    its request that waits for those before it
 *   session     somebody: identity, secret, name and limits; may outlive its client
 *   claim       a name that a session holds (name.c)
 *   room        a followed room: its head and who reads it
 *   membership  a client in a room, from asking to join until the leave has come back
 *   roster      the memberships of a client
 *   entrance    a request to join, until its turn in the room's feed has come
 *   welcome     a hello that waits for its entrances (hello.c)
 *   direct      the two sides of a direct-message room
 *
 * What not everybody needs has headers of its own: accounts, and what a client was let in with
 * (accounts.h), who may do what in which room (access.h), deferral.h, direct.h.
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
#include "base/quota.h"
#include "base/text.h"
#include "hub/hub.h"

struct account;
struct claim;
struct deferral;
struct direct_point;
struct membership;
struct passport;
struct rate;
struct room;
struct ready;
struct rules;
struct welcome;

struct hub {
    struct hub_options options;
    int64_t now_us;          /* of the event under way */
    struct effects *effects; /* of the step under way */
    struct id_map *clients;  /* by connection */
    struct map *sessions;    /* by identity */
    struct map *claims;      /* by folded name */
    struct map *rooms;       /* by key */
    struct map *callers;     /* by identity, see limits.c */
    struct map *accounts;    /* by identity, see account.c */
    struct map *account_names; /* by folded name */
    struct list expiring;      /* passports, see passport.c */
    struct list strangers;     /* those that do not say whose they are */
    struct quota_table *addresses; /* what addresses have done lately, see limits.c */
    struct quota_table *busy_rooms;
    struct hub_counters counters;
    struct list claim_order;
    struct list unsaved;   /* read marks that are not written yet, see mark.c */
    struct list lingering; /* sessions, the next to expire first */
    unsigned lingering_count;
    struct list changed;      /* rooms with a count to tell */
    struct list unwritten;    /* public rooms without an entry */
    struct list caller_order; /* the one unused for longest first */
    struct list unintroduced; /* clients that may still have to say who they are; first come first */
    struct rules *rules;      /* of rooms, see rules.h */
    struct ready *ready;
    struct buffer folded;     /* see hub_fold */
    struct buffer text;       /* a label or message under construction */
    struct reply unheard;     /* where answers to those who have gone are written */
    uint64_t last_number;     /* of "Client N" */
    uint32_t last_hello;
};

/* `name` as it is compared; valid until the next call. ERR_BAD_REQUEST when it is no name. */
int hub_fold(struct hub *hub, struct slice name, struct slice *folded) MUST_USE;
/* A copy for effects to refer to. */
struct slice hub_keep(struct hub *hub, struct slice s);
/* What stands in a blob that may be missing. */
struct slice hub_text(const struct blob *blob);

/* answer.c */

struct client;

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

/* roster.c */

/* A client's memberships; a zeroed struct is empty. Of one room there may be several, of which
 * only the newest is not leaving. */
struct roster {
    struct list memberships; /* in the order of asking */
    struct id_map *newest;   /* by room; NULL while there are few */
    unsigned count;
};

void roster_add(struct roster *roster, struct membership *membership);
void roster_remove(struct roster *roster, struct membership *membership);
/* The one that is not leaving; NULL: none. */
struct membership *roster_find(const struct roster *roster, const struct room *room);
struct membership *roster_oldest(const struct roster *roster, const struct room *room);
void roster_free(struct roster *roster); /* and the memberships, without effects */

/* client.c */

enum client_state {
    CLIENT_LIVE,
    CLIENT_QUITTING, /* takes no more requests, gets the answers under way */
    CLIENT_CLOSING,  /* EFFECT_CLOSE is out */
    CLIENT_GONE,     /* the connection is closed; something is still under way */
};

struct client {
    uint64_t connection;
    uint64_t number;            /* signs as "Client N"; 0: does not */
    struct session *session;    /* NULL: transient, or it has quit */
    struct client *sibling;     /* the next of the same session */
    struct passport *passport;  /* NULL: let in without a credential, or not yet */
    struct membership *current; /* the room that requests without a room mean */
    struct roster roster;
    struct deferral *deferral; /* NULL: none */
    unsigned outstanding;      /* drafts, signals and lists in the store's queue */
    unsigned room_count;       /* public rooms it is in and not leaving */
    uint16_t retry_count;      /* drafts under way that are known_only */
    uint16_t close_code;
    uint8_t state; /* enum client_state */
    uint8_t failed_logins;
    bool is_unintroduced; /* in hub->unintroduced */
    bool paused;
    bool listing;    /* a list is under way, and what it asks for next must not show in it */
    bool introduced; /* said hello, or was told its secret */
    bool entered;    /* was put into the lobby without asking */
    struct traits traits;
    int64_t opened_us;
    struct list_node unintroduced;
    char address[ADDRESS_TEXT_LENGTH + 1]; /* of HTTP, of the request under way */
};

void client_open(struct hub *hub, const struct event *event);
/* Into the lobby, where the protocol wants that without asking, as soon as it may be there. */
void client_enter(struct hub *hub, struct client *client);
/* Answers what is under way, then closes. Rooms are left at once, as far as the queue allows. */
void client_quit(struct hub *hub, struct client *client, uint16_t close_code, bool lost);
/* The session has another client now; this one is sent away. */
void client_replace(struct hub *hub, struct client *client);
void client_closed(struct hub *hub, struct client *client, bool lost);
/* What this client must do before anything else, in words for people; NULL: it has done it. */
const char *client_duty(const struct client *client);
void client_set_address(struct client *client, struct slice address);
/* Sends those away who have not done their duty in time. */
void client_tick(struct hub *hub);
bool client_hears(const struct client *client);
/* The name it goes by, as it was claimed; empty: none. */
struct slice client_name(const struct client *client);
struct origin client_origin(const struct client *client);
/* One more, one less under way. After client_settle the client may be gone. */
void client_submit(struct hub *hub, struct client *client);
void client_settle(struct hub *hub, struct client *client);
/* Nothing more is read from it until less is under way, no request is deferred and no list awaited.
 */
void client_pause(struct hub *hub, struct client *client);
void client_free(struct client *client); /* without effects, for the end of the hub */

/* session.c */

enum session_bucket { BUCKET_BYTES, BUCKET_JOINS, BUCKET_NAMES, BUCKET_ROOMS, BUCKETS_PER_SESSION };

struct session {
    struct identity identity;
    char secret[sizeof(((struct event *)0)->opened.secret)];
    struct client *client; /* the first of those that have it; NULL: lost or over */
    struct claim *claim;   /* NULL: has no name */
    struct rate *rate;
    struct quota_bucket buckets[BUCKETS_PER_SESSION]; /* see limits.c */
    bool returned;       /* its secret was known already when it began */
    struct list directs; /* sides of direct-message rooms */
    unsigned direct_count;
    uint8_t role;    /* enum role, on the whole server: the highest that a client of it has */
    bool registered; /* an account's */
    struct direct_point *points; /* places in such rooms whose other side is not back yet */
    struct map *marks;           /* how far it has read, by room key; NULL: nothing */
    struct list_node lingering;  /* while expires_us is set */
    int64_t expires_us;          /* 0: is live, or over */
};

/* `client` may be NULL. */
struct session *session_new(struct hub *hub, const struct identity *identity, struct slice secret,
                            struct client *client);
/* The clients that have it, one after the other; NULL after the last, `previous` NULL before the
 * first. */
struct client *session_next_client(const struct session *session, const struct client *previous);
struct session *session_find(const struct hub *hub, const struct identity *identity);
/* Gives `client` the session, whoever had it. The client's own session so far is over; its name
 * goes to one without. */
void session_take_over(struct hub *hub, struct session *session, struct client *client);
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
void session_free(struct session *session);

/* name.c */

struct claim {
    struct session *session;
    struct list_node node;      /* in the order of claiming */
    struct slice folded, shown; /* point into bytes */
    char bytes[];
};

struct claim *name_find(struct hub *hub, struct slice name); /* NULL: nobody holds it */
/* Whether nobody can be called that. */
bool name_is_reserved(struct slice folded);
/* Whether `session` (NULL: a new one) may claim `name`; ERR_BAD_REQUEST, ERR_NAME_TAKEN,
 * ERR_UNAUTHORIZED: it is an account's; ERR_FORBIDDEN: the session is an account's, which has
 * another. A name held by `also` counts as free. */
int name_check_claim(struct hub *hub, struct slice name, const struct session *session,
                     const struct session *also) MUST_USE;
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
void handle_name(struct hub *hub, struct client *client, const struct request *request);
void handle_names(struct hub *hub, struct client *client, const struct request *request);

/* hello.c */

struct entrance;
void handle_hello(struct hub *hub, struct client *client, const struct request *request);
/* One of its entrances is through, or has failed; taken. */
void welcome_settle(struct hub *hub, struct client *client, struct entrance *entrance);
/* Forgets one of its entrances; for the end of the hub. */
void welcome_forget(struct welcome *welcome);

/* room.c */

enum room_state {
    ROOM_UNFOLLOWED, /* not yet, or it failed; tried with the next request */
    ROOM_FOLLOWING,  /* EFFECT_FOLLOW is out: nothing is known of it */
    ROOM_FOLLOWED,
};

struct room {
    enum room_state state;
    bool exists;           /* has or had entries */
    bool lobby;            /* is always there */
    bool is_changed;       /* in hub->changed */
    bool is_unwritten;     /* in hub->unwritten */
    bool is_charged;       /* somebody's rooms_per_hour were charged for it */
    unsigned member_count; /* sessions */
    unsigned references;   /* memberships of every state */
    struct slice key;      /* points into bytes */
    struct blob *name;     /* as it was first written */
    struct blob *epoch, *topic;
    uint64_t first, last;
    int64_t shown_us;    /* the latest timestamp shown */
    int64_t told_us;     /* when a bare count was shown last */
    struct list members; /* who joined, in that order */
    struct list_node changed;
    struct list_node unwritten;
    struct draft *waiting; /* for the answer whether the room exists */
    struct direct *direct; /* NULL: public */
    char bytes[];
};

/* A room that a request means. Texts are valid during the step. */
struct place {
    struct room *room; /* NULL: not followed */
    struct slice key, name;
};

/* ERR_BAD_REQUEST, ERR_NOT_FOUND. An empty `name` is the current room where the client has one. */
int place_find(struct hub *hub, const struct client *client, struct slice name,
               struct place *place) MUST_USE;
struct place place_lobby(struct hub *hub);
struct place place_of(struct room *room);

struct room *room_find(const struct hub *hub, struct slice key);
/* The room, followed from now on. */
struct room *room_open(struct hub *hub, const struct place *place);
/* A room that is not followed yet. */
struct room *room_new(struct hub *hub, struct slice key, struct slice name);
/* Whether it is known that this room must not be entered or written to: it would have to be there
 * already, and is not. */
bool room_is_missing(const struct hub *hub, const struct room *room);
void room_wait(struct room *room, struct draft *draft); /* takes */
/* Unfollows and frees the room if nobody needs it. */
void room_settle(struct hub *hub, struct room *room);
void room_free(struct room *room); /* without effects */
void room_followed(struct hub *hub, const struct event *event);
void room_committed(struct hub *hub, const struct event *event);
void room_trimmed(struct hub *hub, const struct event *event);
/* The room in a list: of a long topic only the beginning. */
struct reply_item room_item(struct hub *hub, const struct room *room);

/* membership.c */

enum membership_state {
    MEMBERSHIP_JOINING, /* its signal is in the queue */
    MEMBERSHIP_JOINED,
    MEMBERSHIP_FAILED, /* refused, but a leave is in the queue already */
};

struct membership {
    struct client *client;
    struct room *room;
    struct list_node in_client;
    struct list_node in_room;   /* once it counts */
    struct entrance *entrances; /* first come, first */
    struct membership *older;   /* of the same client and room; see roster.c */
    struct blob *leave_cid;
    uint32_t hello;    /* the number of the last one that asked for the room */
    uint32_t typed_ms; /* when typing was last passed on, as far as it fits; 0: never */
    uint8_t state;     /* enum membership_state */
    uint8_t side;      /* enum side */
    bool leaving;
    bool subscribed;
    bool counts; /* is in room->member_count; of a session's several in one room one does */
};

/* Puts a client into a room, or into it again. Takes the entrance (NULL: nobody asked). */
struct membership *membership_enter(struct hub *hub, struct client *client,
                                    const struct place *place, struct entrance *entrance);
/* Takes effect in its turn; `cid` of the request, if any. */
void membership_leave(struct hub *hub, struct membership *membership, struct slice cid);
void membership_unsubscribe(struct hub *hub, struct membership *membership);
/* Into the lobby: one whose protocol knows only the current room would be nowhere. */
void membership_return(struct hub *hub, struct client *client);
/* Answers to SIGNAL_JOINED and SIGNAL_LEFT of ours. */
void membership_joined(struct hub *hub, struct client *client, struct room *room,
                       struct signal *signal, int error);
void membership_left(struct hub *hub, struct client *client, struct room *room,
                     struct signal *signal, int error);
void membership_free(struct membership *membership); /* without effects */
/* The one that a request for a room of this name means. ERR_BAD_REQUEST, ERR_NOT_FOUND when it is
 * not in there. */
int membership_find(struct hub *hub, const struct client *client, struct slice name,
                    struct membership **membership) MUST_USE;
void handle_join(struct hub *hub, struct client *client, const struct request *request);
void handle_leave(struct hub *hub, struct client *client, const struct request *request);

/* entrance.c */

enum entrance_kind {
    ENTRANCE_OPENED, /* into the lobby without having asked: REPLY_CONNECTED */
    ENTRANCE_NAMED,  /* into the lobby because it has a name now: REPLY_NAMED */
    ENTRANCE_JOIN,   /* asked for: REPLY_JOINED */
    ENTRANCE_RETURN, /* to a direct-message room, where it was cut off: no answer but a gap */
    ENTRANCE_HELLO,  /* part of a hello: REPLY_WELCOME when all are through */
};

struct entrance {
    struct entrance *next;
    enum entrance_kind kind;
    int error; /* of a refused part of a hello */
    bool has_after;
    uint64_t after;
    struct welcome *welcome;
    struct slice cid, epoch, room_key, room_name; /* point into bytes, as does the next */
    struct slice name;                            /* that was claimed */
    char bytes[];
};

/* Copies the texts of `from`. */
struct entrance *entrance_new(const struct entrance *from);
/* Its turn: answers, and starts reading. Takes. */
void entrance_admit(struct hub *hub, struct membership *membership, struct entrance *entrance);
/* Takes. */
void entrance_refuse(struct hub *hub, struct client *client, struct entrance *entrance, int error);
/* Starts reading where `entrance` wants to (NULL: with what comes next), after a gap reply where
 * something is missing. */
void entrance_read(struct hub *hub, struct membership *membership, const struct entrance *entrance,
                   bool live_reply);
/* The room's log is not the one it was: starts anew, after a gap reply. `after` was shown last;
 * `rewound`: still the same epoch. */
void entrance_restart(struct hub *hub, struct membership *membership, uint64_t after, bool rewound);

/* presence.c */

/* Sends a signal of this client through the store's queue. Of `content` the kind and the texts
 * are used. */
void presence_send(struct hub *hub, struct client *client, const struct place *place,
                   const struct signal *content);
/* Shows a signal to those who read the room. */
void presence_show(struct hub *hub, struct room *room, struct signal *signal);
void presence_signalled(struct hub *hub, const struct event *event);
/* Those who read the room are to be told the count. */
void presence_count(struct hub *hub, struct room *room);
void presence_tick(struct hub *hub);
void handle_typing(struct hub *hub, struct client *client, const struct request *request);
void handle_binary(struct hub *hub, struct client *client, const struct request *request);

/* publish.c */

void handle_publish(struct hub *hub, struct client *client, const struct request *request);
void publish_appended(struct hub *hub, const struct event *event);
/* The room's head is known: sends off the drafts that waited for it. */
void publish_waiting(struct hub *hub, struct room *room, int error);

/* lookup.c */

void handle_rooms(struct hub *hub, struct client *client, const struct request *request);
void handle_members(struct hub *hub, struct client *client, const struct request *request);
void handle_history(struct hub *hub, struct client *client, const struct request *request);
void handle_token(struct hub *hub, struct client *client, const struct request *request);
void lookup_listed(struct hub *hub, const struct event *event);

/* mark.c */

/* How far the session (may be NULL) has read the room, but no further than `last`; 0: nothing. */
uint64_t mark_seq(const struct session *session, struct slice room_key, uint64_t last);
/* Asks the store for the marks of a session that was not here before. */
void mark_recall(struct hub *hub, const struct session *session);
void mark_recalled(struct hub *hub, const struct event *event);
/* What the session has read is written now. */
void mark_save_all(struct hub *hub, const struct session *session);
void mark_tick(struct hub *hub);
void mark_free_all(struct session *session); /* without effects */
void handle_read(struct hub *hub, struct client *client, const struct request *request);

/* search.c */

void handle_search(struct hub *hub, struct client *client, const struct request *request);

/* rate.c */

#define RATE_WINDOW_US INT64_C(59000000) /* what the last minute is: see rate.c */

/* After how many milliseconds the next of `limit` in a minute may come; 0: now. `rate` may be
 * NULL: none has come yet. */
unsigned rate_wait(struct rate *rate, unsigned limit, int64_t now_us);
/* One has come; only after rate_wait was 0. */
void rate_count(struct rate **rate, unsigned limit, int64_t now_us);

/* caller.c */

/* Somebody without a session. */
struct caller {
    struct identity identity;
    struct list_node node;
    int64_t used_us;
    struct rate *rate;
    struct quota_bucket buckets[BUCKETS_PER_SESSION];
};

/* Made if need be; valid during the step. */
struct caller *caller_find(struct hub *hub, const struct identity *identity);
/* What an account has used up is kept when its session goes, for the next or for HTTP. */
void limit_park(struct hub *hub, struct session *session);
void limit_fetch(struct hub *hub, struct session *session);
void callers_tick(struct hub *hub);
void callers_close(struct hub *hub);

/* limits.c */

/* All of these: 0: it may be, and was counted; else nothing was counted, and it may be asked for
 * again after so many milliseconds. `identity` tells callers without a session apart. */
unsigned limit_message(struct hub *hub, const struct client *client, const struct identity *identity,
                       struct slice room_key, size_t bytes);
/* The same without counting. */
unsigned limit_message_wait(struct hub *hub, const struct client *client,
                            const struct draft *draft);
unsigned limit_joins(struct hub *hub, struct session *session, size_t count);
unsigned limit_name(struct hub *hub, const struct client *client, struct session *session);
/* A first entry for a room. */
unsigned limit_new_room(struct hub *hub, const struct client *client,
                        const struct identity *identity);
/* Whether it must be known of a room if it is new. */
bool limit_counts_rooms(const struct hub *hub);
/* A credential was not valid. True: that was the last try, the client is to be closed (1008). */
bool limit_failed_login(struct hub *hub, struct client *client);
bool limit_cid_valid(struct slice cid);
void limit_open(struct hub *hub);
void limit_tick(struct hub *hub);
void limit_close(struct hub *hub);
