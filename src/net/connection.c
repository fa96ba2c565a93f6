/* Connections: a descriptor each, watched by libuv, with a peer of the outlet behind it.
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

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_ENDED,     /* the other side sends no more; it may still read */
    CONNECTION_FINISHING, /* everything was sent; input is thrown away until the other side closes
                           */
    CONNECTION_GONE,      /* in net->gone */
};

struct connection {
    uv_poll_t poll; /* its data is the net, which marks a connection among the loop's handles */
    struct peer *peer;
    struct admission_address *address;
    struct deadline deadline; /* in one of the net's queues while `waiting`; once GONE, in ->gone */
    int descriptor;
    uint8_t state;   /* enum connection_state */
    uint8_t watched; /* events that libuv reports now */
    bool waiting : 1;
    bool paused : 1;
    bool blocked : 1;      /* the socket did not take everything */
    bool disconnected : 1; /* while paused, the end was seen; it is read when input goes on */
    bool reset : 1;
};

static void on_ready(uv_poll_t *poll, int status, int events);

static struct net *net_of(const struct connection *connection) {
    return connection->poll.data;
}

static bool takes_input(const struct connection *connection) {
    return connection->state == CONNECTION_OPEN && !connection->paused && net_of(connection)->reads;
}

static int events_wanted(const struct connection *connection) {
    int events = 0;

    if (connection->state == CONNECTION_FINISHING || takes_input(connection))
        events |= UV_READABLE;
    else if (connection->state == CONNECTION_OPEN && !connection->disconnected)
        events |= UV_DISCONNECT;
    if (connection->blocked)
        events |= UV_WRITABLE;
    return events;
}

static void watch(struct connection *connection) {
    int events = events_wanted(connection);

    if (connection->state == CONNECTION_GONE || events == connection->watched)
        return;
    connection->watched = (uint8_t)events;
    if (events)
        uv_poll_start(&connection->poll, events, on_ready);
    else
        uv_poll_stop(&connection->poll);
}

static void stop_waiting(struct connection *connection) {
    struct net *net = net_of(connection);

    if (!connection->waiting)
        return;
    connection->waiting = false;
    deadline_drop(connection->state == CONNECTION_FINISHING ? &net->lingers : &net->wakes,
                  &connection->deadline);
}

static void leave(struct connection *connection) {
    if (connection->state == CONNECTION_GONE)
        return;
    stop_waiting(connection);
    if (connection->watched)
        uv_poll_stop(&connection->poll);
    connection->watched = 0;
    connection->state = CONNECTION_GONE;
    list_append(&net_of(connection)->gone, &connection->deadline.node);
}

/* What the outlet asks for: see struct transport. */

