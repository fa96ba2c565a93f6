/* What the hub is told of accounts: all of them at first, and from then on what has changed. */
#pragma once

#include "auth/accounts.h"
#include "auth/question.h"

struct change_feed {
    int64_t last;    /* change that was told */
    int64_t version; /* SQLite's, of what other programs have committed */
};

/* All accounts, as notices of the question. */
int change_feed_begin(struct change_feed *feed, struct accounts *accounts,
                      struct question *question) MUST_USE;
/* What has changed since. On failure the question has no notices, and the next call tells all. */
int change_feed_next(struct change_feed *feed, struct accounts *accounts,
                     struct question *question) MUST_USE;
/* Whether there may be something new; cheap. */
bool change_feed_moved(const struct change_feed *feed, struct accounts *accounts);
