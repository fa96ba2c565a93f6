/* The thread that searches: it keeps the index as the log is, and answers from it. Nothing waits
 * for it but those who search, and they are answered from an index that has everything that was
 * committed before they asked (unless it is far behind, because it is being built: then from what
 * there is).
 *
 * An index that cannot be used is built again; as long as that fails, searches are answered with
 * ERR_UNAVAILABLE and everything else goes on. */
#pragma once

#include "base/log.h"
#include "store/outbox.h"
#include "store/sqlite_file.h"

struct search_thread;

/* ERR_IO with a line for the operator in `message`. Everything is borrowed. */
int search_thread_start(const struct sqlite_file *file, const struct log *log,
                        struct outbox *outbox, struct search_thread **thread,
                        struct buffer *message) MUST_USE;
/* SEARCH; takes all. */
void search_thread_put(struct search_thread *thread, struct job_list *jobs);
/* The log has changed. */
void search_thread_wake(struct search_thread *thread);
/* What is not answered yet is dropped. */
void search_thread_stop(struct search_thread *thread);
