/* Put together anew for each scrape, on the loop: everything is counted already where it happens,
 * so this only writes numbers down. What would have to be searched for is not told. */
#include "server/metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/metrics.h"
#include "delivery/delivery.h"
#include "hub/hub.h"
#include "net/net.h"

const char *metrics_format_name(unsigned format) {
    static const char *const names[FORMAT_COUNT] = {
        [FORMAT_NONE] = "http",
        [FORMAT_JSON_PLAIN] = "json",
        [FORMAT_JSON_FULL] = "json_hello",
        [FORMAT_JSON_V1] = "banter.v1",
        [FORMAT_TEXT] = "text",
        [FORMAT_LINE] = "line",
        [FORMAT_NUMBERED] = "numbered",
        [FORMAT_COMMAND] = "command",
        [FORMAT_COMMAND_LINES] = "command_lines",
        [FORMAT_SSE] = "sse",
        [FORMAT_SSE_MANY] = "sse_many",
    };

    return format < FORMAT_COUNT ? names[format] : NULL;
}

static void gauge(struct buffer *output, const char *name, const char *help, uint64_t number) {
    metrics_describe(output, METRIC_GAUGE, name, help);
    metrics_append(output, name, NULL, NULL, number);
}

static void counter(struct buffer *output, const char *name, const char *help, uint64_t number) {
    metrics_describe(output, METRIC_COUNTER, name, help);
    metrics_append(output, name, NULL, NULL, number);
}

static void append_connections(const struct metrics_sources *sources, struct buffer *output) {
    static const char name[] = "banter_connections";
    const struct outlet_counters *counters = outlet_counters(delivery_outlet(sources->delivery));
    size_t counts[FORMAT_COUNT];

    delivery_count_peers(sources->delivery, counts);
    metrics_describe(output, METRIC_GAUGE, name, "Connections that are open, by what they speak.");
    for (unsigned i = 0; i < FORMAT_COUNT; i++) {
        if (metrics_format_name(i))
            metrics_append(output, name, "protocol", metrics_format_name(i), counts[i]);
    }
    counter(output, "banter_connections_total", "Connections that were accepted.",
            counters->opened);
    counter(output, "banter_received_bytes_total", "Bytes that clients have sent.",
            counters->bytes_in);
    counter(output, "banter_sent_bytes_total", "Bytes that clients have been sent.",
            counters->bytes_out);
}

static void append_expiries(const struct outlet_counters *counters, struct buffer *output) {
    static const char name[] = "banter_timeouts_total";
    static const char *const words[EXPIRY_COUNT] = {
        [EXPIRED_HANDSHAKE] = "handshake", [EXPIRED_MESSAGE] = "message", [EXPIRED_IDLE] = "idle",
        [EXPIRED_PONG] = "pong",           [EXPIRED_STALLED] = "stalled", [EXPIRED_CLOSE] = "close",
    };

    metrics_describe(output, METRIC_COUNTER, name,
                     "Connections that were closed because their time was up.");
    for (unsigned i = 0; i < EXPIRY_COUNT; i++)
        metrics_append(output, name, "reason", words[i], counters->expired[i]);
}

static void append_refusals(const struct metrics_sources *sources, struct buffer *output) {
    static const char name[] = "banter_refused_total";
    const struct hub_counters *counters = hub_counters(delivery_hub(sources->delivery));
    struct net_refusals net = net_refusals(sources->net);

    metrics_describe(output, METRIC_COUNTER, name,
                     "What was too much, by the setting that limits it.");
    for (unsigned i = 0; i < REFUSAL_COUNT; i++)
        metrics_append(output, name, "limit", refusal_name((enum refusal)i), counters->refused[i]);
    metrics_append(output, name, "limit", "max_connections", net.full);
    metrics_append(output, name, "limit", "max_connections_per_address", net.address_full);
    metrics_append(output, name, "limit", "connection_rate_per_address", net.address_rate);
}

/* Several errors can have one word. */
static void append_errors(const struct hub_counters *counters, struct buffer *output) {
    static const char name[] = "banter_errors_total";

    metrics_describe(output, METRIC_COUNTER, name, "Requests that were answered by an error.");
    for (int error = ERR_BAD_REQUEST; error >= ERR_INTERNAL; error--) {
        uint64_t count = 0;
        for (int other = 1; other < COUNTED_ERRORS; other++) {
            if (strcmp(error_code(-other), error_code(error)) == 0)
                count += counters->errors[other];
        }
        metrics_append(output, name, "code", error_code(error), count);
    }
}

