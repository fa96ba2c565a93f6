/* Ctrl+C and its relatives (SIGINT, SIGTERM, SIGHUP) as something to poll for. */
#pragma once

#include <signal.h>
#include <stdbool.h>

/* From here on these signals do not end the process but make the returned descriptor readable.
 * -1: not possible, the signals keep their meaning. */
int interrupts_open(void);

/* Takes one; false when there is none. */
bool interrupts_take(int descriptor);

/* For the time of a call that blocks: the signals end the process at once again, until they are
 * put back to what they were before. */
void interrupts_let_through(sigset_t *before);
void interrupts_put_back(const sigset_t *before);
