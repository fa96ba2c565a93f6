/* Connecting: some at a time, so that the server's queue of new connections does not overflow, and
 * the stalled before those who hear, so that a message that reached the latter was offered to the
 * former. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load.h"
#include "io/link.h"
#include "io/socket.h"

/* Opened in one turn, then it is looked what has come. */
#define BATCH_MAX 256
/* From one address, and such addresses. */
#define CONNECTIONS_PER_SOURCE 10000
#define SOURCES 100
/* Without one more connection in its room for this long, something is wrong. */
#define PATIENCE_NS UINT64_C(10000000000)
/* Of a connection that never reads: little, so that it blocks its server soon. */
#define STALLED_BUFFER 4096

static void fail_errno(struct load *load, const char *what, int error) {
    load_fail(load, ERR_IO, "%s %s: %s (%zu connections are up)", what, load->plan->host_port,
              strerror(error), load->joined);
}

/* The kernel looks for a free port from one on, and first among every second: the more are taken,
 * the longer, in the end more than all the rest takes. On this machine itself there are other
 * addresses to come from. */
static void choose_source(const struct load *load, const struct connection *connection) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    const struct sockaddr_in *server = (const struct sockaddr_in *)&load->address.storage;
    uint32_t host = connection->speaker.number / CONNECTIONS_PER_SOURCE;
    int one = 1;

    if (host == 0 || server->sin_family != AF_INET ||
        ntohl(server->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        return;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host % SOURCES);
    setsockopt(connection->descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    /* Where that fails it comes from where all come from. */
    (void)!bind(connection->descriptor, (const struct sockaddr *)&source, sizeof source);
}

static void open_connection(struct load *load, struct connection *connection) {
    int buffer = STALLED_BUFFER;

    connection->descriptor =
        socket(load->address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->descriptor < 0) {
        fail_errno(load, "cannot make a connection to", errno);
        return;
    }
    connection->stage = STAGE_CONNECTING;
    if (connection->stalled)
        setsockopt(connection->descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    socket_disable_delay(connection->descriptor);
    choose_source(load, connection);
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

/* The processes take turns. */
static uint64_t ramp_due_ns(const struct load *load) {
    uint64_t number = load->ramped * load->crew->size + load->member;
    return load->plan->ramp == 0 ? 0 : load->ramp_ns + number * LOAD_SECOND_NS / load->plan->ramp;
}

static bool has_more(const struct load *load) {
    return !load->failed && load->next < load->end && load->under_way < load->under_way_max;
}

uint64_t connect_due_ns(const struct load *load) {
    return has_more(load) ? ramp_due_ns(load) : UINT64_MAX;
}

void connect_more(struct load *load) {
    for (size_t i = 0; i < BATCH_MAX && connect_due_ns(load) <= load->now_ns; i++) {
        load->under_way++;
        load->ramped++;
        open_connection(load, &load->connections[load->next++]);
    }
}

void connect_finished(struct load *load, struct connection *connection) {
    int error = 0;
    socklen_t size = sizeof error;

    getsockopt(connection->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 && load->returning) {
        traffic_close(load, connection);
        return;
    }
    if (error != 0) {
        fail_errno(load, "cannot connect to", error);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->descriptor, &event);
    connection->stage = STAGE_GREETING;
    if (load->plan->tls != NULL)
        connection->link = link_new(connection->descriptor, load->plan->tls, load->plan->host_port,
                                    load->plan->protocol < BENCH_LINE);
    if (connection->dialect->open != NULL)
        connection->dialect->open(&connection->speaker, &connection->output);
    if (connection->dialect->greet == NULL) {
        connection->stage = STAGE_JOINED;
        load->joined++;
        load->under_way--;
    }
    traffic_flush(load, connection);
}

static size_t wanted(const struct load *load) {
    const struct bench_plan *plan = load->plan;
    return (size_t)(plan->stalled + plan->subscribers + plan->publishers);
}

static bool all_joined(const struct load *load) {
    return crew_sum(load->crew).joined == wanted(load);
}

void load_connect(struct load *load) {
    uint64_t before;

    load->ramp_ns = load_clock();
    load->next = 0;
    load->end = load->count;
    load->under_way_max = LOAD_UNDER_WAY;
    do {
        before = crew_sum(load->crew).joined;
        if (load_run(load, all_joined, load_clock() + PATIENCE_NS))
            return;
    } while (!load->failed && crew_sum(load->crew).joined > before);
    load_fail(load, ERR_IO, "the server does not answer (%llu of %zu connections are up)",
              (unsigned long long)crew_sum(load->crew).joined, wanted(load));
}
