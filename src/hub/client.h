/* Connections, and the rooms that each is in. Private to hub/. */
#pragma once

#include "hub/internal.h"

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
