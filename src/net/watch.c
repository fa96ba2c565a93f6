/* Which connections are ready. Their descriptors are in an epoll set of our own, and libuv watches
 * that set as one handle: a handle for each connection would cost more memory than all the rest
 * that is kept for it here.
 *
 * The set is level-triggered, and the kernel puts what was told to the end of the line. So one turn
 * may take as many events as it likes: the others come in the next, and nobody is passed over. */
#include <sys/epoll.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/internal.h"

/* Events taken in one turn. */
#define EVENTS_PER_TURN 1024

bool watch_set(struct connection *connection, uint32_t events) {
    int operation = EPOLL_CTL_DEL; /* else its end would be reported again and again */

    if (events == connection->watched)
        return true;
    if (events)
        operation = connection->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    struct epoll_event event = {.events = events, .data.ptr = connection};
    bool is_set = epoll_ctl(connection->net->epoll, operation, connection->descriptor, &event) == 0;
    connection->watched = (uint16_t)(is_set ? events : 0);
    return is_set;
}

/* What came of it: an earlier event of this turn may have changed what the connection waits for. Of
 * a hang-up nobody asks to hear; it is told as whatever is waited for. */
static uint32_t reported(const struct connection *connection, uint32_t events) {
    if (events & EPOLLHUP)
        events |= EPOLLIN | EPOLLOUT | EPOLLRDHUP;
    return events & (connection->watched | EPOLLERR);
}

static void on_set_ready(uv_poll_t *poll, int status, int readable) {
    struct net *net = poll->data;
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(net->epoll, events, EVENTS_PER_TURN, 0);

    (void)status, (void)readable;
    net_begin_turn(net);
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        uint32_t what = reported(connection, events[i].events);

        if (connection->watched && what)
            connection_ready(connection, what);
    }
}

void watch_open(struct net *net) {
    net->epoll = epoll_create1(EPOLL_CLOEXEC);
    uv_poll_init(net->loop, &net->ready, net->epoll);
    net->ready.data = net;
}

void watch_start(struct net *net) {
    uv_poll_start(&net->ready, UV_READABLE, on_set_ready);
}

void watch_stop(struct net *net) {
    uv_poll_stop(&net->ready);
}

void watch_close(struct net *net) {
    uv_close((uv_handle_t *)&net->ready, NULL);
    close(net->epoll);
}
