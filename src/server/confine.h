/* From a process that root may have started to one that serves strangers: another user, a data
 * folder, and a sandbox. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"
#include "server/config.h"

/* After the server listens, and before it starts a thread. It is the process that is confined, for
 * good. `data`: whether it needs the data folder. ERR_… with one line in `message`. */
int confine(const struct config *config, const struct log *log, bool data, char *message,
            size_t size) MUST_USE;
