/* Before a connection has a peer: a proxy may have to tell whose it is, and TLS has to be begun.
 * Until both are done it costs its descriptor and a few hundred bytes, and one deadline holds for
 * all of it. What comes too early stays in the socket. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "net/entrance.h"

static const char speaks_tls[] = "HTTP/1.1 400 Bad Request\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: 51\r\n"
                                 "Connection: close\r\n"
                                 "\r\n"
                                 "This port speaks TLS: use https:// or wss:// here.\n";

void entrance_open(struct connection *connection, const struct net_service *service, bool proxied,
                   const struct address16 *source) {
    struct net *net = connection_net(connection);
    struct entrance *entrance = memory_new_struct(struct entrance);

    entrance->connection = connection;
    entrance->service = *service;
    if (proxied)
        entrance->proxy = memory_new_struct(struct proxy_header);
    if (source) {
        entrance->source = *source;
        entrance->has_source = true;
    }
    connection->entrance = entrance;
    list_append(&net->entrances.entering, &entrance->entering);
    if (net->handshake_timeout_ms > 0)
        connection_wait_until(connection, &net->entrances.deadlines,
                              uv_now(net->loop) + net->handshake_timeout_ms);
    connection_watch(connection);
}

void entrance_close(struct connection *connection) {
    struct entrance *entrance = connection->entrance;

    if (connection->state != CONNECTION_ENTERING || !entrance)
        return;
    handshake_drop(entrance);
    list_remove(&connection_net(connection)->entrances.entering, &entrance->entering);
    buffer_close(&entrance->hello);
    memory_free(entrance->proxy);
    memory_free(entrance);
    connection->entrance = NULL;
}

uint32_t entrance_events(const struct connection *connection) {
    return connection->entrance->queued ? 0 : EPOLLIN;
}

void entrance_format_source(const struct entrance *entrance, char *text) {
    if (entrance->has_source)
        address16_format(&entrance->source, text);
    else
        memcpy(text, "unix", sizeof("unix"));
}

/* From here on it is a connection like any other. */
static void enter(struct connection *connection) {
    struct net_service service = connection->entrance->service;
    char source[ENDPOINT_PEER_LENGTH + 1];

    entrance_format_source(connection->entrance, source);
    connection_begin(connection, &service, slice_of_string(source));
    connection_watch(connection);
}

void entrance_pass(struct connection *connection, enum tls_state state) {
    struct net *net = connection_net(connection);

    enter(connection);
    if (buffer_length(&net->plain) > 0)
        outlet_receive(connection->peer, buffer_slice(&net->plain));
    if (state == TLS_ENDED)
        connection_end_input(connection);
    else if (buffer_length(&net->plain) > 0 && secure_is_whole(connection))
        outlet_read_end(connection->peer);
    connection_watch(connection);
}

/* People type http:// for https://, and should read what is wrong. */
void entrance_refuse_plain(struct connection *connection, struct slice bytes) {
    const struct entrance *entrance = connection->entrance;
    const struct iovec answer = {(char *)speaks_tls, sizeof(speaks_tls) - 1};
    char source[ENDPOINT_PEER_LENGTH + 1];

    entrance_format_source(entrance, source);
    net_complain(connection_net(connection), COMPLAINT_PLAIN_TO_TLS,
                 "%s does not speak TLS to a listener that does: its URL needs wss:// or +tls://",
                 source);
    if (entrance->service.http && bytes.length > 0 && isupper((unsigned char)bytes.data[0]))
        connection_send_raw(connection->descriptor, &answer, 1);
    connection_linger(connection);
}

/* Whose it is decides anew whether it may come in. */
static void take_source(struct connection *connection) {
    struct entrance *entrance = connection->entrance;

    if (entrance->proxy->has_source) {
        entrance->source = entrance->proxy->source;
        if (!listener_identify(connection_net(connection), &entrance->source,
                               &connection->address)) {
            connection_leave(connection);
            return;
        }
    }
    memory_free(entrance->proxy);
    entrance->proxy = NULL;
    if (!entrance->service.secure)
        enter(connection);
}

/* The header is looked at before it is taken, so that what follows it stays in the socket. */
static void take_proxy_header(struct connection *connection) {
    struct net *net = connection_net(connection);
    struct entrance *entrance = connection->entrance;
    ssize_t count =
        recv(connection->descriptor, net->input, PROXY_BINARY_MAX, MSG_PEEK | MSG_DONTWAIT);
    struct slice rest = slice_from(net->input, count > 0 ? (size_t)count : 0);
    char source[ENDPOINT_PEER_LENGTH + 1];
    enum proxy_result result;

    if (count <= 0) {
        if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            connection_leave(connection);
        return;
    }
    result = proxy_header_feed(entrance->proxy, &rest);
    count = recv(connection->descriptor, net->input, (size_t)count - rest.length, MSG_DONTWAIT);
    if (count > 0 && result == PROXY_DONE) {
        take_source(connection);
    } else if (count <= 0 || result == PROXY_WRONG) {
        entrance_format_source(entrance, source);
        net_complain(
            net, COMPLAINT_PROXY,
            "The proxy %s does not begin with a header of the PROXY protocol: have it send "
            "one, or set proxy_protocol = off",
            source);
        connection_leave(connection);
    }
}

void entrance_take(struct connection *connection) {
    if (connection->entrance->proxy)
        take_proxy_header(connection);
    else
        handshake_wait(connection->entrance);
}

void entrance_leave_all(struct net *net) {
    struct list_node *node;

    while ((node = net->entrances.entering.first))
        connection_leave(container_of(node, struct entrance, entering)->connection);
}
