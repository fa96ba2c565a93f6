/* The life of a peer: opened, closed; and the turn of an outlet. */
#include <assert.h>

#include "base/close_code.h"
#include "delivery/internal.h"

#define RETRY_PAGES_MS 1000
/* The rest of a frame that a cut reader still gets; with more to go it is reset. */
#define CUT_REST_LARGEST (64 * 1024)

/* Every connection has one, see Memory in ARCHITECTURE.md. What only some have belongs into struct
 * activity. */
static_assert(sizeof(struct peer) <= 152, "a quiet connection costs more than it should");

static uint64_t peer_id(const void *peer) {
    return ((const struct peer *)peer)->connection;
}

int outlet_init(struct outlet *outlet, struct delivery *delivery,
                const struct outlet_options *options) {
    outlet->delivery = delivery;
    outlet->options = *options;
    outlet->peers = id_map_new_of(peer_id);
    pool_open(&outlet->peer_pool, sizeof(struct peer));
    pool_open(&outlet->activity_pool, sizeof(struct activity));
    pool_open(&outlet->cursor_pool, sizeof(struct cursor));
    if (options->transport->send_many)
        outlet->batch = batch_new(options->transport);
    return 0;
}

void outlet_deinit(struct outlet *outlet) {
    id_map_free(outlet->peers);
    pool_close(&outlet->cursor_pool);
    pool_close(&outlet->activity_pool);
    pool_close(&outlet->peer_pool);
    batch_free(outlet->batch);
    buffer_close(&outlet->scratch);
}

/* When the wall clock is set back, time must not stand still until it has caught up: sessions would
 * linger, and rate limits would last, for that long. It goes on at the pace of the other clock. */
void outlet_set_time(struct outlet *outlet, int64_t now_us, uint64_t monotonic_ms) {
    uint64_t passed_ms = monotonic_ms > outlet->now_ms ? monotonic_ms - outlet->now_ms : 0;
    if (now_us >= outlet->now_us)
        outlet->now_us = now_us;
    else
        outlet->now_us += (int64_t)passed_ms * 1000;
    outlet->now_ms += passed_ms;
    pace_begin_turn(outlet);
}

struct peer *outlet_find(struct outlet *outlet, uint64_t connection) {
    return id_map_find(outlet->peers, connection);
}

uint64_t outlet_register(struct outlet *outlet, struct peer *peer) {
    if (peer->connection)
        id_map_remove(outlet->peers, peer->connection);
    peer->connection = ++outlet->last_connection;
    id_map_put(outlet->peers, peer->connection, peer);
    return peer->connection;
}

size_t outlet_peer_count(const struct outlet *outlet) {
    return id_map_count(outlet->peers);
}

void peer_set_protocol(struct peer *peer, const struct protocol *protocol) {
    assert(!peer->protocol || !has_small_state(peer->protocol));
    peer->protocol = protocol;
    if (has_small_state(protocol))
        memset(peer->small_state, 0, sizeof peer->small_state);
    else
        peer->large_state = memory_new(protocol->state_size);
}

const struct activity *peer_doing(const struct peer *peer) {
    static const struct activity nothing;
    return peer->activity ? peer->activity : &nothing;
}

struct activity *peer_activity(struct peer *peer) {
    if (!peer->activity) {
        peer->activity = pool_new(&peer->outlet->activity_pool);
        peer->activity->peer = peer;
    }
    return peer->activity;
}

void peer_calm(struct peer *peer) {
    const struct activity *activity = peer->activity;
    bool is_quiet = activity && !activity->address && !activity->input && !activity->out_first &&
                    slim_list_empty(&activity->catching) && !activity->newest &&
                    !activity->partial && !peer->rests && !peer->is_halfway && !peer->blocked;
    if (!is_quiet)
        return;
    pool_free(&peer->outlet->activity_pool, peer->activity);
    peer->activity = NULL;
}

void peer_forget_address(struct peer *peer) {
    if (!peer->activity)
        return;
    memory_free(peer->activity->address);
    peer->activity->address = NULL;
}

