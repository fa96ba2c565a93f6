#include "client/dialer.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/thread.h"
#include "io/dial.h"

struct dialer {
    pthread_mutex_t mutex;
    unsigned owners; /* the thread, and who started it: the last one cleans up */
    bool done;
    int error, descriptor;
    int bell; /* an eventfd; rings when it is done */
    int timeout_ms;
    char message[256];
    char host_port[];
};

static void release(struct dialer *dialer) {
    pthread_mutex_lock(&dialer->mutex);
    unsigned owners = --dialer->owners;
    pthread_mutex_unlock(&dialer->mutex);
    if (owners > 0)
        return;
    if (dialer->descriptor >= 0)
        close(dialer->descriptor);
    if (dialer->bell >= 0)
        close(dialer->bell);
    pthread_mutex_destroy(&dialer->mutex);
    memory_free(dialer);
}

static void *run(void *argument) {
    struct dialer *dialer = argument;
    int descriptor = -1;
    char message[sizeof dialer->message] = "";
    int error =
        io_dial(dialer->host_port, dialer->timeout_ms, &descriptor, message, sizeof message);

    pthread_mutex_lock(&dialer->mutex);
    dialer->error = error;
    dialer->descriptor = descriptor;
    memcpy(dialer->message, message, sizeof message);
    dialer->done = true;
    pthread_mutex_unlock(&dialer->mutex);
    eventfd_write(dialer->bell, 1);
    release(dialer);
    return NULL;
}

struct dialer *dialer_start(const char *host_port, int timeout_ms) {
    size_t size = strlen(host_port) + 1;
    struct dialer *dialer = memory_new(sizeof *dialer + size);
    pthread_t thread;

    pthread_mutex_init(&dialer->mutex, NULL);
    memcpy(dialer->host_port, host_port, size);
    dialer->timeout_ms = timeout_ms;
    dialer->descriptor = -1;
    dialer->owners = 2;
    dialer->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (dialer->bell < 0 || thread_start(&thread, "dial", run, dialer) != 0) {
        dialer->owners = 1;
        release(dialer);
        return NULL;
    }
    pthread_detach(thread);
    return dialer;
}

int dialer_descriptor(const struct dialer *dialer) {
    return dialer->bell;
}

bool dialer_take(struct dialer *dialer, int *error, int *descriptor, char *message, size_t size) {
    pthread_mutex_lock(&dialer->mutex);
    bool done = dialer->done;
    if (done) {
        *error = dialer->error;
        *descriptor = dialer->descriptor;
        dialer->descriptor = -1;
        snprintf(message, size, "%s", dialer->message);
    }
    pthread_mutex_unlock(&dialer->mutex);
    return done;
}

void dialer_free(struct dialer *dialer) {
    if (dialer != NULL)
        release(dialer);
}
