#include "store/mailbox.h"

#include <time.h>

#define NANOSECONDS 1000000000u

uint64_t mailbox_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

void mailbox_init(struct mailbox *mailbox) {
    pthread_condattr_t attributes;
    *mailbox = (struct mailbox){0};
    pthread_mutex_init(&mailbox->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&mailbox->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void mailbox_close(struct mailbox *mailbox) {
    job_list_clear(&mailbox->jobs);
    pthread_cond_destroy(&mailbox->changed);
    pthread_mutex_destroy(&mailbox->mutex);
}

/* A taker that waits for several appends is left alone until they are there. */
void mailbox_put(struct mailbox *mailbox, struct job_list *jobs) {
    size_t appends = job_list_appends(jobs);
    pthread_mutex_lock(&mailbox->mutex);
    job_list_move(&mailbox->jobs, jobs);
    mailbox->appends += appends;
    if (mailbox->appends >= mailbox->wanted) {
        pthread_cond_signal(&mailbox->changed);
    }
    pthread_mutex_unlock(&mailbox->mutex);
}

void mailbox_end(struct mailbox *mailbox) {
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->closed = true;
    pthread_cond_signal(&mailbox->changed);
    pthread_mutex_unlock(&mailbox->mutex);
}

/* One wait, with the mutex held; false once the deadline has passed. */
static bool wait_until(struct mailbox *mailbox, uint64_t deadline_ns) {
    if (deadline_ns == MAILBOX_FOREVER) {
        pthread_cond_wait(&mailbox->changed, &mailbox->mutex);
        return true;
    }
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / NANOSECONDS),
        .tv_nsec = (long)(deadline_ns % NANOSECONDS),
    };
    return pthread_cond_timedwait(&mailbox->changed, &mailbox->mutex, &deadline) == 0;
}

void mailbox_wait(struct mailbox *mailbox, uint64_t deadline_ns) {
    pthread_mutex_lock(&mailbox->mutex);
    bool waiting = true;
    while (waiting && mailbox->jobs.first == NULL && !mailbox->closed) {
        waiting = wait_until(mailbox, deadline_ns);
    }
    pthread_mutex_unlock(&mailbox->mutex);
}

void mailbox_wait_for_appends(struct mailbox *mailbox, size_t count, uint64_t deadline_ns) {
    pthread_mutex_lock(&mailbox->mutex);
    bool waiting = mailbox->appends > 0;
    mailbox->wanted = count;
    while (waiting && mailbox->appends < count && !mailbox->closed) {
        waiting = wait_until(mailbox, deadline_ns);
    }
    mailbox->wanted = 0;
    pthread_mutex_unlock(&mailbox->mutex);
}

bool mailbox_take(struct mailbox *mailbox, struct job_list *jobs) {
    pthread_mutex_lock(&mailbox->mutex);
    bool more = mailbox->jobs.first != NULL || !mailbox->closed;
    job_list_move(jobs, &mailbox->jobs);
    mailbox->appends = 0;
    pthread_mutex_unlock(&mailbox->mutex);
    return more;
}
