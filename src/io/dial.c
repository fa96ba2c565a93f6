#include "io/dial.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/endpoint.h"
#include "io/socket.h"

/* Waits until a connection under way is made or refused. Returns an errno; 0: it is made. */
static int await_connection(int descriptor, int64_t due_ms) {
    struct pollfd waiting = {.fd = descriptor, .events = POLLOUT};
    int ready;

    do {
        int64_t left_ms = due_ms - (int64_t)clock_monotonic_ms();
        if (left_ms <= 0)
            return ETIMEDOUT;
        ready = poll(&waiting, 1, (int)left_ms);
    } while (ready == 0 || (ready < 0 && errno == EINTR));
    return ready < 0 ? errno : socket_connection_problem(descriptor);
}

/* Returns an errno; 0: `*descriptor` is connected. */
static int connect_address(const struct endpoint_address *address, int64_t due_ms,
                           int *descriptor) {
    bool under_way = false;
    int opened = socket_connect(address, &under_way);
    int problem;

    if (opened < 0)
        return -opened;
    problem = under_way ? await_connection(opened, due_ms) : 0;
    if (problem != 0) {
        close(opened);
        return problem;
    }
    *descriptor = opened;
    return 0;
}

int io_dial(const char *host_port, int timeout_ms, int *descriptor, char *message, size_t size) {
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    int64_t due_ms = (int64_t)clock_monotonic_ms() + timeout_ms;
    struct endpoint endpoint;
    size_t count = 0;
    int problem = 0;
    int error = endpoint_parse(slice_of_string(host_port), 0, &endpoint);

    if (error) {
        snprintf(message, size, "%s is not HOST:PORT, [ADDRESS]:PORT or unix:PATH", host_port);
        return error;
    }
    error = endpoint_resolve(&endpoint, false, addresses, &count, message, size);
    if (error)
        return error;
    for (size_t i = 0; i < count; i++) {
        problem = connect_address(&addresses[i], due_ms, descriptor);
        if (problem == 0)
            return 0;
    }
    snprintf(message, size, "cannot connect to %s: %s", host_port, strerror(problem));
    return ERR_IO;
}
