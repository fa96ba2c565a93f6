#include "sim/schedule.h"

#include "base/memory.h"

#define CAPACITY_FIRST 256

void schedule_close(struct schedule *schedule) {
    memory_free(schedule->items);
    *schedule = (struct schedule){0};
}

static bool before(const struct appointment *a, const struct appointment *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->lot < b->lot;
}

static void swap(struct appointment *a, struct appointment *b) {
    struct appointment kept = *a;
    *a = *b;
    *b = kept;
}

void schedule_add(struct schedule *schedule, struct rng *rng, int64_t time_us, enum happening what,
                  uint64_t subject) {
    if (schedule->count == schedule->capacity) {
        schedule->capacity = schedule->capacity ? schedule->capacity * 2 : CAPACITY_FIRST;
        schedule->items =
            memory_resize(schedule->items, schedule->capacity * sizeof schedule->items[0]);
    }
    struct appointment *items = schedule->items;
    size_t at = schedule->count++;
    items[at] = (struct appointment){time_us, rng_next(rng), subject, what};
    while (at > 0 && before(&items[at], &items[(at - 1) / 2])) {
        swap(&items[at], &items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

bool schedule_take(struct schedule *schedule, struct appointment *appointment) {
    struct appointment *items = schedule->items;
    if (schedule->count == 0) {
        return false;
    }
    *appointment = items[0];
    items[0] = items[--schedule->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < schedule->count && before(&items[child], &items[least])) {
                least = child;
            }
        }
        if (least == at) {
            return true;
        }
        swap(&items[at], &items[least]);
        at = least;
    }
}
