/* The processes of one run. They carry out the same plan, each with its share of the connections,
 * and know of each other what stands in memory that they share: how far everybody is, how much was
 * published, and the results. A run in one process is a crew of one, which starts nobody. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"

#define CREW_MEETINGS_MAX 16
#define CREW_MESSAGE_MAX 512

/* How far a member's connections are: counts of them. */
struct crew_progress {
    _Atomic uint64_t joined; /* in their rooms */
    _Atomic uint64_t heard;  /* readers that have heard a probe */
    _Atomic uint64_t closed; /* by the server */
};

struct crew_member {
    int process; /* 0: the one that runs bench_run */
    struct crew_progress progress;
    struct bench_result result;
    int error;
    char message[CREW_MESSAGE_MAX];
};

struct crew {
    size_t size, bytes;      /* members; of memory */
    uint32_t run;            /* the same for all */
    _Atomic uint32_t failed; /* the first member that failed, counted from 1 */
    _Atomic uint64_t arrivals;
    _Atomic uint64_t times_ns[CREW_MEETINGS_MAX]; /* 0: somebody is still missing */
    /* One for each member, and behind them: how much each publisher has sent. */
    struct crew_member members[];
};

/* NULL: the system has no memory left. */
struct crew *crew_new(const struct bench_plan *plan, size_t connections);
void crew_free(struct crew *crew); /* NULL is fine */

/* Starts the others: returns this process's number, in each of them once. Without processes left
 * some are missing, and the run has failed. */
size_t crew_start(struct crew *crew);

/* The member's failure, of which the first counts for the run. */
void crew_fail(struct crew *crew, size_t member, int error);
bool crew_failed(const struct crew *crew);

/* Whether one that was started is no longer there, which is a failure then. For the first. */
void crew_watch(struct crew *crew);

/* Waits for the others, and adds their results to the first's. Returns the run's error or 0, and
 * the words for it. */
int crew_end(struct crew *crew, struct bench_result *result, char *message, size_t size);

struct crew_progress_sum {
    uint64_t joined, heard, closed;
};
struct crew_progress_sum crew_sum(const struct crew *crew);

/* What each publisher has sent, by its number. */
_Atomic uint32_t *crew_sent(struct crew *crew);

/* Meetings, counted from 0: a member arrives, and when all have, a time (of load_clock) is set at
 * which everybody goes on. 0: not all are there yet. */
void crew_arrive(struct crew *crew, size_t meeting, uint64_t now_ns);
uint64_t crew_time(const struct crew *crew, size_t meeting);
