/* An archive: everything a database holds as lines of JSON, to be kept, looked at or moved.
 *
 *     {"format":"banter-archive","version":1,"epoch":"k3f…"}
 *     {"room":"general","name":"General","topic":"…"}   "gone", "gone_time": what retention took
 *     {"seq":1,"id":"…","time":1795215003800239,"kind":"message","sender":"ann","identity":"2263…","content":"…"}
 *     {"old_cid":"c1","identity":"…","hash":"…","seq":…,…}        a cid that outlived its entry
 *     {"room":…
 *
 * Entries have also "cid" and its "hash", "re", "of", "key", "removal", "meta", "deleted" where
 * they are something. Times are microseconds since 1970. What is imported and exported again is the
 * same but for the epoch. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"

#define ARCHIVE_FORMAT "banter-archive"
#define ARCHIVE_VERSION 1

struct archive_counts {
    uint64_t rooms, entries;
};

/* As it is at one moment, also while a server uses the folder. ERR_IO with one line in `message`.
 */
int archive_export(const char *folder, FILE *file, struct archive_counts *counts,
                   struct buffer *message) MUST_USE;

/* Into a folder that has no rooms yet and no server; with an epoch of its own. All or nothing.
 * ERR_IO, or ERR_BAD_REQUEST for what the file says; the line in `message` then begins with
 * NAME:LINE. */
int archive_import(const char *folder, FILE *file, const char *name, struct archive_counts *counts,
                   struct buffer *message) MUST_USE;
