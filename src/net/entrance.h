/* A connection that has not entered yet. Private to entrance.c and handshake.c. */
#pragma once

#include "net/internal.h"
#include "wire/proxy_header.h"

struct entrance {
    struct connection *connection;
    struct net_service service; /* to be spoken then */
    struct proxy_header *proxy; /* NULL: no header is awaited (any more) */
    struct address16 source;    /* whose it is, as far as is known */
    bool has_source;            /* else it came over a socket file */
    bool queued;                /* waits for its turn; its socket is left alone meanwhile */
    bool counted;               /* among the handshakes under way */
    struct buffer hello;        /* of TLS, until its first record is complete */
    struct list_node entering;  /* in the list of all that do */
    struct list_node turn;      /* while queued: in `replies`, or among those of its address */
    struct list_node all, own;  /* while counted: in the list of all, and of its address */
};
