/* What happened, as lines for people, and a digest of all of it. The last lines are kept in a ring,
 * so that a failure can show what led to it; the ring is plain memory without pointers, so that it
 * can be shared with a process that outlives a crash. Two runs with the same digest did the same
 * things with the same bytes at the same times. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/slice.h"

#define TRACE_LINES 512
#define TRACE_LENGTH 200

struct trace_ring {
    uint64_t seed;  /* of the run under way */
    uint64_t count; /* lines written in it */
    char lines[TRACE_LINES][TRACE_LENGTH];
};

struct trace {
    struct trace_ring *ring; /* borrowed */
    FILE *echo;              /* every line goes here too; NULL: nowhere */
    uint64_t digest;
};

void trace_init(struct trace *trace, struct trace_ring *ring, uint64_t seed, FILE *echo);

/* One line: the time, who, and what. `number` tells several of a kind apart; 0: there is only one.
 */
void trace_note(struct trace *trace, int64_t now_us, const char *who, uint64_t number,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Bytes that count for the digest but are not shown. */
void trace_bytes(struct trace *trace, struct slice bytes);

/* The last `count` lines, oldest first. */
void trace_print(const struct trace_ring *ring, size_t count, FILE *out);
