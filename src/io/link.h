/* A client's connection to a server, plain or over TLS: takes a connected socket that does not
 * block, and hides which of the two it is. Whoever owns it waits until its descriptor is readable,
 * or writable while link_wants_output, and then calls link_receive or link_flush. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

struct link;
struct tls_context;

/* Takes the descriptor. `tls` is NULL for a plain one; else TLS begins at once with the host that
 * `host_port` names (see endpoint.h; "localhost" where it is a socket file). `http`: what is spoken
 * over it is HTTP/1.1. */
struct link *link_new(int descriptor, struct tls_context *tls, const char *host_port, bool http);
void link_free(struct link *link); /* NULL is fine; says goodbye, and closes the descriptor */

int link_descriptor(const struct link *link);
bool link_wants_output(const struct link *link);

enum link_state { LINK_OPEN, LINK_ENDED };

/* Reads once what the socket has and appends what it says to `input`. After LINK_ENDED nothing will
 * come any more. */
enum link_state link_receive(struct link *link, struct buffer *input);

/* Queues bytes, however many; link_flush sends them. */
void link_send(struct link *link, struct slice bytes);

/* Bytes that are queued. */
size_t link_unsent(const struct link *link);

/* Sends what the socket takes. Errors show when reading. */
void link_flush(struct link *link);

/* Why it ended, if TLS is to blame; for people, one line. NULL: the other side hung up. */
const char *link_fault(const struct link *link);
