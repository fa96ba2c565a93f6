/* The sqlite engine: logs that survive the process and, once their completion is reported, the
 * power. One folder holds the database (see sqlite_file.h); a thread writes it (sqlite_writer.h),
 * another reads it (sqlite_reader.h).
 *
 * What is asked within a turn goes to the writer at its end; read and list go to the reader at
 * once. A signal that nothing is waiting before needs no thread.
 *
 * The queue never blocks the hub. Beyond LIMIT_STORE_QUEUE_ENTRIES or LIMIT_STORE_QUEUE_BYTES under
 * way, an append, a typing signal or a binary relay is refused with ERR_UNAVAILABLE; this refusal
 * overtakes what waits. What keeps the hub's books (follow, joined, left, renamed, count) is small
 * and always taken. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "hub/store.h"
#include "store/retention.h"

struct store_sqlite_options {
    const char *folder;
    const struct log *log; /* NULL: says nothing; else lives as long as the store */
    const struct retention_rules *retention; /* NULL: everything is kept */
    store_wake *wake;                        /* NULL: the driver looks by itself */
    void *wake_context;                      /* usable until close has returned */
};

/* ERR_IO, with one line for the operator in `message`: what is wrong, where, what to do. Blocks
 * while the database is opened. Ends with engine->close, which blocks until everything that was
 * asked is done. */
int store_sqlite_open(const struct store_sqlite_options *options, struct store **store,
                      struct buffer *message) MUST_USE;
