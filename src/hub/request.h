/* Requests: what a protocol understood from a client's bytes. Slices are borrowed from the protocol
 * and valid for the one step that handles the request. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/credential.h"
#include "hub/entry.h"
#include "hub/rule.h"

enum request_kind {
    REQUEST_HELLO,   /* name, session, credential, resume: introduce this connection */
    REQUEST_NAME,    /* name, credential: claim it (the prompt of the line protocol, register,
                        /nick) */
    REQUEST_AUTH,    /* credential: refresh the one it came with, without anything else changing */
    REQUEST_TICKET,  /* credential (HTTP): a ticket in its stead */
    REQUEST_JOIN,    /* room, after, epoch; move: leave the current room for it */
    REQUEST_LEAVE,   /* room; without one: leave altogether, as QUIT */
    REQUEST_PUBLISH, /* entry kind, room or to, sender, content … */
    REQUEST_BINARY,  /* content: relay to the raw text clients of the room */
    REQUEST_HISTORY, /* room or to, before or after, limit */
    REQUEST_SEARCH,  /* content: the words; rooms (none: all that may be read), limit, offset */
    REQUEST_ROOMS,
    REQUEST_MEMBERS, /* room */
    REQUEST_NAMES,   /* every name held by a live session */
    REQUEST_TOKEN,   /* the session's secret */
    REQUEST_READ,    /* room, after: the last seq read */
    REQUEST_TYPING,  /* room, active */
    REQUEST_RULE,    /* rule, room or everywhere, and what that kind of change takes */
    REQUEST_RULES,   /* room, offset, limit */
    REQUEST_AUDIT,   /* room or everywhere, before, limit */
    REQUEST_READY,   /* whether messages are stored and shown, see ready.h */
    REQUEST_QUIT,    /* close_code: answer what is under way, then close */
};

/* Where a client was in a room when it was cut off. */
struct resume_point {
    struct slice room;
    struct slice epoch;
    uint64_t after;
    bool fresh; /* it was not there yet: starts with what comes next; the other two say nothing */
};

struct request {
    enum request_kind kind;
    struct slice cid; /* empty: no answer wanted where none is needed */
    /* As the client wrote it; empty: the session's current room where it has one */
    struct slice room;
    struct slice to;     /* a name: a direct message; of a history: the conversation with it */
    struct slice name;   /* to claim */
    struct slice sender; /* a label to sign with */
    struct slice content;
    struct slice key;  /* of a reaction; see entry_body */
    struct slice meta; /* see entry_body */
    struct slice epoch;
    /* Of HTTP, each request has its own. Of others: see above */
    struct credential credential;
    /* Of HTTP: whom the request comes from, which behind a proxy is not the connection's address;
     * empty: that one */
    struct slice address;
    struct slice session; /* secret of the session to take over */
    /* Its digest, by secret_digest of wire/secret.h; or of an HTTP caller */
    struct identity session_identity;
    const struct slice *rooms; /* to search, as the client wrote them */
    size_t room_count;
    const struct resume_point *resume;
    size_t resume_count;
    bool whole; /* of REQUEST_HELLO: where one room of `resume` cannot be entered, its error is the
                   answer, and nothing of the others is shown */
    enum entry_kind entry;
    enum rule_kind rule;
    enum role role;
    bool everywhere;      /* of a rule: of the whole server */
    struct slice reason;  /* of a rule */
    struct slice subject; /* of a rule: the addresses it is about */
    uint64_t seconds;     /* of a rule: how long it holds; 0: for good */
    uint64_t re, of;
    uint64_t after, before; /* seqs; before 0: from the end */
    bool has_after;
    bool removal;
    bool active;
    bool move;
    unsigned limit;  /* entries; 0: the default, 100 of history, 20 of a search */
    unsigned offset; /* of a search: so many of the best were seen already */
    uint16_t
        close_code; /* of REQUEST_QUIT: what to close with (RFC 6455 section 7.4); 1000: clean */
    bool again;     /* the hub's own: it has waited (claim.c) and was charged for already */
    bool lost; /* of REQUEST_QUIT: the client did not say goodbye, keep its name for session_linger
                */
};
