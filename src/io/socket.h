/* Sockets of a server. All are non-blocking and closed on exec. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "io/endpoint.h"

struct socket_listener {
    int descriptor;
    /* What it is bound to, with the port the system chose where 0 was asked for. */
    struct endpoint_address address;
};

/* Listens on one of the addresses of an endpoint. A socket file that nobody listens on any more
 * (its server was killed) is replaced; one that is in use, or a file that is no socket, is left
 * alone. Its file is open to everybody on the machine (mode 0666). ERR_NOT_FOUND: this machine has
 * no such address. ERR_IO: anything else. Both with one line about it in `message`. */
int socket_listen(const struct endpoint_address *address, struct socket_listener *listener,
                  char *message, size_t size) MUST_USE;

/* Closes it, and removes its socket file. */
void socket_listener_close(struct socket_listener *listener);

/* The next connection that waits: its descriptor and who it is. A negative errno when there is none
 * (-EAGAIN) or it cannot be taken (-EMFILE …). TCP connections send small writes at once, and take
 * no more than a little beyond what the other side has room for. */
int socket_accept(int listener, struct endpoint_address *peer) MUST_USE;

/* Begins to connect. The descriptor, or a negative errno. While `*under_way` it becomes writable
 * when it is decided, and socket_connection_problem tells how. */
int socket_connect(const struct endpoint_address *address, bool *under_way) MUST_USE;

/* What became of a connection that was under way: 0 or an errno. */
int socket_connection_problem(int descriptor) MUST_USE;

/* Small writes go out at once instead of waiting for the answer to the one before. No effect on
 * socket files. */
void socket_disable_delay(int descriptor);

/* TCP: what was sent and has not arrived after so long ends the connection. No effect on socket
 * files. */
void socket_limit_unacknowledged(int descriptor, unsigned timeout_ms);

/* What is closed next is reset instead: what was not delivered is thrown away, and the other side
 * is told so. */
void socket_reset_on_close(int descriptor);
