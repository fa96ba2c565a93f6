/* The log for operators: one line an event, to standard error. Text by default, JSON for machines.
 * Never called from hub, wire, protocol or stream. Thread-safe (one write for each line). Untrusted
 * text inside a line has its controls escaped, so that nobody can forge a line. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* Its owner may change level and form while other threads write. */
struct log {
    _Atomic enum log_level level; /* lines below it are not written */
    atomic_bool json;
    int descriptor; /* where lines go, normally 2 */
};

/* `2026-02-13 10:00:00 - INFO - …` in local time. A line over 1,000 bytes is cut. */
void log_write(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
