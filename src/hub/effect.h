/* Effects: all that ever leaves the hub. They are carried out in order, after the step. Slices and
 * arrays live in the effects' own arena until effects_clear. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "hub/credential.h"
#include "hub/entry.h"
#include "hub/mark.h"
#include "hub/nodes.h"
#include "hub/reply.h"
#include "hub/search.h"
#include "hub/signal.h"

enum effect_kind {
    /* To the store's queue, in order. */
    EFFECT_FOLLOW,   /* room_key, room_name */
    EFFECT_UNFOLLOW, /* room_key */
    EFFECT_APPEND,   /* draft: taken */
    EFFECT_SIGNAL,   /* signal: taken */
    EFFECT_LIST,     /* origin, cid → EVENT_LISTED */
    EFFECT_MARK,     /* mark: how far somebody has read; kept for EFFECT_RECALL */
    EFFECT_RECALL,   /* mark.identity → EVENT_RECALLED */
    EFFECT_ERASE,    /* room_key: forget the room and all that is in it */
    EFFECT_REPLAY,   /* replay.after: the log of "$rules" from there → EVENT_REPLAYED */
    /* The same, of a store that several nodes share: see nodes.h. */
    EFFECT_SHARE,   /* share */
    EFFECT_CLAIM,   /* claim → EVENT_CLAIMED */
    EFFECT_RELEASE, /* claim: folded and identity */
    EFFECT_GATHER,  /* list.origin, list.cid, room_key → EVENT_GATHERED */
    EFFECT_CALL,    /* call */
    /* To the authority. */
    EFFECT_AUTHENTICATE, /* connection, authenticate → EVENT_AUTHENTICATED */
    /* To delivery. */
    EFFECT_SHOW_ENTRY,  /* room_key, room, entry: to every reader of the room (a reference is held)
                         */
    EFFECT_SHOW_SIGNAL, /* room_key, room, signal: borrowed from the event, render it now */
    EFFECT_REPLY,       /* connection, reply */
    EFFECT_SUBSCRIBE,   /* connection, room_key, room, next, last, side, live_reply */
    EFFECT_UNSUBSCRIBE, /* connection, room_key */
    EFFECT_READ,   /* connection, cid, room_key, room, after/before, limit → a REPLY_BATCH, or an
                      error */
    EFFECT_SEARCH, /* connection, search → a REPLY_FOUND, or an error */
    EFFECT_AUDIT,  /* connection, audit → a REPLY_AUDIT, or an error */
    EFFECT_PAUSE,  /* connection: read nothing more from it */
    EFFECT_RESUME, /* connection: read again */
    EFFECT_CLOSE,  /* connection, close_code: after all that was shown and answered so far */
};

/* In a direct-message room each side reads the same entry in other words. */
enum side { SIDE_PUBLIC, SIDE_FIRST, SIDE_SECOND };

struct effect {
    enum effect_kind kind;
    uint64_t connection;
    struct slice room_key;
    struct slice room; /* the name to show */
    union {
        struct draft *draft;
        struct signal *signal;
        struct read_mark mark;
        struct {
            const struct signal *signal; /* borrowed from the event, or in the effects' arena */
            unsigned count;              /* sessions in the room on this node */
        } share;
        struct name_claim claim;
        struct call call;
        struct {
            struct entry *entry;
            struct slice epoch; /* of the room's log, for those who are told where they are */
            /* Of a direct message: whose words these are. The room's name is "@FIRST,SECOND"; of
             * somebody who writes to themselves "@ann,ann", and author and reader are SIDE_FIRST.
             * Of a public room: SIDE_PUBLIC. */
            enum side author;
        } show;
        struct reply reply;
        struct {
            uint64_t next; /* the first seq wanted; last + 1: only what comes from now on */
            uint64_t last; /* the room's last seq shown so far */
            enum side side;
            bool live_reply; /* say when it is live */
            bool fresh;      /* has read nothing yet: need not be told of what is gone by now */
        } subscribe;
        struct {
            struct origin origin;
            struct slice cid;
        } list;
        struct {
            struct slice cid;
            uint64_t after, before; /* after is used when has_after */
            bool has_after;
            bool exists; /* the room is known to be there, though its log may hold nothing yet */
            unsigned limit;
        } read;
        struct {
            struct slice cid;
            struct search_query query; /* its ticket is not set */
        } search;
        struct {
            struct credential credential;
            struct slice address;
            bool wants_ticket;
        } authenticate;
        struct {
            uint64_t after;
        } replay;
        struct {
            struct slice cid;
            /* Of which room the changes are wanted; empty: those of the whole server */
            struct slice room_key;
            struct slice room;
            bool all;        /* of all rooms and of the server */
            uint64_t before; /* a seq of the log of "$rules"; 0: from its end */
            unsigned limit;
        } audit;
        uint16_t close_code;
    };
};

struct effects {
    struct effect *items;
    size_t count, capacity;
    struct arena_block *arena;
    size_t allocated; /* bytes, since effects_clear */
};

/* A zeroed struct is empty and ready. */
void effects_clear(
    struct effects *effects); /* unrefs entries, frees drafts and signals nobody took (set to NULL
                                 by whoever takes them); keeps the memory */
void effects_close(struct effects *effects); /* effects_clear, and frees the memory */

/* A zeroed effect of this kind; the pointer is valid until the next effects_add. */
struct effect *effects_add(struct effects *effects, enum effect_kind kind);

/* The bytes of all that is in the list: how much there was to do. */
size_t effects_size(const struct effects *effects);

/* Memory that lives until effects_clear. */
void *effects_allocate(struct effects *effects, size_t size);
struct slice effects_copy(struct effects *effects, struct slice s);
