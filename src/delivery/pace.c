/* How soon what is shown in a room goes out to its readers.
 *
 * Sending costs nearly the same for one message as for a dozen, so waiting for more saves work, and
 * takes time. At least it is waited until the turn of the loop ends. With `flush_ms` a *busy* room
 * waits longer: one whose readers were sent something less than that ago. What is shown there is
 * held back for so long, and whatever comes meanwhile goes with it. A room that is not busy would
 * wait in vain: nothing else is likely to come, so its bytes go out at once.
 *
 * Only the news of a room waits. Answers do not, and who comes from history to live, leaves, or is
 * said goodbye to gets what is there at once, and with the first of them so do all others. While a
 * room is held back its stream keeps what nobody was offered; when that gets to be more than a
 * large send, waiting saves nothing any more, and it ends.
 *
 * With FLUSH_AUTO the time depends on how busy the loop is: on how much of the last stretch of time
 * its turns took. Too much, and rooms wait a millisecond longer; little enough, and a millisecond
 * less. Between the two it stays as it is, so that it settles on the shortest time with which the
 * loop gets through; on none where it gets through anyway. */
#include "delivery/internal.h"

/* Held back at most. */
#define HOLD_BYTES (16 * 1024)

#define STRETCH_US 50000
#define BUSY_PERCENT 80
#define AT_EASE_PERCENT 50

void pace_begin_turn(struct outlet *outlet) {
    struct pace *pace = &outlet->pace;
    if (outlet->options.flush_ms == FLUSH_AUTO)
        pace->turn_us = delivery_clock(outlet->delivery);
    else
        pace->hold_ms = outlet->options.flush_ms;
}

/* After a stretch in which the loop was busy for so much of the time; a long one is several. */
static void adapt(struct pace *pace, int64_t stretch_us) {
    int64_t percent = pace->busy_us * 100 / stretch_us;
    unsigned steps = stretch_us / STRETCH_US < FLUSH_AUTO_MOST_MS
                         ? (unsigned)(stretch_us / STRETCH_US)
                         : FLUSH_AUTO_MOST_MS;
    if (percent >= BUSY_PERCENT && pace->hold_ms < FLUSH_AUTO_MOST_MS)
        pace->hold_ms++;
    else if (percent < AT_EASE_PERCENT)
        pace->hold_ms -= steps < pace->hold_ms ? steps : pace->hold_ms;
}

void pace_end_turn(struct outlet *outlet) {
    struct pace *pace = &outlet->pace;
    if (outlet->options.flush_ms != FLUSH_AUTO)
        return;
    int64_t now_us = delivery_clock(outlet->delivery);
    int64_t stretch_us = now_us - pace->since_us;
    pace->busy_us += now_us - pace->turn_us;
    pace->turn_us = now_us;
    if (stretch_us < STRETCH_US)
        return;
    if (pace->hold_ms > FLUSH_AUTO_MOST_MS) /* until a moment ago it was configured */
        pace->hold_ms = FLUSH_AUTO_MOST_MS;
    adapt(pace, stretch_us);
    pace->since_us = now_us;
    pace->busy_us = 0;
}

/* What waits holds memory that nobody else can be given. */
static bool is_short_of_memory(const struct outlet *outlet) {
    return outlet->delivery->stream_memory > outlet->delivery->options.stream_memory / 2;
}

static void hold(struct outlet *outlet, struct audience *audience) {
    if (audience->is_held)
        return;
    audience->is_held = true;
    audience->held_ms = outlet->now_ms;
    stream_hold(audience->stream);
    list_append(&outlet->held, &audience->held);
}

void pace_let_go(struct audience *audience) {
    if (!audience->is_held)
        return;
    audience->is_held = false;
    stream_release(audience->stream);
    list_remove(&audience->channel->delivery->outlet.held, &audience->held);
}

/* Somebody may have attached meanwhile and be blocked, which has to be noted in the stream; and one
 * that is full would lose what nobody was offered. */
static bool may_wait(const struct outlet *outlet, const struct audience *audience) {
    bool busy = outlet->now_ms - audience->offered_ms < outlet->pace.hold_ms;
    return (busy || audience->is_held) && !audience->unoffered &&
           stream_tail(audience->stream) - audience->offered < HOLD_BYTES &&
           !stream_is_full(audience->stream) && !is_short_of_memory(outlet);
}

bool pace_has_news(struct outlet *outlet, struct audience *audience) {
    uint64_t tail = stream_tail(audience->stream);
    bool has_grown = tail > audience->offered;
    if (has_grown && may_wait(outlet, audience)) {
        hold(outlet, audience);
        return false;
    }
    pace_let_go(audience);
    audience->offered = tail;
    if (has_grown)
        audience->offered_ms = outlet->now_ms;
    return has_grown || audience->unoffered;
}

bool pace_next(const struct outlet *outlet, uint64_t *due_ms) {
    if (list_empty(&outlet->held))
        return false;
    *due_ms =
        container_of(outlet->held.first, struct audience, held)->held_ms + outlet->pace.hold_ms;
    return true;
}

void pace_release_due(struct outlet *outlet) {
    uint64_t due_ms;
    while (pace_next(outlet, &due_ms) && (due_ms <= outlet->now_ms || is_short_of_memory(outlet))) {
        struct audience *audience = container_of(outlet->held.first, struct audience, held);
        pace_let_go(audience);
        audience_mark(audience);
    }
}
