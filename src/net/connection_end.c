/* How connections end: closing those that are gone, and those whose time is up. */
#include <unistd.h>

#include "base/memory.h"
#include "net/internal.h"

static void on_closed(uv_handle_t *handle) {
    memory_free(container_of((uv_poll_t *)handle, struct connection, poll));
}

static void close_connection(struct connection *connection) {
    struct net *net = connection_net(connection);

    if (connection->peer)
        outlet_gone(connection->peer);
    secure_close(connection);
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

bool connection_give_way(struct net *net) {
    struct list_node *first = net->entrances.deadlines.list.first;
    struct connection *oldest;

    if (!first)
        return false;
    oldest = container_of(first, struct connection, deadline.node);
    connection_leave(oldest);
    list_remove(&net->gone, &oldest->deadline.node);
    close_connection(oldest);
    return true;
}

static struct connection *take_due(struct net *net, struct deadline_queue *queue) {
    struct deadline *due = deadline_take(queue, uv_now(net->loop));
    struct connection *connection = NULL;

    if (due) {
        connection = container_of(due, struct connection, deadline);
        connection->waiting = false;
    }
    return connection;
}

void connection_run_deadlines(struct net *net) {
    struct connection *connection;

    while ((connection = take_due(net, &net->wakes)))
        outlet_writable(connection->peer);
    while ((connection = take_due(net, &net->lingers)))
        connection_leave(connection);
    while ((connection = take_due(net, &net->entrances.deadlines)))
        connection_leave(connection);
}

struct connection *connection_of_handle(uv_handle_t *handle, const struct net *net) {
    if (handle->type != UV_POLL || handle->data != net || uv_is_closing(handle))
        return NULL;
    return container_of((uv_poll_t *)handle, struct connection, poll);
}

static void reset_handle(uv_handle_t *handle, void *net) {
    struct connection *connection = connection_of_handle(handle, net);

    if (connection)
        net_transport.reset(connection);
}

void connection_reset_all(struct net *net) {
    uv_walk(net->loop, reset_handle, net);
}
