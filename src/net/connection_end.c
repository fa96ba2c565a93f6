/* How connections end: closing those that are gone, and those whose time is up. */
#include <unistd.h>

#include "base/memory.h"
#include "net/internal.h"

static void close_connection(struct connection *connection) {
    struct net *net = connection_net(connection);

    if (connection->peer)
        outlet_gone(connection->peer);
    secure_close(connection);
    if (connection->reset)
        socket_reset_on_close(connection->descriptor);
    close(connection->descriptor);
    admission_leave(&net->admission, connection->address);
    memory_free(connection->wait);
    pool_free(&net->connection_pool, connection);
}

/* Whose place in a queue that is. */
static struct connection *connection_at(struct list_node *node) {
    return container_of(node, struct connection_wait, deadline.node)->connection;
}

void connection_reap(struct net *net) {
    struct list_node *node;

    for (int i = 0; i < NET_CLOSES_PER_TURN && (node = list_take_first(&net->gone)); i++)
        close_connection(connection_at(node));
}

bool connection_give_way(struct net *net) {
    struct list_node *first = net->entrances.deadlines.list.first;
    struct connection *oldest;

    if (!first)
        return false;
    oldest = connection_at(first);
    connection_leave(oldest);
    list_remove(&net->gone, &oldest->wait->deadline.node);
    close_connection(oldest);
    return true;
}

static struct connection *take_due(struct net *net, struct deadline_queue *queue) {
    struct deadline *due = deadline_take(queue, uv_now(net->loop));
    struct connection *connection = NULL;

    if (due) {
        connection = connection_at(&due->node);
        memory_free(connection->wait);
        connection->wait = NULL;
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

void connection_reset_all(struct net *net) {
    struct list_node *node;

    entrance_leave_all(net);
    outlet_reset_all(net->outlet);
    while ((node = net->lingers.list.first))
        net_transport.reset(connection_at(node));
}
