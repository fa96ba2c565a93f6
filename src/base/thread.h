/* Starting a thread: named, and with all signals blocked, so that those of the process
 * go to the main thread. */
#pragma once

#include <pthread.h>

#include "base/error.h"

/* `name` has at most 15 characters. ERR_IO when the system has no thread left. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *),
                 void *argument) MUST_USE;

/* The same, for work that nobody waits for at every moment, or that a stranger can cause: such a
 * thread leaves the processor to the others when they want it. */
int thread_start_behind(pthread_t *thread, const char *name, void *(*run)(void *),
                        void *argument) MUST_USE;

/* The same, for short work that everybody waits for: where there are too few processors, such a
 * thread need not wait for the end of somebody else's slice of milliseconds. Takes the right to it
 * (RLIMIT_NICE, CAP_SYS_NICE); without that it is a thread like any other. */
int thread_start_ahead(pthread_t *thread, const char *name, void *(*run)(void *),
                       void *argument) MUST_USE;
/* By root before it becomes somebody else: the process keeps that right, and no other. */
void thread_keep_ahead(void);
