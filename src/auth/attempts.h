/* Failed logins: how many more a name, and an address, may have. In bounded memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct attempts;

struct attempts *attempts_new(uint64_t seed);
void attempts_free(struct attempts *attempts);

/* Whether another login may be tried. Empty names do not count, nor do addresses that are none:
 * whoever comes by a socket file. */
bool attempts_allow(struct attempts *attempts, struct slice name, struct slice address,
                    int64_t now_us);
/* One that may fail has begun: it counts against the name from now on, so that many at the same
 * time are no way around. */
void attempts_begin(struct attempts *attempts, struct slice name, int64_t now_us);
/* How it ended. */
void attempts_end(struct attempts *attempts, struct slice name, struct slice address, bool right,
                  int64_t now_us);

/* How one has ended, for other nodes, that count it too: appends a line that holds no name, because
 * what is typed in place of one may be a password. Left empty where that counts for nothing. */
void attempts_tell(struct slice name, struct slice address, bool right, struct buffer *line);
/* Such a line, from whomever. */
void attempts_hear(struct attempts *attempts, struct slice line, int64_t now_us);
