/* Replies: what the hub answers to one connection. A protocol renders each in its own words, or
 * says nothing. Slices are borrowed and valid until the next step. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/credential.h"
#include "hub/entry.h"

enum reply_kind {
    REPLY_CONNECTED, /* in the lobby without having asked: room, client_count, timestamp_us */
    REPLY_WELCOME,   /* to hello: name, session, limits, rooms */
    REPLY_NAMED,  /* the name is claimed; greeting: it is the first (line protocol: the two greeting
                     lines); announced:  the room tells the one who asked too */
    REPLY_ACK,    /* cid; outcome with seq 0 where the request makes no entry */
    REPLY_JOINED, /* room, epoch, first, last, client_count, topic */
    REPLY_GAP,    /* room, epoch, after, first, reason; last: reading goes on behind it */
    REPLY_BATCH, /* room, entries, more, and epoch, first, last of the room; made by delivery from a
                    page */
    REPLY_FOUND, /* entries, entry_rooms, more: the best first; made by delivery from findings */
    REPLY_LIVE,  /* room, last: everything up to it was sent; made by delivery */
    REPLY_ROOMS, /* items */
    REPLY_MEMBERS, /* room, items */
    REPLY_NAMES,   /* items */
    REPLY_TOKEN,   /* session */
    REPLY_TICKET,  /* session: the ticket */
    REPLY_NOTICE,  /* room, sender, name, text, reason: what was done to one, see SIGNAL_NOTICE */
    REPLY_RULES,   /* room, rules, more */
    REPLY_AUDIT,   /* room, entries of the log of "$rules", more, first: where to go on before */
    REPLY_READ,    /* room, read: how far another client of the same account has read */
    REPLY_ERROR,   /* error, text, retry_ms */
};

/* One line of a list: a room, or a member. */
struct reply_item {
    struct slice name;
    struct slice topic;
    struct slice epoch;
    uint64_t last;
    uint64_t read;
    unsigned client_count;
    enum role role; /* of a member */
};

/* A role, a ban or a mute. */
struct reply_rule {
    struct slice kind; /* "role", "ban", "mute" */
    struct slice name, address, role, reason, by;
    int64_t until_us; /* 0: for good */
};

struct reply_rules {
    struct slice access, posting;
    unsigned slow_s;
    bool registered_only, topic_lock;
    struct reply_rule *items;
    size_t count;
};

struct reply {
    enum reply_kind kind;
    struct slice cid; /* of the request; empty: it had none */
    struct slice room;
    struct slice name;
    struct slice session; /* secret, as text */
    struct slice epoch;
    struct slice topic;
    struct slice sender; /* of a notice: who did it */
    const struct reply_rules *rules;
    struct slice reason; /* of a gap: "retention", "epoch", "rewound" */
    struct slice text;   /* of an error: for people */
    int error;           /* of an error: ERR_… */
    unsigned retry_ms;   /* of rate_limited */
    unsigned client_count;
    uint64_t first, last, after, read;
    int64_t timestamp_us;
    struct outcome outcome; /* of an ack */
    const struct reply_item *items;
    size_t item_count;
    struct entry *const *entries;    /* ascending; of a search: the best first */
    const struct slice *entry_rooms; /* of a search: the name of each one's room */
    size_t entry_count;
    bool more;
    bool backwards; /* of a batch: read back from an end, so that where not all fits the oldest are
                       left out */
    bool greeting;
    bool announced;
    bool catching_up; /* of a batch: part of joining, not an answer to history */
    bool batched;     /* of one that is catching up: who joins asked for it, and knows batches */
    uint8_t side; /* of a batch of a direct-message room: the reader's (enum side); SIDE_PUBLIC: not
                     known */
};
