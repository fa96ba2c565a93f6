#include "base/metrics.h"

#include <inttypes.h>

#define SECOND_US 1000000

/* Microseconds; from what memory takes to what nobody waits for. */
static const uint32_t bounds_us[METRIC_BOUNDS] = {
    50,    100,   250,    500,    1000,   2500,    5000,    10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000,
};

void metric_observe(struct metric_histogram *histogram, int64_t duration_us, uint64_t count) {
    uint64_t taken_us = duration_us > 0 ? (uint64_t)duration_us : 0;
    size_t i = 0;

    while (i < METRIC_BOUNDS && taken_us > bounds_us[i]) {
        i++;
    }
    histogram->counts[i] += count;
    histogram->sum_us += taken_us * count;
}

static void describe(struct buffer *output, const char *type, const char *name, const char *help) {
    buffer_append_format(output, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_describe(struct buffer *output, enum metric_type type, const char *name,
                      const char *help) {
    describe(output, type == METRIC_COUNTER ? "counter" : "gauge", name, help);
}

static void append_quoted(struct buffer *output, const char *text) {
    buffer_append_char(output, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            buffer_append_char(output, '\\');
        }
        if (*text == '\n') {
            buffer_append_string(output, "\\n");
        } else {
            buffer_append_char(output, *text);
        }
    }
    buffer_append_char(output, '"');
}

void metrics_append(struct buffer *output, const char *name, const char *label, const char *value,
                    uint64_t number) {
    buffer_append_string(output, name);
    if (label != NULL) {
        buffer_append_format(output, "{%s=", label);
        append_quoted(output, value);
        buffer_append_char(output, '}');
    }
    buffer_append_format(output, " %" PRIu64 "\n", number);
}

static void append_seconds(struct buffer *output, uint64_t duration_us) {
    buffer_append_format(output, "%" PRIu64 ".%06" PRIu64, duration_us / SECOND_US,
                         duration_us % SECOND_US);
}

void metrics_append_us(struct buffer *output, const char *name, int64_t duration_us) {
    buffer_append_format(output, "%s ", name);
    append_seconds(output, duration_us > 0 ? (uint64_t)duration_us : 0);
    buffer_append_char(output, '\n');
}

/* Each bucket counts all that took no longer than its bound. */
void metrics_append_histogram(struct buffer *output, const char *name, const char *help,
                              const struct metric_histogram *histogram) {
    uint64_t count = 0;

    describe(output, "histogram", name, help);
    for (size_t i = 0; i < METRIC_BOUNDS; i++) {
        count += histogram->counts[i];
        buffer_append_format(output, "%s_bucket{le=\"", name);
        append_seconds(output, bounds_us[i]);
        buffer_append_format(output, "\"} %" PRIu64 "\n", count);
    }
    count += histogram->counts[METRIC_BOUNDS];
    buffer_append_format(output, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, count, name);
    append_seconds(output, histogram->sum_us);
    buffer_append_format(output, "\n%s_count %" PRIu64 "\n", name, count);
}
