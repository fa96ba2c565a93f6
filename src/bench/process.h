/* What a process, usually the server under load, has used: from /proc. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct process_use {
    uint64_t cpu_us; /* in user and system mode, all threads */
    uint64_t resident_bytes;
};

/* ERR_NOT_FOUND: there is no such process, or it is not ours to look at. */
int process_look(uint64_t pid, struct process_use *use) MUST_USE;
