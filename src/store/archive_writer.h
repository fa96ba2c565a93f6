/* The lines of an archive (archive.h), wherever what stands in them comes from. Private to the
 * exports. */
#pragma once

#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"
#include "hub/entry.h"
#include "store/archive.h"

struct archive_writer {
    FILE *file; /* borrowed */
    struct buffer line;
    struct archive_counts counts;
};

struct archive_room {
    struct slice key, name, topic;
    uint64_t gone; /* the last number that is not there any more; 0: all are there */
    int64_t gone_us;
};

struct archive_old_cid {
    struct slice cid, id;
    struct identity identity;
    uint64_t hash, seq;
    int64_t timestamp_us;
};

/* In this order: the head; then of each room itself, its entries and its old cids. */
void archive_put_head(struct archive_writer *writer, struct slice epoch);
void archive_put_room(struct archive_writer *writer, const struct archive_room *room);
void archive_put_entry(struct archive_writer *writer, const struct entry *entry, uint64_t hash);
void archive_put_old_cid(struct archive_writer *writer, const struct archive_old_cid *old);

/* Whether all of it was written: 0, or ERR_IO with one line in `message`. */
int archive_finish(struct archive_writer *writer, struct buffer *message) MUST_USE;
