/* Listeners: accept connections a batch at a time. Where no descriptor is left, those who wait are
 * turned away (a descriptor held in reserve makes that possible; else they would hang, and the loop
 * would spin on a listener that stays readable), and accepting rests until the next tick. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/internal.h"

static void on_listener_ready(uv_poll_t *poll, int status, int events);

void listener_start(struct listener *listener) {
    uv_poll_start(&listener->poll, UV_READABLE, on_listener_ready);
}

void listener_stop(struct listener *listener) {
    uv_poll_stop(&listener->poll);
}

static void rest(struct net *net) {
    net->accepting = false;
    for (struct list_node *node = net->listeners.first; node; node = node->next)
        listener_stop(container_of(node, struct listener, node));
}

/* Whoever is refused can come again at once, and must not fill the log by that. */
static void log_refusal(struct net *net, const char *reason) {
    uint64_t now_ms = uv_now(net->loop);

    if (net->refusal_ms > 0 && now_ms < net->refusal_ms + NET_REFUSAL_INTERVAL_MS)
        return;
    net->refusal_ms = now_ms;
    log_write(net->log, LOG_WARNING, "Refusing connections: %s (%zu are open)", reason,
              net->admission.count);
}

/* Takes one that waits and closes it. Returns whether there was one. */
static bool turn_away(struct listener *listener) {
    struct endpoint_address peer;
    struct net *net = listener->net;
    int descriptor;

    if (net->reserve >= 0)
        close(net->reserve);
    descriptor = socket_accept(listener->socket.descriptor, &peer);
    if (descriptor >= 0)
        close(descriptor);
    net->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return descriptor >= 0;
}

static void admit(struct listener *listener, int descriptor, const struct endpoint_address *peer) {
    struct net *net = listener->net;
    struct admission_address *address = NULL;
    char text[ENDPOINT_PEER_LENGTH + 1];

    switch (admission_enter(&net->admission, peer, &address)) {
    case ADMISSION_GRANTED:
        connection_open(net, descriptor, listener->protocol, peer, address);
        return;
    case ADMISSION_FULL:
        log_refusal(net, "max_connections is reached");
        break;
    case ADMISSION_ADDRESS_FULL:
        endpoint_format_peer(peer, text);
        log_write(net->log, LOG_DEBUG,
                  "Refusing a connection from %s: max_connections_per_address is reached", text);
        break;
    }
    close(descriptor);
}

/* Whether accepting failed for the connection's sake alone, so that the next may do better
 * (accept(2)). */
static bool is_passing(int problem) {
    return problem == -ECONNABORTED || problem == -EPROTO || problem == -EPERM ||
           problem == -ENETDOWN || problem == -EHOSTUNREACH || problem == -ENETUNREACH ||
           problem == -EHOSTDOWN || problem == -ENONET;
}

static void on_listener_ready(uv_poll_t *poll, int status, int events) {
    struct listener *listener = poll->data;
    struct net *net = listener->net;
    struct endpoint_address peer;

    (void)status, (void)events;
    net_begin_turn(net);
    for (int i = 0; i < NET_ACCEPTS_PER_TURN; i++) {
        int descriptor = socket_accept(listener->socket.descriptor, &peer);
        if (descriptor >= 0) {
            admit(listener, descriptor, &peer);
        } else if (descriptor == -EAGAIN) {
            return;
        } else if (!is_passing(descriptor)) {
            log_refusal(net, strerror(-descriptor));
            while (i++ < NET_ACCEPTS_PER_TURN && turn_away(listener))
                ;
            rest(net);
            return;
        }
    }
}

void net_listen(struct net *net, const struct socket_listener *socket,
                const struct protocol *protocol) {
    struct listener *listener = memory_new_struct(struct listener);

    listener->net = net;
    listener->socket = *socket;
    listener->protocol = protocol;
    uv_poll_init(net->loop, &listener->poll, socket->descriptor);
    listener->poll.data = listener;
    list_append(&net->listeners, &listener->node);
    if (net->accepting)
        listener_start(listener);
}

static void on_listener_closed(uv_handle_t *handle) {
    memory_free(handle->data);
}

void listener_close(struct listener *listener) {
    uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
    socket_listener_close(&listener->socket);
}
