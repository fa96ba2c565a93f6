#include "auth/queue.h"

#include <time.h>

#include "base/memory.h"

#define SECOND_NS 1000000000L
#define MILLISECOND_NS 1000000L

void queue_init(struct queue *queue) {
    pthread_condattr_t attributes;

    *queue = (struct queue){0};
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct question *first(struct queue *queue) {
    struct list_node *node = list_take_first(&queue->questions);

    return node ? container_of(node, struct question, node) : NULL;
}

void queue_close(struct queue *queue) {
    struct question *question;

    while ((question = first(queue)))
        question_free(question);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
}

void queue_notify(struct queue *queue, void (*notify)(void *context), void *context) {
    queue->notify = notify;
    queue->context = context;
}

/* The mutex is released, not before whoever waits has been told. */
static void tell(struct queue *queue) {
    pthread_cond_signal(&queue->changed);
    if (queue->notify)
        queue->notify(queue->context);
    pthread_mutex_unlock(&queue->mutex);
}

void queue_put(struct queue *queue, struct question *question) {
    pthread_mutex_lock(&queue->mutex);
    list_append(&queue->questions, &question->node);
    tell(queue);
}

void queue_end(struct queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    queue->ended = true;
    tell(queue);
}

struct question *queue_take(struct queue *queue) {
    struct question *question;

    pthread_mutex_lock(&queue->mutex);
    question = first(queue);
    pthread_mutex_unlock(&queue->mutex);
    return question;
}

static struct timespec moment_after(unsigned milliseconds) {
    struct timespec moment;

    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += milliseconds / 1000;
    moment.tv_nsec += (long)(milliseconds % 1000) * MILLISECOND_NS;
    if (moment.tv_nsec >= SECOND_NS) {
        moment.tv_sec++;
        moment.tv_nsec -= SECOND_NS;
    }
    return moment;
}

/* One wait, with the mutex held; false once the moment has come. */
static bool wait_until(struct queue *queue, unsigned milliseconds, const struct timespec *moment) {
    if (milliseconds == QUEUE_FOREVER)
        return pthread_cond_wait(&queue->changed, &queue->mutex) == 0;
    return pthread_cond_timedwait(&queue->changed, &queue->mutex, moment) == 0;
}

bool queue_look(struct queue *queue, struct question **question) {
    bool ended;

    pthread_mutex_lock(&queue->mutex);
    ended = queue->ended;
    *question = ended ? NULL : first(queue);
    pthread_mutex_unlock(&queue->mutex);
    return !ended;
}

bool queue_wait(struct queue *queue, unsigned milliseconds, struct question **question) {
    struct timespec moment = moment_after(milliseconds);
    bool ended;

    pthread_mutex_lock(&queue->mutex);
    while (!queue->ended && list_empty(&queue->questions) &&
           wait_until(queue, milliseconds, &moment))
        continue;
    ended = queue->ended;
    *question = ended ? NULL : first(queue);
    pthread_mutex_unlock(&queue->mutex);
    return !ended;
}
