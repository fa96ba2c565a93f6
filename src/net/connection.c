/* Connections: a descriptor each, watched by libuv, with a peer of the outlet behind it. What comes
 * before there is a peer is in entrance.c, and TLS in secure.c.
 *
 * A connection is watched for what it waits for and no more: readable while input is wanted,
 * writable only after a send that did not take everything. Sending touches nothing but the socket.
 * While input is paused only the disconnect is watched.
 *
 * The outlet's callbacks never call back into the outlet: who is to be closed goes into net->gone,
 * and connection_reap tells the outlet when the turn ends. */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/internal.h"

static void on_ready(uv_poll_t *poll, int status, int events);

struct net *connection_net(const struct connection *connection) {
    return connection->poll.data;
}

static bool takes_input(const struct connection *connection) {
    return connection->state == CONNECTION_OPEN && !connection->paused &&
           connection_net(connection)->reads;
}

static int events_wanted(const struct connection *connection) {
    int events = 0;

    if (connection->state == CONNECTION_ENTERING)
        events |= entrance_events(connection);
    else if (connection->state == CONNECTION_FINISHING)
        events |= connection->blocked ? 0 : UV_READABLE;
    else if (takes_input(connection))
        events |= UV_READABLE;
    else if (connection->state == CONNECTION_OPEN && !connection->disconnected)
        events |= UV_DISCONNECT;
    if (connection->blocked)
        events |= UV_WRITABLE;
    return events;
}

void connection_watch(struct connection *connection) {
    int events = events_wanted(connection);

    if (connection->state == CONNECTION_GONE || events == connection->watched)
        return;
    connection->watched = (uint8_t)events;
    if (events)
        uv_poll_start(&connection->poll, events, on_ready);
    else
        uv_poll_stop(&connection->poll);
}

/* The queue it waits in. */
static struct deadline_queue *queue_of(const struct connection *connection) {
    struct net *net = connection_net(connection);

    if (connection->state == CONNECTION_ENTERING)
        return &net->entrances.deadlines;
    return connection->state == CONNECTION_FINISHING ? &net->lingers : &net->wakes;
}

static void stop_waiting(struct connection *connection) {
    if (!connection->waiting)
        return;
    connection->waiting = false;
    deadline_drop(queue_of(connection), &connection->deadline);
}

void connection_leave(struct connection *connection) {
    if (connection->state == CONNECTION_GONE)
        return;
    stop_waiting(connection);
    entrance_close(connection);
    if (connection->watched)
        uv_poll_stop(&connection->poll);
    connection->watched = 0;
    connection->state = CONNECTION_GONE;
    list_append(&connection_net(connection)->gone, &connection->deadline.node);
}

/* What the outlet asks for: see struct transport. */

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

static ssize_t transport_send(void *owner, const struct iovec *vectors, int count) {
    struct connection *connection = owner;
    size_t wanted = 0;
    ssize_t sent;

    if (connection->state != CONNECTION_OPEN && connection->state != CONNECTION_ENDED)
        return -1;
    if (connection->secure)
        return secure_send(connection, vectors, count);
    sent = connection_send_raw(connection->descriptor, vectors, count);
    if (sent < 0) {
        connection_leave(connection);
        return -1;
    }
    for (int i = 0; i < count; i++)
        wanted += vectors[i].iov_len;
    if ((size_t)sent < wanted) {
        connection->blocked = true;
        connection_watch(connection);
    }
    return sent;
}

static void transport_pause(void *owner, bool paused) {
    struct connection *connection = owner;

    connection->paused = paused;
    connection_watch(connection);
}

/* What TLS has not sent yet goes out before the end. */
static void close_output(struct connection *connection) {
    if (!connection->secure || secure_flush(connection))
        shutdown(connection->descriptor, SHUT_WR);
}

void connection_linger(struct connection *connection) {
    struct net *net = connection_net(connection);

    if (connection->state == CONNECTION_GONE)
        return;
    stop_waiting(connection);
    entrance_close(connection);
    connection->state = CONNECTION_FINISHING;
    connection->blocked = false;
    connection->waiting = true;
    deadline_set(&net->lingers, &connection->deadline, uv_now(net->loop) + net->linger_ms);
    close_output(connection);
    connection_watch(connection);
}

static void transport_finish(void *owner) {
    struct connection *connection = owner;
    bool ended = connection->state == CONNECTION_ENDED;

    if (connection->state != CONNECTION_OPEN && !ended)
        return;
    if (connection->secure)
        secure_end(connection);
    if (ended && (!connection->secure || secure_flush(connection)))
        connection_leave(connection);
    else
        connection_linger(connection);
}

static void transport_reset(void *owner) {
    struct connection *connection = owner;

    connection->reset = true;
    connection_leave(connection);
}

static void transport_wake_later(void *owner, unsigned delay_ms) {
    struct connection *connection = owner;
    struct net *net = connection_net(connection);

    if (connection->waiting || connection->state > CONNECTION_ENDED)
        return;
    connection->waiting = true;
    deadline_set(&net->wakes, &connection->deadline, uv_now(net->loop) + delay_ms);
}

