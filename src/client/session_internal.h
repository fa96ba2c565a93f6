/* What the files of the session share. session.c keeps the connection; session_frames.c
 * understands what comes. */
#pragma once

#include "base/backoff.h"
#include "base/rng.h"
#include "client/connection.h"
#include "client/dialer.h"
#include "client/outbox.h"
#include "client/place.h"
#include "client/session.h"

#define GREETING_TIMEOUT_MS 15000 /* upgrade and welcome */
#define SESSION_SECRET_MAX 128    /* with its final zero; of others we have no use */

enum session_state {
    SESSION_STATE_WAITING,  /* no connection; the next attempt is at deadline_ms */
    SESSION_STATE_DIALLING, /* a connection is being made */
    SESSION_STATE_ASKING,   /* the password must come, however long it takes */
    SESSION_STATE_GREETING, /* connected; welcome must come until deadline_ms */
    SESSION_STATE_LIVE,     /* something must be heard until deadline_ms */
    SESSION_STATE_CLOSING,  /* we said goodbye; the answer must come until deadline_ms */
    SESSION_STATE_OVER
};

struct session {
    struct session_options options;
    enum session_state state;
    struct connection *connection; /* NULL while waiting, dialling, and when over */
    struct dialer *dialer;         /* while dialling */
    uint64_t deadline_ms;
    uint64_t now_ms;
    struct rng rng;
    struct backoff backoff;

    struct buffer name;
    char secret[SESSION_SECRET_MAX]; /* empty: there is none */
    struct buffer password;          /* to log in with; empty: none */
    unsigned names_tried, passwords_asked, passwords_wrong;
    bool no_password; /* it was asked for in vain */
    bool welcomed;    /* once */
    uint64_t ping_ms;
    uint64_t max_message;

    struct outbox outbox;
    struct places places;
    char cid_prefix[17];
    uint64_t cid_count;

    bool leaving;
    uint64_t leave_by_ms;

    json_t *frame; /* the one an event points into */
    json_t *items; /* of a batch that is being told, borrowed from frame */
    size_t next_item;
    bool asked;           /* that batch answers a request */
    struct buffer barred; /* the room that an event of this kind tells of */
};

/* session.c */
void session_send(struct session *session, struct slice request);
void session_say_hello(struct session *session);
void session_send_join(struct session *session, struct place *place);
void session_append_cid(struct session *session, struct buffer *out);
/* Takes the next name like the one that was wished for. False: there is none. */
bool session_wish_again(struct session *session);
/* When the server counts as dead unless something is heard. */
uint64_t session_silence_deadline(const struct session *session);
/* Ends the session with this reason; the event is filled in. */
bool session_end(struct session *session, struct session_event *event, struct slice why);
/* The connection is of no use; another attempt comes after a while. The event is filled in. */
bool session_lose(struct session *session, struct session_event *event, struct slice why);

/* session_frames.c: each returns whether it filled in an event. */
bool session_take_text(struct session *session, struct slice text, struct session_event *event);
bool session_take_item(struct session *session, struct session_event *event);
void session_drop_frame(struct session *session);
/* Copies text for people: controls replaced, cut to what fits. */
void session_event_text(struct session_event *event, struct slice text);

/* session_login.c */
/* Says hello; or, when the user wants to log in and has not said with what, asks for it first: then
 * the event is filled in. */
bool session_greet(struct session *session, struct session_event *event);
/* After a refusal: whether there is a password that could help. */
bool session_may_log_in(struct session *session);
/* Asks for the password of the name that we want to go by; the event is filled in. */
bool session_ask_password(struct session *session, struct session_event *event, bool again);
