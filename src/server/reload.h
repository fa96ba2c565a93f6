/* Reading the configuration again while the server runs: the same command line, its files as they
 * are now. A configuration that is wrong changes nothing. */
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "server/config.h"
#include "server/server.h"

struct reload {
    int count; /* the command line */
    char **values;
    struct config *config; /* the server's; changed by reload_run */
    struct log *log;       /* the same */
    struct server *server;
};

/* Fits server_reload; `context` is a struct reload. Also tells the log. */
int reload_run(void *context, struct buffer *report);
