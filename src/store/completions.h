/* Completions: carried out jobs, turned one after the other into what the hub's driver collects.
 * Every engine ends in this, so all of them report in the same order:
 *
 * - an append's APPENDED, then (when the room is followed) the COMMITTED that holds its entry;
 * neighbouring appends to one room share a COMMITTED;
 * - a signal's SIGNALLED after the COMMITTED of every append before it;
 * - a room's TRIMMED after the COMMITTED of what was in its log before;
 * - a room's FOLLOWED before the first COMMITTED, and none after it is unfollowed or erased;
 * - a page of a followed room shows nothing that was not reported before it was asked for, though
 * it may be read later.
 *
 * It is used by the hub's thread alone. What a completion points to lives until the next call of
 * completions_next. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/job.h"

struct completions;

struct completions *completions_new(uint64_t seed); /* of the map of followed rooms */
void completions_free(struct completions *completions);

void completions_push(struct completions *completions, struct job *job);            /* takes */
void completions_push_list(struct completions *completions, struct job_list *jobs); /* takes all */

/* Whether completions_next has something to give, or to drop. */
bool completions_waiting(const struct completions *completions);
struct completion *completions_next(struct completions *completions);

/* Keeps a query of a followed room within what has been reported. Before the query is given to the
 * engine. */
void completions_bound(const struct completions *completions, struct page_query *query);

/* Drops everything, and follows no room any more. */
void completions_reset(struct completions *completions);
