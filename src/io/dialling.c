/* First the addresses are found: at once where the resolver is not needed, else in a thread of
 * libuv's pool, where a question cannot be taken back. So a dialling that is over lives on until
 * its timer is closed and the resolver has answered; `holders` counts them. */
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
#include "io/socket.h"

#define MESSAGE_SIZE 400

struct dialling {
    uv_timer_t timer; /* until this address, or the resolver, is given up */
    uv_getaddrinfo_t question;
    unsigned holders;
    bool over;
    uint64_t due_ms;
    uv_poll_t *poll; /* the connection under way; NULL: none */
    int descriptor;  /* of it */
    struct endpoint endpoint;
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    size_t count, tried;
    int problem; /* of the last one, an errno */
    dialling_done *done;
    void *context;
    char host_port[];
};

static void let_go(struct dialling *dialling) {
    if (--dialling->holders == 0)
        memory_free(dialling);
}

static void closed_timer(uv_handle_t *handle) {
    let_go(handle->data);
}

static void closed_poll(uv_handle_t *handle) {
    memory_free(handle);
}

/* Its descriptor is somebody else's to poll or to close from here on. */
static int stop_polling(struct dialling *dialling) {
    uv_close((uv_handle_t *)dialling->poll, closed_poll);
    dialling->poll = NULL;
    return dialling->descriptor;
}

static void finish(struct dialling *dialling) {
    dialling->over = true;
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
    int descriptor = stop_polling(dialling);

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
    dialling->poll = memory_new_struct(uv_poll_t);
    uv_poll_init(dialling->timer.loop, dialling->poll, descriptor);
    dialling->poll->data = dialling;
    uv_poll_start(dialling->poll, UV_WRITABLE, became_writable);
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

static void fail_to_find(struct dialling *dialling, const char *why) {
    char message[MESSAGE_SIZE];

    snprintf(message, sizeof(message), "cannot find the host %s: %s", dialling->endpoint.host, why);
    fail(dialling, message);
}

static void resolver_took_too_long(uv_timer_t *timer) {
    fail_to_find(timer->data, "the resolver does not answer");
}

static void resolved(uv_getaddrinfo_t *question, int status, struct addrinfo *found) {
    struct dialling *dialling = question->data;

    if (!dialling->over) {
        uv_timer_stop(&dialling->timer);
        if (status < 0)
            fail_to_find(dialling, uv_strerror(status));
        else {
            dialling->count = endpoint_take_addresses(found, dialling->addresses);
            try_next(dialling);
        }
    }
    uv_freeaddrinfo(found);
    let_go(dialling);
}

static void ask_resolver(struct dialling *dialling) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];
    int status;

    snprintf(port, sizeof(port), "%u", dialling->endpoint.port);
    dialling->question.data = dialling;
    status = uv_getaddrinfo(dialling->timer.loop, &dialling->question, resolved,
                            dialling->endpoint.host, port, &hints);
    if (status < 0) {
        fail_to_find(dialling, uv_strerror(status));
        return;
    }
    dialling->holders++;
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
    dialling->holders = 1;
    dialling->due_ms = uv_now(loop) + timeout_ms;
    dialling->done = done;
    dialling->context = context;
    uv_timer_init(loop, &dialling->timer);
    dialling->timer.data = dialling;
    uv_timer_start(&dialling->timer, begin, 0, 0);
    return dialling;
}

void dialling_cancel(struct dialling *dialling) {
    if (dialling->poll)
        close(stop_polling(dialling));
    finish(dialling);
}
