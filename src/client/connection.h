/* One WebSocket connection to a server (RFC 6455, client side, subprotocol banter.v1) over a
 * connected socket that does not block. Whoever owns it waits with poll for connection_wants,
 * calls connection_receive, takes what was understood with connection_next until that says
 * CONNECTION_IDLE, and then calls connection_flush. Pings are answered here. A connection ends
 * once; coming back is session.h's business. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "client/url.h"

struct connection;
struct tls_context;

enum connection_event {
    CONNECTION_IDLE, /* nothing more for now */
    CONNECTION_OPEN, /* the server accepted the upgrade; once, first */
    CONNECTION_TEXT, /* a message */
    CONNECTION_ENDED /* closed by either side, broken or refused: see connection_ending */
};

struct ending {
    uint16_t code;  /* the server's close code; 1006: gone without one */
    bool hopeless;  /* trying the same again would end the same way */
    char text[256]; /* why, for people; free of controls */
};

/* Takes the descriptor, also puts it in non-blocking mode, and prepares the upgrade request, which
 * shows `token` (NULL: none). `tls` is for secure URLs. Never NULL. */
struct connection *connection_new(int descriptor, const struct url *url, struct tls_context *tls,
                                  const char *token);
void connection_free(struct connection *connection); /* NULL is fine; closes the descriptor */

int connection_descriptor(const struct connection *connection);
short connection_wants(const struct connection *connection); /* POLLIN, POLLOUT */

/* Reads once what the socket has, without waiting. Returns whether anything arrived. */
bool connection_receive(struct connection *connection);

/* Sends what the socket takes, without waiting. */
void connection_flush(struct connection *connection);

/* What came next. `*text` (of CONNECTION_TEXT) is valid until the next call. */
enum connection_event connection_next(struct connection *connection, struct slice *text);

/* Queues a text message. Only after CONNECTION_OPEN. */
void connection_send(struct connection *connection, struct slice text);

/* Queues a close frame; nothing may be sent after it. CONNECTION_ENDED follows when the server
 * has answered. */
void connection_close(struct connection *connection, uint16_t code);

/* Why it ended. After CONNECTION_ENDED. */
const struct ending *connection_ending(const struct connection *connection);
