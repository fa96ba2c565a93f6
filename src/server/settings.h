/* What the configuration means to each part of a server: made once when it starts, and anew when
 * the configuration has been read again. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"
#include "net/net.h"
#include "server/config.h"
#include "server/listening.h"

struct settings {
    const struct config *config; /* borrowed, as is the log */
    const struct log *log;
    struct tls_context *tls;      /* NULL: there are no certificates */
    struct cidr *trusted_proxies; /* as many as the configuration has */
    const char **public_hosts;    /* the texts belong to the configuration and to listening */
    struct protocol_settings protocol;
};

/* What the connections share besides. */
struct settings_parts {
    struct inflater *inflater;
    struct deflater *deflater;
    void (*metrics)(void *context, struct buffer *output);
    void *metrics_context;
};

/* Reads the files that the configuration names, and what can be wrong. ERR_… with one line in
 * `message`. */
int settings_read(const struct config *config, const struct log *log, struct settings *settings,
                  char *message, size_t size) MUST_USE;
/* The rest; cannot fail. */
void settings_fill(struct settings *settings, const struct listening_set *listening,
                   const struct settings_parts *parts);
void settings_close(struct settings *settings);

/* What each part is told. They point into the settings. Without seeds. */
struct hub_options settings_hub(const struct settings *settings);
struct outlet_options settings_outlet(const struct settings *settings);
/* Threads that share the sending. */
unsigned settings_io_threads(const struct settings *settings);
struct net_options settings_net(const struct settings *settings);
