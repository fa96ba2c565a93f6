/* New options for what is under way. Most of them are looked up whenever they are needed; here is
 * what was derived from the old ones: deadlines that are running, and the windows of streams.
 *
 * Everybody in one list of timers waits equally long, and the list is in the order of its deadlines
 * by that (see peer_set_timer). When the wait changes all deadlines in the list move by the same
 * time, so the order stays, and who has waited long enough by the new measure is due at once. */
#include "delivery/internal.h"

static void move_deadlines(struct list *timers, unsigned before_ms, unsigned after_ms) {
    for (struct list_node *node = timers->first; node; node = node->next)
        container_of(node, struct peer, timer)->deadline_ms += after_ms - before_ms;
}

static void stop_timers(struct list *timers) {
    struct list_node *node;
    while ((node = list_take_first(timers)))
        container_of(node, struct peer, timer)->timer_kind = TIMER_NONE;
}

/* Those that run under no timer, because theirs was switched off. */
static void start_timers(struct outlet *outlet) {
    size_t at = 0;
    struct peer *peer;
    while ((peer = id_map_next(outlet->peers, &at))) {
        if (peer->timer_kind != TIMER_NONE || peer->stage == PEER_FINISHED)
            continue;
        peer_start_timers(peer);
    }
}

static void configure_outlet(struct outlet *outlet, const struct outlet_options *options) {
    const struct transport *transport = outlet->options.transport;
    unsigned before_ms[TIMER_COUNT];
    for (enum peer_timer kind = TIMER_NONE; kind < TIMER_COUNT; kind++)
        before_ms[kind] = outlet_timeout(outlet, kind);
    outlet->options = *options;
    outlet->options.transport = transport;
    for (enum peer_timer kind = TIMER_NONE; kind < TIMER_COUNT; kind++) {
        unsigned after_ms = outlet_timeout(outlet, kind);
        if (after_ms == 0)
            stop_timers(&outlet->timers[kind]);
        else
            move_deadlines(&outlet->timers[kind], before_ms[kind], after_ms);
    }
    start_timers(outlet);
}

static void set_windows(struct delivery *delivery, size_t window) {
    size_t at = 0;
    struct channel *channel;
    delivery->options.stream_window = window;
    if (delivery->options.stream_memory < window)
        delivery->options.stream_memory = window;
    while ((channel = map_next(delivery->channels, &at)))
        for (struct audience *audience = channel->audiences; audience; audience = audience->next)
            stream_set_window(audience->stream, window);
}

void delivery_configure(struct delivery *delivery, const struct delivery_options *options) {
    struct hub_options hub = options->hub;
    hub.shared = delivery->options.hub.shared;
    struct event event = {.kind = EVENT_CONFIGURED, .configured = &hub};
    delivery_step(delivery, &event);
    configure_outlet(&delivery->outlet, &options->outlet);
    set_windows(delivery, options->stream_window);
}