struct peer *outlet_open(struct outlet *outlet, const struct protocol *protocol, void *owner,
                         const struct peer_source *source) {
    struct peer *peer = pool_new(&outlet->peer_pool);
    peer->outlet = outlet;
    peer->owner = owner;
    peer_set_protocol(peer, protocol);
    peer_activity(peer)->address = memory_copy_string(source->address);
    peer->secure = source->secure;
    peer->active_ms = clock_bits(outlet->now_ms);
    outlet->counters.opened++;
    outlet_register(outlet, peer);
    buffer_clear(&outlet->scratch);
    protocol->open(peer_state(peer), outlet->options.settings, NULL, &outlet->scratch);
    peer->encoding = protocol->encoding(peer_state(peer));
    peer_append(peer, buffer_slice(&outlet->scratch));
    peer_start_timers(peer);
    if (protocol->opens) {
        peer->opened = true;
        delivery_open_session(outlet->delivery, peer, &protocol->traits, NULL);
        peer_forget_address(peer);
    }
    return peer;
}

struct peer_load outlet_load(const struct peer *peer) {
    return (struct peer_load){
        .input = peer_doing(peer)->input ? buffer_length(peer_doing(peer)->input) : 0,
        .output = peer_doing(peer)->out_bytes};
}

static void close_cursors(struct peer *peer) {
    while (!slim_list_empty(&peer->cursors))
        cursor_close(container_of(peer->cursors.first, struct cursor, of_peer));
}

/* Forgets what the peer would have been sent. */
static void let_go(struct peer *peer) {
    if (peer->activity)
        peer->activity->partial = NULL;
    close_cursors(peer);
    peer_drop_output(peer);
}

void outlet_gone(struct peer *peer) {
    struct outlet *outlet = peer->outlet;
    if (peer->opened) {
        struct event event = {
            .kind = EVENT_CLOSED, .connection = peer->connection, .closed = {.lost = true}};
        peer->opened = false;
        delivery_step(outlet->delivery, &event);
    }
    let_go(peer);
    peer_drop_input(peer);
    peer_stop_timers(peer);
    if (peer->is_ready)
        list_remove(&outlet->ready, &peer->ready);
    if (peer->rests)
        list_remove(&outlet->resting, &peer->activity->resting);
    id_map_remove(outlet->peers, peer->connection);
    peer->protocol->close(peer_state(peer));
    if (!has_small_state(peer->protocol))
        memory_free(peer->large_state);
    peer_forget_address(peer);
    pool_free(&outlet->activity_pool, peer->activity);
    pool_free(&outlet->peer_pool, peer);
}

void peer_close(struct peer *peer, uint16_t close_code) {
    if (peer->stage != PEER_OPEN)
        return;
    peer->stage = PEER_CLOSING;
    peer->close_code = close_code;
    for (struct list_node *node = peer->cursors.first, *next; node; node = next) {
        next = node->next;
        cursor_end(container_of(node, struct cursor, of_peer));
    }
    peer_drop_input(peer);
    if (peer->paused) /* it must be read from to notice that it has gone */
        peer->outlet->options.transport->pause(peer->owner, false);
    peer->paused = false;
    peer_stop_timers(peer);
    peer_set_timer(peer, TIMER_CLOSE);
    peer_mark(peer);
}

void peer_reset(struct peer *peer) {
    if (peer->stage == PEER_FINISHED)
        return;
    let_go(peer);
    peer->stage = PEER_FINISHED;
    peer_stop_timers(peer);
    peer->outlet->options.transport->reset(peer->owner);
}

/* Closes at once, without what its cursors had still to send; the frame under way is completed if
 * that is short. */
static void cut(struct peer *peer, uint16_t close_code) {
    peer->cut = false;
    if (peer_doing(peer)->partial || peer->stage != PEER_OPEN) {
        peer_reset(peer);
        return;
    }
    close_cursors(peer);
    peer_close(peer, close_code);
}

static void retry_pages(struct outlet *outlet) {
    size_t at = 0;
    struct peer *peer;
    if (!outlet->retry_pages || outlet->retried_ms + RETRY_PAGES_MS > outlet->now_ms)
        return;
    outlet->retry_pages = false;
    outlet->retried_ms = outlet->now_ms;
    while ((peer = id_map_next(outlet->peers, &at)))
        peer_mark(peer);
}

void outlet_tick(struct outlet *outlet) {
    outlet_run_timers(outlet);
    retry_pages(outlet);
}

void outlet_writable(struct peer *peer) {
    peer->blocked = false;
    for (struct list_node *node = peer->sending.first; node; node = node->next)
        cursor_unblock(container_of(node, struct cursor, work));
    peer_mark(peer);
}

void outlet_close_all(struct outlet *outlet, uint16_t close_code) {
    size_t at = 0;
    struct peer *peer;
    while ((peer = id_map_next(outlet->peers, &at)))
        peer_leave(peer, close_code);
}

