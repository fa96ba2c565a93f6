/* The hub's driver: events go in, effects are carried out in order, completions of the store become
 * events. */
#include "delivery/authority_none.h"
#include "delivery/internal.h"

#include "wire/secret.h"

/* Rounds of completions and sends in one turn before the sockets get their share again; the time
 * after which no more is begun, which is shorter once something was read, because that can wait;
 * and, for where there is no clock, the work done for completions: bytes rendered (see
 * DEFLATE_CHARGE), and a fixed charge for each. */
#define TURN_ROUNDS 8
#define TURN_US 1000
#define TURN_READING_US 100
#define TURN_WORK (16 * 1024 * 1024)
#define COMPLETION_CHARGE 4096
/* A scratch buffer that grew past this is given back. */
#define SCRATCH_KEPT (256 * 1024)

static bool take_completions(struct delivery *delivery);
static bool take_verdicts(struct delivery *delivery);

/* The hub asks for the rules of rooms before anybody else asks for anything. A store that has them
 * at hand answers at once. */
static void begin(struct delivery *delivery) {
    struct event started = {.kind = EVENT_STARTED};
    delivery_step(delivery, &started);
    /* Whose names are taken, before anybody can claim one. */
    while (take_verdicts(delivery))
        delivery->work = 0;
    while (!hub_is_ready(delivery->hub) && take_completions(delivery))
        ;
}

bool delivery_is_ready(const struct delivery *delivery) {
    return hub_is_ready(delivery->hub);
}

struct delivery *delivery_new(const struct delivery_options *options) {
    struct delivery *delivery = memory_new_struct(struct delivery);
    uint64_t seed;
    delivery->options = *options;
    if (options->stream_memory == 0)
        delivery->options.stream_memory = LIMIT_STREAM_BYTES;
    if (delivery->options.stream_memory < options->stream_window)
        delivery->options.stream_memory = options->stream_window;
    delivery->store = options->store;
    if (!options->authority)
        delivery->own_authority = authority_none_open();
    delivery->authority = options->authority ? options->authority : delivery->own_authority;
    options->random(options->random_context, &seed, sizeof seed);
    delivery->seed = seed;
    delivery->options.hub.shared = options->store->engine->shared != NULL;
    delivery->hub = hub_new(&delivery->options.hub);
    delivery->channels = map_new(seed);
    delivery->histories = id_map_new();
    delivery->searches = id_map_new();
    delivery->audits = id_map_new();
    delivery->pages = page_cache_new(delivery);
    outlet_init(&delivery->outlet, delivery, &options->outlet);
    begin(delivery);
    return delivery;
}

void delivery_free(struct delivery *delivery) {
    histories_free(delivery->histories);
    searches_free(delivery->searches);
    audits_free(delivery->audits);
    page_cache_free(delivery->pages);
    map_free(delivery->channels);
    effects_close(&delivery->effects);
    if (delivery->own_authority)
        delivery->own_authority->engine->close(delivery->own_authority);
    hub_free(delivery->hub);
    outlet_deinit(&delivery->outlet);
    buffer_close(&delivery->scratch);
    memory_free(delivery);
}

struct outlet *delivery_outlet(struct delivery *delivery) {
    return &delivery->outlet;
}

size_t delivery_pending(const struct delivery *delivery) {
    return delivery->appends_under_way + id_map_count(delivery->histories) +
           id_map_count(delivery->searches) + id_map_count(delivery->audits);
}

const struct hub *delivery_hub(const struct delivery *delivery) {
    return delivery->hub;
}

/* Only those that hold something are looked at. */
static const struct audience *next_holding(const struct list_node *node) {
    return node ? container_of(node, struct audience, holding) : NULL;
}

size_t delivery_largest_stream(const struct delivery *delivery) {
    size_t largest = 0;
    const struct audience *audience = next_holding(delivery->holding.first);
    for (; audience; audience = next_holding(audience->holding.next)) {
        size_t size = stream_size(audience->stream);
        largest = size > largest ? size : largest;
    }
    return largest;
}

