/* Private to the redis engine: its thread, "store-redis", and what it knows. It runs a libuv loop
 * with a connection to each shard (redis/redis.h); jobs come in through a mailbox, finished ones
 * leave through the outbox, all of a turn of the loop together.
 *
 * Each shard carries out what it is asked in its order, and finished jobs leave in the order in
 * which they were asked: a task waits in its shard's queue until those before it are done, and
 * those that were asked in the same turn leave together, so that entries of one room are passed on
 * as one run.
 *
 *   redis_shards.c   which room is where; the queue; trouble, told once
 *   redis_tasks.c    what is done with each kind of job
 *   redis_append.c   appends, and what waits for replicas
 *   redis_rooms.c    rooms that are followed: head, epoch, restarting
 *   redis_feed.c     publications; order; holes filled
 *   redis_pages.c    reading, listing
 *   redis_members.c  who is in a room, here and on other nodes
 *   redis_names.c    who holds a name
 *   redis_nodes.c    leases, those who are gone
 *   redis_sweep.c    retention of rooms that are silent */
#pragma once

#include <uv.h>

#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "store/follower.h"
#include "store/outbox.h"
#include "store/redis_scripts.h"
#include "store/store_redis.h"
#include "store/ulid.h"

#define REDIS_EPOCH 12        /* characters of an epoch's name */
#define REDIS_NODE 16         /* … of a node's */
#define REDIS_NODES 256       /* at most that many are known */
#define BEAT_MS 2000          /* from one renewal of the lease to the next … */
#define LEASE_MS 6000         /* … and how long it lasts */
#define BATCH_TASKS 256       /* that leave together */
#define REMEMBERED_ROOMS 4096 /* that were followed, see redis_rooms.c */
#define HELD_SIGNALS 256      /* of a room, for entries before them */

struct redis_keeper;
struct redis_ring;
struct redis_room;

/* A Redis. */
struct redis_shard {
    struct redis_keeper *keeper;
    struct redis *redis;
    char *name; /* as the options have it */
    unsigned index;
    bool loss_told;                  /* since this node announced itself last */
    bool dirty;                      /* there may be something to release */
    bool ready;                      /* was up once */
    bool beaten;                     /* this node has announced itself there */
    struct redis_task *first, *last; /* the queue */
    struct redis_room *run;          /* its entries were taken and not passed on yet */
    struct job_list trimmed;         /* told when the queue is empty */
    struct redis_batch *batch;       /* appended in this turn, to be waited for */
    char trouble[32];                /* what it refuses with, when it does: told already */
    struct redis_sweep *sweep;       /* NULL: none is under way */
};

/* A job on its way through a shard's queue. */
struct redis_task {
    struct redis_task *next;
    struct redis_shard *shard;
    struct redis_room *room; /* counted; NULL: of none */
    struct job *job;
    bool done;
    bool last_of_batch;
    struct redis_fence *fence;    /* the job leaves when all shards have come to it */
    char id[ENTRY_ID_LENGTH + 1]; /* APPEND: the entry's; FOLLOW: that of the last entry */
    /* APPEND that waits for replicas. */
    struct redis_batch *batch;
    size_t place;              /* there */
    struct redis_task *leader; /* the last of its room there */
};

/* How many sessions another node has in a room. */
struct redis_count {
    char node[REDIS_NODE + 1];
    bool heard; /* published since the room's head was asked for */
    unsigned count;
};

struct redis_held {
    struct redis_held *next;
    struct signal *signal;
    uint64_t after; /* comes when this entry was passed on */
};

/* A room that somebody here has to do with. */
struct redis_room {
    struct redis_keeper *keeper;
    struct redis_shard *shard;
    struct slice key, name; /* owned */
    unsigned uses;          /* tasks and commands under way */
    unsigned subscriptions;
    struct list_node node; /* of those remembered */
    /* Followed: what the hub was told, and what is still to come. */
    bool followed;
    bool remembered; /* was followed; the follower only knows how far */
    bool unsure; /* it may be another log than it was: nothing is taken until it was looked at */
    bool checking, check_again;
    bool filling;
    struct follower *follower;
    unsigned generation; /* of the follower */
    char epoch[REDIS_EPOCH + 1];
    char last_id[ENTRY_ID_LENGTH + 1]; /* of the entry passed on last */
    uint64_t first;
    uint64_t heard; /* numbers that were told of since its head was asked for */
    /* A hole is looked into when the own appends that were under way then are answered. */
    uint64_t appends_sent, appends_done, hole_at;
    bool hole;
    struct redis_held *held_first, *held_last;
    size_t held_count;
    /* Who is in it. */
    struct redis_count *others;
    size_t other_count;
    unsigned elsewhere;  /* told last */
    unsigned count;      /* here */
    struct map *members; /* here, by identity; NULL: none */
};

