/* At most so many in a minute, exactly.
 *
 * The times of the last ones are kept, and the oldest of them must be RATE_WINDOW_US old before the
 * next is taken. Unlike a count that starts anew every minute it lets no two minutes' worth through
 * at the turn, and unlike a bucket not the burst and the refill. The window is a second short of a
 * minute, so that a client that counts by its own clock is not refused because a message took
 * longer on its way than the one before. */
#include "hub/limits.h"

#define MILLISECOND_US 1000
#define TIMES_FIRST 4

/* A ring of times; grows with use up to the limit. */
struct rate {
    unsigned first, count, capacity;
    int64_t times_us[];
};

static unsigned slot(const struct rate *rate, unsigned index) {
    return (unsigned)(((uint64_t)rate->first + index) % rate->capacity);
}

static struct rate *grow(struct rate *rate, unsigned limit) {
    uint64_t wanted = rate == NULL ? TIMES_FIRST : (uint64_t)rate->capacity * 2;
    unsigned capacity = wanted < limit ? (unsigned)wanted : limit;
    struct rate *larger = memory_new(sizeof(*larger) + capacity * sizeof(larger->times_us[0]));

    larger->capacity = capacity;
    if (rate != NULL) {
        larger->count = rate->count;
        for (unsigned i = 0; i < rate->count; i++) {
            larger->times_us[i] = rate->times_us[slot(rate, i)];
        }
        memory_free(rate);
    }
    return larger;
}

static void forget_old(struct rate *rate, int64_t now_us) {
    while (rate->count > 0 && now_us - rate->times_us[rate->first] >= RATE_WINDOW_US) {
        rate->first = slot(rate, 1);
        rate->count--;
    }
}

/* There may be more than `limit`, where that was larger before. */
unsigned rate_wait(struct rate *rate, unsigned limit, int64_t now_us) {
    if (rate == NULL || limit == 0) {
        return 0;
    }
    forget_old(rate, now_us);
    if (rate->count < limit) {
        return 0;
    }
    int64_t wait_us = rate->times_us[slot(rate, rate->count - limit)] + RATE_WINDOW_US - now_us;

    return (unsigned)((wait_us + MILLISECOND_US - 1) / MILLISECOND_US);
}

void rate_count(struct rate **rate, unsigned limit, int64_t now_us) {
    if (limit == 0) {
        return;
    }
    if (*rate == NULL || (*rate)->count == (*rate)->capacity) {
        *rate = grow(*rate, limit);
    }
    (*rate)->times_us[slot(*rate, (*rate)->count)] = now_us;
    (*rate)->count++;
}
