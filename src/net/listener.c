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

static void log_refusal(struct net *net, const char *reason) {
    net_complain(net, COMPLAINT_REFUSED, "Refusing connections: %s (%zu are open)", reason,
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

bool listener_identify(struct net *net, const struct address16 *source,
                       struct admission_address **address) {
    char text[ADDRESS_TEXT_LENGTH + 1];
    int64_t now_us = (int64_t)uv_now(net->loop) * 1000;

    address16_format(source, text);
    switch (admission_identify(&net->admission, source, now_us, address)) {
    case ADMISSION_ADDRESS_FULL:
        net_complain(net, COMPLAINT_ADDRESS,
                     "Refusing a connection from %s: max_connections_per_address is reached", text);
        return false;
    case ADMISSION_TOO_OFTEN:
        net_complain(net, COMPLAINT_ADDRESS,
                     "Refusing a connection from %s: connection_rate_per_address is reached", text);
        return false;
    case ADMISSION_FULL:
    case ADMISSION_GRANTED:
    case ADMISSION_ANSWERS:
        break;
    }
    return true;
}

/* Whether it may be heard at all. Where proxies tell whose a connection is, only they may come; all
 * that a trusted proxy carries has its address, so that is never held against it. */
static bool is_welcome(struct net *net, const struct address16 *source,
                       struct admission_address **address) {
    char text[ADDRESS_TEXT_LENGTH + 1];

    if (!source || net_trusts(net, source))
        return true;
    if (!net->proxy_protocol)
        return listener_identify(net, source, address);
    address16_format(source, text);
    net_complain(net, COMPLAINT_PROXY,
                 "Refusing a connection from %s: proxy_protocol is on, and it is none of "
                 "trusted_proxies",
                 text);
    return false;
}

/* At the limit those who have not said yet what they want give way, the oldest first: who means it
 * is no longer among them, and whoever only holds places keeps nobody out. */
static bool has_room(struct net *net) {
    return admission_enter(&net->admission) == ADMISSION_GRANTED ||
           (connection_give_way(net) && admission_enter(&net->admission) == ADMISSION_GRANTED);
}

static void admit(struct listener *listener, int descriptor, const struct endpoint_address *peer) {
    struct net *net = listener->net;
    struct admission_address *address = NULL;
    struct connection *connection;
    char text[ENDPOINT_PEER_LENGTH + 1];
    struct address16 ip;
    const struct address16 *source = endpoint_address_ip(peer, &ip) ? &ip : NULL;

    if (!has_room(net)) {
        log_refusal(net, "max_connections is reached");
        close(descriptor);
        return;
    }
    if (!is_welcome(net, source, &address)) {
        admission_leave(&net->admission, NULL);
        close(descriptor);
        return;
    }
    connection = connection_new(net, descriptor);
    connection->address = address;
    if (listener->service.secure || (net->proxy_protocol && source)) {
        entrance_open(connection, &listener->service, net->proxy_protocol && source, source);
    } else {
        endpoint_format_peer(peer, text);
        connection_begin(connection, &listener->service, slice_of_string(text));
    }
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
                const struct net_service *service) {
    struct listener *listener = memory_new_struct(struct listener);

    listener->net = net;
    listener->socket = *socket;
    listener->service = *service;
    if (service->secure)
        net->admission.tracks = true; /* for the turns of handshakes */
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
