/* The direct-message rooms there are in a database, for whoever looks after those that nobody can
 * come back to. */
#pragma once

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* Appends the keys after `after`, ascending, each with a LF behind it, at most `limit`. Blocks; not
 * for the hub's thread. ERR_IO with one line in `message`. */
int direct_rooms_read(const char *folder, struct slice after, size_t limit, struct buffer *keys,
                      struct buffer *message) MUST_USE;
