/* A follower: what a shared store knows of one followed room on this node, and the rule by which
 * entries come to the hub: ascending, without holes, each once, whichever way they came. No I/O, no
 * clock; the engine on Redis and the simulator's shared log both end in it.
 *
 * Entries come in three ways: as answers to this node's own appends, as publications (which may be
 * lost, repeated, or overtake the others), and as pages read to fill a hole. What comes before its
 * turn waits, FOLLOWER_WAITING entries at most (beyond that it is dropped and read again). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/entry.h"

#define FOLLOWER_WAITING 512 /* more than a page has */

struct follower;

/* `last`: the room's head, as the hub was told it (FOLLOWED). */
struct follower *follower_new(uint64_t last);
void follower_free(struct follower *follower);

/* An entry has come; takes a reference. One that was passed on already is ignored. */
void follower_take(struct follower *follower, struct entry *entry);
/* The log is known to have entries up to `last` (a publication that carried no bytes, a heartbeat,
 * a connection that came back). */
void follower_expect(struct follower *follower, uint64_t last);
/* A page that was read after `after` ended at `end`: what is missing within was erased or let go
 * of, and will not come. */
void follower_filled(struct follower *follower, uint64_t after, uint64_t end);

/* Entries whose turn it is, ascending; the caller gets the references and the array (memory_free).
 * 0: none. */
size_t follower_ready(struct follower *follower, struct entry ***entries);
/* Whether something before what waits or is expected is missing, and not asked for yet: read after
 * `*after`. From then on it counts as asked for until follower_filled or follower_retry. */
bool follower_wants(struct follower *follower, uint64_t *after);
void follower_retry(struct follower *follower);          /* what was asked for did not come */
uint64_t follower_last(const struct follower *follower); /* passed on last */