struct redis_names {
    struct map *own;    /* claimed here, by folded name */
    struct map *others; /* told to the hub, by folded name */
    struct map *asked;  /* about which an answer is on its way, by folded name */
    unsigned readings;  /* of all of them, that are on their way */
};

/* Another node. */
struct redis_node {
    char id[REDIS_NODE + 1];
    uint64_t heard; /* how many heartbeats had left when it said something; 0: it has not */
};

struct redis_keeper {
    struct store_redis_options options; /* its texts are the keeper's own */
    struct log silent;                  /* where there is none */
    struct slice name_space;
    char node[REDIS_NODE + 1];
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t inbox_ready;
    uv_timer_t beat, sweeping, ending;
    uv_check_t turn_end;
    struct mailbox inbox;
    struct outbox *outbox;
    struct job_list out; /* finished in this turn */
    struct redis_shard *shards;
    struct redis_ring *ring;
    struct map *rooms;      /* by key */
    struct list remembered; /* rooms, those that were followed longest ago first */
    size_t remembered_count;
    struct map *pending; /* own appends under way, by the entry's id */
    struct redis_names names;
    struct redis_node alive[REDIS_NODES];
    size_t alive_count;
    uint64_t beats, beats_answered; /* of the first shard */
    struct ulid_source ids;
    struct rng rng;
    bool stopping, leaving;
    uint64_t sweep_ms;          /* when the next is due */
    unsigned retention_changes; /* of the rules, that were swept for */
    /* For who opens the store. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned shards_ready;
    char failure[256]; /* why a shard is not */
};

/* redis_keeper.c */
int redis_keeper_start(const struct store_redis_options *options, struct outbox *outbox,
                       struct redis_keeper **keeper, struct buffer *message) MUST_USE;
