/* What is known for certain: everything anybody has ever tried to say, and what of it is stored.
 * The first is written by the clients, the second by the witness before the store. Whoever is shown
 * something is measured by it.
 *
 * Each utterance carries its number, in its text ("#17# …") or as its cid ("c17"), so that whatever
 * appears anywhere can be traced to who said it, where, and for whom. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/store.h"

struct world;

struct utterance {
    uint32_t tag;
    unsigned author; /* index of the client */
    uint64_t wire;   /* it was last sent on */
    enum entry_kind kind;
    char *room;    /* folded; NULL: direct */
    char *to;      /* as it was written; NULL: public */
    char *content; /* as it should be stored */
    char *label;   /* asked for as a signature; NULL: none */
    char *key;     /* of a reaction */
    uint64_t of;
    bool has_cid; /* "c" and the tag */
    unsigned sends;
    bool refused;         /* by an error that means: not stored */
    struct room_log *log; /* where it is stored; NULL: nowhere */
    unsigned life;
    uint64_t seq;
};

/* A stored entry. */
struct record {
    struct utterance *utterance;
    uint64_t order; /* world->order when the store reported it */
    int64_t timestamp_us;
    char id[ENTRY_ID_LENGTH + 1];
    char *sender;
    struct identity identity;
    bool erased;
};

/* A room's log; seq n is records[n - 1]. A room that was erased and is made again has another life.
 */
struct room_log {
    struct room_log *next;
    char *key, *name;
    char *epoch; /* NULL: never told */
    unsigned life;
    struct record *records;
    uint64_t last;
    size_t capacity;
    bool direct;
    bool erasing; /* it was asked for */
};

struct ledger {
    struct utterance **utterances; /* tag - 1 */
    size_t count, capacity;
    struct room_log *logs;
    uint64_t entries;
};

void ledger_close(struct ledger *ledger);

/* Copies the texts; fill in the rest. */
struct utterance *ledger_say(struct ledger *ledger, unsigned author, enum entry_kind kind);
struct utterance *ledger_utterance(const struct ledger *ledger, uint64_t tag); /* NULL: none */
/* By "c17", or by a text with "#17# " at its beginning; NULL: neither, or nobody said it. */
struct utterance *ledger_by_cid(const struct ledger *ledger, struct slice cid);
struct utterance *ledger_by_text(const struct ledger *ledger, struct slice text);

/* The room's log; made if need be when `name` is not NULL. */
struct room_log *ledger_log(struct ledger *ledger, struct slice key, const struct slice *name);
struct record *ledger_record(const struct room_log *log, uint64_t seq); /* NULL: none */

/* The store has committed an entry as `seq`: it must be the next one, of what somebody has said,
 * and the first of it. */
void ledger_commit(struct world *world, struct room_log *log, const struct entry_body *body,
                   uint64_t seq, int64_t timestamp_us, const char *id);
/* An entry that was read must be the one that was committed. */
void ledger_compare(struct world *world, const struct room_log *log, const struct entry *entry);
/* What the store says of a room must be so. */
void ledger_head(struct world *world, struct room_log *log, const struct room_head *head);
/* It was erased: its numbers begin anew. */
void ledger_renew(struct room_log *log);
