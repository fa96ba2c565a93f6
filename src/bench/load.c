/* The connections of a run: set up, watched, taken down. */
#include "bench/load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/link.h"

#define EVENTS_MAX 1024
#define SEQUENCES_MAX (512 * 1024 * 1024 / sizeof(struct sequence))
/* Descriptors beside the connections. */
#define DESCRIPTORS_SPARE 16

uint64_t load_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * LOAD_SECOND_NS + (uint64_t)now.tv_nsec;
}

void load_fail(struct load *load, int error, const char *format, ...) {
    va_list arguments;

    if (load->failed)
        return;
    load->failed = true;
    load->error = error;
    va_start(arguments, format);
    vsnprintf(load->message, load->message_size, format, arguments);
    va_end(arguments);
}

static uint64_t due_ns(const struct load *load) {
    return load->paced_ns == 0 ? UINT64_MAX
                               : load->paced_ns + load->paced * LOAD_SECOND_NS / load->plan->rate;
}

/* With a rate: what is due by now, publishers taking turns. */
static void publish_due(struct load *load) {
    while (due_ns(load) <= load->now_ns && !load->failed) {
        struct publisher *publisher = &load->publishers[load->paced % load->plan->publishers];
        traffic_publish(load, publisher, due_ns(load));
        traffic_flush(load, publisher->connection);
        load->paced++;
    }
}

static void handle(struct load *load, struct connection *connection, uint32_t events) {
    if (connection->stage == STAGE_CONNECTING) {
        connect_finished(load, connection);
        return;
    }
    if (connection->stage != STAGE_CLOSED && (events & EPOLLOUT) != 0)
        traffic_flush(load, connection);
    if (connection->stage != STAGE_CLOSED && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        traffic_receive(load, connection);
}

static void wait_for_events(struct load *load, uint64_t until_ns) {
    struct epoll_event events[EVENTS_MAX];
    uint64_t wait_ns = until_ns > load->now_ns ? until_ns - load->now_ns : 0;
    struct timespec timeout = {.tv_sec = (time_t)(wait_ns / LOAD_SECOND_NS),
                               .tv_nsec = (long)(wait_ns % LOAD_SECOND_NS)};

    int count = epoll_pwait2(load->epoll, events, EVENTS_MAX, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        load_fail(load, ERR_IO, "cannot wait for events: %s", strerror(errno));
    load->now_ns = load_clock();
    for (int i = 0; i < count && !load->failed; i++)
        handle(load, events[i].data.ptr, events[i].events);
}

bool load_run(struct load *load, bool (*is_done)(const struct load *load), uint64_t until_ns) {
    load->now_ns = load_clock();
    while (!load->failed && load->now_ns < until_ns) {
        if (is_done != NULL && is_done(load))
            return true;
        connect_more(load);
        publish_due(load);
        uint64_t next_ns = due_ns(load);
        wait_for_events(load, next_ns < until_ns ? next_ns : until_ns);
    }
    return !load->failed && is_done != NULL && is_done(load);
}

static void init_connections(struct load *load) {
    const struct bench_plan *plan = load->plan;
    size_t talking = (size_t)(plan->stalled + plan->subscribers);

    for (size_t i = 0; i < load->count; i++) {
        struct connection *connection = &load->connections[i];
        bool stalled = i < plan->stalled;
        size_t among = stalled ? i : i < talking ? i - (size_t)plan->stalled : i - talking;

        *connection = (struct connection){
            .speaker = {.plan = plan,
                        .run = load->run,
                        .number = (uint32_t)i,
                        .room = (uint32_t)(among % plan->rooms),
                        .joins = i < talking || !plan->acks_only},
            .descriptor = -1,
            .stalled = stalled,
            .publisher = i < talking ? NULL : &load->publishers[among],
            .sequences = stalled ? NULL : &load->sequences[(i - plan->stalled) * load->slots],
        };
        if (connection->publisher != NULL)
            connection->publisher->connection = connection;
    }
}

static void lift_descriptor_limit(struct load *load) {
    struct rlimit limit;
    size_t needed = load->count + DESCRIPTORS_SPARE;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return;
    if (limit.rlim_max < needed)
        limit.rlim_max = needed; /* the administrator may */
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        load_fail(load, ERR_TOO_MANY, "%zu connections need more descriptors than ulimit -n allows",
                  load->count);
}

static void find_server(struct load *load) {
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    struct endpoint endpoint;
    size_t count = 0;

    if (endpoint_parse(slice_of_string(load->plan->host_port), 0, &endpoint) < 0) {
        load_fail(load, ERR_BAD_REQUEST, "'%s' is not HOST:PORT", load->plan->host_port);
        return;
    }
    load->error =
        endpoint_resolve(&endpoint, false, addresses, &count, load->message, load->message_size);
    load->failed = load->error < 0;
    if (!load->failed)
        load->address = addresses[0];
}

static void allocate(struct load *load) {
    const struct bench_plan *plan = load->plan;

    load->publishers = memory_new((size_t)plan->publishers * sizeof *load->publishers);
    load->connections = memory_new(load->count * sizeof *load->connections);
    load->sequences = memory_new(load->count * load->slots * sizeof *load->sequences);
    load->content = memory_new((size_t)plan->size);
    memset(load->content, 'x', (size_t)plan->size);
    load->input = memory_new(LOAD_MESSAGE_MAX + LOAD_READ_SIZE);
    init_connections(load);
}

void load_init(struct load *load) {
    const struct bench_plan *plan = load->plan;
    size_t publishers_each = (size_t)((plan->publishers + plan->rooms - 1) / plan->rooms);

    ssize_t taken = getrandom(&load->run, sizeof load->run, 0);
    (void)taken; /* up to 256 bytes always come whole (getrandom(2)) */
    load->dialect = dialect_of(plan->protocol);
    load->count = (size_t)(plan->stalled + plan->subscribers + plan->publishers);
    load->slots = plan->acks_only || publishers_each == 0 ? 1 : publishers_each;
    find_server(load);
    if (load->slots > SEQUENCES_MAX / load->count)
        load_fail(load, ERR_TOO_MANY,
                  "%zu publishers for each of %zu readers are too many to count", load->slots,
                  load->count);
    if (!load->failed)
        lift_descriptor_limit(load);
    if (load->failed)
        return;
    allocate(load);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0)
        load_fail(load, ERR_IO, "cannot watch connections: %s", strerror(errno));
}

void load_deinit(struct load *load) {
    for (size_t i = 0; load->connections != NULL && i < load->count; i++) {
        struct connection *connection = &load->connections[i];
        if (connection->link != NULL)
            link_free(connection->link);
        else if (connection->descriptor >= 0)
            close(connection->descriptor);
        buffer_close(&connection->held);
        buffer_close(&connection->output);
    }
    if (load->epoll >= 0)
        close(load->epoll);
    memory_free(load->publishers);
    memory_free(load->connections);
    memory_free(load->sequences);
    buffer_close(&load->plain);
    memory_free(load->content);
    memory_free(load->input);
}
