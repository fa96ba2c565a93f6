/* Time-outs: whatever a connection may wait for, it may not wait for ever. There is no timer for
 * each connection. Everybody who waits for the same thing waits equally long, so each such list is
 * in the order of its deadlines, and only its front is looked at.
 *
 *   HTTP       HANDSHAKE until the head of a request is there, from the first byte of it (or from
 *              connecting) on; then KEEP_ALIVE while it is answered and until the next begins
 *   WebSocket  PING, PONG, REST in turn
 *   lines      PING: nothing is sent, but it is looked whether anybody is there
 *   events     READER
 *   all        `halfway`, beside these: a message, line or request that has begun must be complete
 *              within message_timeout. Time in which nothing is read from the peer does not count
 *   closing    CLOSE
 *
 * Somebody who has connected and does not say who they are is sent away by the hub. */
#include "base/close_code.h"
#include "delivery/internal.h"

#define CLOSE_TIMEOUT_MS 5000
/* An HTTP connection that is kept open but asks for nothing; or takes nothing of its answer. */
#define KEEP_ALIVE_MS 60000
/* Proxies close what is silent for a minute, some after half of one. */
#define READER_PING_MS 15000

unsigned outlet_timeout(const struct outlet *outlet, enum peer_timer kind) {
    switch (kind) {
    case TIMER_HANDSHAKE:
        return outlet->options.handshake_timeout_ms;
    case TIMER_KEEP_ALIVE:
        return KEEP_ALIVE_MS;
    case TIMER_PING:
        return outlet->options.ping_interval_ms ? outlet->options.ping_interval_ms
                                                : outlet->options.idle_timeout_ms;
    case TIMER_PONG:
        return outlet->options.ping_timeout_ms;
    case TIMER_REST:
        return outlet->options.ping_interval_ms > outlet->options.ping_timeout_ms
                   ? outlet->options.ping_interval_ms - outlet->options.ping_timeout_ms
                   : 1;
    case TIMER_READER:
        return READER_PING_MS;
    case TIMER_CLOSE:
        return CLOSE_TIMEOUT_MS;
    default:
        return 0;
    }
}

void peer_set_timer(struct peer *peer, enum peer_timer kind) {
    struct outlet *outlet = peer->outlet;
    unsigned timeout_ms = outlet_timeout(outlet, kind);
    if (peer->timer_kind != TIMER_NONE)
        list_remove(&outlet->timers[peer->timer_kind], &peer->timer);
    peer->timer_kind = TIMER_NONE;
    if (timeout_ms == 0)
        return;
    peer->timer_kind = (uint8_t)kind;
    peer->deadline_ms = clock_bits(outlet->now_ms + timeout_ms);
    list_append(&outlet->timers[kind], &peer->timer);
}

static void stop_halfway(struct peer *peer) {
    if (peer->is_halfway)
        list_remove(&peer->outlet->halfway, &peer->activity->halfway);
    peer->is_halfway = false;
}

static void start_halfway(struct peer *peer) {
    stop_halfway(peer);
    peer->is_halfway = true;
    peer_activity(peer)->begun_ms = peer->outlet->now_ms;
    list_append(&peer->outlet->halfway, &peer->activity->halfway);
}

void peer_stop_timers(struct peer *peer) {
    peer_set_timer(peer, TIMER_NONE);
    stop_halfway(peer);
}

static bool is_established(const struct peer *peer) {
    return !peer->protocol->established || peer->protocol->established(peer_state(peer));
}

static void look_at_requests(struct peer *peer) {
    if (!peer->protocol->established || peer->timer_kind == TIMER_CLOSE)
        return;
    bool kept = peer->timer_kind == TIMER_KEEP_ALIVE;
    if (!is_established(peer) && kept)
        peer_set_timer(peer, TIMER_HANDSHAKE);
    else if (is_established(peer) && (!kept || peer->completed))
        peer_set_timer(peer, TIMER_KEEP_ALIVE);
}

void peer_look_at_input(struct peer *peer) {
    bool halfway = peer->stage == PEER_OPEN && peer_is_halfway(peer);
    if (peer->stage == PEER_OPEN)
        look_at_requests(peer);
    if (!halfway)
        stop_halfway(peer);
    else if (!peer->is_halfway || peer->completed)
        start_halfway(peer);
    peer->completed = false;
    peer_calm(peer);
}

void peer_start_timers(struct peer *peer) {
    if (peer->stage != PEER_OPEN)
        peer_set_timer(peer, TIMER_CLOSE);
    else if (peer->protocol->established)
        peer_set_timer(peer, is_established(peer) ? TIMER_KEEP_ALIVE : TIMER_HANDSHAKE);
    else
        peer_set_timer(peer, peer->protocol->only_reads ? TIMER_READER : TIMER_PING);
}

void peer_leave(struct peer *peer, uint16_t close_code) {
    if (peer->stage != PEER_OPEN)
        return;
    if (!peer->opened) {
        peer_close(peer, close_code);
        return;
    }
    /* A name that was only typed has to be free where it is typed again; who has more to show keeps
     * it. */
    bool kept = close_code != CLOSE_RESTART || !peer->protocol->traits.needs_name;
    struct request quit = {.kind = REQUEST_QUIT, .close_code = close_code, .lost = kept};
    struct event event = {.kind = EVENT_REQUEST, .connection = peer->connection, .request = &quit};
    delivery_step(peer->outlet->delivery, &event);
}

