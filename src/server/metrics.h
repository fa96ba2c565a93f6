/* What the server tells of itself at GET /metrics: docs/operations.md names every number. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

struct delivery;
struct net;

struct metrics_sources {
    struct delivery *delivery;
    const struct net *net;
    int64_t start_us; /* wall clock */
    int memory;       /* from metrics_open_memory */
};

/* Where the system tells how much memory is in use: opened before the server gives up the right to
 * open files, to be closed by whoever asked. -1: it does not tell. */
int metrics_open_memory(void);

void metrics_append_all(const struct metrics_sources *sources, struct buffer *output);

/* Of each enum format; the name of connections that speak so. NULL: no name. */
const char *metrics_format_name(unsigned format);
