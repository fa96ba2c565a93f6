/* Rooms that are followed, and what they show besides entries. Private to hub/. */
#pragma once

#include "hub/internal.h"

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
    unsigned elsewhere;    /* the same on other nodes; see share.c */
    unsigned shared_count; /* what they were told of ours */
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
