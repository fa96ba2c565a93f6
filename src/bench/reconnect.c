/* Everybody comes back at once, as after a failure of the network: the subscribers hang up without
 * a word, miss something, and then connect all at the same time, each with its session and the
 * place in its room, to catch up. */
#include <sys/epoll.h>

#include "bench/load.h"

/* Until somebody who is not back by then counts as lost. */
#define PATIENCE_NS (60 * LOAD_SECOND_NS)
#define MISSING_NS (60 * LOAD_SECOND_NS)

static void hang_up(struct load *load) {
    for (size_t i = load->subscribers_start; i < load->publishers_start; i++) {
        traffic_close(load, &load->connections[i]);
        load->joined--;
    }
    load->closed = 0; /* none of it was the server's doing */
}

static bool all_back(const struct load *load) {
    for (size_t i = load->publishers_start; i < load->count; i++)
        if (load->connections[i].publisher->back < load->quota)
            return false;
    return true;
}

/* Only the publishers hear it. */
static void publish_missed(struct load *load) {
    load->quota = (uint32_t)load->plan->missed;
    load->refilling = true;
    for (size_t i = load->publishers_start; i < load->count; i++) {
        traffic_refill(load, load->connections[i].publisher);
        traffic_flush(load, &load->connections[i]);
    }
    if (!load_run(load, all_back, load_clock() + MISSING_NS))
        load_fail(load, ERR_IO,
                  "what was published while the readers were away does not come back");
    load->refilling = false;
}

static void prepare_return(struct load *load) {
    for (size_t i = load->subscribers_start; i < load->publishers_start; i++) {
        struct speaker *speaker = &load->connections[i].speaker;
        speaker->returns = true;
        speaker->step = 0;
    }
    load->returning = true;
    load->next = load->subscribers_start;
    load->end = load->publishers_start;
    load->under_way_max = load->count;
}

static bool all_returned(const struct load *load) {
    return load->next == load->end && load->under_way == 0;
}

void load_reconnect(struct load *load) {
    hang_up(load);
    load_meet(load);
    publish_missed(load);
    load->start_ns = load_meet(load);
    load->end_ns = load->start_ns; /* what comes late by intention has no latency */
    prepare_return(load);
    load_run(load, all_returned, load->start_ns + PATIENCE_NS);
    load->result->seconds = (double)(load_clock() - load->start_ns) / LOAD_SECOND_NS;
    load->result->returners = load->publishers_start - load->subscribers_start;
    load->result->unreturned = load->result->returners - load->result->return_ns.count;
}
