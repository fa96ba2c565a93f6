/* `banter chat` on a terminal, full-screen. */
#pragma once

#include <stdbool.h>

#include "client/login.h"
#include "client/session.h"

/* Whether standard input and output are a terminal that can be drawn on. */
bool terminal_possible(void);

/* Talks, beginning in `room`, until the user leaves or nothing can be done any more; then what went
 * wrong was printed. Returns the exit status. */
int terminal_run(struct session *session, struct login *login, const char *room);
