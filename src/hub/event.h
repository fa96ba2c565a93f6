/* Events: all that ever enters the hub. Time is a field, never asked for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/credential.h"
#include "hub/entry.h"
#include "hub/mark.h"
#include "hub/nodes.h"
#include "hub/request.h"
#include "hub/signal.h"

enum event_kind {
    EVENT_TICK,   /* time has passed; at least ten times a second while anything is waiting for time
                   */
    EVENT_OPENED, /* a connection speaks a protocol now */
    EVENT_REQUEST, /* it asks for something */
    EVENT_CLOSED,  /* it is gone; nothing can be sent to it any more */
    /* Completions of the store, in the order of its queue. */
    EVENT_FOLLOWED,  /* answer to EFFECT_FOLLOW: the room's head; every later entry comes by
                        EVENT_COMMITTED */
    EVENT_APPENDED,  /* answer to EFFECT_APPEND; before the EVENT_COMMITTED that holds the entry */
    EVENT_COMMITTED, /* entries of a followed room are durable: ours or another node's, contiguous,
                        once */
    EVENT_SIGNALLED, /* a signal of a followed room, ours or another node's (its origin zero); or
                        ours refused (error) */
    EVENT_LISTED,    /* answer to EFFECT_LIST */
    EVENT_RECALLED,  /* answer to EFFECT_RECALL */
    /* From an authority, see authority.h. */
    EVENT_AUTHENTICATED, /* answer to EFFECT_AUTHENTICATE */
    EVENT_ACCOUNT,       /* there is such an account, or no more; its name is nobody else's */
    EVENT_REVOKED,       /* a credential is good no more: who came with it must go */
    EVENT_CONFIGURED,    /* the operator has changed the options */
    EVENT_STARTED,       /* the first of all: there is a log with the rules of rooms to read */
    EVENT_REPLAYED,      /* answer to EFFECT_REPLAY: some of that log */
    /* Of a store that several nodes share, see nodes.h. */
    EVENT_CLAIMED,   /* answer to EFFECT_CLAIM */
    EVENT_ELSEWHERE, /* a name is held on another node now, or is not any more. One that was held
                        here for the same guest: they have moved. */
    EVENT_GATHERED,  /* answer to EFFECT_GATHER */
    EVENT_CALLED,  /* somebody elsewhere has opened a conversation with somebody who may be here */
    EVENT_TRIMMED, /* the oldest entries of a followed room were let go of: its log begins later */
};

/* What a kind of client is like; fixed for the life of a connection. */
struct traits {
    bool lobby_at_open : 1;    /* in the lobby from the start */
    bool lobby_when_named : 1; /* in the lobby as soon as it has a name */
    bool default_room : 1;     /* requests without a room mean the current one */
    bool backlog : 1;          /* wants the last entries when it enters the lobby */
    bool numbered : 1;         /* signs as "Client N" */
    bool direct : 1;           /* gets direct messages when it has a name */
    bool needs_name : 1;       /* nothing is allowed before a name is claimed */
    bool transient : 1; /* one request at a time under an identity of its own (HTTP); is in no room
                         */
    bool quiet : 1;     /* only reads: of its joins and leaves the count is told and nothing else */
    bool no_login : 1;  /* has no words to show a credential with: in its handshake, or never */
    bool lingers : 1;   /* a lost connection keeps session and name for session_linger */
};

/* The state of a room's log. */
struct room_head {
    struct slice room_key;
    struct slice room_name; /* as it was first written */
    struct slice epoch;     /* one life of the store */
    struct slice topic;
    uint64_t first;     /* the oldest seq still there; last + 1 when there is none */
    uint64_t last;      /* 0: no entry yet */
    bool exists;        /* it has or had entries */
    unsigned elsewhere; /* sessions in it on other nodes */
};

struct hub_options;

struct event {
    enum event_kind kind;
    int64_t now_us; /* wall clock, for timestamps; never goes back from one event to the next */
    uint64_t connection; /* OPENED, REQUEST, CLOSED */
    union {
        struct {
            struct traits traits;
            char secret[44]; /* fresh and random: the session's secret, zero-terminated text */
            struct identity identity; /* its digest */
            struct slice address;     /* where it comes from, as text: "192.0.2.7", "::1", "unix" */
            struct credential credential; /* shown in the handshake; wrong: closed with 1008 */
        } opened;
        const struct request *request;
        struct {
            bool lost; /* false: the client said goodbye (QUIT, close 1000, end of file) */
        } closed;
        struct {
            int error;
            struct room_head head;
        } followed;
        struct {
            struct draft *draft; /* the hub's driver frees it after the step */
            struct outcome outcome;
        } appended;
        struct {
            struct slice room_key;
            struct entry *const *entries; /* borrowed */
            size_t count;
        } committed;
        struct {
            int error;
            struct signal *signal; /* the hub's driver frees it after the step */
        } signalled;
        struct {
            int error;
            struct origin origin;
            struct slice cid;
            const struct room_head *heads; /* public rooms, by name, at most LIMIT_LIST_ITEMS */
            size_t count;
        } listed;
        struct {
            struct identity identity;
            const struct read_mark *marks; /* none where the store cannot be read */
            size_t count;
        } recalled;
        struct {
            int error; /* ERR_UNAUTHORIZED: the credential is not valid; ERR_UNAVAILABLE */
            struct principal principal;
        } authenticated;
        struct {
            struct identity identity;
            struct slice name;
            enum role role;
            bool gone;
        } account;
        struct {
            struct identity identity; /* whose */
            struct identity device;   /* which; none: all */
        } revoked;
        struct {
            int error;
            struct entry *const *entries; /* borrowed; ascending */
            size_t count;
            uint64_t last; /* of the log */
            bool more;     /* there are others after these */
        } replayed;
        const struct hub_options *configured; /* hold from now on, all but the seed */
        struct {
            int error;
            struct name_claim claim; /* what was asked for */
        } claimed;
        struct {
            struct name_claim claim; /* who holds it there; ticket 0 */
            bool gone;
        } elsewhere;
        struct {
            int error;
            struct origin origin;
            struct slice cid, room_key;
            const struct other_member *members;
            size_t count;
        } gathered;
        struct call called;
        struct {
            struct slice room_key;
            uint64_t first; /* the oldest seq still there; last + 1 when there is none */
        } trimmed;
    };
};
