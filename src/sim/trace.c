#include "sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

void trace_init(struct trace *trace, struct trace_ring *ring, uint64_t seed, FILE *echo) {
    *trace = (struct trace){.ring = ring, .echo = echo, .digest = FNV_OFFSET};
    ring->seed = seed;
    ring->count = 0;
}

void trace_bytes(struct trace *trace, struct slice bytes) {
    uint64_t digest = trace->digest;
    for (size_t i = 0; i < bytes.length; i++) {
        digest = (digest ^ (uint8_t)bytes.data[i]) * FNV_PRIME;
    }
    trace->digest = digest;
}

void trace_note(struct trace *trace, int64_t now_us, const char *who, uint64_t number,
                const char *format, ...) {
    char *line = trace->ring->lines[trace->ring->count++ % TRACE_LINES];
    int length = snprintf(line, TRACE_LENGTH, "%4" PRId64 ".%06" PRId64 " %s", now_us / 1000000,
                          now_us % 1000000, who);
    if (number > 0) {
        length += snprintf(line + length, (size_t)(TRACE_LENGTH - length), " %" PRIu64, number);
    }
    length += snprintf(line + length, (size_t)(TRACE_LENGTH - length), ": ");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + length, (size_t)(TRACE_LENGTH - length), format, arguments);
    va_end(arguments);
    trace_bytes(trace, slice_of_string(line));
    if (trace->echo) {
        fprintf(trace->echo, "%s\n", line);
    }
}

void trace_print(const struct trace_ring *ring, size_t count, FILE *out) {
    uint64_t kept = ring->count < TRACE_LINES ? ring->count : TRACE_LINES;
    uint64_t shown = count < kept ? count : kept;
    for (uint64_t i = ring->count - shown; i < ring->count; i++) {
        fprintf(out, "  %.*s\n", TRACE_LENGTH, ring->lines[i % TRACE_LINES]);
    }
}
