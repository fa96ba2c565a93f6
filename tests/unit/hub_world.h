/* A world for the hub to live in: connections that ask, a store that answers in order, a clock
 * that is moved by hand, and a transcript of what came out, one line an effect:
 *
 *   1 connected lobby 2            a reply to connection 1 (its cid at the end: <c1>)
 *   1 reads lobby from 3 live      a subscription
 *   1 history lobby before 0 …     a page is asked for
 *   1 search 'tea' in lobby        a search is
 *   1 audit ops before 0           the changes of its rules are
 *   lobby: ann: hello #4           an entry is shown to whoever reads the room
 *   lobby: joined ann 2            a signal is
 *   store follow lobby             what goes to the store; only when show_store is set
 *   1 shows password of ann 'x'    the authority is asked; answered by world_vouch or world_deny
 *
 * Of cids it remembers only that they were used, in which room.
 *
 * Whatever a test is about, the world also checks what must always hold: every request with a
 * cid gets exactly one answer before its connection is closed, nobody reads a room twice or
 * stops reading what it does not read, nothing is sent to a connection after its close, and
 * after the end nothing is left. */
#pragma once

#include "hub/hub.h"

enum client_kind { PLAIN, V1, LINE, NUMBERED, TEXT, COMMAND, HTTP, CLIENT_KINDS };

struct world;

/* The defaults: 20 a minute, names of up to 3 are announced, 5 entries of backlog, 120 s to come
 * back. */
extern const struct hub_options world_defaults;

struct world *world_new(const struct hub_options *options); /* NULL: the defaults */
/* Closes every connection, lets all time pass, and checks that nothing is left. */
void world_free(struct world *world);
/* Only closes them and lets the time pass. */
void world_end(struct world *world);
struct hub *world_hub(struct world *world);

void world_open(struct world *world, uint64_t connection, enum client_kind kind);
void world_ask(struct world *world, uint64_t connection, struct request request);
void world_close(struct world *world, uint64_t connection, bool lost);
bool world_is_open(const struct world *world, uint64_t connection);
/* Nothing is to be asked any more until it is resumed, except to quit. */
bool world_is_paused(const struct world *world, uint64_t connection);

/* The store answers: everything, and what follows from that; or one thing (false: nothing
 * waits). */
void world_settle(struct world *world);
bool world_settle_one(struct world *world);
/* What clients wait for: appends, signals and lists that the store has not answered. */
size_t world_under_way(const struct world *world);
/* Moves the clock, then ticks. */
void world_pass(struct world *world, int64_t us);
int64_t world_now(const struct world *world);

/* What the store does next. */
void world_fail_follows(struct world *world, bool fail);
void world_fail_appends(struct world *world, int error);
void world_fail_signals(struct world *world, bool fail);
void world_show_store(struct world *world, bool show);
/* The server is killed and started again: connections, sessions and what the store had not done yet
 * are gone, the rooms' logs are still there. */
void world_restart(struct world *world);
/* A room's log, as if it had been written before: seqs first … last. */
void world_fill(struct world *world, const char *room, uint64_t first, uint64_t last);
/* The store tells of a new life of a room that is followed. */
void world_restore(struct world *world, const char *room, const char *epoch, uint64_t last);
/* Retention: the log begins with `first` now. */
void world_trim(struct world *world, const char *room, uint64_t first);
/* The store reports the last entry of a room, which the hub has seen. */
void world_commit_again(struct world *world, const char *room);
/* Another node's signal. */
void world_signal_from_afar(struct world *world, const char *room, enum signal_kind kind,
                            const char *name);

/* Several nodes over one store, see hub_cluster.h: what concerns them, when its turn in the queue
 * has come, and what this one has stored. */
struct world_hooks {
    void *context;
    void (*shared)(void *context, struct world *world, const struct effect *effect);
    void (*appended)(void *context, struct world *world, const struct draft *draft,
                     struct entry *entry);
    void (*marked)(void *context, struct world *world, const struct read_mark *mark);
};

void world_set_hooks(struct world *world, const struct world_hooks *hooks);
/* Any event, now. */
void world_step(struct world *world, struct event *event);
/* Another node has stored an entry. */
void world_learn(struct world *world, struct slice room_key, struct slice room_name,
                 struct entry *entry);
void world_learn_mark(struct world *world, const struct read_mark *mark);
/* How many sessions the store says are in the room on other nodes. */
void world_set_elsewhere(struct world *world, struct slice room_key, unsigned count);

/* Compares the transcript since the last time with `expected`. */
#define expect(world, expected) world_expect(world, expected, __FILE__, __LINE__)
void world_expect(struct world *world, const char *expected, const char *file, int line);
void world_forget(struct world *world); /* whatever came so far is of no interest */
/* Whether the transcript since the last time holds this text. Keeps it. */
bool world_saw(const struct world *world, const char *text);
void world_copy(const struct world *world, char *text, size_t size); /* the same */

/* The authority. It knows accounts by their names; all that it says of somebody follows from that
 * (world_principal) unless a test changes it. */
struct identity world_account_identity(const char *name);
struct principal world_principal(const char *name);
void world_tell_account(struct world *world, const char *name, enum role role);
void world_remove_account(struct world *world, const char *name);
void world_revoke(struct world *world, const struct identity *identity,
                  const struct identity *device);
/* Answers the question of this connection. */
void world_vouch(struct world *world, uint64_t connection, const struct principal *principal);
void world_deny(struct world *world, uint64_t connection, int error);
/* Whether there is one; also of a connection that was closed meanwhile. */
bool world_is_asking(const struct world *world, uint64_t connection);
void world_open_from(struct world *world, uint64_t connection, enum client_kind kind,
                     const char *address);
void world_open_with(struct world *world, uint64_t connection, enum client_kind kind,
                     const char *token);

/* The operator changes the options. */
void world_configure(struct world *world, const struct hub_options *options);

/* The hub reads the rules of rooms from the log of "$rules", now and after a restart. */
void world_read_rules(struct world *world);

/* `secret-of-N` is the secret of the session that connection N was opened with. */
struct identity world_identity(uint64_t connection);

/* Requests, in short. */
#define ask(world, connection, ...) world_ask(world, connection, (struct request){__VA_ARGS__})
void say(struct world *world, uint64_t connection, const char *content);
void say_as(struct world *world, uint64_t connection, const char *sender, const char *content);
void tell(struct world *world, uint64_t connection, const char *to, const char *content);
void call(struct world *world, uint64_t connection, const char *name); /* REQUEST_NAME */
void hello(struct world *world, uint64_t connection, const char *name);
/* Hello with the secret of the session that connection `whose` was opened with. */
void come_back(struct world *world, uint64_t connection, uint64_t whose, const char *name);
/* Hello with a password or a token, and what the authority says to it. */
void log_in(struct world *world, uint64_t connection, const char *name);
void join(struct world *world, uint64_t connection, const char *room, const char *cid);
void leave(struct world *world, uint64_t connection, const char *room, const char *cid);
void quit(struct world *world, uint64_t connection);
