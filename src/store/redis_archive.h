/* Archives (archive.h) of what is in Redis, and moving what is in an archive there: from one
 * machine to many, and back. Numbers, ids, times and cids stay, as does that something was deleted;
 * the epoch is another. */
#pragma once

#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"
#include "store/archive.h"
#include "store/store_redis.h"

/* Also while servers run; each room then is as it is when its turn comes. ERR_IO with one line in
 * `message`. */
int redis_archive_export(const struct store_redis_options *options, FILE *file,
                         struct archive_counts *counts, struct buffer *message) MUST_USE;

/* Into a namespace without rooms, and without servers. First all of the archive is read into a
 * database in `folder`, which is made and must not be there yet, and removed in the end: so nothing
 * is in Redis unless everything is as it should be. When Redis fails on the way what was written is
 * taken back, as far as it is still there to be asked. Errors as those of archive_import. */
int redis_archive_import(const struct store_redis_options *options, const char *folder, FILE *file,
                         const char *name, struct archive_counts *counts,
                         struct buffer *message) MUST_USE;
