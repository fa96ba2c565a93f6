/* Where banter keeps the session of an account between two runs, so that the password is not asked
 * for each time: one file for each server in $XDG_STATE_HOME/banter (~/.local/state/banter), which
 * nobody else may read. It holds a token that the server can revoke, never the password.
 *
 * A session is at one place at a time: the server closes the connection that had it when another
 * comes with it. So the file is locked by whoever uses it, and a second banter has to log in. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "client/url.h"

struct kept_session {
    struct buffer name;   /* empty: nothing is kept */
    struct buffer secret; /* empty: as well, or somebody else uses it */
    int file;             /* locked; -1: there is none, or it is not ours */
    bool busy;            /* another process has it */
};

/* What is kept for this server, as ours from here on. */
void kept_session_open(struct kept_session *kept, const struct url *url);
/* For another process from here on. A zeroed one may be closed too. */
void kept_session_close(struct kept_session *kept);

/* Best effort: who cannot keep it is asked for the password again. */
void kept_session_save(struct kept_session *kept, const struct url *url, struct slice name,
                       struct slice secret);
