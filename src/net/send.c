/* Sending, by the loop alone or shared with threads of its own.
 *
 * A send is a call of the kernel, and over TLS enciphering before it. Either concerns one
 * connection and nothing else, so each may be done by any thread, as long as that is one at a time;
 * what is more than that is put off until the loop has them all back: to watch a socket that is
 * full, and to let go of a connection that is broken. Which thread does it goes by the connection's
 * number, see io/workers.h. */
#include <errno.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "io/workers.h"
#include "net/internal.h"

#define AHEAD 4

void send_spaces_open(struct net *net, unsigned count) {
    net->space = memory_resize(net->space, count * sizeof(*net->space));
    for (unsigned i = net->space_count; i < count; i++)
        net->space[i] = (struct send_space){.record = memory_new(TLS_RECORD_MAX)};
    net->space_count = count;
}

void send_spaces_close(struct net *net) {
    for (unsigned i = 0; i < net->space_count; i++) {
        memory_free(net->space[i].record);
        buffer_close(&net->space[i].ciphertext);
    }
    memory_free(net->space);
}

ssize_t connection_send_raw(int descriptor, const struct iovec *vectors, int count) {
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
    ssize_t sent;

    do {
        if (count == 1)
            sent =
                send(descriptor, vectors->iov_base, vectors->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        else
            sent = sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
        return 0;
    return sent;
}

/* On whatever thread. */
static ssize_t send_now(struct connection *connection, const struct iovec *vectors, int count,
                        size_t bytes, struct send_space *space) {
    ssize_t sent;

    if (connection->state != CONNECTION_OPEN && connection->state != CONNECTION_ENDED)
        return -1;
    if (connection->secure)
        return secure_send(connection, vectors, count, space);
    sent = connection_send_raw(connection->descriptor, vectors, count);
    if (sent < 0)
        connection->broken = true;
    else if ((size_t)sent < bytes)
        connection->blocked = true;
    return sent;
}

static bool has_to_settle(const struct connection *connection) {
    return connection->blocked || connection->broken;
}

void connection_settle(struct connection *connection) {
    if (connection->broken)
        connection_leave(connection);
    else
        connection_watch(connection);
}

ssize_t connection_send(void *owner, const struct iovec *vectors, int count) {
    struct connection *connection = owner;
    size_t bytes = 0;
    ssize_t sent;

    for (int i = 0; i < count; i++)
        bytes += vectors[i].iov_len;
    sent = send_now(connection, vectors, count, bytes, &connection->net->space[0]);
    if (has_to_settle(connection))
        connection_settle(connection);
    return sent;
}

struct errand {
    struct net *net;
    struct send_job *jobs;
};

static uint64_t affinity_of(const void *context, size_t item) {
    const struct errand *errand = context;

    return errand->jobs[item].affinity;
}

/* Jobs are written to only where that says something: else their memory would go from core to
 * core. */
static void carry_out(void *context, unsigned worker, size_t item) {
    const struct errand *errand = context;
    struct send_job *job = &errand->jobs[item];
    ssize_t sent =
        send_now(job->owner, job->vectors, job->count, job->bytes, &errand->net->space[worker]);

    if (sent != job->taken)
        job->taken = sent;
    if (has_to_settle(job->owner))
        job->settles = true;
}

/* Connections lie anywhere in memory: the next ones are on their way while one is sent to. */
static void send_alone(struct errand *errand, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(errand->jobs[i + AHEAD].owner);
        carry_out(errand, 0, i);
    }
}

static void send_shared(struct errand *errand, size_t count) {
    workers_run(errand->net->workers, &(struct work){.count = count,
                                                     .belonging = affinity_of,
                                                     .perform = carry_out,
                                                     .context = errand});
}

void connection_send_many(struct send_job *jobs, size_t count) {
    struct errand errand = {.net = connection_net(jobs[0].owner), .jobs = jobs};

    if (errand.net->workers)
        send_shared(&errand, count);
    else
        send_alone(&errand, count);
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].settles)
            connection_settle(jobs[i].owner);
    }
}
