/* Numbers for Prometheus: histograms of how long things took, and the text format in which all
 * numbers are told (version 0.0.4). A name is said once, with what it means; then come its values.
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

#define METRIC_BOUNDS 16

/* How long things took. Zeroed: none did yet. */
struct metric_histogram {
    uint64_t
        counts[METRIC_BOUNDS + 1]; /* up to each bound and above the one before; then the rest */
    uint64_t sum_us;
};

/* So many things took this long. */
void metric_observe(struct metric_histogram *histogram, int64_t duration_us, uint64_t count);

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

/* A new name. `help` is one line without backslashes. */
void metrics_describe(struct buffer *output, enum metric_type type, const char *name,
                      const char *help);
/* A value of it. `label` may be NULL; its value is quoted as it must be. */
void metrics_append(struct buffer *output, const char *name, const char *label, const char *value,
                    uint64_t number);
/* In seconds, with six decimals. */
void metrics_append_us(struct buffer *output, const char *name, int64_t duration_us);
void metrics_append_histogram(struct buffer *output, const char *name, const char *help,
                              const struct metric_histogram *histogram);
