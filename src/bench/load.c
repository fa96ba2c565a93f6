/* The turns of a load: what is due is sent, what has come is taken. */
#include "bench/load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS_MAX 1024
/* In a crew: how long a process waits at most until it looks how far the others are. */
#define LOOK_NS (LOAD_SECOND_NS / 200)
/* After the last message: without one more for this long, the rest is lost. */
#define DRAIN_NS (2 * LOAD_SECOND_NS)

uint64_t load_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * LOAD_SECOND_NS + (uint64_t)now.tv_nsec;
}

void load_fail(struct load *load, int error, const char *format, ...) {
    struct crew_member *member = &load->crew->members[load->member];
    va_list arguments;

    if (load->failed)
        return;
    load->failed = true;
    va_start(arguments, format);
    vsnprintf(member->message, CREW_MESSAGE_MAX, format, arguments);
    va_end(arguments);
    crew_fail(load->crew, load->member, error);
}

static uint64_t due_ns(const struct load *load) {
    return load->paced_ns == 0 ? UINT64_MAX
                               : load->paced_ns + load->paced * LOAD_SECOND_NS / load->plan->rate;
}

/* With a rate: what is due by then, publishers taking turns. */
static void publish_due(struct load *load, uint64_t until_ns) {
    while (due_ns(load) <= until_ns && !load->failed) {
        struct publisher *publisher = &load->publishers[load->paced % load->plan->publishers];
        if (publisher->connection != NULL) {
            traffic_publish(load, publisher, due_ns(load));
            traffic_flush(load, publisher->connection);
        }
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

/* Tells the others how far this one is, and hears if one of them has failed. */
static void look_around(struct load *load) {
    struct crew_progress *progress = &load->crew->members[load->member].progress;

    atomic_store_explicit(&progress->joined, load->joined, memory_order_relaxed);
    atomic_store_explicit(&progress->heard, load->heard, memory_order_relaxed);
    atomic_store_explicit(&progress->closed, load->closed, memory_order_relaxed);
    if (load->member == 0)
        crew_watch(load->crew);
    load->failed = load->failed || crew_failed(load->crew);
}

static uint64_t earliest(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t next_ns(const struct load *load, bool watches, uint64_t until_ns) {
    uint64_t next = earliest(earliest(until_ns, due_ns(load)), connect_due_ns(load));
    return watches && load->crew->size > 1 ? earliest(next, load->now_ns + LOOK_NS) : next;
}

bool load_run(struct load *load, bool (*is_done)(const struct load *load), uint64_t until_ns) {
    bool watches = is_done != NULL;

    load->now_ns = load_clock();
    look_around(load);
    while (!load->failed && load->now_ns < until_ns) {
        if (watches && is_done(load))
            return true;
        connect_more(load);
        publish_due(load, load->now_ns);
        wait_for_events(load, next_ns(load, watches, until_ns));
        if (watches)
            look_around(load);
    }
    return !load->failed && watches && is_done(load);
}

void load_publish_rest(struct load *load) {
    publish_due(load, load->end_ns - 1);
}

static bool all_met(const struct load *load) {
    return crew_time(load->crew, load->meetings) != 0;
}

uint64_t load_meet(struct load *load) {
    crew_arrive(load->crew, load->meetings, load_clock());
    bool met = load_run(load, all_met, UINT64_MAX);
    uint64_t time_ns = met ? crew_time(load->crew, load->meetings) : 0;
    load->meetings++;
    load_run(load, NULL, time_ns);
    return load->failed ? 0 : time_ns;
}

/* How often each message that was sent reaches a reader for the first time, if nothing is lost. */
static uint64_t expected(const struct load *load) {
    const struct bench_plan *plan = load->plan;
    uint64_t sum = 0;

    for (size_t i = load->subscribers_start; i < load->count; i++)
        for (size_t p = load->connections[i].speaker.room; p < plan->publishers; p += plan->rooms)
            if (!plan->acks_only || load->connections[i].publisher == &load->publishers[p])
                sum += load->publishers[p].sent;
    return sum;
}

/* What the publishers of other processes have sent is known when all have stopped. */
static void learn_sent(struct load *load) {
    _Atomic uint32_t *sent = crew_sent(load->crew);

    for (size_t i = 0; i < load->plan->publishers; i++)
        if (load->publishers[i].connection != NULL)
            atomic_store(&sent[i], load->publishers[i].sent);
    load_meet(load);
    for (size_t i = 0; i < load->plan->publishers; i++)
        load->publishers[i].sent = atomic_load(&sent[i]);
}

static bool all_taken(const struct load *load) {
    return load->taken >= load->expected;
}

void load_drain(struct load *load) {
    uint64_t before;

    load->refilling = false;
    load->paced_ns = load->paced = 0;
    learn_sent(load);
    load->expected = expected(load);
    do
        before = load->taken;
    while (!load_run(load, all_taken, load_clock() + DRAIN_NS) && !load->failed &&
           load->taken > before);
}
