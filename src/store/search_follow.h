/* Keeping the index as the log is: a reader of the log with a cursor in each room, in small steps.
 *
 * A message becomes a row that can be found, an edit changes it, a delete takes it away, and so
 * does whatever takes a room's entries out of the log (retention, erasure, a log put back from a
 * backup).
 *
 * What was taken away is at first only marked so in the index. Scrubbing merges it until the words
 * are in no file any more. Functions return an SQLite code; after a failure the file is not to be
 * used any more (search_file_fail). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/search_file.h"

struct search_follow {
    int64_t room;          /* this pass through the rooms has come to here; 0: it begins */
    bool found;            /* there was something to do in it */
    int64_t version;       /* of the log when the last pass began … */
    int64_t clean_version; /* … and when one began that found nothing; -1: none did */
    bool erased;           /* something was taken away since the last scrubbing began */
    bool merging;          /* the scrubbing is under way */
};

/* After the file was opened: everything is looked at again. */
int search_follow_start(struct search_follow *follow, const struct search_file *file) MUST_USE;

/* One step; `more`: there is more to do, and as long as nothing fails the end is always reached. */
int search_follow_step(struct search_follow *follow, const struct search_file *file,
                       bool *more) MUST_USE;

/* Whether there is anything to scrub. */
bool search_follow_soiled(const struct search_follow *follow);
/* One step of it. */
int search_follow_scrub(struct search_follow *follow, const struct search_file *file) MUST_USE;
