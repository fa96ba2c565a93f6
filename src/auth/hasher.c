#include "auth/hasher.h"

#include "base/memory.h"
#include "base/thread.h"

struct hasher {
    pthread_t thread;
    struct queue waiting;
    struct queue *done;
};

static void *run(void *argument) {
    struct hasher *hasher = argument;
    struct question *question;

    while (queue_wait(&hasher->waiting, QUEUE_FOREVER, &question)) {
        if (!question)
            continue;
        question->right = password_verify(question->hash, question->secret);
        question->hashed = true;
        queue_put(hasher->done, question);
    }
    return NULL;
}

int hasher_start(struct queue *done, struct hasher **hasher) {
    struct hasher *started = memory_new_struct(struct hasher);

    started->done = done;
    queue_init(&started->waiting);
    if (thread_start_behind(&started->thread, "auth-passwords", run, started) != 0) {
        queue_close(&started->waiting);
        memory_free(started);
        return ERR_IO;
    }
    *hasher = started;
    return 0;
}

void hasher_put(struct hasher *hasher, struct question *question) {
    queue_put(&hasher->waiting, question);
}

void hasher_stop(struct hasher *hasher) {
    if (!hasher)
        return;
    queue_end(&hasher->waiting);
    pthread_join(hasher->thread, NULL);
    queue_close(&hasher->waiting);
    memory_free(hasher);
}
