/* The net: owns listeners and connections, that is descriptors, and nothing else. Bytes that arrive
 * go to the outlet, bytes the outlet has to send go to sockets. One net serves one libuv loop and
 * one outlet. Its life:
 *
 *   uv_loop_init, net_new; then store and delivery are made, with net_wake and net_transport;
 *   net_attach, net_listen, uv_run; net_stop_accepting, net_disconnect, net_close; uv_run until
 *   nothing is left; net_free.
 *
 * In each turn of the loop everything that happened is handed to the outlet first; before the loop
 * sleeps again, delivery_turn collects the store's completions and sends everything pending. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "delivery/delivery.h"
#include "io/socket.h"

struct cidr;
struct tls_context;
struct uv_loop_s;
struct net;

struct net_options {
    const struct log *log;
    uint64_t seed;          /* of the map of addresses; should be secret */
    size_t max_connections; /* more are closed as they come; 0: no limit */
    /* The same for one address (of IPv6: one /64). Socket files and trusted proxies are exempt. */
    size_t max_connections_per_address;
    unsigned connection_rate_per_address; /* in a minute; 0: no limit */
    unsigned handshake_timeout_ms;        /* until TLS, and a proxy's header, are done; 0: none */
    struct tls_context *tls;              /* of secure listeners; held; NULL: there are none */
    bool proxy_protocol;                  /* TCP connections begin with a proxy's header */
    const struct cidr *trusted_proxies;   /* who may send it; copied */
    size_t trusted_proxy_count;
};

/* For outlet_options; each connection is the owner of its peer. */
extern const struct transport net_transport;

struct net *net_new(struct uv_loop_s *loop, const struct net_options *options);
/* After net_close and after the loop has run empty. */
void net_free(struct net *net);

/* Changes everything but the log and the seed. Who is there already stays, whatever the limits say,
 * and under the certificate that was shown. */
void net_configure(struct net *net, const struct net_options *options);

/* Has the turn end soon, from any thread; fits store_wake. `net` is a struct net. */
void net_wake(void *net);

/* Whom to serve; before the loop runs. Borrowed until net_disconnect. */
void net_attach(struct net *net, struct delivery *delivery);

/* Starts threads that share the sending with the loop; at most once, before the loop runs. ERR_IO:
 * the system has none left. */
int net_start_threads(struct net *net, unsigned count) MUST_USE;

/* What a listener's connections speak. */
struct net_service {
    const struct protocol *protocol;
    bool secure; /* over TLS */
    bool http;   /* the protocol begins as HTTP/1.1 */
};

/* Takes the listener and accepts its connections. */
void net_listen(struct net *net, const struct socket_listener *socket,
                const struct net_service *service);

/* Closes the listeners; connections stay. */
void net_stop_accepting(struct net *net);

/* Takes no more input from any connection, for good. What arrived before is answered. */
void net_stop_reading(struct net *net);

/* For metrics: connections that were closed as they came, for the sake of a limit. */
struct net_refusals {
    uint64_t full, address_full, address_rate;
};
struct net_refusals net_refusals(const struct net *net);

/* For metrics, where there are threads: sends that were carried out by whom. */
struct net_sends {
    uint64_t by_loop, by_threads;
};
struct net_sends net_sends(const struct net *net);

/* Tells every peer goodbye; see outlet_close_all. */
void net_goodbye(struct net *net, uint16_t close_code);

/* Tells some of them; see outlet_send_away. */
size_t net_send_away(struct net *net, uint64_t newest, size_t count, uint16_t close_code);

/* Connections that are not closed yet. */
size_t net_connection_count(const struct net *net);

/* Resets the connections that are left, tells the outlet that they are gone, and does not touch
 * delivery any more. */
void net_disconnect(struct net *net);

/* After net_disconnect: closes the handles in the loop. net_wake must not be called any more. */
void net_close(struct net *net);
