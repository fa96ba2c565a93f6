/* Private to redis_copy.h: the database that the logs are copied to. It can be thrown away, so it
 * does not wait for the disk. */
#pragma once

#include "base/log.h"
#include "store/sqlite_file.h"
#include "store/sqlite_log.h"

struct copy_log {
    struct sqlite_file file;
    struct sqlite_log log;
    const struct log *lines;
    bool open;
    bool failing; /* and it was told */
};

/* A page of a room's log, as Redis has it. */
struct log_page {
    struct room_head head; /* borrowed */
    struct entry **entries;
    size_t count;
};

/* ERR_IO with a line for the operator in `message`; to be closed in any case. */
int copy_log_open(struct copy_log *copy, const char *folder, const struct log *lines,
                  struct buffer *message) MUST_USE;
void copy_log_close(struct copy_log *copy);

/* How far a room was copied. False: the database cannot be used. */
bool copy_log_last(struct copy_log *copy, struct slice room_key, uint64_t *last) MUST_USE;

/* A page that begins with the last entry that was copied, if that is still there. What is after
 * `after` is written, what retention took is taken. `*anew`: it is another log than was copied, and
 * nothing of the room is left. */
bool copy_log_take(struct copy_log *copy, const struct log_page *page, uint64_t after,
                   bool *anew) MUST_USE;

/* Keys of rooms after this one, at most so many; each is the caller's (memory_free). */
size_t copy_log_rooms(const struct copy_log *copy, struct slice after, struct slice *keys,
                      size_t most);