void redis_keeper_put(struct redis_keeper *keeper, struct job_list *jobs); /* takes all */
void redis_keeper_stop(struct redis_keeper *keeper);
/* Its own, until it is stopped. */
const struct store_redis_options *redis_keeper_options(const struct redis_keeper *keeper);
/* A finished job leaves; a signal of another node. */
void keeper_give(struct redis_keeper *keeper, struct job *job);
void keeper_give_signal(struct redis_keeper *keeper, struct signal *signal); /* takes */
void keeper_log(const struct redis_keeper *keeper, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void keeper_new_epoch(struct redis_keeper *keeper, char epoch[REDIS_EPOCH + 1]);

/* redis_shards.c */
struct redis_ring *ring_new(const struct store_redis_options *options);   /* memory_free */
unsigned ring_find(const struct redis_ring *ring, struct slice room_key); /* which shard */
/* How to reach one. */
struct redis_options shard_options(const struct store_redis_options *options,
                                   const char *const *name);
int shards_open(struct redis_keeper *keeper, struct buffer *message) MUST_USE;
void shards_close(struct redis_keeper *keeper); /* the loop must run until it is empty */
void shards_free(struct redis_keeper *keeper);
struct redis_shard *shard_of(const struct redis_keeper *keeper, struct slice room_key);
static inline struct redis_shard *first_shard(struct redis_keeper *keeper) {
    return &keeper->shards[0];
}
/* Whether it has done what it was asked. If not, says why, once. */
bool shard_did(struct redis_shard *shard, const struct redis_reply *reply);
void shard_touch(struct redis_shard *shard);
/* It has answered a heartbeat: who is there is known. */
void shard_ready(struct redis_shard *shard);

/* redis_tasks.c */
void tasks_take(struct redis_keeper *keeper, struct job_list *jobs);
void task_done(struct redis_task *task);
void tasks_release(struct redis_shard *shard);
bool tasks_empty(const struct redis_keeper *keeper);

/* redis_append.c */
void append_send(struct redis_task *task);
void append_turn(struct redis_shard *shard); /* the end of a turn in which something was appended */
void append_finish(struct redis_task *task);
/* The log has entries that may not be shown yet, up to this one: tries to show them. */
void append_settle(struct redis_room *room, uint64_t last, struct slice id);

/* redis_rooms.c */
struct redis_room *room_use(struct redis_keeper *keeper, struct slice key, struct slice name);
void room_release(struct redis_room *room);
void rooms_free(struct redis_keeper *keeper);
void room_follow(struct redis_task *task);
void room_follow_finish(struct redis_task *task);
void room_unfollow_finish(struct redis_task *task);
void room_check(struct redis_room *room);
void rooms_doubt(struct redis_shard *shard); /* its logs may become other ones */
/* All, or those of which not everything was heard. */
void rooms_check(struct redis_shard *shard, bool all);
/* Entries of a room that nobody here follows may wait for replicas, and for somebody to look. */
void room_settled(struct redis_keeper *keeper, struct slice room_key);
struct room_head head_of_reply(const struct redis_reply *reply, struct slice room_key,
                               struct slice room_name);

/* redis_feed.c */
void feed_message(struct redis_shard *shard, struct slice channel, struct slice payload);
void feed_take(struct redis_room *room, struct entry *entry); /* borrows */
void feed_expect(struct redis_room *room, uint64_t last);
void feed_trimmed(struct redis_room *room, uint64_t first);
/* Gives what can be given, and asks for what is missing. */
void feed_pass_on(struct redis_room *room);
void feed_drop_held(struct redis_room *room);

/* redis_pages.c */
struct page_range;
/* The call that reads a page. `fresh`: the epoch, if there is none yet. */
void pages_call(struct script_call *call, struct slice name_space, struct slice room_key,
                const struct page_range *range, const char *fresh);
void pages_ask(struct redis_room *room, uint64_t after, redis_answer *answer, void *context);
/* Entries of a page's answer, ascending or descending as they were asked for. The array is the
 * caller's (memory_free), with a reference on each. */
struct entry **pages_entries(const struct redis_reply *reply, bool descending, size_t *count);
void pages_read(struct redis_task *task);
void pages_list(struct redis_keeper *keeper, struct job *job);

/* redis_members.c */
void members_share(struct redis_task *task);
void members_share_again(struct redis_shard *shard); /* it has forgotten */
void members_gather(struct redis_task *task);
/* As it was published. */
void members_count(struct redis_room *room, struct slice node, unsigned count);
/* The room's head is asked for; and the counts that its answer brings. */
void members_asked(struct redis_room *room);
void members_counts(struct redis_room *room, const struct redis_reply *reply, size_t from);
void members_recount(struct redis_keeper *keeper); /* nodes came or went */
unsigned members_elsewhere(const struct redis_room *room);
void members_free(struct redis_room *room);

/* redis_names.c */
void names_init(struct redis_keeper *keeper, uint64_t seed);
void names_free(struct redis_keeper *keeper);
void names_claim(struct redis_task *task);
void names_drop(struct redis_task *task);
/* What Redis has for a name now; and what was published of it. */
void names_told(struct redis_keeper *keeper, struct slice folded, struct slice value);
void names_heard(struct redis_keeper *keeper, struct slice folded, struct slice value);
void names_read(struct redis_keeper *keeper);
void names_claim_again(struct redis_keeper *keeper);
void names_recall(struct redis_keeper *keeper);

/* redis_nodes.c */
void nodes_beat(struct redis_shard *shard);
void nodes_message(struct redis_keeper *keeper, struct slice payload);
bool nodes_alive(const struct redis_keeper *keeper, struct slice node);
/* It has said something, so it is, until the next heartbeat knows better. */
void nodes_heard(struct redis_keeper *keeper, struct slice node);
void nodes_leave(struct redis_keeper *keeper, redis_answer *answer, void *context);
void nodes_call(struct redis_task *task);

/* redis_marks.c */
void marks_set(struct redis_task *task);
void marks_recall(struct redis_task *task);
void marks_ask(struct redis_keeper *keeper, struct job *job, redis_answer *answer, void *context);
void marks_take(struct job *job, const struct redis_reply *reply);
void room_erase(struct redis_task *task);

/* redis_sweep.c */
void sweep_look(struct redis_keeper *keeper); /* whether it is time for one; from time to time */
/* Arguments: count, bytes, horizon, now. */
void sweep_retention(struct redis_keeper *keeper, struct slice room_key, struct script_call *call);
