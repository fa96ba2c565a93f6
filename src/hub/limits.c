/* How much one may send: at most rate_per_minute messages in a minute.
 *
 * The times of the last messages are kept, and the oldest of them must be WINDOW_US old before
 * the next is taken. That is exact, unlike a count that starts anew every minute (which lets two
 * minutes' worth through at the turn) and unlike a bucket (which lets the burst and the refill
 * through). The window is a second short of a minute, so that a client that counts by its own
 * clock is not refused because a message took longer on its way than the one before. */
#include <string.h>

#include "hub/internal.h"

#define WINDOW_US INT64_C(59000000)
#define MILLISECOND_US 1000
#define TIMES_FIRST 4

/* A ring of times; grows with use up to the limit. */
struct rate {
    unsigned first, count, capacity;
    int64_t times_us[];
};

/* Somebody who comes without a session, known by identity; remembered until the times are of no
 * more use. */
struct caller {
    struct identity identity;
    struct list_node node;
    int64_t used_us;
    struct rate *rate;
};

static unsigned slot(const struct rate *rate, unsigned index) {
    return (unsigned)(((uint64_t)rate->first + index) % rate->capacity);
}

static struct rate *rate_grow(struct rate *rate, unsigned limit) {
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
    while (rate->count > 0 && now_us - rate->times_us[rate->first] >= WINDOW_US) {
        rate->first = slot(rate, 1);
        rate->count--;
    }
}

static unsigned rate_wait(struct rate *rate, unsigned limit, int64_t now_us) {
    if (rate == NULL) {
        return 0;
    }
    forget_old(rate, now_us);
    if (rate->count < limit) {
        return 0;
    }
    int64_t wait_us = rate->times_us[rate->first] + WINDOW_US - now_us;

    return (unsigned)((wait_us + MILLISECOND_US - 1) / MILLISECOND_US);
}

static unsigned rate_take(struct rate **rate, unsigned limit, int64_t now_us) {
    unsigned wait_ms = rate_wait(*rate, limit, now_us);

    if (wait_ms > 0) {
        return wait_ms;
    }
    if (*rate == NULL || (*rate)->count == (*rate)->capacity) {
        *rate = rate_grow(*rate, limit);
    }
    (*rate)->times_us[slot(*rate, (*rate)->count)] = now_us;
    (*rate)->count++;
    return 0;
}

static struct slice caller_key(const struct identity *identity) {
    return slice_from(identity->bytes, sizeof(identity->bytes));
}

static void forget_caller(struct hub *hub, struct caller *caller) {
    map_remove(hub->callers, caller_key(&caller->identity));
    list_remove(&hub->caller_order, &caller->node);
    memory_free(caller->rate);
    memory_free(caller);
}

static struct caller *oldest_caller(const struct hub *hub) {
    return container_of(hub->caller_order.first, struct caller, node);
}

static struct caller *find_caller(struct hub *hub, const struct identity *identity) {
    struct caller *caller = map_find(hub->callers, caller_key(identity));

    if (caller != NULL) {
        list_remove(&hub->caller_order, &caller->node);
    } else {
        if (map_count(hub->callers) >= LIMIT_CALLERS) {
            forget_caller(hub, oldest_caller(hub));
        }
        caller = memory_new_struct(struct caller);
        caller->identity = *identity;
        map_put(hub->callers, caller_key(&caller->identity), caller);
    }
    list_append(&hub->caller_order, &caller->node);
    caller->used_us = hub->now_us;
    return caller;
}

unsigned limit_message(struct hub *hub, struct client *client, const struct identity *identity) {
    unsigned limit = hub->options.rate_per_minute;

    if (limit == 0) {
        return 0;
    }
    struct rate **rate =
        client->session != NULL ? &client->session->rate : &find_caller(hub, identity)->rate;

    return rate_take(rate, limit, hub->now_us);
}

unsigned limit_wait(struct hub *hub, const struct client *client, const struct identity *identity) {
    struct rate *rate = NULL;

    if (client->session != NULL) {
        rate = client->session->rate;
    } else if (client->traits.transient) {
        const struct caller *caller = map_find(hub->callers, caller_key(identity));

        rate = caller != NULL ? caller->rate : NULL;
    }
    return rate_wait(rate, hub->options.rate_per_minute, hub->now_us);
}

void limit_tick(struct hub *hub) {
    while (!list_empty(&hub->caller_order) &&
           hub->now_us - oldest_caller(hub)->used_us >= WINDOW_US) {
        forget_caller(hub, oldest_caller(hub));
    }
}

void limit_close(struct hub *hub) {
    while (!list_empty(&hub->caller_order)) {
        forget_caller(hub, oldest_caller(hub));
    }
}

bool limit_cid_valid(struct slice cid) {
    size_t characters = 0;

    for (size_t i = 0; i < cid.length; i++) {
        characters += ((unsigned char)cid.data[i] & 0xc0) != 0x80;
    }
    return cid.length <= LIMIT_CID && characters <= LIMIT_CID_CHARACTERS && utf8_valid(cid);
}
