/* A run: connect, find out who hears whom, warm up, measure, wait for what is still on its way.
 *
 * Which readers are in a room is known only to the server, and not every protocol tells. So before
 * anything is counted a publisher of each room sends probes until every reader has heard one. */
#include "bench/load.h"

#define HINT "does the server limit the rate? (banterd --set rate_per_minute=0)"
#define PROBE_NS (LOAD_SECOND_NS / 10)
#define PROBES_MAX 300
/* After connecting, before memory is looked at: what was needed for the greetings is given back. */
#define SETTLE_NS (LOAD_SECOND_NS / 2)
/* After the last message: without one more for this long, the rest is lost. */
#define DRAIN_NS (2 * LOAD_SECOND_NS)

static void look(struct load *load, struct process_use *use) {
    uint64_t pid = load->plan->pid;
    if (pid != 0 && !load->failed && process_look(pid, use) < 0)
        load_fail(load, ERR_NOT_FOUND, "there is no process %llu", (unsigned long long)pid);
}

static size_t reader_count(const struct load *load) {
    return load->count - (size_t)load->plan->stalled;
}

static bool all_heard(const struct load *load) {
    return load->heard + load->closed >= reader_count(load);
}

static void find_readers(struct load *load) {
    const struct bench_plan *plan = load->plan;
    if (plan->publishers == 0 || plan->acks_only)
        return;
    for (unsigned i = 0; i < PROBES_MAX && !load->failed; i++) {
        for (size_t room = 0; room < plan->rooms; room++)
            traffic_probe(load, &load->publishers[room]);
        if (load_run(load, all_heard, load_clock() + PROBE_NS))
            break;
    }
    if (all_heard(load) && load->closed == 0)
        return;
    if (load->closed > 0)
        load_fail(load, ERR_IO, "the server hung up on %zu of %zu readers", load->closed,
                  reader_count(load));
    load_fail(load, ERR_IO, "%zu of %zu readers hear nothing; " HINT,
              reader_count(load) - load->heard, reader_count(load));
}

/* How often each message that was sent reaches a reader for the first time, if nothing is lost. */
static uint64_t expected(const struct load *load) {
    const struct bench_plan *plan = load->plan;
    uint64_t sum = 0;

    for (size_t i = (size_t)plan->stalled; i < load->count; i++)
        for (size_t p = load->connections[i].speaker.room; p < plan->publishers; p += plan->rooms)
            if (!plan->acks_only || load->connections[i].publisher == &load->publishers[p])
                sum += load->publishers[p].sent;
    return sum;
}

static void drain(struct load *load) {
    uint64_t all = expected(load), before;
    do {
        before = load->taken;
        if (load->taken < all)
            load_run(load, NULL, load_clock() + PROBE_NS);
    } while (!load->failed && load->taken < all && load->taken > before);
    if (load->taken < all)
        load_run(load, NULL, load_clock() + DRAIN_NS);
}

static void start_refilling(struct load *load) {
    load->refilling = true;
    for (size_t i = 0; i < load->plan->publishers; i++) {
        traffic_refill(load, &load->publishers[i]);
        traffic_flush(load, load->publishers[i].connection);
    }
}

/* Always as fast as the window allows, also before a measurement at a rate: so the sockets of the
 * stalled are full when it begins. */
static void warm_up(struct load *load) {
    load->now_ns = load_clock();
    if (load->plan->warmup_seconds > 0)
        start_refilling(load);
    load_run(load, NULL, load_clock() + load->plan->warmup_seconds * LOAD_SECOND_NS);
    if (load->plan->rate > 0) {
        load->refilling = false;
        drain(load);
    }
}

static void measure(struct load *load) {
    struct bench_result *result = load->result;

    warm_up(load);
    look(load, &result->start);
    uint64_t start_ns = load_clock(), sent = load->sent;
    load->now_ns = start_ns;
    load->counting = true;
    if (load->plan->rate == 0)
        start_refilling(load);
    else if (load->plan->publishers > 0)
        load->paced_ns = start_ns;
    load_run(load, NULL, start_ns + load->plan->seconds * LOAD_SECOND_NS);
    load->counting = load->refilling = false;
    load->paced_ns = load->paced = 0;
    result->seconds = (double)(load_clock() - start_ns) / LOAD_SECOND_NS;
    result->published = load->sent - sent;
    look(load, &result->end);
    if (!load->failed && load->sent > 0 && result->deliveries == 0)
        load_fail(load, ERR_IO, "nothing that was published comes back; " HINT);
}

static void count_lost(struct load *load) {
    const struct bench_plan *plan = load->plan;

    for (size_t i = (size_t)plan->stalled; i < load->count; i++) {
        const struct connection *connection = &load->connections[i];
        for (size_t p = connection->speaker.room; p < plan->publishers; p += plan->rooms) {
            const struct publisher *publisher = &load->publishers[p];
            if (connection->stage == STAGE_JOINED &&
                (!plan->acks_only || connection->publisher == publisher))
                sequence_end(&connection->sequences[p / plan->rooms % load->slots], publisher->sent,
                             &load->result->faults);
        }
    }
}

static void carry_out(struct load *load) {
    look(load, &load->result->before);
    load_connect(load);
    find_readers(load);
    load_run(load, NULL, load_clock() + SETTLE_NS);
    look(load, &load->result->connected);
    if (!load->failed)
        measure(load);
    if (!load->failed)
        drain(load);
    count_lost(load);
    load->result->connections = load->joined;
    load->result->disconnected = load->closed;
}

int bench_run(const struct bench_plan *plan, struct bench_result *result, char *message,
              size_t size) {
    struct load load = {
        .plan = plan, .result = result, .epoll = -1, .message = message, .message_size = size};

    *result = (struct bench_result){0};
    load_init(&load);
    if (!load.failed)
        carry_out(&load);
    load_deinit(&load);
    return load.failed ? load.error : 0;
}
