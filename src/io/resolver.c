/* The C library's resolver blocks, for as long as half a minute where no server of the DNS answers,
 * and cannot be interrupted. So each question has a thread of its own, which is left to itself when
 * nobody wants the answer any more; libuv's pool would make a loop that is to end wait for it. */
#include "io/resolver.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/thread.h"

struct resolver {
    pthread_mutex_t mutex;
    unsigned owners; /* the thread, and who asked: the last one cleans up */
    int bell;        /* an eventfd; rings when there is an answer */
    struct endpoint endpoint;
    int error;
    size_t count;
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    char message[ENDPOINT_HOST_LENGTH + 128];
};

void resolver_free(struct resolver *resolver) {
    pthread_mutex_lock(&resolver->mutex);
    unsigned owners = --resolver->owners;
    pthread_mutex_unlock(&resolver->mutex);
    if (owners > 0)
        return;
    if (resolver->bell >= 0)
        close(resolver->bell);
    pthread_mutex_destroy(&resolver->mutex);
    memory_free(resolver);
}

static void *run(void *argument) {
    struct resolver *resolver = argument;
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    char message[sizeof(resolver->message)] = "";
    size_t count = 0;
    int error =
        endpoint_resolve(&resolver->endpoint, false, addresses, &count, message, sizeof(message));

    pthread_mutex_lock(&resolver->mutex);
    resolver->error = error;
    resolver->count = count;
    memcpy(resolver->addresses, addresses, count * sizeof(addresses[0]));
    memcpy(resolver->message, message, sizeof(message));
    pthread_mutex_unlock(&resolver->mutex);
    eventfd_write(resolver->bell, 1);
    resolver_free(resolver);
    return NULL;
}

struct resolver *resolver_start(const struct endpoint *endpoint) {
    struct resolver *resolver = memory_new_struct(struct resolver);
    pthread_t thread;

    pthread_mutex_init(&resolver->mutex, NULL);
    resolver->endpoint = *endpoint;
    resolver->owners = 2;
    resolver->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (resolver->bell < 0 || thread_start(&thread, "resolver", run, resolver) != 0) {
        resolver->owners = 1;
        resolver_free(resolver);
        return NULL;
    }
    pthread_detach(thread);
    return resolver;
}

int resolver_descriptor(const struct resolver *resolver) {
    return resolver->bell;
}

int resolver_take(struct resolver *resolver, struct endpoint_address *addresses, size_t *count,
                  char *message, size_t size) {
    pthread_mutex_lock(&resolver->mutex);
    int error = resolver->error;
    if (error == 0) {
        memcpy(addresses, resolver->addresses, resolver->count * sizeof(addresses[0]));
        *count = resolver->count;
    }
    snprintf(message, size, "%s", resolver->message);
    pthread_mutex_unlock(&resolver->mutex);
    return error;
}
