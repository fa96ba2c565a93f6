/* A mailbox: jobs on their way from one thread to another. One thread puts, or several; one takes.
 * Bounded by those who put: see LIMIT_STORE_QUEUE_ENTRIES. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/job.h"

struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct job_list jobs;
    size_t appends; /* among the jobs */
    size_t wanted;  /* appends that the taker waits for; 0: any job will do */
    bool closed;
};

#define MAILBOX_FOREVER UINT64_MAX

void mailbox_init(struct mailbox *mailbox);
void mailbox_close(struct mailbox *mailbox); /* frees the jobs in it; no thread uses it any more */

void mailbox_put(struct mailbox *mailbox, struct job_list *jobs); /* takes all */
/* No more will be put: the taker need not wait. */
void mailbox_end(struct mailbox *mailbox);

/* Waits until there is a job, or until the deadline (in nanoseconds of mailbox_now), or for the
 * end. */
void mailbox_wait(struct mailbox *mailbox, uint64_t deadline_ns);
/* If there are appends, waits until there are `count` of them, or until the deadline, or for the
 * end. */
void mailbox_wait_for_appends(struct mailbox *mailbox, size_t count, uint64_t deadline_ns);

/* Moves all jobs to the end of `jobs`. False: there are none, and will be none. */
bool mailbox_take(struct mailbox *mailbox, struct job_list *jobs);

uint64_t mailbox_now(void); /* a monotonic clock */