/* Its time is up: it may hear why, but not take longer than a goodbye may. */
static void expire(struct peer *peer, enum peer_expiry expiry, uint16_t close_code) {
    peer->outlet->counters.expired[expiry]++;
    peer_set_timer(peer, TIMER_CLOSE);
    peer_leave(peer, close_code);
}

static void expire_at_once(struct peer *peer, enum peer_expiry expiry) {
    peer->outlet->counters.expired[expiry]++;
    peer_reset(peer);
}

static bool idle_for(const struct peer *peer, uint64_t idle_ms) {
    return clock_bits(peer->outlet->now_ms) - peer->active_ms >= idle_ms;
}

/* Whether there is something for it, of which it has not taken a byte for so long. */
static bool stalled_for(const struct peer *peer, uint64_t stalled_ms) {
    return peer->blocked && peer_doing(peer)->moved_ms + stalled_ms <= peer->outlet->now_ms;
}

static void ping(struct peer *peer) {
    struct buffer *scratch = &peer->outlet->scratch;
    buffer_clear(scratch);
    peer->protocol->ping(peer_state(peer), scratch);
    peer_append(peer, buffer_slice(scratch));
}

/* A look at a peer that is through its handshake, once an interval: is it still there, does it
 * still want anything? Of one that has asked for more than it takes nothing is read; where it is
 * sent no pings, that is how those are found who have stopped reading for good. */
static void ping_due(struct peer *peer) {
    const struct outlet_options *options = &peer->outlet->options;
    bool pings = peer->protocol->ping && options->ping_interval_ms > 0;
    if (options->idle_timeout_ms > 0 && idle_for(peer, options->idle_timeout_ms)) {
        expire(peer, EXPIRED_IDLE, CLOSE_IDLE);
    } else if (pings) {
        ping(peer);
        peer_set_timer(peer, options->ping_timeout_ms > 0 ? TIMER_PONG : TIMER_PING);
    } else if (peer->paused && stalled_for(peer, outlet_timeout(peer->outlet, TIMER_PING))) {
        expire_at_once(peer, EXPIRED_STALLED);
    } else {
        peer_set_timer(peer, TIMER_PING);
    }
}

/* A pong nobody asked for is as good as any other (RFC 6455 section 5.5.3), so it must not hide
 * that a peer takes nothing: the ping itself cannot have arrived then. And while nothing is read
 * from a peer, its answer cannot have been seen. */
static void pong_due(struct peer *peer) {
    if (stalled_for(peer, peer->outlet->options.ping_timeout_ms))
        expire_at_once(peer, EXPIRED_STALLED);
    else if (peer->protocol->answered(peer_state(peer)))
        peer_set_timer(peer, TIMER_REST);
    else if (peer->paused)
        peer_set_timer(peer, TIMER_PONG);
    else
        expire_at_once(peer, EXPIRED_PONG);
}

/* One that takes no bytes has been sent enough of them already. */
static void reader_due(struct peer *peer) {
    if (!peer->blocked)
        ping(peer);
    peer_set_timer(peer, TIMER_READER);
}

/* Who is slow to take an answer gets it all, as long as some of it goes out. */
static void keep_alive_due(struct peer *peer) {
    bool answering = peer->waits_for_answer || peer->reading || peer_doing(peer)->out_first ||
                     peer_is_halfway(peer);
    if (stalled_for(peer, KEEP_ALIVE_MS))
        expire_at_once(peer, EXPIRED_STALLED);
    else if (!answering && idle_for(peer, KEEP_ALIVE_MS))
        peer_leave(peer, CLOSE_NORMAL);
    else
        peer_set_timer(peer, TIMER_KEEP_ALIVE);
}

static void timer_due(struct peer *peer, enum peer_timer kind) {
    switch (kind) {
    case TIMER_HANDSHAKE:
        if (peer->paused)
            peer_set_timer(peer, TIMER_HANDSHAKE);
        else
            expire(peer, EXPIRED_HANDSHAKE, CLOSE_IDLE);
        break;
    case TIMER_KEEP_ALIVE:
        keep_alive_due(peer);
        break;
    case TIMER_PING:
    case TIMER_REST:
        ping_due(peer);
        break;
    case TIMER_READER:
        reader_due(peer);
        break;
    case TIMER_PONG:
        pong_due(peer);
        break;
    default:
        expire_at_once(peer, EXPIRED_CLOSE);
    }
}

static void run_halfway(struct outlet *outlet) {
    unsigned timeout_ms = outlet->options.message_timeout_ms;
    while (timeout_ms > 0 && outlet->halfway.first) {
        struct activity *first = container_of(outlet->halfway.first, struct activity, halfway);
        struct peer *peer = first->peer;
        if (first->begun_ms + timeout_ms > outlet->now_ms)
            break;
        if (peer->paused) {
            start_halfway(peer);
        } else {
            stop_halfway(peer);
            expire(peer, EXPIRED_MESSAGE, CLOSE_IDLE);
        }
    }
}

void outlet_run_timers(struct outlet *outlet) {
    for (int kind = TIMER_NONE + 1; kind < TIMER_COUNT; kind++) {
        struct list_node *last = outlet->timers[kind].last;
        for (struct list_node *node = outlet->timers[kind].first, *next; node; node = next) {
            struct peer *peer = container_of(node, struct peer, timer);
            next = node == last ? NULL : node->next;
            if ((int32_t)(peer->deadline_ms - clock_bits(outlet->now_ms)) > 0)
                break;
            timer_due(peer, kind);
        }
    }
    run_halfway(outlet);
}
