/* Direct messages, as the hub's files share them: a room of two sessions (direct.c), where each
 * comes back to it (direct_point.c), and what stays of it between accounts (direct_account.c).
 * Private to hub/. */
#pragma once

#include "hub/internal.h"

/* direct.c */

struct direct_side {
    struct session *session;
    struct room *room;
    struct list_node node; /* in session->directs */
};

struct direct {
    /* In the order of the room's name; only the first when they are the same */
    struct direct_side sides[2];
    bool forsaken; /* is to be erased as soon as nobody reads it */
    bool doubtful; /* was opened by somebody who came back, and not written to since: is gone if it
                      is empty */
    int64_t called_us;   /* when other nodes were told last, see direct_call.c */
    struct slice folded; /* the room's name as it is compared; points into bytes */
    char bytes[];
};

/* Somebody, and what they are called in a conversation. */
struct direct_person {
    struct session *session;
    struct slice folded, shown;
};

/* The direct-message room of these two, made if need be. ERR_NOT_FOUND: one of them has no name.
 * ERR_TOO_MANY, ERR_UNAVAILABLE. */
int direct_open(struct hub *hub, struct session *from, struct session *to,
                struct room **room) MUST_USE;
/* The same for two who need not have these names (any more). */
int direct_open_as(struct hub *hub, const struct direct_person *from,
                   const struct direct_person *to, struct room **room) MUST_USE;
/* The one that is shown to `session` as `name`; NULL: none. */
struct room *direct_find(struct hub *hub, const struct session *session, struct slice name);
/* "@FIRST,SECOND", in memory of the step. */
struct slice direct_name(struct hub *hub, struct slice first, struct slice second);
/* What the client's conversation with `name` is shown as, where both were always called as they
 * are now ("@ann,bob"), in memory of the step. ERR_BAD_REQUEST; ERR_NOT_FOUND: it has no name. */
int direct_name_with(struct hub *hub, const struct client *client, struct slice name,
                     struct slice *room) MUST_USE;
/* The key of the conversation of these two, in memory of the step. */
struct slice direct_key(struct hub *hub, const struct identity *a, const struct identity *b);
/* The log's place of a conversation that an account has with another, whether anybody is here or
 * not. ERR_NOT_FOUND. */
int direct_find_stored(struct hub *hub, const struct identity *identity, struct slice name,
                       struct place *place) MUST_USE;
/* The identities that a room's key is made of; false: it is none of a conversation. */
bool direct_parse_key(struct slice key, struct identity sides[2]) MUST_USE;
/* Opens the conversation of this mark, if it is the session's and it is known whom it is with.
 * `unread`: it is read from what follows the mark, not from what comes next. */
void direct_recall(struct hub *hub, struct session *session, const struct read_mark *mark,
                   bool unread);
/* The names that go with the marks of a conversation (struct read_mark), in memory of the step;
 * empty: the room (NULL: none) is none. */
struct slice direct_names(struct hub *hub, const struct room *room);
/* Whether both sides are accounts: then the log stays when they go. */
bool direct_is_durable(const struct hub *hub, const struct room *room);
/* Whether the log goes with the room, for nobody can come back to it. */
bool direct_is_lost(const struct hub *hub, const struct room *room);
/* The draft was stored, in whatever room. So that of a conversation an account that is not here
 * finds it when it comes, and one that is here hears of it. */
void direct_written(struct hub *hub, const struct draft *draft, uint64_t seq);
/* Lets every live client of both sides read along, each from where it was cut off. */
void direct_attach(struct hub *hub, struct room *room);
/* The same for who is not in the room and has read it up to `after`, elsewhere or not at all. */
void direct_attach_after(struct hub *hub, struct room *room, uint64_t after);
/* `name` ("@ann,bob") as it is compared, in memory of the step. ERR_BAD_REQUEST. */
int direct_fold(struct hub *hub, struct slice name, struct slice *folded) MUST_USE;

/* direct_point.c */

/* Reopens a direct-message room that the hub has forgotten (the server was restarted), when the
 * other side is back too; to be followed by direct_attach. ERR_NOT_FOUND: it is not; where
 * `entrance` wants to read on is kept for when it is. Also ERR_TOO_MANY, ERR_UNAVAILABLE. The
 * client has a session; `name` is not empty. */
int direct_come_back(struct hub *hub, const struct client *client, struct slice name,
                     const struct entrance *entrance, struct place *place) MUST_USE;
/* How the session enters the room to read on where it was cut off; NULL: there is no such place. */
struct entrance *direct_point_take(struct session *session, const struct room *room);
/* The session enters the room in another way. */
void direct_point_drop(struct session *session, const struct room *room);
void direct_points_free(struct session *session);
enum side direct_side_of(const struct room *room, const struct identity *identity);
bool direct_over(const struct room *room);
/* The room goes; so do sessions that were kept for it. */
void direct_unlink(struct hub *hub, struct room *room);