size_t delivery_stream_bytes(const struct delivery *delivery) {
    size_t bytes = 0;
    const struct audience *audience = next_holding(delivery->holding.first);
    for (; audience; audience = next_holding(audience->holding.next))
        bytes += stream_size(audience->stream);
    return bytes;
}

const struct delivery_latencies *delivery_latencies(const struct delivery *delivery) {
    return &delivery->latencies;
}

void delivery_count_peers(const struct delivery *delivery, size_t counts[FORMAT_COUNT]) {
    size_t at = 0;
    const struct peer *peer;
    memset(counts, 0, FORMAT_COUNT * sizeof *counts);
    while ((peer = id_map_next(delivery->outlet.peers, &at)))
        counts[peer->encoding.format]++;
}

void delivery_open_session(struct delivery *delivery, const struct peer *peer,
                           const struct traits *traits, const struct credential *credential) {
    uint8_t random[SECRET_BYTES];
    struct event event = {
        .kind = EVENT_OPENED,
        .connection = peer->connection,
        .opened = {.traits = *traits, .address = slice_of_string(peer_doing(peer)->address)}};
    if (credential)
        event.opened.credential = *credential;
    delivery->options.random(delivery->options.random_context, random, sizeof random);
    secret_format_guest(random, event.opened.secret);
    secret_digest(slice_of_string(event.opened.secret), event.opened.identity.bytes);
    delivery_step(delivery, &event);
}

void delivery_read(struct delivery *delivery, const struct page_query *query) {
    delivery->asked_store = true;
    delivery->store->engine->read(delivery->store, query);
}

static void show(struct delivery *delivery, const struct effect *effect) {
    struct channel *channel = map_find(delivery->channels, effect->room_key);
    if (!channel)
        return;
    channel_show(channel, effect);
    delivery->shown += effect->kind == EFFECT_SHOW_ENTRY;
    if (effect->kind == EFFECT_SHOW_ENTRY && effect->show.entry->body.kind == ENTRY_DELETE)
        page_cache_forget_room(delivery->pages, effect->room_key);
}

static void subscribe(struct delivery *delivery, const struct effect *effect) {
    struct peer *peer = outlet_find(&delivery->outlet, effect->connection);
    if (!peer || peer->stage != PEER_OPEN || peer->broken || peer->cut ||
        peer->encoding.format == FORMAT_NONE)
        return;
    struct channel *channel =
        channel_open(delivery, effect->room_key, effect->room, effect->subscribe.last);
    cursor_open(peer, channel, effect);
}

static void to_peer(struct delivery *delivery, const struct effect *effect) {
    struct peer *peer = outlet_find(&delivery->outlet, effect->connection);
    if (!peer || peer->stage != PEER_OPEN)
        return;
    struct cursor *cursor;
    switch (effect->kind) {
    case EFFECT_REPLY:
        peer_reply(peer, &effect->reply);
        break;
    case EFFECT_UNSUBSCRIBE:
        cursor = cursor_find(peer, effect->room_key);
        if (cursor)
            cursor_leave(cursor);
        break;
    case EFFECT_PAUSE:
    case EFFECT_RESUME:
        peer->paused_by_hub = effect->kind == EFFECT_PAUSE;
        peer_gate(peer);
        break;
    case EFFECT_CLOSE:
        peer_close(peer, effect->close_code);
        break;
    default:
        break;
    }
}

