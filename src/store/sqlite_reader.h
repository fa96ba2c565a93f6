/* The thread that reads pages and lists, over a connection of its own, so that no reader delays a
 * commit. */
#pragma once

#include "base/log.h"
#include "store/outbox.h"
#include "store/sqlite_file.h"

struct sqlite_reader;

/* Starts the thread. ERR_IO with a line for the operator in `message`. Everything is borrowed. */
int sqlite_reader_start(const struct sqlite_file *file, const struct log *log,
                        struct outbox *outbox, struct sqlite_reader **reader,
                        struct buffer *message) MUST_USE;
/* PAGE and LIST; takes all. */
void sqlite_reader_put(struct sqlite_reader *reader, struct job_list *jobs);
/* Ends the thread; what it has not read yet is dropped. */
void sqlite_reader_stop(struct sqlite_reader *reader);
