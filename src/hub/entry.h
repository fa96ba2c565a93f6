/* Entries and drafts: what a room's log is made of.
 *
 * A draft is what somebody wants appended. A store turns it into an entry by giving it seq, id and
 * timestamp inside the commit; from then on it never changes. Entries are shared by counting and
 * belong to one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum entry_kind { ENTRY_MESSAGE, ENTRY_EDIT, ENTRY_DELETE, ENTRY_REACTION, ENTRY_TOPIC };

/* Whether entries of this kind are about another one, `of`. */
bool entry_refers(enum entry_kind kind);

#define ENTRY_ID_LENGTH 26 /* a ULID: sorts by time, unique over all rooms */
#define IDENTITY_SIZE 16   /* bytes */

/* Who acts, for good: an account, a guest session (digest of its secret), or an address with its
 * signature. Never a label. Compared with memcmp. All zero: nobody. */
struct identity {
    uint8_t bytes[IDENTITY_SIZE];
};

bool identity_equal(const struct identity *a, const struct identity *b);
bool identity_none(const struct identity *identity);
/* Its bytes, for instance as the key of a map. */
static inline struct slice identity_slice(const struct identity *identity) {
    return slice_from(identity->bytes, sizeof(identity->bytes));
}

/* What the author decides about an entry. Slices are borrowed. */
struct entry_body {
    enum entry_kind kind;
    struct identity identity; /* the author */
    struct slice sender;      /* the name or label it is signed with */
    struct slice cid;         /* chosen by the client; empty: none */
    struct slice content;     /* UTF-8 */
    /* Of a reaction; of a message: "raw" when it came without any signature (raw text) */
    struct slice key;
    /* Members of a JSON object without braces, e.g. "title":"Disk","priority":4 */
    struct slice meta;
    bool removal; /* of a reaction: op "remove" */
    uint64_t re;  /* seq this answers; 0: none */
    uint64_t of;  /* seq this edits, deletes or reacts to; 0: none */
    bool deleted; /* its content was erased since; a store's to say, not the author's */
};

struct entry {
    unsigned references;
    uint64_t seq;         /* 1, 2, 3 … within its room */
    int64_t timestamp_us; /* never goes back within a room */
    char id[ENTRY_ID_LENGTH + 1];
    struct entry_body body; /* slices point into bytes */
    char bytes[];
};

/* Copies everything; one reference. `id` is zero-terminated. */
struct entry *entry_new(const struct entry_body *body, uint64_t seq, int64_t timestamp_us,
                        const char *id);
struct entry *entry_ref(struct entry *entry);
void entry_unref(struct entry *entry);        /* NULL is fine */
size_t entry_size(const struct entry *entry); /* bytes of memory */

/* Who waits for a completion; carried through the store untouched. */
struct origin {
    uint64_t session;    /* 0: nobody */
    uint64_t connection; /* where the answer goes; 0: nowhere */
};

/* An append under way. The hub makes it, the store carries it and hands it back in EVENT_APPENDED,
 * the hub's driver frees it when the step is over. */
struct draft {
    struct draft *next; /* for queues of whoever holds it */
    struct origin origin;
    /* When it was asked for; the store gives max(proposed, last of the room) */
    int64_t proposed_us;
    bool known_only; /* its author sends too much: only if the cid is known it gets its first
                        outcome; else ERR_RATE_LIMITED, and nothing is stored */
    unsigned rate;   /* messages a minute that its author may send over all nodes; 0: no limit but
                        the hub's own. Counted by a store that several nodes share, by identity:
                        ERR_RATE_LIMITED with retry_ms */
    bool moderates;  /* its author may delete what others wrote, too */
    struct slice room_key; /* point into bytes, as do the slices of body */
    struct slice room_name;
    struct entry_body body;
    char bytes[];
};

struct draft *draft_new(struct slice room_key, struct slice room_name,
                        const struct entry_body *body, struct origin origin, int64_t proposed_us);
void draft_free(struct draft *draft);
size_t draft_size(const struct draft *draft);

/* Digest of what must be equal when a cid comes again: kind, content, re, of, key, removal. 64 bits
 * of SipHash under a fixed key; it guards against mistakes, not attackers (who own their cids). */
uint64_t entry_body_hash(const struct entry_body *body);

/* What became of an append. */
struct outcome {
    int error;      /* 0; ERR_UNAVAILABLE, ERR_CID_REUSED, ERR_NOT_FOUND, ERR_FORBIDDEN … */
    bool duplicate; /* the cid was known with this body: the numbers are those of the first time */
    unsigned retry_ms; /* of ERR_RATE_LIMITED for draft.rate */
    uint64_t seq;
    int64_t timestamp_us;
    char id[ENTRY_ID_LENGTH + 1];
};
