/* First the addresses are found, at once where the resolver is not needed; then they are tried in
 * turn. At any moment there is one descriptor that is waited for: the resolver's, or that of the
 * connection under way. */
#include "io/dialling.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/memory.h"
#include "io/endpoint.h"
#include "io/resolver.h"
#include "io/socket.h"

#define MESSAGE_SIZE 400

struct dialling {
    uv_timer_t timer; /* until this address, or the resolver, is given up */
    uint64_t due_ms;
    uv_poll_t *poll;           /* NULL: nothing is waited for */
    struct resolver *resolver; /* NULL: not any more */
    int descriptor;            /* of the connection under way */
    struct endpoint endpoint;
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    size_t count, tried;
    int problem; /* of the last one, an errno */
    dialling_done *done;
    void *context;
    char host_port[];
};

static void closed_timer(uv_handle_t *handle) {
    memory_free(handle->data);
}

static void closed_poll(uv_handle_t *handle) {
    memory_free(handle);
}

/* Its descriptor is somebody else's to poll or to close from here on. */
static void stop_polling(struct dialling *dialling) {
    uv_close((uv_handle_t *)dialling->poll, closed_poll);
    dialling->poll = NULL;
}

static void poll_for(struct dialling *dialling, int descriptor, int events, uv_poll_cb ready) {
    dialling->poll = memory_new_struct(uv_poll_t);
    uv_poll_init(dialling->timer.loop, dialling->poll, descriptor);
    dialling->poll->data = dialling;
    uv_poll_start(dialling->poll, events, ready);
}

static void stop_asking(struct dialling *dialling) {
    stop_polling(dialling);
    resolver_free(dialling->resolver);
    dialling->resolver = NULL;
}

static void finish(struct dialling *dialling) {
    uv_close((uv_handle_t *)&dialling->timer, closed_timer);
}

static void fail(struct dialling *dialling, const char *message) {
    finish(dialling);
    dialling->done(dialling->context, -1, message);
}

static void fail_to_connect(struct dialling *dialling) {
    char message[MESSAGE_SIZE];

    snprintf(message, sizeof(message), "cannot connect to %s: %s", dialling->host_port,
             strerror(dialling->problem));
    fail(dialling, message);
}

static void try_next(struct dialling *dialling);

static void decided(struct dialling *dialling, int problem) {
    int descriptor = dialling->descriptor;

    stop_polling(dialling);
    uv_timer_stop(&dialling->timer);
    if (problem == 0) {
        finish(dialling);
        dialling->done(dialling->context, descriptor, NULL);
        return;
    }
    close(descriptor);
    dialling->problem = problem;
    try_next(dialling);
}

static void became_writable(uv_poll_t *poll, int status, int events) {
    struct dialling *dialling = poll->data;
    int problem = socket_connection_problem(dialling->descriptor);

    (void)events;
    decided(dialling, problem == 0 && status < 0 ? -status : problem);
}

static void took_too_long(uv_timer_t *timer) {
    decided(timer->data, ETIMEDOUT);
}

static uint64_t left_ms(const struct dialling *dialling) {
    uint64_t now_ms = uv_now(dialling->timer.loop);

    return now_ms < dialling->due_ms ? dialling->due_ms - now_ms : 0;
}

/* One address that swallows everything must not take the time of the others. */
static void wait_for(struct dialling *dialling, int descriptor) {
    size_t others = dialling->count - dialling->tried;

    dialling->descriptor = descriptor;
    poll_for(dialling, descriptor, UV_WRITABLE, became_writable);
    uv_timer_start(&dialling->timer, took_too_long, left_ms(dialling) / (1 + others), 0);
}

static void try_next(struct dialling *dialling) {
    while (dialling->tried < dialling->count) {
        bool under_way = false;
        int descriptor = socket_connect(&dialling->addresses[dialling->tried++], &under_way);
        if (descriptor >= 0) {
            /* One that is connected already is writable at once. */
            wait_for(dialling, descriptor);
            return;
        }
        dialling->problem = -descriptor;
    }
    fail_to_connect(dialling);
}

static bool needs_resolver(const struct endpoint *endpoint) {
    char binary[sizeof(struct in6_addr)];

    return !endpoint->local && endpoint->host[0] != 0 && strcmp(endpoint->host, "*") != 0 &&
           inet_pton(AF_INET, endpoint->host, binary) != 1 &&
           inet_pton(AF_INET6, endpoint->host, binary) != 1;
}

static void resolve_at_once(struct dialling *dialling) {
    char message[MESSAGE_SIZE];

    if (endpoint_resolve(&dialling->endpoint, false, dialling->addresses, &dialling->count, message,
                         sizeof(message)) != 0)
        fail(dialling, message);
    else
        try_next(dialling);
}

static void resolver_took_too_long(uv_timer_t *timer) {
    struct dialling *dialling = timer->data;
    char message[MESSAGE_SIZE];

    stop_asking(dialling);
    snprintf(message, sizeof(message), "cannot find the host %s: the resolver does not answer",
             dialling->endpoint.host);
    fail(dialling, message);
}

static void resolved(uv_poll_t *poll, int status, int events) {
    struct dialling *dialling = poll->data;
    char message[MESSAGE_SIZE];
    int error = resolver_take(dialling->resolver, dialling->addresses, &dialling->count, message,
                              sizeof(message));

    (void)status, (void)events;
    uv_timer_stop(&dialling->timer);
    stop_asking(dialling);
    if (error)
        fail(dialling, message);
    else
        try_next(dialling);
}

static void ask_resolver(struct dialling *dialling) {
    dialling->resolver = resolver_start(&dialling->endpoint);
    if (!dialling->resolver) {
        fail(dialling, "cannot ask the resolver: no more threads or descriptors");
        return;
    }
    poll_for(dialling, resolver_descriptor(dialling->resolver), UV_READABLE, resolved);
    uv_timer_start(&dialling->timer, resolver_took_too_long, left_ms(dialling), 0);
}

static void begin(uv_timer_t *timer) {
    struct dialling *dialling = timer->data;
    char message[MESSAGE_SIZE];

    if (endpoint_parse(slice_of_string(dialling->host_port), 0, &dialling->endpoint) != 0) {
        snprintf(message, sizeof(message), "%s is not HOST:PORT, [ADDRESS]:PORT or unix:PATH",
                 dialling->host_port);
        fail(dialling, message);
    } else if (needs_resolver(&dialling->endpoint)) {
        ask_resolver(dialling);
    } else {
        resolve_at_once(dialling);
    }
}

struct dialling *dialling_new(struct uv_loop_s *loop, const char *host_port, unsigned timeout_ms,
                              dialling_done *done, void *context) {
    size_t size = strlen(host_port) + 1;
    struct dialling *dialling = memory_new(sizeof(*dialling) + size);

    memcpy(dialling->host_port, host_port, size);
    dialling->due_ms = uv_now(loop) + timeout_ms;
    dialling->done = done;
    dialling->context = context;
    uv_timer_init(loop, &dialling->timer);
    dialling->timer.data = dialling;
    uv_timer_start(&dialling->timer, begin, 0, 0);
    return dialling;
}

void dialling_cancel(struct dialling *dialling) {
    if (dialling->resolver) {
        stop_asking(dialling);
    } else if (dialling->poll) {
        stop_polling(dialling);
        close(dialling->descriptor);
    }
    finish(dialling);
}
