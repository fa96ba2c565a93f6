/* A copy of the database as it is at one moment, made while the server goes on writing; with an
 * epoch of its own, because what both will number from here on is not the same. */
#pragma once

#include <stdatomic.h>

#include "base/buffer.h"
#include "base/error.h"

/* Watched and steered from other threads. */
struct sqlite_backup {
    atomic_uint done, total; /* pages */
    atomic_bool cancelled;
};

/* Copies the database of `folder` to `path`, which must not be there yet: it appears when it is
 * whole and synced. Blocks; not for the hub's thread. ERR_IO with one line in `message`. */
int sqlite_backup_run(struct sqlite_backup *backup, const char *folder, const char *path,
                      struct buffer *message) MUST_USE;
