/* Retention in the database: entries past the bounds of their room are let go of in small steps, on
 * the writer's thread.
 *
 * After its appends a transaction trims the rooms they went to, by about as much as they grew; that
 * keeps a busy room within count and bytes. What is left (a bound that was lowered, an age that was
 * reached) is the sweep's: it goes through all rooms again and again, a step of one transaction at
 * a time, between which the writer does what it is asked for.
 *
 * How many bytes a room has is not written anywhere. It is measured from its end on, as far as the
 * bound reaches: once the entries measured are too many bytes, those before them need not be known
 * to be let go of.
 *
 * Functions that return int return an SQLite code. */
#pragma once

#include <stdbool.h>

#include "store/sqlite_log.h"

struct sqlite_sweep {
    int64_t room; /* rooms.id of the one looked at last; 0: it begins anew */
};

/* Within the transaction of appends, after them: trims the rooms it touched. Appends JOB_TRIMMED
 * for each that begins later now. `more`: a sweep would find more to do; otherwise it is left
 * alone. */
int sqlite_trim_touched(struct sqlite_log *log, struct job_list *trimmed, bool *more) MUST_USE;

/* One step. `finished`: that was the last room, the next step begins anew. After a failure:
 * sqlite_log_fail. */
int sqlite_sweep_step(struct sqlite_log *log, struct sqlite_sweep *sweep, struct job_list *trimmed,
                      bool *finished) MUST_USE;
