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

struct uv_loop_s;
struct net;

struct net_options {
    const struct log *log;
    uint64_t seed;          /* of the map of addresses; should be secret */
    size_t max_connections; /* more are closed as they come; 0: no limit */
    /* The same for one address (of IPv6: one /64). Socket files are exempt. */
    size_t max_connections_per_address;
};

/* For outlet_options; each connection is the owner of its peer. */
extern const struct transport net_transport;

struct net *net_new(struct uv_loop_s *loop, const struct net_options *options);
/* After net_close and after the loop has run empty. */
void net_free(struct net *net);

/* Has the turn end soon, from any thread; fits store_wake. `net` is a struct net. */
void net_wake(void *net);

/* Whom to serve; before the loop runs. Borrowed until net_disconnect. */
void net_attach(struct net *net, struct delivery *delivery);

/* Takes the listener and accepts its connections as speakers of `protocol`. */
void net_listen(struct net *net, const struct socket_listener *socket,
                const struct protocol *protocol);

/* Closes the listeners; connections stay. */
void net_stop_accepting(struct net *net);

/* Takes no more input from any connection, for good. What arrived before is answered. */
void net_stop_reading(struct net *net);

/* Tells every peer goodbye; see outlet_close_all. */
void net_goodbye(struct net *net, uint16_t close_code);

/* Connections that are not closed yet. */
size_t net_connection_count(const struct net *net);

/* Resets the connections that are left, tells the outlet that they are gone, and does not touch
 * delivery any more. */
void net_disconnect(struct net *net);

/* After net_disconnect: closes the handles in the loop. net_wake must not be called any more. */
void net_close(struct net *net);