const struct transport net_transport = {
    .send = transport_send,
    .pause = transport_pause,
    .finish = transport_finish,
    .reset = transport_reset,
    .wake_later = transport_wake_later,
};

/* What the loop reports. */

void connection_end_input(struct connection *connection) {
    connection->state = CONNECTION_ENDED;
    outlet_end_of_file(connection->peer);
}

/* Whether nothing is left to read, asked after a read that filled the buffer. */
static bool is_drained(int descriptor) {
    int left = 0;

    return ioctl(descriptor, FIONREAD, &left) == 0 && left == 0;
}

/* Whoever begins TLS where none is spoken would wait for an answer to what is no line yet. HTTP
 * answers by itself that it does not understand. */
static bool is_turned_away(struct connection *connection, struct slice bytes) {
    bool first = !connection->heard;

    connection->heard = true;
    if (!first || connection->secure || bytes.length < 3 || tls_first_record(bytes) < 0)
        return false;
    net_complain(connection_net(connection), COMPLAINT_TLS_TO_PLAIN,
                 "A client speaks TLS to a listener that does not: its URL needs ws:// or no +tls");
    if (connection->http)
        return false;
    connection_leave(connection);
    return true;
}

static void take_input(struct connection *connection, struct slice bytes) {
    if (connection->secure)
        secure_receive(connection, bytes);
    else if (!is_turned_away(connection, bytes))
        outlet_receive(connection->peer, bytes);
}

/* One read, handed to the outlet. Returns whether there may be more. */
static bool read_once(struct connection *connection, bool *drained) {
    char *input = connection_net(connection)->input;
    ssize_t count = recv(connection->descriptor, input, NET_INPUT_SIZE, MSG_DONTWAIT);

    if (count > 0) {
        take_input(connection, slice_from(input, (size_t)count));
        *drained = count < NET_INPUT_SIZE;
        return !*drained;
    }
    if (count == 0 && connection->secure) {
        secure_end_of_file(connection);
    } else if (count == 0) {
        connection_end_input(connection);
    } else if (errno == EINTR) {
        return true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        *drained = true;
    } else {
        connection_leave(connection);
    }
    return false;
}

/* Reads what the connection may take in one turn. Returns whether there may be more. */
static bool read_input(struct connection *connection) {
    bool drained = false;
    bool more = true;

    for (int reads = 0; more && takes_input(connection) && reads < NET_READS_PER_TURN; reads++)
        more = read_once(connection, &drained);
    if (more && is_drained(connection->descriptor))
        drained = true;
    if (drained && connection->state == CONNECTION_OPEN &&
        (!connection->secure || secure_is_whole(connection)))
        outlet_read_end(connection->peer);
    return more && !drained;
}

static void discard_input(struct connection *connection) {
    char *input = connection_net(connection)->input;

    for (int reads = 0; reads < NET_READS_PER_TURN; reads++) {
        ssize_t count = recv(connection->descriptor, input, NET_INPUT_SIZE, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            connection_leave(connection);
        if (count < NET_INPUT_SIZE)
            return;
    }
}

/* The connection was reset. What arrived before that was said, so it is heard; the socket's receive
 * buffer bounds it. */
static void on_broken(struct connection *connection) {
    connection->watched = 0;
    while (takes_input(connection) && read_input(connection))
        ;
    connection_leave(connection);
}

static void on_writable(struct connection *connection) {
    connection->blocked = false;
    if (connection->state == CONNECTION_FINISHING)
        close_output(connection);
    else if (connection->state == CONNECTION_ENTERING)
        secure_flush(connection);
    else if (connection->state <= CONNECTION_ENDED &&
             (!connection->secure || secure_flush(connection)))
        outlet_writable(connection->peer);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct connection *connection = container_of(poll, struct connection, poll);

    net_begin_turn(connection_net(connection));
    if (status < 0) {
        on_broken(connection);
        return;
    }
    if (events & UV_DISCONNECT)
        connection->disconnected = true;
    if (events & UV_READABLE) {
        if (connection->state == CONNECTION_FINISHING)
            discard_input(connection);
        else if (connection->state == CONNECTION_ENTERING)
            entrance_take(connection);
        else
            read_input(connection);
    }
    if ((events & UV_WRITABLE) && connection->blocked)
        on_writable(connection);
    connection_watch(connection);
}

/* Beginning and end. */

struct connection *connection_new(struct net *net, int descriptor) {
    struct connection *connection = memory_new_struct(struct connection);

    connection->descriptor = descriptor;
    connection->poll.data = net;
    uv_poll_init(net->loop, &connection->poll, descriptor);
    return connection;
}

void connection_begin(struct connection *connection, const struct net_service *service,
                      struct slice address) {
    const struct peer_source source = {.address = address, .secure = service->secure};

    stop_waiting(connection);
    entrance_close(connection);
    connection->http = service->http;
    connection->state = CONNECTION_OPEN;
    connection->peer =
        outlet_open(connection_net(connection)->outlet, service->protocol, connection, &source);
    connection_watch(connection);
}