static void to_store(struct delivery *delivery, struct effect *effect) {
    struct store *store = delivery->store;
    delivery->asked_store = true;
    switch (effect->kind) {
    case EFFECT_FOLLOW:
        store->engine->follow(store, effect->room_key, effect->room);
        break;
    case EFFECT_UNFOLLOW:
        store->engine->unfollow(store, effect->room_key);
        break;
    case EFFECT_APPEND:
        delivery->appends_under_way++;
        store->engine->append(store, effect->draft);
        effect->draft = NULL;
        break;
    case EFFECT_SIGNAL:
        store->engine->signal(store, effect->signal);
        effect->signal = NULL;
        break;
    case EFFECT_LIST:
        store->engine->list(store, effect->list.origin, effect->list.cid);
        break;
    case EFFECT_MARK:
        store->engine->mark(store, &effect->mark);
        break;
    case EFFECT_RECALL:
        store->engine->recall(store, &effect->mark.identity);
        break;
    case EFFECT_ERASE:
        store->engine->erase(store, effect->room_key);
        break;
    case EFFECT_SHARE:
        store->engine->shared->share(store, effect->share.signal, effect->share.count);
        break;
    case EFFECT_CLAIM:
        store->engine->shared->claim(store, &effect->claim);
        break;
    case EFFECT_RELEASE:
        store->engine->shared->release(store, effect->claim.folded, &effect->claim.identity);
        break;
    case EFFECT_GATHER:
        store->engine->shared->gather(store, effect->room_key, effect->list.origin,
                                      effect->list.cid);
        break;
    case EFFECT_CALL:
        store->engine->shared->call(store, &effect->call);
        break;
    default:
        break;
    }
}

static void authenticate(struct delivery *delivery, const struct effect *effect) {
    struct authority *authority = delivery->authority;
    delivery->asked_store = true;
    authority->engine->authenticate(authority, effect->connection, &effect->authenticate.credential,
                                    effect->authenticate.address,
                                    effect->authenticate.wants_ticket);
}

static void carry_out(struct delivery *delivery, struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_AUTHENTICATE:
        authenticate(delivery, effect);
        break;
    case EFFECT_FOLLOW:
    case EFFECT_UNFOLLOW:
    case EFFECT_APPEND:
    case EFFECT_SIGNAL:
    case EFFECT_LIST:
    case EFFECT_MARK:
    case EFFECT_RECALL:
    case EFFECT_ERASE:
    case EFFECT_SHARE:
    case EFFECT_CLAIM:
    case EFFECT_RELEASE:
    case EFFECT_GATHER:
    case EFFECT_CALL:
        to_store(delivery, effect);
        break;
    case EFFECT_SHOW_ENTRY:
    case EFFECT_SHOW_SIGNAL:
        show(delivery, effect);
        break;
    case EFFECT_SUBSCRIBE:
        subscribe(delivery, effect);
        break;
    case EFFECT_READ:
        history_start(delivery, effect);
        break;
    case EFFECT_SEARCH:
        search_start(delivery, effect);
        break;
    case EFFECT_AUDIT:
        audit_start(delivery, effect);
        break;
    case EFFECT_REPLAY:
        rules_replay_start(delivery, effect->replay.after);
        break;
    default:
        to_peer(delivery, effect);
    }
}

void delivery_step(struct delivery *delivery, struct event *event) {
    event->now_us = delivery->outlet.now_us;
    hub_step(delivery->hub, event, &delivery->effects);
    for (size_t i = 0; i < delivery->effects.count; i++)
        carry_out(delivery, &delivery->effects.items[i]);
    delivery->answered = effects_size(&delivery->effects);
    effects_clear(&delivery->effects);
}

/* It is compressed, perhaps; who reads it is not known here. */
static void charge_page(struct delivery *delivery, const struct page *page) {
    for (size_t i = 0; i < page->count; i++)
        delivery->work += page->entries[i]->body.content.length * DEFLATE_CHARGE;
}

static void measure_commit(struct delivery *delivery, const struct event *event) {
    if (event->appended.outcome.error == 0 && !event->appended.outcome.duplicate)
        metric_observe(&delivery->latencies.commit,
                       delivery->outlet.now_us - event->appended.draft->proposed_us, 1);
}

