/* Who somebody is, as the hub's files share it. Private to hub/.
 *
 *   account.c         account: somebody that the authority knows, with a name that is nobody else's
 *   passport.c        passport: what a client was let in with, what it may see with it, how long
 *   authentication.c  asks the authority about a credential; the client's request waits for the
 *                     answer as one does for its fence
 *   device.c          the clients of an account's session */
#pragma once

#include "hub/internal.h"

/* account.c */

struct account {
    struct identity identity;
    uint8_t role; /* enum role, on the whole server */
    uint16_t folded_length;
    uint16_t shown_length; /* 0: it is shown as it is compared */
    char bytes[];          /* the name as it is compared, then as it is shown */
};

struct account *account_find(const struct hub *hub, const struct identity *identity);
struct account *account_find_name(struct hub *hub, struct slice name);
/* The same with a name that is folded already. */
struct account *account_find_folded(const struct hub *hub, struct slice folded);
struct slice account_name(const struct account *account);
struct slice account_folded(const struct account *account);
/* Whether the name belongs to an account, and that is not this one's. */
bool account_denies(const struct hub *hub, struct slice folded, const struct identity *identity);
/* Somebody whom the authority vouches for without having told of an account (a token made
 * elsewhere): from now on the name is theirs, if it is nobody's. */
void account_learn(struct hub *hub, const struct principal *principal);
void account_told(struct hub *hub, const struct event *event);
void directory_open(struct hub *hub);
void directory_close(struct hub *hub);

/* passport.c */

struct passport {
    struct client *client;
    struct identity identity;    /* none: it lets in without saying whom */
    struct identity device;      /* none: cannot be told from others */
    struct list_node in_order;   /* in hub->expiring while expires_us is set */
    struct list_node in_bearers; /* in hub->bearers while it has no identity */
    int64_t expires_us;          /* 0: never */
    uint8_t role;                /* enum role */
    uint8_t ceiling;             /* more than that it never is, whatever the account becomes */
    bool restricted;
    bool has_rate;
    unsigned rate_per_minute;
    struct slice name, session;    /* of the account; see struct principal */
    struct slice hook_room, label; /* of a hook */
    size_t room_count;
    struct slice rooms[]; /* as they are compared; one that ends in '*' is a beginning. Behind
                             them all the texts */
};

/* In place of the one that the client has. */
void passport_issue(struct hub *hub, struct client *client, const struct principal *principal);
void passport_withdraw(struct hub *hub, struct client *client);
void passport_tick(struct hub *hub);
void passport_revoked(struct hub *hub, const struct event *event);
/* Sends away who may not be here any more after the options have changed. */
void passport_demand(struct hub *hub);
/* Ends all that came in as this account. */
void passport_end_all(struct hub *hub, const struct identity *identity);

/* Whether the server lets the client do more than introduce itself. */
bool client_is_admitted(const struct hub *hub, const struct client *client);
/* Whether the credential that the client came with is good for a room of this name, as it is
 * compared: "ops", "@ann,bob". Says nothing about the room's own rules. */
bool client_may_see(const struct client *client, struct slice folded);
/* What the client is on the whole server. */
enum role client_role(const struct client *client);
/* The account that it acts as; NULL: none. */
const struct identity *client_account(const struct client *client);
/* Whose doing its requests are. */
const struct identity *client_identity(const struct client *client, const struct request *request);
/* False: as many messages as anybody; else so many a minute, 0: any number. */
bool client_has_rate(const struct client *client, unsigned *rate_per_minute);
/* The room that it may write to, if it came with the secret of a hook; empty: it did not. */
struct slice client_hook_room(const struct client *client);
/* What it signs with where it does not say; empty: nothing. */
struct slice client_label(const struct client *client);
/* What the client can come back with; empty: what it has shown. */
struct slice client_secret(const struct client *client);

/* authentication.c */

/* Whether the request has to wait until the authority has said whose its credential is. If so, it
 * is kept, and will be carried out then. */
bool authentication_start(struct hub *hub, struct client *client, const struct request *request);
/* The same of what was shown in the handshake. */
bool authentication_open(struct hub *hub, struct client *client, const struct event *event);
void authentication_told(struct hub *hub, const struct event *event);

/* device.c */

/* The account's session, made if need be. One that nobody needs after all goes by session_settle.
 */
struct session *device_open_session(struct hub *hub, const struct identity *identity);
/* Who answers to the name, here or not; NULL: nobody. Also goes by session_settle. */
struct session *device_find_session(struct hub *hub, struct slice name);
/* Lets the client in. If the principal is an account, the client is one of its devices from now on,
 * and what it was before is over. ERR_FORBIDDEN: it is somebody else's already. ERR_TOO_MANY. */
int device_admit(struct hub *hub, struct client *client,
                 const struct principal *principal) MUST_USE;
/* It joins or leaves: whether somebody who was not there comes, or goes for good. `identity` is
 * that of the signal. */
bool device_comes(struct hub *hub, struct membership *membership, const struct identity *identity);
bool device_goes(struct hub *hub, struct membership *membership, const struct identity *identity);
/* Tells the session's other clients how far it has read. */
void device_tell_read(struct hub *hub, const struct client *client, const struct room *room,
                      uint64_t seq);