static void append_messages(const struct hub_counters *counters, struct buffer *output) {
    counter(output, "banter_appended_total", "Entries that clients of this server have stored.",
            counters->appended);
    counter(output, "banter_repeated_total",
            "Entries that were sent again under a known cid, and not stored again.",
            counters->repeated);
    counter(output, "banter_acknowledged_total", "Requests that were answered by an ack.",
            counters->acknowledged);
    counter(output, "banter_shown_total", "Entries that were shown in a room somebody reads.",
            counters->shown);
    counter(output, "banter_joins_total", "Rooms that were entered.", counters->joined);
    counter(output, "banter_resumes_total", "Readers that went on from a number.",
            counters->resumed);
    counter(output, "banter_gaps_total", "Readers that were told that something is missing.",
            counters->gaps);
    counter(output, "banter_sessions_returned_total", "Sessions that somebody came back to.",
            counters->returned);
}

static void append_delivery(const struct metrics_sources *sources, struct buffer *output) {
    const struct delivery *delivery = sources->delivery;
    const struct delivery_latencies *latencies = delivery_latencies(delivery);
    const struct hub *hub = delivery_hub(delivery);

    gauge(output, "banter_sessions", "Sessions, those that may come back among them.",
          hub_session_count(hub));
    gauge(output, "banter_rooms", "Rooms that somebody is in.", hub_room_count(hub));
    gauge(output, "banter_pending_requests", "Requests that the store has not answered yet.",
          delivery_pending(delivery));
    gauge(output, "banter_stream_bytes", "Bytes of rooms that are kept ready to send.",
          delivery_stream_bytes(delivery));
    gauge(output, "banter_reader_lag_bytes",
          "Bytes that the slowest reader of any room is behind, at most.",
          delivery_largest_stream(delivery));
    metrics_append_histogram(output, "banter_commit_seconds",
                             "From taking a message until it is known to be on disk.",
                             &latencies->commit);
    metrics_append_histogram(output, "banter_deliver_seconds",
                             "From there until those of its readers who take bytes were sent it, "
                             "without the time for which `flush` holds it back.",
                             &latencies->deliver);
}

/* By whom, where there are threads. */
static void append_sends(const struct metrics_sources *sources, struct buffer *output) {
    static const char name[] = "banter_shared_sends_total";
    struct net_sends sends = net_sends(sources->net);

    metrics_describe(output, METRIC_COUNTER, name,
                     "Sends that the I/O threads and the loop shared, by who carried them out.");
    metrics_append(output, name, "by", "loop", sends.by_loop);
    metrics_append(output, name, "by", "threads", sends.by_threads);
}

int metrics_open_memory(void) {
    return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

/* Pages of memory in use: the second number of the file. 0: it cannot be read. */
static uint64_t resident_bytes(int memory) {
    char text[128] = "";
    ssize_t length = memory >= 0 ? pread(memory, text, sizeof(text) - 1, 0) : 0;
    const char *space = length > 0 ? strchr(text, ' ') : NULL;

    return space ? strtoull(space, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Where the kernel (6.2 and later) tells how many there are, without looking at each of them. */
static uint64_t open_descriptors(void) {
    struct stat folder;

    return stat("/proc/self/fd", &folder) == 0 ? (uint64_t)folder.st_size : 0;
}

static void append_process(const struct metrics_sources *sources, struct buffer *output) {
    struct rlimit limit = {0};
    struct timespec used = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    metrics_describe(output, METRIC_COUNTER, "process_cpu_seconds_total",
                     "Time that the processor has spent.");
    metrics_append_us(output, "process_cpu_seconds_total",
                      (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000);
    if (sources->memory >= 0)
        gauge(output, "process_resident_memory_bytes", "Memory in use.",
              resident_bytes(sources->memory));
    if (open_descriptors() > 0)
        gauge(output, "process_open_fds", "Descriptors in use.", open_descriptors());
    getrlimit(RLIMIT_NOFILE, &limit);
    gauge(output, "process_max_fds", "Descriptors that there may be.", limit.rlim_cur);
    metrics_describe(output, METRIC_GAUGE, "process_start_time_seconds",
                     "When the server started, in seconds since 1970.");
    metrics_append_us(output, "process_start_time_seconds", sources->start_us);
    metrics_describe(output, METRIC_GAUGE, "banter_build_info", "The version; always 1.");
    metrics_append(output, "banter_build_info", "version", BANTER_VERSION, 1);
}

void metrics_append_all(const struct metrics_sources *sources, struct buffer *output) {
    const struct outlet_counters *outlet = outlet_counters(delivery_outlet(sources->delivery));
    const struct hub_counters *hub = hub_counters(delivery_hub(sources->delivery));

    append_process(sources, output);
    append_connections(sources, output);
    append_messages(hub, output);
    append_errors(hub, output);
    append_refusals(sources, output);
    append_expiries(outlet, output);
    counter(output, "banter_readers_cut_total",
            "Readers that fell behind a room by more than stream_window.", outlet->cut);
    append_delivery(sources, output);
    append_sends(sources, output);
}
