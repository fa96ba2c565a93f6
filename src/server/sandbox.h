/* Giving up what the server will not need again, before the first byte of a stranger is read: what
 * takes it over by a bug then finds a process that can run nothing, connect to nobody (or nobody
 * but its Redis), and write nowhere but into the data folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct sandbox_options {
    const struct log *log;
    /* Where files may be made, changed and removed. NULL: nowhere. */
    const char *data;
    /* Files that may be read, now and when they have been replaced: what is readable is the folder
     * each stands in, and the one its symbolic links lead to. */
    const char *const *readable;
    size_t readable_count;
    /* Socket files, which are taken away at the end. */
    const char *const *sockets;
    size_t socket_count;
    /* Whether it must be able to connect to others, and find out their addresses. Over TCP to these
     * ports, where the kernel can tell (landlock 4); none: to any. */
    bool connects;
    const uint16_t *ports;
    size_t port_count;
};

/* For this thread and those it will start, so before any other is started. What the kernel cannot
 * do is left out, and the log tells. There is no way back. */
void sandbox_enter(const struct sandbox_options *options);

/* Whether this build can be put into one at all. */
bool sandbox_possible(void);

/* The two halves, each with the log line for what it could not do. Private to the sandbox. */
void sandbox_limit_files(const struct sandbox_options *options);
void sandbox_limit_calls(const struct sandbox_options *options);
