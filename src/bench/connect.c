/* Connecting: some at a time, so that the server's queue of new connections does not overflow, and
 * the stalled before those who hear, so that a message that reached the latter was offered to the
 * former. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load.h"
#include "io/link.h"
#include "io/socket.h"

#define UNDER_WAY_MAX 64
/* Without one more connection in its room for this long, something is wrong. */
#define PATIENCE_NS UINT64_C(10000000000)
/* Of a connection that never reads: little, so that it blocks its server soon. */
#define STALLED_BUFFER 4096

static void fail_errno(struct load *load, const char *what, int error) {
    load_fail(load, ERR_IO, "%s %s: %s (%zu connections are up)", what, load->plan->host_port,
              strerror(error), load->joined);
}

static void open_connection(struct load *load, struct connection *connection) {
    int buffer = STALLED_BUFFER;

    connection->descriptor =
        socket(load->address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->descriptor < 0) {
        fail_errno(load, "cannot make a connection to", errno);
        return;
    }
    load->opened++;
    if (connection->stalled)
        setsockopt(connection->descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    socket_disable_delay(connection->descriptor);
    if (connect(connection->descriptor, (const struct sockaddr *)&load->address.storage,
                load->address.length) != 0 &&
        errno != EINPROGRESS) {
        fail_errno(load, "cannot connect to", errno);
        return;
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->descriptor, &event) != 0)
        fail_errno(load, "cannot watch a connection to", errno);
}

void connect_more(struct load *load) {
    while (!load->failed && load->opened < load->count &&
           load->opened - load->joined < UNDER_WAY_MAX)
        open_connection(load, &load->connections[load->opened]);
}

void connect_finished(struct load *load, struct connection *connection) {
    int error = 0;
    socklen_t size = sizeof error;

    getsockopt(connection->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        fail_errno(load, "cannot connect to", error);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->descriptor, &event);
    connection->stage = STAGE_GREETING;
    if (load->plan->tls != NULL)
        connection->link = link_new(connection->descriptor, load->plan->tls, load->plan->host_port,
                                    load->plan->protocol <= BENCH_TEXT);
    if (load->dialect->open != NULL)
        load->dialect->open(&connection->speaker, &connection->output);
    if (load->dialect->greet == NULL) {
        connection->stage = STAGE_JOINED;
        load->joined++;
    }
    traffic_flush(load, connection);
}

static bool all_joined(const struct load *load) {
    return load->joined == load->count;
}

void load_connect(struct load *load) {
    size_t before;
    do {
        before = load->joined;
        connect_more(load);
        if (load_run(load, all_joined, load_clock() + PATIENCE_NS))
            return;
    } while (!load->failed && load->joined > before);
    load_fail(load, ERR_IO, "the server does not answer (%zu of %zu connections are up)",
              load->joined, load->count);
}
