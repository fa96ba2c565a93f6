/* How a client comes into a room and goes: the membership, and the requests to enter that wait for
 * their turn in the room's feed. Private to hub/. */
#pragma once

#include "hub/internal.h"

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
    union {
        struct blob *leave_cid; /* while it is leaving; NULL: nobody waits for an answer */
        struct {
            uint32_t hello;    /* the number of the last one that asked for the room */
            uint32_t typed_ms; /* when typing was last passed on, as far as it fits; 0: never */
        };
    };
    uint8_t state; /* enum membership_state */
    uint8_t side;  /* enum side */
    bool leaving;
    bool has_older; /* of the same client and room; see roster.c */
    bool subscribed;
    bool counts; /* is in room->member_count; of a session's several in one room one does */
};

/* Puts a client into a room, or into it again. Takes the entrance (NULL: nobody asked). */
struct membership *membership_enter(struct hub *hub, struct client *client,
                                    const struct place *place, struct entrance *entrance);
/* Answers those who wait to enter, as far as they need not wait any longer (`now`: all of them). */
void membership_admit(struct hub *hub, struct membership *membership, bool now);
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
/* Without effects. */
void membership_free(struct hub *hub, struct membership *membership);
/* The one that a request for a room of this name means. ERR_BAD_REQUEST, ERR_NOT_FOUND when it is
 * not in there. */
int membership_find(struct hub *hub, const struct client *client, struct slice name,
                    struct membership **membership) MUST_USE;

/* entrance.c */

enum entrance_kind {
    ENTRANCE_OPENED, /* into the lobby without having asked: REPLY_CONNECTED */
    ENTRANCE_NAMED,  /* into the lobby because it has a name now: REPLY_NAMED */
    ENTRANCE_JOIN,   /* asked for: REPLY_JOINED */
    ENTRANCE_RETURN, /* to a direct-message room, where it was cut off: no answer but a gap */
    ENTRANCE_CALLED, /* the same without an answer, where it was opened on another node */
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

/* welcome.c */

struct welcome {
    bool whole;                     /* see request.h */
    unsigned waiting;               /* for entrances, and for the hello itself to be carried out */
    uint32_t number;                /* tells the hellos apart */
    struct entrance *points;        /* that are through or have failed */
    struct entrance **end;          /* of points */
    struct slice cid, name, secret; /* point into bytes */
    char bytes[];
};

struct welcome *welcome_new(struct hub *hub, const struct client *client, struct slice cid);
/* One that it waited for is through: answers when that was the last. */
void welcome_release(struct hub *hub, struct client *client, struct welcome *welcome);
/* One of its entrances is through, or has failed; taken. */
void welcome_settle(struct hub *hub, struct client *client, struct entrance *entrance);
/* Forgets one of its entrances; for the end of the hub. */
void welcome_forget(struct welcome *welcome);
