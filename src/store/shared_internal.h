/* The parts of the shared log (shared_log.h). Private to its files:
 *
 *   shared_log.c     the log: carries out commands, ends leases
 *   shared_news.c    what it tells the nodes
 *   shared_name.c    who holds a name, there and as a node knows it
 *   shared_node.c    a node's link: commands, answers, news; what goes wrong
 *   shared_room.c    a room that a node follows: order, signals, counts, members */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "store/completions.h"
#include "store/follower.h"
#include "store/job.h"
#include "store/memory_mark.h"
#include "store/memory_rooms.h"
#include "store/shared_log.h"

/* A value that may come by several ways: the highest version is the latest. */
struct shared_count {
    uint64_t node;
    uint64_t version;
    unsigned count;
};

struct shared_counts {
    struct shared_count items[SHARED_NODES];
    size_t used;
};

/* Who holds a name, at the log; or, on a node, who else holds it. */
struct shared_name {
    struct name_claim claim; /* points into bytes */
    uint64_t holders[SHARED_NODES];
    size_t holder_count;
    uint64_t version;
    char bytes[];
};

/* A room at the log, beside its entries. */
struct shared_tally {
    struct slice key; /* points into bytes */
    struct shared_counts counts;
    char bytes[];
};

enum command_kind {
    COMMAND_JOB,   /* what the hub has asked */
    COMMAND_FILL,  /* entries for a hole */
    COMMAND_CHECK, /* how far a followed room is, after the link has healed */
    COMMAND_NAMES, /* all names */
};

struct command {
    struct command *next;
    enum command_kind kind;
    struct job *job;             /* JOB, FILL (a page), CHECK (a follow) */
    struct shared_counts counts; /* of FOLLOW and CHECK */
    uint64_t version;            /* of a claim */
    struct name_copy *names;     /* of NAMES: a list */
};

enum news_kind { NEWS_ENTRY, NEWS_SIGNAL, NEWS_NAME, NEWS_CALL };

struct news {
    struct news *next;
    enum news_kind kind;
    struct slice room_key; /* points into what it is about */
    struct entry *entry;   /* ENTRY, with room_key owned */
    struct signal *signal; /* SIGNAL; it comes after the entry `after` */
    uint64_t after;
    struct shared_count count;
    struct name_copy *name;
    struct job *call;
    char *owned;
};

/* What a node is told of a name. */
struct name_copy {
    struct name_copy *next;
    struct name_claim claim; /* points into bytes */
    bool elsewhere;          /* another node holds it */
    uint64_t version;
    char bytes[];
};

struct command_list {
    struct command *first, *last;
};

struct news_list {
    struct news *first, *last;
};

/* At a node: a name it holds. */
struct own_name {
    struct name_claim claim; /* points into bytes */
    char bytes[];
};

struct held_signal {
    struct held_signal *next;
    struct signal *signal;
    uint64_t after;
};

struct room_member {
    struct list_node node;
    struct identity identity;
    unsigned devices;
    char *name;
};

struct shared_room {
    struct slice key, name; /* owned */
    unsigned asked;         /* FOLLOW without UNFOLLOW */
    unsigned subscribed;    /* the same at the log: it is told of */
    bool followed;
    bool filling;
    struct follower *follower;
    uint64_t heard; /* the highest number told of */
    struct held_signal *held;
    struct shared_counts others;
    unsigned elsewhere; /* told last */
    unsigned count;     /* here, as it was shared */
    struct list members;
};

struct shared_node {
    struct store store;
    struct shared_log *log;
    uint64_t id;
    struct list_node in_log;
    bool cut, dead; /* dead: to the others */
    bool killed;
    bool ignores_holes;
    int64_t lease_us;
    struct command_list commands, answers;
    struct news_list news;
    size_t losing, repeating;
    struct completions *completions;
    struct map *rooms;  /* struct shared_room */
    struct map *own;    /* struct own_name */
    struct map *others; /* struct name_copy: what was told of a name last */
};

struct shared_log {
    struct shared_watcher watcher;
    struct memory_rooms rooms;
    struct memory_marks marks;
    struct ulid_source ids;
    struct rng rng;
    uint64_t map_seed;
    uint64_t version, last_node;
    int64_t now_us;
    struct list nodes;
    struct map *names;   /* struct shared_name */
    struct map *tallies; /* struct shared_tally */
};

/* shared_log.c */
void log_carry_out(struct shared_node *node, struct command *command);
void log_announce_counts(struct shared_node *node);
void node_detach(struct shared_node *node); /* it says goodbye; frees it */

/* shared_news.c */
/* To all other nodes that follow the room. */
void log_tell_entry(struct shared_node *from, struct slice room_key, struct entry *entry);
void log_tell_signal(struct shared_log *log, uint64_t from, const struct signal *signal,
                     unsigned count);
void node_news(struct shared_node *node, struct news *news);
void node_take_news(struct shared_node *node); /* the first */
void node_drop_news(struct shared_node *node);

/* shared_name.c */
void name_claim_at_log(struct shared_node *node, struct command *command);
void name_release_at_log(struct shared_node *node, const struct name_claim *claim);
/* The node's names are free. */
void name_release_all_at_log(struct shared_node *node);
/* The node holds again what it held, where nobody else does. */
void name_reclaim_at_log(struct shared_node *node, struct command *command);
void name_told(struct shared_node *node, struct name_copy *copy); /* takes */
void name_claimed(struct shared_node *node, const struct command *command);
void name_released(struct shared_node *node, const struct name_claim *claim);
void names_free(struct shared_node *node);
struct name_copy *name_copy_for(const struct shared_node *node, const struct shared_name *name);

/* shared_node.c */
void node_give(struct shared_node *node, struct job *job);
void node_ask(struct shared_node *node, enum command_kind kind, struct job *job);
/* Asks how far each followed room is. */
void node_look(struct shared_node *node);
void command_free(struct command *command);

/* shared_room.c */
struct shared_room *room_find_at(const struct shared_node *node, struct slice key);
struct shared_room *room_use_at(struct shared_node *node, struct slice key, struct slice name);
void room_drop_unused(struct shared_node *node, struct shared_room *room);
void rooms_free_at(struct shared_node *node);
void room_take_entry(struct shared_node *node, struct slice key, struct entry *entry);
void room_take_signal(struct shared_node *node, const struct news *news); /* takes its signal */
void room_follow_answered(struct shared_node *node, struct command *command);
void room_checked(struct shared_node *node, struct command *command);
void room_filled(struct shared_node *node, const struct command *command);
void room_unfollowed(struct shared_node *node, struct slice key);
void room_track(struct shared_node *node, const struct signal *signal);
void counts_set(struct shared_counts *counts, const struct shared_count *count);
unsigned counts_sum(const struct shared_counts *counts, uint64_t but);