static void complete(struct delivery *delivery, struct completion *completion) {
    delivery->has_read = delivery->has_read || completion->kind != COMPLETION_EVENT;
    if (completion->kind == COMPLETION_PAGE) {
        charge_page(delivery, &completion->page);
        const struct page *page = &completion->page;
        if (!page_cache_complete(delivery->pages, page) && !rules_replay_finish(delivery, page) &&
            !audit_finish(delivery, page))
            history_finish(delivery, page);
        return;
    }
    if (completion->kind == COMPLETION_FINDINGS) {
        search_finish(delivery, &completion->findings);
        return;
    }
    struct event *event = &completion->event;
    delivery_step(delivery, event);
    if (event->kind == EVENT_APPENDED) {
        delivery->appends_under_way--;
        measure_commit(delivery, event);
        draft_free(event->appended.draft);
    } else if (event->kind == EVENT_SIGNALLED) {
        signal_free(event->signalled.signal);
    }
}

static void give_back(struct buffer *scratch) {
    if (scratch->capacity > SCRATCH_KEPT)
        buffer_close(scratch);
}

int64_t delivery_clock(const struct delivery *delivery) {
    return delivery->options.clock ? delivery->options.clock(delivery->options.clock_context) : 0;
}

/* Whether this turn goes on with what comes back, of which it has taken something; else it is the
 * sockets' turn. */
static bool has_time(const struct delivery *delivery) {
    int64_t limit_us = delivery->has_read ? TURN_READING_US : TURN_US;
    return delivery->work < TURN_WORK && delivery_clock(delivery) - delivery->turn_us < limit_us;
}

static bool take_verdicts(struct delivery *delivery) {
    struct authority *authority = delivery->authority;
    struct event *event;
    bool any = false;
    while ((!any || has_time(delivery)) && (event = authority->engine->collect(authority))) {
        delivery_step(delivery, event);
        delivery->work += COMPLETION_CHARGE;
        any = true;
    }
    return any;
}

/* Takes what waits in the store, as far as it is done this turn. Returns whether there was
 * anything. */
static bool take_completions(struct delivery *delivery) {
    struct store *store = delivery->store;
    struct completion *completion;
    bool any = false;
    store->engine->turn(store);
    while ((!any || has_time(delivery)) && (completion = store->engine->collect(store))) {
        complete(delivery, completion);
        delivery->work += COMPLETION_CHARGE;
        any = true;
    }
    return any;
}

/* What was asked of the store meanwhile may be answered at once; what was answered may be sent. */
static bool has_more(const struct delivery *delivery) {
    const struct outlet *outlet = &delivery->outlet;
    return delivery->asked_store || outlet->grown || !list_empty(&outlet->ready);
}

bool delivery_turn(struct delivery *delivery) {
    bool busy = false, others = delivery->outlet.others;
    /* What those who rest ask for goes out with the rest where nobody waits for that. */
    if (!others)
        outlet_go_on(&delivery->outlet);
    delivery->work = 0;
    delivery->has_read = false;
    delivery->turn_us = delivery_clock(delivery);
    for (int round = 0; round == 0 || (busy && has_time(delivery) && round < TURN_ROUNDS);
         round++) {
        int64_t start_us = delivery_clock(delivery);
        delivery->shown = 0;
        busy = take_verdicts(delivery);
        busy = take_completions(delivery) || busy;
        delivery->asked_store = false;
        outlet_flush(&delivery->outlet);
        if (delivery->shown > 0 && delivery->options.clock)
            metric_observe(&delivery->latencies.deliver, delivery_clock(delivery) - start_us,
                           delivery->shown);
        busy = busy || has_more(delivery);
    }
    if (others)
        outlet_go_on(&delivery->outlet);
    give_back(&delivery->scratch);
    give_back(&delivery->outlet.scratch);
    pace_end_turn(&delivery->outlet);
    return busy || has_more(delivery) || !list_empty(&delivery->outlet.resting);
}

bool delivery_next_turn(const struct delivery *delivery, uint64_t *due_ms) {
    return pace_next(&delivery->outlet, due_ms);
}

void delivery_tick(struct delivery *delivery) {
    struct event tick = {.kind = EVENT_TICK};
    delivery_step(delivery, &tick);
    page_cache_tick(delivery->pages);
    outlet_tick(&delivery->outlet);
}
