/* The text format of Prometheus, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"

static void assert_text(struct buffer *output, const char *expected) {
    if (!slice_equal(buffer_slice(output), slice_of_string(expected))) {
        fail_msg("is:\n%.*sshall be:\n%s", SLICE_ARGS(buffer_slice(output)), expected);
    }
    buffer_close(output);
}

static void numbers_stand_behind_what_they_mean(void **state) {
    struct buffer output = {0};

    (void)state;
    metrics_describe(&output, METRIC_COUNTER, "a_total", "What is counted.");
    metrics_append(&output, "a_total", NULL, NULL, 0);
    metrics_describe(&output, METRIC_GAUGE, "b", "What there is.");
    metrics_append(&output, "b", "kind", "x", UINT64_MAX);
    metrics_append_us(&output, "b", 1770000000000042);
    assert_text(&output, "# HELP a_total What is counted.\n"
                         "# TYPE a_total counter\n"
                         "a_total 0\n"
                         "# HELP b What there is.\n"
                         "# TYPE b gauge\n"
                         "b{kind=\"x\"} 18446744073709551615\n"
                         "b 1770000000.000042\n");
}

static void no_value_of_a_label_ends_it(void **state) {
    struct buffer output = {0};

    (void)state;
    metrics_append(&output, "a", "l", "\"} 1\nb 2\\", 3);
    assert_text(&output, "a{l=\"\\\"} 1\\nb 2\\\\\"} 3\n");
}

static uint64_t bucket(struct buffer *output, const char *bound) {
    char line[64];
    unsigned long long count = 0;
    buffer_append_char(output, '\0');
    snprintf(line, sizeof(line), "t_bucket{le=\"%s\"} ", bound);
    const char *found = strstr(buffer_slice(output).data, line);

    assert_non_null(found);
    assert_int_equal(sscanf(found + strlen(line), "%llu", &count), 1);
    buffer_truncate(output, buffer_length(output) - 1);
    return count;
}

static void a_histogram_counts_what_took_no_longer(void **state) {
    struct metric_histogram histogram = {0};
    struct buffer output = {0};

    (void)state;
    metric_observe(&histogram, -5, 1); /* a clock that was set back */
    metric_observe(&histogram, 50, 1);
    metric_observe(&histogram, 51, 2);
    metric_observe(&histogram, 1000000, 1);
    metric_observe(&histogram, INT64_C(3600000000), 1);
    metrics_append_histogram(&output, "t", "How long.", &histogram);
    assert_int_equal(bucket(&output, "0.000050"), 2);
    assert_int_equal(bucket(&output, "0.000100"), 4);
    assert_int_equal(bucket(&output, "0.500000"), 4);
    assert_int_equal(bucket(&output, "1.000000"), 5);
    assert_int_equal(bucket(&output, "10.000000"), 5);
    assert_int_equal(bucket(&output, "+Inf"), 6);
    buffer_append_char(&output, '\0');
    assert_non_null(strstr(buffer_slice(&output).data, "\nt_sum 3601.000152\nt_count 6\n"));
    buffer_close(&output);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_behind_what_they_mean),
        cmocka_unit_test(no_value_of_a_label_ends_it),
        cmocka_unit_test(a_histogram_counts_what_took_no_longer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