void outlet_reset_all(struct outlet *outlet) {
    size_t at = 0;
    struct peer *peer;
    while ((peer = id_map_next(outlet->peers, &at)))
        outlet->options.transport->reset(peer->owner);
}

/* A reader has fallen out of its room's window: it gets the rest of its frame and 4000, and can
 * resume. The stream must not change under stream_trim, so its peer is only marked here. */
static void evict(void *context, struct stream_wait *wait) {
    struct cursor *cursor = container_of(wait, struct cursor, wait);
    struct audience *audience = context;
    peer_take_rest_of_frame(cursor->peer, CUT_REST_LARGEST);
    cursor->state = CURSOR_FLOWING;
    cursor->node = (struct list_node){0};
    list_append(&audience->readers, &cursor->node);
    cursor->peer->cut = true;
    cursor->peer->outlet->counters.cut++;
    peer_mark(cursor->peer);
}

static bool has_input_to_use(const struct peer *peer) {
    return peer->cut || peer_doing(peer)->input || peer->unfinished || peer->end_of_file ||
           peer->wants_close;
}

static void use_input(struct peer *peer) {
    if (peer->cut)
        cut(peer, CLOSE_TOO_SLOW);
    peer_use_input(peer);
}

/* What a peer asks for may concern any other, so nothing is half sent meanwhile. */
static void send_next(struct outlet *outlet, struct peer *peer) {
    if (has_input_to_use(peer)) {
        if (outlet->batch)
            batch_run(outlet->batch);
        use_input(peer);
    }
    peer->is_ready = false;
    if (outlet->batch)
        batch_add(outlet->batch, peer);
    else
        peer_send(peer);
}

static void send_ready(struct outlet *outlet) {
    struct list_node *node;
    while ((node = list_take_first(&outlet->ready))) {
        send_next(outlet, container_of(node, struct peer, ready));
        if (outlet->batch && list_empty(&outlet->ready))
            batch_run(outlet->batch);
    }
}

static void offer(struct audience *audience) {
    audience->unoffered = false;
    for (struct list_node *node = audience->readers.first, *next; node; node = next) {
        struct cursor *cursor = container_of(node, struct cursor, node);
        next = node->next;
        if (next)
            __builtin_prefetch(next);
        cursor_offer(cursor);
        if (!cursor->sending || cursor->peer->cut) /* which has lost its place */
            continue;
        if (cursor->peer->blocked)
            cursor_block(cursor);
        else
            peer_mark(cursor->peer);
    }
}

/* Before anything is sent, so that a peer that reads several of these rooms gets it all at once,
 * with its answers. */
static void offer_dirty(struct outlet *outlet) {
    outlet->grown = false;
    for (struct list_node *node = outlet->dirty.first; node; node = node->next) {
        struct audience *audience = container_of(node, struct audience, dirty);
        if (pace_has_news(outlet, audience))
            offer(audience);
    }
}

/* Whoever came from history to live while the others were sent to has been offered nothing yet:
 * what it is to read must stay for the next time. */
static void trim_dirty(struct outlet *outlet) {
    for (struct list_node *node = outlet->dirty.first, *next; node; node = next) {
        struct audience *audience = container_of(node, struct audience, dirty);
        next = node->next;
        if (audience->unoffered)
            continue;
        list_remove(&outlet->dirty, node);
        audience->is_dirty = false;
        stream_trim(audience->stream, evict, audience);
        audience_weigh(audience, false);
    }
}

/* All streams together hold more than they may. Those that were silent longest let go of
 * everything: whoever stands in them has not read for longest. One that is dirty still, or held
 * back, has something that somebody was not offered yet. */
static void relieve(struct outlet *outlet) {
    struct delivery *delivery = outlet->delivery;
    size_t limit = delivery->options.stream_memory;
    struct list_node *node = delivery->holding.first;
    while (node && delivery->stream_memory > limit) {
        struct audience *audience = container_of(node, struct audience, holding);
        node = node->next;
        if (audience->is_dirty || audience->is_held)
            continue;
        stream_set_window(audience->stream, 0);
        stream_trim(audience->stream, evict, audience);
        stream_set_window(audience->stream, delivery->options.stream_window);
        audience_weigh(audience, false);
    }
}

void outlet_flush(struct outlet *outlet) {
    pace_release_due(outlet);
    do {
        offer_dirty(outlet);
        send_ready(outlet);
    } while (outlet->grown);
    trim_dirty(outlet);
    relieve(outlet);
}

const struct outlet_counters *outlet_counters(const struct outlet *outlet) {
    return &outlet->counters;
}
