/* The operator's way into a running server: DATA/admin.sock, for the server's own user alone.
 *
 *     C status                     S ok {"uptime_s":3600,"sessions":12,…}
 *     C backup /path/of/the/copy   S progress 256 1024     pages, now and then
 *                                  S ok /path/of/the/copy  or  error WHAT IS WRONG
 *
 * One request a connection, in lines; the server closes it after the last one. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"

struct uv_loop_s;
struct admin;

struct admin_options {
    const char *folder; /* borrowed, as is the log */
    const struct log *log;
    /* Appends the members of a JSON object that say how the server is. */
    void (*status)(void *context, struct buffer *out);
    void *context;
};

/* Who uses this must hold the folder's lock. NULL when there can be no such socket, which the log
 * tells: the server does without. */
struct admin *admin_open(struct uv_loop_s *loop, const struct admin_options *options);
/* Ends everything under way; its handles close while the loop runs on. NULL is fine, also below. */
void admin_close(struct admin *admin);
void admin_free(struct admin *admin); /* when the loop has run empty */
