/* Connections: a descriptor each, with a peer of the outlet behind it. What comes before there is a
 * peer is in entrance.c, TLS in secure.c, and who is ready is found out in watch.c.
 *
 * A connection is watched for what it waits for and no more: readable while input is wanted,
 * writable only after a send that did not take everything. Sending touches nothing but the socket.
 * While input is paused only the disconnect is watched.
 *
 * The outlet's callbacks never call back into the outlet: who is to be closed goes into net->gone,
 * and connection_reap tells the outlet when the turn ends. */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/internal.h"

static_assert(sizeof(struct connection) <= 48, "a quiet connection costs more than it should");

struct net *connection_net(const struct connection *connection) {
    return connection->net;
}

static bool takes_input(const struct connection *connection) {
    return connection->state == CONNECTION_OPEN && !connection->paused &&
           connection_net(connection)->reads;
}

static uint32_t events_wanted(const struct connection *connection) {
    uint32_t events = 0;

    if (connection->state == CONNECTION_ENTERING)
        events |= entrance_events(connection);
    else if (connection->state == CONNECTION_FINISHING)
        events |= connection->blocked ? 0 : EPOLLIN;
    else if (takes_input(connection))
        events |= EPOLLIN;
    else if (connection->state == CONNECTION_OPEN && !connection->disconnected)
        events |= EPOLLRDHUP;
    if (connection->blocked)
        events |= EPOLLOUT;
    return events;
}

void connection_watch(struct connection *connection) {
    if (connection->state != CONNECTION_GONE && !watch_set(connection, events_wanted(connection)))
        connection_leave(connection);
}

/* The queue it waits in. */
static struct deadline_queue *queue_of(const struct connection *connection) {
    struct net *net = connection_net(connection);

    if (connection->state == CONNECTION_ENTERING)
        return &net->entrances.deadlines;
    return connection->state == CONNECTION_FINISHING ? &net->lingers : &net->wakes;
}

static struct connection_wait *wait_new(struct connection *connection) {
    connection->wait = memory_new_struct(struct connection_wait);
    connection->wait->connection = connection;
    return connection->wait;
}

void connection_wait_until(struct connection *connection, struct deadline_queue *queue,
                           uint64_t due_ms) {
    deadline_set(queue, &wait_new(connection)->deadline, due_ms);
}

static void stop_waiting(struct connection *connection) {
    if (!connection->wait)
        return;
    deadline_drop(queue_of(connection), &connection->wait->deadline);
    memory_free(connection->wait);
    connection->wait = NULL;
}

void connection_leave(struct connection *connection) {
    if (connection->state == CONNECTION_GONE)
        return;
    stop_waiting(connection);
    entrance_close(connection);
    watch_set(connection, 0);
    connection->state = CONNECTION_GONE;
    list_append(&connection_net(connection)->gone, &wait_new(connection)->deadline.node);
}

/* What the outlet asks for: see struct transport. */

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
    connection_wait_until(connection, &net->lingers, uv_now(net->loop) + net->linger_ms);
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

    if (!connection->wait && connection->state <= CONNECTION_ENDED)
        connection_wait_until(connection, &net->wakes, uv_now(net->loop) + delay_ms);
}

const struct transport net_transport = {
    .send = connection_send,
    .pause = transport_pause,
    .finish = transport_finish,
    .reset = transport_reset,
    .wake_later = transport_wake_later,
    .send_many = connection_send_many,
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

void connection_ready(struct connection *connection, uint32_t events) {
    if (events & EPOLLERR) {
        on_broken(connection);
        return;
    }
    if (events & EPOLLRDHUP)
        connection->disconnected = true;
    if (events & EPOLLIN) {
        if (connection->state == CONNECTION_FINISHING)
            discard_input(connection);
        else if (connection->state == CONNECTION_ENTERING)
            entrance_take(connection);
        else
            read_input(connection);
    }
    if ((events & EPOLLOUT) && connection->blocked)
        on_writable(connection);
    connection_watch(connection);
}

/* Beginning and end. */

struct connection *connection_new(struct net *net, int descriptor) {
    struct connection *connection = pool_new(&net->connection_pool);

    connection->net = net;
    connection->descriptor = descriptor;
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
