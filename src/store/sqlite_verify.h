/* Whether the database says what a log may say: numbers without a hole, times that do not go back,
 * ids that are there once, cids that fit their entries, texts that are texts, and pages that fit
 * together. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct verification {
    size_t rooms;
    uint64_t entries;
    uint64_t problems;
};

/* Appends a line to `report` for everything that is damaged: one for each such room, others for
 * what belongs to none. ERR_IO with one line in `message`: nothing could be verified. The folder
 * may be in use by a server. */
int sqlite_verify(const char *folder, struct verification *verification, struct buffer *report,
                  struct buffer *message) MUST_USE;
