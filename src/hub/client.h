/* Connections, and the rooms that each is in. Private to hub/. */
#pragma once

#include "hub/internal.h"

/* roster.c */

/* A client's memberships; a zeroed struct is empty. Of one room there may be several, of which
 * only the newest is not leaving. */
struct roster {
    struct slim_list memberships; /* in the order of asking */
    struct id_map *newest;        /* by room; NULL while there are few */
    unsigned count;
    unsigned joined_count; /* public rooms that it is not leaving */
};

void roster_add(struct roster *roster, struct membership *membership);
void roster_remove(struct roster *roster, struct membership *membership);
/* The one that is not leaving; NULL: none. */
struct membership *roster_find(const struct roster *roster, const struct room *room);
struct membership *roster_oldest(const struct roster *roster, const struct room *room);
void roster_free(struct hub *hub, struct roster *roster); /* and the memberships, without effects */

/* client.c */

enum client_state {
    CLIENT_LIVE,
    CLIENT_QUITTING, /* takes no more requests, gets the answers under way */
    CLIENT_CLOSING,  /* EFFECT_CLOSE is out */
    CLIENT_GONE,     /* the connection is closed; something is still under way */
};

struct client {
    uint64_t connection;
    struct session *session;    /* NULL: transient, or it has quit */
    struct membership *current; /* the room that requests without a room mean */
    struct extras *extras;      /* NULL: none */
    struct roster roster;
    unsigned outstanding; /* drafts, signals and lists in the store's queue */
    uint16_t retry_count; /* drafts under way that are known_only */
    uint16_t close_code;
    uint16_t joining; /* joins under way that must be told elsewhere before it says more */
    uint8_t state;    /* enum client_state */
    uint8_t failed_logins;
    struct traits traits;
    bool paused : 1;
    bool listing : 1;     /* a list is under way, and what it asks for next must not show in it */
    bool introduced : 1;  /* said hello, or was told its secret */
    bool entered : 1;     /* was put into the lobby without asking */
    bool has_address : 1; /* else it comes from a local socket */
    struct address16 address; /* of HTTP, of the request under way */
};

/* What most clients have none of. */
struct extras {
    uint64_t number;           /* signs as "Client N"; 0: does not */
    struct client *sibling;    /* the next of the same session */
    struct passport *passport; /* NULL: let in without a credential, or not yet */
    struct deferral *deferral; /* NULL: none */
    struct newcomer *newcomer; /* NULL: has said who it is, as far as it must */
};

/* A client that may still have to say who it is; see client_tick. */
struct newcomer {
    struct client *client;
    struct list_node node; /* in hub->newcomers */
    int64_t opened_us;
};

const struct extras *client_extras(const struct client *client);
/* What it was let in with; NULL: nothing. */
struct passport *client_passport(const struct client *client);
/* To be written to; client_drop_extras after something was taken out. */
struct extras *client_open_extras(struct client *client);
void client_drop_extras(struct client *client);

void client_open(struct hub *hub, const struct event *event);
/* Into the lobby, where the protocol wants that without asking, as soon as it may be there. */
void client_enter(struct hub *hub, struct client *client);
/* Answers what is under way, then closes. Rooms are left at once, as far as the queue allows. */
void client_quit(struct hub *hub, struct client *client, uint16_t close_code, bool lost);
/* The session has another client now; this one is sent away. */
void client_replace(struct hub *hub, struct client *client);
/* The same for another reason. */
void client_send_away(struct hub *hub, struct client *client, uint16_t close_code);
void client_closed(struct hub *hub, struct client *client, bool lost);
/* If who it is has been said, as far as it must be, it will not be asked again. */
void client_review_introduction(struct hub *hub, struct client *client);
/* What this client must do before anything else, in words for people; NULL: it has done it. */
const char *client_duty(const struct client *client);
/* From its text, "unix" where there is none. */
void client_set_address(struct client *client, struct slice address);
/* NULL: it has none. */
const struct address16 *client_address(const struct client *client);
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
void client_free(struct hub *hub,
                 struct client *client); /* without effects, for the end of the hub */