static ssize_t send_some(int descriptor, const struct iovec *vectors, int count) {
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
    ssize_t sent;

    do {
        if (count == 1)
            sent =
                send(descriptor, vectors->iov_base, vectors->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        else
            sent = sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

static ssize_t transport_send(void *owner, const struct iovec *vectors, int count) {
    struct connection *connection = owner;
    size_t wanted = 0;
    ssize_t sent;

    if (connection->state != CONNECTION_OPEN && connection->state != CONNECTION_ENDED)
        return -1;
    sent = send_some(connection->descriptor, vectors, count);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
        sent = 0;
    if (sent < 0) {
        leave(connection);
        return -1;
    }
    for (int i = 0; i < count; i++)
        wanted += vectors[i].iov_len;
    if ((size_t)sent < wanted) {
        connection->blocked = true;
        watch(connection);
    }
    return sent;
}

static void transport_pause(void *owner, bool paused) {
    struct connection *connection = owner;

    connection->paused = paused;
    watch(connection);
}

static void transport_finish(void *owner) {
    struct connection *connection = owner;
    struct net *net = net_of(connection);

    if (connection->state == CONNECTION_OPEN) {
        stop_waiting(connection);
        shutdown(connection->descriptor, SHUT_WR);
        connection->state = CONNECTION_FINISHING;
        connection->blocked = false;
        connection->waiting = true;
        deadline_set(&net->lingers, &connection->deadline, uv_now(net->loop) + net->linger_ms);
        watch(connection);
    } else if (connection->state == CONNECTION_ENDED) {
        leave(connection);
    }
}

static void transport_reset(void *owner) {
    struct connection *connection = owner;

    connection->reset = true;
    leave(connection);
}

static void transport_wake_later(void *owner, unsigned delay_ms) {
    struct connection *connection = owner;
    struct net *net = net_of(connection);

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

static void end_input(struct connection *connection) {
    connection->state = CONNECTION_ENDED;
    outlet_end_of_file(connection->peer);
}

/* Whether nothing is left to read, asked after a read that filled the buffer. */
static bool is_drained(int descriptor) {
    int left = 0;

    return ioctl(descriptor, FIONREAD, &left) == 0 && left == 0;
}

/* One read, handed to the outlet. Returns whether there may be more. */
static bool read_once(struct connection *connection, bool *drained) {
    char *input = net_of(connection)->input;
    ssize_t count = recv(connection->descriptor, input, NET_INPUT_SIZE, MSG_DONTWAIT);

    if (count > 0) {
        outlet_receive(connection->peer, slice_from(input, (size_t)count));
        *drained = count < NET_INPUT_SIZE;
        return !*drained;
    }
    if (count == 0) {
        end_input(connection);
    } else if (errno == EINTR) {
        return true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        *drained = true;
    } else {
        leave(connection);
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
    if (drained && connection->state == CONNECTION_OPEN)
        outlet_read_end(connection->peer);
    return more && !drained;
}

static void discard_input(struct connection *connection) {
    char *input = net_of(connection)->input;

    for (int reads = 0; reads < NET_READS_PER_TURN; reads++) {
        ssize_t count = recv(connection->descriptor, input, NET_INPUT_SIZE, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            leave(connection);
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
    leave(connection);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct connection *connection = container_of(poll, struct connection, poll);

    net_begin_turn(net_of(connection));
    if (status < 0) {
        on_broken(connection);
        return;
    }
    if (events & UV_DISCONNECT)
        connection->disconnected = true;
    if (events & UV_READABLE) {
        if (connection->state == CONNECTION_FINISHING)
            discard_input(connection);
        else
            read_input(connection);
    }
    if ((events & UV_WRITABLE) && connection->blocked) {
        connection->blocked = false;
        if (connection->state <= CONNECTION_ENDED)
            outlet_writable(connection->peer);
    }
    watch(connection);
}

/* Beginning and end. */

void connection_open(struct net *net, int descriptor, const struct protocol *protocol,
                     const struct endpoint_address *peer, struct admission_address *address) {
    struct connection *connection = memory_new_struct(struct connection);
    char text[ENDPOINT_PEER_LENGTH + 1];

    connection->descriptor = descriptor;
    connection->address = address;
    connection->poll.data = net;
    uv_poll_init(net->loop, &connection->poll, descriptor);
    endpoint_format_peer(peer, text);
    connection->peer = outlet_open(net->outlet, protocol, connection,
                                   &(struct peer_source){.address = slice_of_string(text)});
    watch(connection);
}

static void on_closed(uv_handle_t *handle) {
    memory_free(container_of((uv_poll_t *)handle, struct connection, poll));
}

static void close_connection(struct connection *connection) {
    struct net *net = net_of(connection);

    outlet_gone(connection->peer);
    uv_close((uv_handle_t *)&connection->poll, on_closed);
    if (connection->reset)
        socket_reset_on_close(connection->descriptor);
    close(connection->descriptor);
    admission_leave(&net->admission, connection->address);
}

void connection_reap(struct net *net) {
    struct list_node *node;

    for (int i = 0; i < NET_CLOSES_PER_TURN && (node = list_take_first(&net->gone)); i++)
        close_connection(container_of(node, struct connection, deadline.node));
}

void connection_run_deadlines(struct net *net) {
    struct deadline *due;

    while ((due = deadline_take(&net->wakes, uv_now(net->loop)))) {
        struct connection *connection = container_of(due, struct connection, deadline);
        connection->waiting = false;
        outlet_writable(connection->peer);
    }
    while ((due = deadline_take(&net->lingers, uv_now(net->loop)))) {
        struct connection *connection = container_of(due, struct connection, deadline);
        connection->waiting = false;
        leave(connection);
    }
}

static void reset_handle(uv_handle_t *handle, void *net) {
    if (handle->type == UV_POLL && handle->data == net && !uv_is_closing(handle))
        transport_reset(container_of((uv_poll_t *)handle, struct connection, poll));
}

void connection_reset_all(struct net *net) {
    uv_walk(net->loop, reset_handle, net);
}
