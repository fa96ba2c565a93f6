/* What waits is an array, ascending by number. Numbers up to `settled` are settled: what of them
 * has not come will not come. */
#include "store/follower.h"

#include <string.h>

#include "base/memory.h"

#define CAPACITY_FIRST 8

struct follower {
    uint64_t last;     /* passed on */
    uint64_t settled;  /* at least `last` */
    uint64_t expected; /* the log is known to go this far */
    uint64_t dropped;  /* the lowest that came and found no place since a page was asked for */
    bool asked;
    struct entry **waiting;
    size_t count, capacity;
};

struct follower *follower_new(uint64_t last) {
    struct follower *follower = memory_new_struct(struct follower);
    follower->last = follower->settled = follower->expected = last;
    follower->dropped = UINT64_MAX;
    return follower;
}

void follower_free(struct follower *follower) {
    if (follower == NULL) {
        return;
    }
    for (size_t i = 0; i < follower->count; i++) {
        entry_unref(follower->waiting[i]);
    }
    memory_free(follower->waiting);
    memory_free(follower);
}

/* The place of the first that waits with this number or a later one; most come at the end. */
static size_t find_place(const struct follower *follower, uint64_t seq) {
    size_t place = follower->count;
    while (place > 0 && follower->waiting[place - 1]->seq >= seq) {
        place--;
    }
    return place;
}

static void drop_last(struct follower *follower) {
    struct entry *entry = follower->waiting[--follower->count];
    follower->dropped = entry->seq < follower->dropped ? entry->seq : follower->dropped;
    follower->settled = entry->seq <= follower->settled ? entry->seq - 1 : follower->settled;
    entry_unref(entry);
}

static void grow(struct follower *follower) {
    if (follower->count == follower->capacity) {
        follower->capacity = follower->capacity == 0 ? CAPACITY_FIRST : follower->capacity * 2;
        follower->waiting =
            memory_resize(follower->waiting, follower->capacity * sizeof(struct entry *));
    }
}

void follower_take(struct follower *follower, struct entry *entry) {
    size_t place = find_place(follower, entry->seq);
    if (entry->seq <= follower->last ||
        (place < follower->count && follower->waiting[place]->seq == entry->seq)) {
        return;
    }
    follower_expect(follower, entry->seq);
    grow(follower);
    memmove(follower->waiting + place + 1, follower->waiting + place,
            (follower->count - place) * sizeof(struct entry *));
    follower->waiting[place] = entry_ref(entry);
    if (++follower->count > FOLLOWER_WAITING) {
        drop_last(follower);
    }
}

void follower_expect(struct follower *follower, uint64_t last) {
    follower->expected = last > follower->expected ? last : follower->expected;
}

/* How far all that is settled, or waits without a hole before it, goes; `*place`: the first that
 * waits behind a hole. */
static uint64_t reach_of(const struct follower *follower, size_t *place) {
    uint64_t reach = follower->settled;
    size_t i = 0;
    while (i < follower->count && follower->waiting[i]->seq <= reach + 1) {
        reach = follower->waiting[i]->seq > reach ? follower->waiting[i]->seq : reach;
        i++;
    }
    *place = i;
    return reach;
}

void follower_filled(struct follower *follower, uint64_t after, uint64_t end) {
    size_t place;
    uint64_t reach = reach_of(follower, &place);
    follower->asked = false;
    if (end >= follower->dropped) {
        end = follower->dropped - 1;
    }
    if (after <= reach && end > follower->settled) {
        follower->settled = end;
    }
}

size_t follower_ready(struct follower *follower, struct entry ***entries) {
    size_t count;
    uint64_t reach = reach_of(follower, &count);
    follower->last = follower->settled = reach;
    if (count == 0) {
        return 0;
    }
    *entries = memory_new(count * sizeof(struct entry *));
    memcpy(*entries, follower->waiting, count * sizeof(struct entry *));
    follower->count -= count;
    memmove(follower->waiting, follower->waiting + count, follower->count * sizeof(struct entry *));
    if (follower->count == 0) { /* most of the time, in most rooms, nothing waits */
        memory_free(follower->waiting);
        follower->waiting = NULL;
        follower->capacity = 0;
    }
    return count;
}

bool follower_wants(struct follower *follower, uint64_t *after) {
    size_t place;
    uint64_t reach = reach_of(follower, &place);
    if (follower->asked || reach >= follower->expected) {
        return false;
    }
    *after = reach;
    follower->asked = true;
    follower->dropped = UINT64_MAX;
    return true;
}

void follower_retry(struct follower *follower) {
    follower->asked = false;
}

uint64_t follower_last(const struct follower *follower) {
    return follower->last;
}
