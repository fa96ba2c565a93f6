/* The thread that writes: it takes everything that waits, commits it as one transaction (group
 * commit) and reports it as one batch. A lone publisher's append is committed at once; when the
 * batch before held several, the writer waits until as many have come again, but at most 0.3 ms.
 *
 * When a transaction fails, all of its appends are answered with ERR_UNAVAILABLE, the writer reads
 * back how far the rooms are, reports what is there without having been reported, and goes on with
 * the next batch; it says so in the log, at most once a second, and when it works again. Erasures
 * are not answered, so it tries them again until they succeed.
 *
 * Between batches it sweeps: a step for the retention of rooms (sqlite_trim.h), which takes a few
 * milliseconds, then does nothing of that kind for ten times as long, so that what is asked for
 * hardly notices. */
#pragma once

#include "base/log.h"
#include "store/outbox.h"
#include "store/retention.h"
#include "store/sqlite_file.h"

struct sqlite_writer;

/* Starts the thread. ERR_IO with a line for the operator in `message`. Everything is borrowed. */
int sqlite_writer_start(const struct sqlite_file *file, const struct log *log,
                        const struct retention_rules *retention, struct outbox *outbox,
                        struct sqlite_writer **writer, struct buffer *message) MUST_USE;
/* FOLLOW, UNFOLLOW, APPEND, SIGNAL and ERASE; takes all. */
void sqlite_writer_put(struct sqlite_writer *writer, struct job_list *jobs);
/* Carries out what was put, then ends the thread. */
void sqlite_writer_stop(struct sqlite_writer *writer);
