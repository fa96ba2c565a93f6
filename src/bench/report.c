#include <inttypes.h>

#include "bench/bench.h"

static double microseconds(uint64_t ns) {
    return (double)ns / 1000;
}

static double per_second(const struct bench_result *result, uint64_t count) {
    return result->seconds > 0 ? (double)count / result->seconds : 0;
}

static uint64_t cpu_us(const struct bench_result *result) {
    return result->end.cpu_us - result->start.cpu_us;
}

static double cpu_us_each(const struct bench_result *result) {
    return result->deliveries > 0 ? (double)cpu_us(result) / (double)result->deliveries : 0;
}

/* May be negative: the server can give back more than the connections take. */
static double bytes_each(const struct bench_result *result) {
    if (result->connections == 0)
        return 0;
    return ((double)result->connected.resident_bytes - (double)result->before.resident_bytes) /
           (double)result->connections;
}

bool bench_sound(const struct bench_result *result) {
    const struct sequence_faults *faults = &result->faults;
    return faults->lost == 0 && faults->duplicated == 0 && faults->misordered == 0 &&
           result->unreturned == 0;
}

static double latency_us(const struct bench_result *result, double percent) {
    return microseconds(histogram_percentile(&result->latency_ns, percent));
}

/* When this part of all who left were back, in milliseconds; negative: never. */
static double return_ms(const struct bench_result *result, double percent) {
    const struct histogram *times = &result->return_ns;
    double wanted = (double)result->returners * percent / 100;

    if (times->count == 0 || wanted > (double)times->count)
        return -1;
    return microseconds(histogram_percentile(times, wanted * 100 / (double)times->count)) / 1000;
}

static void append_plan(const struct bench_plan *plan, struct buffer *output) {
    buffer_append_format(output, "%s: %" PRIu64 " publishers, %" PRIu64 " subscribers", plan->url,
                         plan->publishers, plan->subscribers);
    if (plan->stalled > 0)
        buffer_append_format(output, ", %" PRIu64 " stalled", plan->stalled);
    if (plan->rooms > 1)
        buffer_append_format(output, ", %" PRIu64 " rooms", plan->rooms);
    if (plan->missed > 0)
        buffer_append_format(output, ", %" PRIu64 " messages missed", plan->missed);
    else if (plan->publishers > 0 && plan->rate > 0)
        buffer_append_format(output, ", %" PRIu64 " messages a second", plan->rate);
    else if (plan->publishers > 0)
        buffer_append_format(output, ", %" PRIu64 " under way each", plan->window);
    buffer_append_format(output, ", %" PRIu64 " bytes\n", plan->size);
}

static void append_traffic(const struct bench_plan *plan, const struct bench_result *result,
                           struct buffer *output) {
    buffer_append_format(output, "published       %12.0f /s\n",
                         per_second(result, result->published));
    buffer_append_format(output, "%s %12.0f /s\n",
                         plan->acks_only ? "acknowledged   " : "deliveries     ",
                         per_second(result, result->deliveries));
    buffer_append_format(
        output, "latency         %12.1f us p50, %.1f p90, %.1f p99, %.1f p99.9, %.1f at most\n",
        latency_us(result, 50), latency_us(result, 90), latency_us(result, 99),
        latency_us(result, 99.9), microseconds(result->latency_ns.largest));
}

static void append_return(const struct bench_result *result, struct buffer *output) {
    buffer_append_format(output,
                         "live again      %12" PRIu64 " of %" PRIu64 "; half after %.0f ms, 99 %% "
                         "after %.0f ms, the last after %.0f ms\n",
                         result->returners - result->unreturned, result->returners,
                         return_ms(result, 50), return_ms(result, 99),
                         microseconds(result->return_ns.largest) / 1000);
}

static void append_server(const struct bench_plan *plan, const struct bench_result *result,
                          struct buffer *output) {
    double mebibyte = 1024 * 1024;
    if (plan->missed == 0)
        buffer_append_format(
            output, "server CPU      %12.3f us each, %.0f %% of a core\n", cpu_us_each(result),
            result->seconds > 0 ? (double)cpu_us(result) / result->seconds / 1e4 : 0);
    buffer_append_format(output, "server memory   %12.1f MiB, before %.1f: %.0f bytes a connection",
                         (double)result->connected.resident_bytes / mebibyte,
                         (double)result->before.resident_bytes / mebibyte, bytes_each(result));
    if (plan->missed == 0)
        buffer_append_format(output, "; at the end %.1f",
                             (double)result->end.resident_bytes / mebibyte);
    buffer_append_char(output, '\n');
}

void bench_append_report(const struct bench_plan *plan, const struct bench_result *result,
                         struct buffer *output) {
    const struct sequence_faults *faults = &result->faults;

    append_plan(plan, output);
    buffer_append_format(output, "connected       %12" PRIu64 " in %.2f s\n", result->connections,
                         result->connect_seconds);
    if (plan->missed > 0)
        append_return(result, output);
    else
        append_traffic(plan, result, output);
    buffer_append_format(output,
                         "faults          %12" PRId64 " lost, %" PRIu64 " duplicated, %" PRIu64
                         " out of order, %" PRIu64 " disconnected\n",
                         faults->lost, faults->duplicated, faults->misordered,
                         result->disconnected);
    if (plan->pid != 0)
        append_server(plan, result, output);
}

static void append_json_server(const struct bench_result *result, struct buffer *output) {
    buffer_append_format(output,
                         ",\"server\":{\"cpu_us\":%" PRIu64 ",\"cpu_us_per_delivery\":%.4f"
                         ",\"bytes_per_connection\":%.1f,\"resident_before\":%" PRIu64
                         ",\"resident_connected\":%" PRIu64 ",\"resident_end\":%" PRIu64 "}",
                         cpu_us(result), cpu_us_each(result), bytes_each(result),
                         result->before.resident_bytes, result->connected.resident_bytes,
                         result->end.resident_bytes);
}

/* The keys of the report; latencies in microseconds. Nothing in it needs escaping. */
void bench_append_json(const struct bench_plan *plan, const struct bench_result *result,
                       struct buffer *output) {
    const struct sequence_faults *faults = &result->faults;

    buffer_append_format(output,
                         "{\"seconds\":%.3f,\"connect_seconds\":%.3f,\"connections\":%" PRIu64
                         ",\"published\":%" PRIu64 ",\"deliveries\":%" PRIu64
                         ",\"published_per_second\":%.1f,\"deliveries_per_second\":%.1f",
                         result->seconds, result->connect_seconds, result->connections,
                         result->published, result->deliveries,
                         per_second(result, result->published),
                         per_second(result, result->deliveries));
    buffer_append_format(output,
                         ",\"latency_us\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f"
                         ",\"max\":%.1f}",
                         latency_us(result, 50), latency_us(result, 90), latency_us(result, 99),
                         latency_us(result, 99.9), microseconds(result->latency_ns.largest));
    buffer_append_format(output,
                         ",\"lost\":%" PRId64 ",\"duplicated\":%" PRIu64 ",\"misordered\":%" PRIu64
                         ",\"disconnected\":%" PRIu64,
                         faults->lost, faults->duplicated, faults->misordered,
                         result->disconnected);
    if (plan->missed > 0)
        buffer_append_format(output,
                             ",\"returned\":{\"clients\":%" PRIu64 ",\"missing\":%" PRIu64
                             ",\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f}",
                             result->returners, result->unreturned, return_ms(result, 50),
                             return_ms(result, 99), microseconds(result->return_ns.largest) / 1000);
    if (plan->pid != 0)
        append_json_server(result, output);
    buffer_append_string(output, "}\n");
}
