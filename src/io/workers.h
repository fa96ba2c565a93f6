/* A crew of threads that carry out a list of work together with the thread that calls them: fork,
 * and join. workers_run returns when all of it is done, so whatever the work reads may be written
 * before and after, without a lock; during it each item belongs to the thread that performs it.
 *
 * The items are dealt out by a number of their own, so that what belongs to one connection is done
 * by the same thread each time, next to whose core its memory lies. Whoever is through with their
 * own helps the others, a few items at a time: nobody waits for a thread that the system does not
 * let run.
 *
 * One thread calls, always the same. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* With fewer items than this the caller does them all itself: waking somebody up takes as long as
 * some of them. */
#define WORKERS_LEAST 64

struct workers;

struct work {
    size_t count; /* of items */
    /* Items with the same number are one thread's, unless it is too busy. */
    uint64_t (*belonging)(const void *context, size_t item);
    /* Called once for each item, from any of the threads. `worker`: which of them, 0 (who calls
     * workers_run) to workers_count. */
    void (*perform)(void *context, unsigned worker, size_t item);
    void *context;
};

/* Starts `count` threads: "io-1", "io-2" … ERR_IO: the system has no thread left. */
int workers_new(unsigned count, struct workers **workers) MUST_USE;
void workers_free(struct workers *workers); /* NULL is fine */

/* Threads, without the caller. */
unsigned workers_count(const struct workers *workers);

void workers_run(struct workers *workers, const struct work *work);

/* For metrics: items that were performed by the caller and by the others so far. */
struct workers_share {
    uint64_t own, others;
};
struct workers_share workers_share(const struct workers *workers);
