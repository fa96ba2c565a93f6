/* A log that several nodes share, in memory: what Redis is to the redis engine (store_redis.h), for
 * the simulator and for tests. Each node is attached by a store of its own, whose link to the log
 * may be slow, lose and repeat what is told, break and heal, all on command:
 *
 *   node ── commands ──▶ log      carried out one after the other
 *        ◀── answers ───          in that order
 *        ◀── news ──────          what other nodes did: entries, signals, names; overtake answers
 *
 * The log decides what must be decided as one: numbers, who holds a name. Order within a room is
 * the nodes' own affair (follower.h). A node that has not been heard of for SHARED_LEASE_US is dead
 * to the others: its names are free and nobody is in its rooms. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/store.h"

#define SHARED_LEASE_US INT64_C(10000000)
#define SHARED_NODES 32 /* at most that are known at a time */

struct shared_log;

/* Told as it happens, in the log's own order. */
struct shared_watcher {
    void *context;
    void (*appended)(void *context, struct slice room_key, struct slice room_name,
                     const struct entry *entry);
    void (*erased)(void *context, struct slice room_key);
};

struct shared_log *shared_log_new(uint64_t seed, const struct shared_watcher *watcher);
/* After all nodes are closed or dead. */
void shared_log_free(struct shared_log *log);
/* Leases run out by it. */
void shared_log_set_time(struct shared_log *log, int64_t now_us);
/* A new node. engine->close detaches it. */
struct store *shared_log_attach(struct shared_log *log);

/* Lets so many commands, answers and news through. What has got through is there for collect. */
void shared_node_pass(struct store *store, size_t commands, size_t answers, size_t news);
/* Whether nothing is on its way. */
bool shared_node_idle(const struct store *store);
/* The link breaks: of the commands under way the first `carried` reach the log all the same, but of
 * none an answer comes. Until it heals everything is answered with ERR_UNAVAILABLE. */
void shared_node_cut(struct store *store, size_t carried);
void shared_node_heal(struct store *store);
bool shared_node_is_cut(const struct store *store);
/* Of the entries that it is told of, the next `count` come twice; or they are lost, and only when
 * that is over the node looks how far its rooms are, as after a lost connection. */
void shared_node_lose(struct store *store, size_t count);
void shared_node_repeat(struct store *store, size_t count);
/* The process is killed: its first `carried` commands reach the log. The store is freed; the others
 * learn of it when its lease has run out. */
void shared_node_kill(struct store *store, size_t carried);
/* Holes in what it is told are not filled: for showing that this is noticed. */
void shared_node_ignore_holes(struct store *store);
