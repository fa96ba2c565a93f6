/* The sockets a server listens on. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "io/socket.h"
#include "server/config.h"
#include "server/listen_url.h"

struct listening {
    struct listen_url url;
    struct socket_listener socket;
    char *address; /* as a URL, with the port the system chose: "ws://127.0.0.1:8765" */
    bool taken;    /* the socket belongs to somebody else now */
};

struct listening_set {
    struct listening *items;
    size_t count;
};

/* Listens on every address of every URL. ERR_… with one line in `message`; then none is open. */
int listening_open(const struct config_list *urls, struct listening_set *set, char *message,
                   size_t size) MUST_USE;

/* Closes what was not taken, and frees. */
void listening_close(struct listening_set *set);
