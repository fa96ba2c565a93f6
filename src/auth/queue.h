/* Questions on their way from one thread to another. Any may put, one takes. Who puts sees to it
 * that there are not too many. */
#pragma once

#include <pthread.h>

#include "auth/question.h"

#define QUEUE_FOREVER 0

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct list questions;
    bool ended;
    void (*notify)(void *context); /* see queue_notify */
    void *context;
};

void queue_init(struct queue *queue);
void queue_close(struct queue *queue); /* frees what is in it; no thread uses it any more */

/* For who waits elsewhere: called, on the thread that does it, after each is put and at the end. */
void queue_notify(struct queue *queue, void (*notify)(void *context), void *context);

void queue_put(struct queue *queue, struct question *question); /* takes */
/* Nothing more will be taken. */
void queue_end(struct queue *queue);
/* The next, at once; NULL: there is none. */
struct question *queue_take(struct queue *queue);
/* Waits for the next, for a while; NULL: nothing came. False: it has ended. */
bool queue_wait(struct queue *queue, unsigned milliseconds, struct question **question);
/* The same without waiting. */
bool queue_look(struct queue *queue, struct question **question);
