/* A run: connect, find out who hears whom, warm up, measure, wait for what is still on its way. All
 * processes of a crew do this, and meet where one has to know that the others are as far.
 *
 * Which readers are in a room is known only to the server, and not every protocol tells. So before
 * anything is counted a publisher of each room sends probes until every reader has heard one. */
#include <stdio.h>
#include <unistd.h>

#include "bench/load.h"

#define HINT "does the server limit the rate? (banterd --set rate_per_minute=0)"
#define PROBE_NS (LOAD_SECOND_NS / 10)
#define PROBES_MAX 300
/* After connecting, before memory is looked at: what was needed for the greetings is given back. */
#define SETTLE_NS (LOAD_SECOND_NS / 2)

/* One of the crew is enough to look. */
static void look(struct load *load, struct process_use *use) {
    uint64_t pid = load->plan->pid;
    if (pid != 0 && load->member == 0 && !load->failed && process_look(pid, use) < 0)
        load_fail(load, ERR_NOT_FOUND, "there is no process %llu", (unsigned long long)pid);
}

/* Readers, of all processes, in rooms where somebody publishes. */
static size_t listeners(const struct load *load) {
    const struct bench_plan *plan = load->plan;
    size_t readers = (size_t)plan->publishers;

    for (uint64_t i = 0; i < plan->subscribers; i++)
        readers += i % plan->rooms < plan->publishers;
    return readers;
}

static bool all_heard(const struct load *load) {
    struct crew_progress_sum sum = crew_sum(load->crew);
    return sum.heard + sum.closed >= listeners(load);
}

static void probe(struct load *load) {
    const struct bench_plan *plan = load->plan;
    for (size_t room = 0; room < plan->rooms && room < plan->publishers; room++)
        if (load->publishers[room].connection != NULL)
            traffic_probe(load, &load->publishers[room]);
}

static void find_readers(struct load *load) {
    const struct bench_plan *plan = load->plan;

    if (plan->publishers == 0 || plan->acks_only || plan->missed > 0)
        return;
    for (unsigned i = 0; i < PROBES_MAX && !load->failed; i++) {
        probe(load);
        if (load_run(load, all_heard, load_clock() + PROBE_NS))
            break;
    }
    struct crew_progress_sum sum = crew_sum(load->crew);
    if (sum.closed > 0)
        load_fail(load, ERR_IO, "the server hung up on %llu of %zu readers",
                  (unsigned long long)sum.closed, listeners(load));
    else if (!all_heard(load))
        load_fail(load, ERR_IO, "%llu of %zu readers hear nothing; " HINT,
                  (unsigned long long)(listeners(load) - sum.heard), listeners(load));
}

static void start_refilling(struct load *load) {
    load->refilling = true;
    for (size_t i = load->publishers_start; i < load->count; i++) {
        traffic_refill(load, load->connections[i].publisher);
        traffic_flush(load, &load->connections[i]);
    }
}

/* Always as fast as the window allows, also before a measurement at a rate: so the sockets of the
 * stalled are full when it begins. */
static void warm_up(struct load *load) {
    uint64_t start_ns = load_meet(load);

    load->now_ns = load_clock();
    if (load->plan->warmup_seconds > 0)
        start_refilling(load);
    load_run(load, NULL, start_ns + load->plan->warmup_seconds * LOAD_SECOND_NS);
    if (load->plan->rate > 0)
        load_drain(load);
}

static void measure(struct load *load) {
    const struct bench_plan *plan = load->plan;
    struct bench_result *result = load->result;

    warm_up(load);
    load->start_ns = load_meet(load);
    load->end_ns = load->start_ns + plan->seconds * LOAD_SECOND_NS;
    look(load, &result->start);
    uint64_t sent = load->sent;
    load->now_ns = load_clock();
    load->counting = true;
    if (plan->rate == 0)
        start_refilling(load);
    else if (plan->publishers > 0)
        load->paced_ns = load->start_ns;
    load_run(load, NULL, load->end_ns);
    load->counting = false;
    load_publish_rest(load);
    result->seconds = (double)(load_clock() - load->start_ns) / LOAD_SECOND_NS;
    result->published = load->sent - sent;
    look(load, &result->end);
    load_drain(load);
    if (load->sent > 0 && load->taken == 0)
        load_fail(load, ERR_IO, "nothing that was published comes back; " HINT);
}

static void count_lost(struct load *load) {
    const struct bench_plan *plan = load->plan;

    for (size_t i = load->subscribers_start; i < load->count; i++) {
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
    uint64_t start_ns = load_clock();

    load_connect(load);
    load->result->connect_seconds = (double)(load_clock() - start_ns) / LOAD_SECOND_NS;
    load->result->connections = load->joined;
    find_readers(load);
    load_run(load, NULL, load_clock() + SETTLE_NS);
    look(load, &load->result->connected);
    if (load->failed)
        return;
    if (load->plan->missed > 0) {
        load_reconnect(load);
        load_drain(load);
    } else {
        measure(load);
    }
    count_lost(load);
    load->result->disconnected = load->closed;
    load_meet(load); /* before anybody hangs up */
}

static void run_member(struct crew *crew, const struct bench_plan *plan, size_t member) {
    struct load load = {.plan = plan,
                        .result = &crew->members[member].result,
                        .crew = crew,
                        .member = member,
                        .epoll = -1};
    load_init(&load);
    if (!load.failed)
        carry_out(&load);
    load_deinit(&load);
}

int bench_run(const struct bench_plan *plan, struct bench_result *result, char *message,
              size_t size) {
    size_t connections = (size_t)(plan->stalled + plan->subscribers + plan->publishers);
    struct crew *crew = crew_new(plan, connections);

    if (crew == NULL) {
        snprintf(message, size, "there is no memory for the results");
        return ERR_TOO_MANY;
    }
    if (plan->pid != 0 && process_look(plan->pid, &crew->members[0].result.before) < 0) {
        snprintf(message, size, "there is no process %llu", (unsigned long long)plan->pid);
        crew_free(crew);
        return ERR_NOT_FOUND;
    }
    size_t member = crew_start(crew);
    run_member(crew, plan, member);
    if (member > 0)
        _exit(0);
    int error = crew_end(crew, result, message, size);
    crew_free(crew);
    return error;
}
