#include "store/retention.h"

#include "base/clock.h"

#define SECOND_US 1000000
#define SECOND_NS UINT64_C(1000000000)
#define PAUSE_SHORTEST_S 1
#define PAUSE_LONGEST_S 60
#define PAUSE_UNBOUNDED_S 3600 /* cids of earlier settings still have to go */

static const struct retention everything = {
    .age_us = RETENTION_AGE_ALL, .count = RETENTION_ALL, .bytes = RETENTION_ALL};

/* Rooms of the server's own: of the one that shows whether entries can be stored a few are kept, so
 * that it does not grow. Of all others everything, whatever is set for the rooms of people. */
static struct retention retention_of_own(struct slice room_key) {
    struct retention retention = everything;
    if (slice_equal(room_key, SLICE("$ready"))) {
        retention.count = RETENTION_READY;
    }
    return retention;
}

static void lock(const struct retention_rules *rules) {
    if (rules->guard != NULL) {
        pthread_mutex_lock(&rules->guard->mutex);
    }
}

static void unlock(const struct retention_rules *rules) {
    if (rules->guard != NULL) {
        pthread_mutex_unlock(&rules->guard->mutex);
    }
}

static struct retention find(const struct retention_rules *rules, struct slice room_key) {
    for (size_t i = 0; i < rules->count; i++) {
        if (slice_equal(rules->rules[i].room_key, room_key)) {
            return rules->rules[i].retention;
        }
    }
    return rules->usual;
}

struct retention retention_of(const struct retention_rules *rules, struct slice room_key) {
    if (slice_starts_with(room_key, SLICE("$"))) {
        return retention_of_own(room_key);
    }
    if (rules == NULL) {
        return everything;
    }
    lock(rules);
    struct retention retention = find(rules, room_key);
    unlock(rules);
    return retention;
}

bool retention_ages(const struct retention_rules *rules) {
    if (rules == NULL) {
        return false;
    }
    lock(rules);
    bool any = rules->usual.age_us != RETENTION_AGE_ALL;
    for (size_t i = 0; i < rules->count; i++) {
        any = any || rules->rules[i].retention.age_us != RETENTION_AGE_ALL;
    }
    unlock(rules);
    return any;
}

void retention_replace(struct retention_rules *rules, struct retention usual,
                       const struct retention_rule *list, size_t count) {
    lock(rules);
    rules->usual = usual;
    rules->rules = list;
    rules->count = count;
    unlock(rules);
    atomic_fetch_add(&rules->guard->changes, 1);
}

unsigned retention_changes(const struct retention_rules *rules) {
    return rules != NULL && rules->guard != NULL ? atomic_load(&rules->guard->changes) : 0;
}

int64_t retention_now(const struct retention_rules *rules) {
    if (rules != NULL && rules->now_us != NULL) {
        return rules->now_us();
    }
    return clock_wall_us();
}

bool retention_bounds(const struct retention *retention) {
    return retention->age_us != RETENTION_AGE_ALL || retention->count != RETENTION_ALL ||
           retention->bytes != RETENTION_ALL;
}

/* A tenth of the age, within bounds. */
static uint64_t pause_s(const struct retention *retention) {
    int64_t tenth_s = retention->age_us / 10 / SECOND_US;
    if (!retention_bounds(retention)) {
        return PAUSE_UNBOUNDED_S;
    }
    if (tenth_s < PAUSE_SHORTEST_S) {
        return PAUSE_SHORTEST_S;
    }
    return tenth_s < PAUSE_LONGEST_S ? (uint64_t)tenth_s : PAUSE_LONGEST_S;
}

uint64_t retention_pause_ns(const struct retention_rules *rules) {
    if (rules == NULL) {
        return pause_s(&everything) * SECOND_NS;
    }
    lock(rules);
    uint64_t least = pause_s(&rules->usual);
    for (size_t i = 0; i < rules->count; i++) {
        uint64_t pause = pause_s(&rules->rules[i].retention);
        least = pause < least ? pause : least;
    }
    unlock(rules);
    return least * SECOND_NS;
}

int64_t retention_horizon(const struct retention *retention, int64_t now_us) {
    return retention->age_us < now_us ? now_us - retention->age_us : 0;
}

uint64_t retention_size(const struct entry_body *body) {
    return body->content.length + body->sender.length + body->meta.length + RETENTION_ENTRY_BYTES;
}
