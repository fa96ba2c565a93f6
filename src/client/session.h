/* A conversation with a server that outlives its connections: it says hello, joins rooms, keeps
 * what was written until the server has said that it is durable, notices that a connection is dead,
 * comes back after a random while and goes on where it was. Everything it has to tell comes out of
 * session_next as events, in order.
 *
 * It does not wait by itself: poll for session_descriptor and session_wants, at most until
 * session_deadline, then call session_next until there is nothing more. Times are of a monotonic
 * clock, in milliseconds. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "client/url.h"

struct session;
struct tls_context;

struct session_options {
    const struct url *url;   /* borrowed */
    struct tls_context *tls; /* of a secure URL; borrowed */
    const char *name;        /* to claim; NULL: none */
    bool name_is_a_wish;     /* when it is taken, another like it will do */
    bool patient;            /* also keep trying when the very first connection fails */
    const char *token;       /* shown in the handshake; NULL: none */
    const char *secret;      /* of the session to come back as; NULL: none */
    bool log_in;             /* `name` has a password: ask for it before anything else */
};

enum session_event_kind {
    SESSION_CONNECTED,   /* json: welcome, for the first time */
    SESSION_RECONNECTED, /* json: welcome, after the connection was lost */
    SESSION_PASSWORD, /* text: the name whose password is wanted; again, optional; nothing goes on
                         before session_give_password */
    SESSION_LOST,     /* text: why; delay_ms: when the next attempt comes; connected */
    SESSION_ENTRY,    /* json, room, seq: the next entry of a room's log, each once */
    SESSION_HISTORY,  /* json, room, seq, cid: of the answer to a request for history or a search */
    SESSION_ANSWERED, /* json, cid: that answer is complete */
    SESSION_GAP,      /* room, json: entries are gone for good */
    SESSION_ACKED,    /* seq: the oldest message is durable */
    SESSION_HELD,     /* text, delay_ms: the server wants the oldest message later */
    SESSION_REFUSED,  /* text: the oldest message is not wanted; it is dropped */
    SESSION_JOINED,   /* room, json */
    SESSION_BARRED,   /* room; text: why it cannot be joined, or read any more */
    SESSION_FRAME,    /* json: anything else, such as presence, rooms, members, error */
    SESSION_OVER,     /* text: why, empty when it is we who left; nothing comes after it */
};

struct session_event {
    enum session_event_kind kind;
    const json_t *json; /* valid until the next call, as are the slices */
    struct slice room;
    struct slice cid;
    uint64_t seq;
    unsigned delay_ms;
    bool connected; /* of LOST: it had been made before */
    bool again;     /* of PASSWORD: the last one was wrong */
    bool optional;  /* of PASSWORD: another name will do as well */
    char text[256]; /* free of controls */
};

struct session *session_new(const struct session_options *options);
void session_free(struct session *session); /* NULL is fine; drops the connection */

int session_descriptor(const struct session *session); /* -1: there is none now */
short session_wants(const struct session *session);
uint64_t session_deadline(const struct session *session); /* call session_next then at the latest */

/* Does what is due at `now_ms` and fills `*event`. False: nothing to tell for now. Does not wait.
 */
bool session_next(struct session *session, uint64_t now_ms, struct session_event *event);

/* What an error says for people: its `detail` where there is one, else its `message`. */
struct slice session_error_text(const json_t *error);

/* The name we go by; empty before the welcome or without one. */
struct slice session_name(const struct session *session);

/* The answer to SESSION_PASSWORD. Empty: there is none; then the session tries another name, or is
 * over. */
void session_give_password(struct session *session, uint64_t now_ms, struct slice password);

/* What stands for the session when coming back; empty before the welcome. */
struct slice session_secret(const struct session *session);

/* Reads a room from now on: after `after` (has_after), or with its last `from_end` entries, 0:
 * as many as the server likes to send. */
void session_join(struct session *session, struct slice room, bool has_after, uint64_t after,
                  uint64_t from_end);
void session_leave_room(struct session *session, struct slice room);

/* Writes to a room, or to a person (`to`); `sender` may be empty. It is kept until the server
 * has it. */
void session_publish(struct session *session, struct slice room, struct slice to,
                     struct slice sender, struct slice content);
/* The same of an entry of any kind; its cid is chosen here. */
struct outgoing_message;
void session_post(struct session *session, const struct outgoing_message *message);
size_t session_unacked(const struct session *session); /* messages; stop writing at OUTBOX_MAX */

/* Asks for another name to go by. The answer is a SESSION_FRAME, a welcome or an error. False when
 * there is no connection. */
bool session_rename(struct session *session, struct slice name);

/* Sends a request that is not worth repeating. False when there is no connection. */
bool session_ask(struct session *session, struct slice request);

/* Says goodbye as soon as everything written is durable and seen, or at `deadline_ms`.
 * SESSION_OVER follows. */
void session_leave(struct session *session, uint64_t deadline_ms);
