/* How the work gets to the threads, and how the caller knows that it is done.
 *
 * Each of them has a *lane*: a list of items, and one atomic word that says how many of them there
 * are and how many were taken. Whoever wants some, the lane's owner or a helper, moves the second
 * number on by a compare-and-swap, and what it has moved over is theirs. Count and place are one
 * word, because a thread that was held up may come back when the lane holds the next list: its
 * swap fails then, or takes items of that list in good order. So nobody has to be waited for but
 * for items that were taken, and these are counted: `left` falls to zero with the last.
 *
 * A lane is filled while it is empty to all who look at it; the store that makes its new word
 * public makes the items public too, and the sum in `left` makes public what became of them.
 *
 * Sleep is a semaphore each. `sleeps` is set before the last look at the lanes, and the caller
 * looks at it after filling them, both in one order that all agree on: so either sees the other. */
#include "io/workers.h"

#include <assert.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/thread.h"

/* Items taken at once, at most: enough that taking them costs nothing. Of few that are left they
 * are fewer, so that the last do not keep everybody waiting. */
#define TAKE 8
/* With less work than this for each, fewer share in it. */
#define LEAST_SHARE 32
/* How often the caller looks whether the others are through before it sleeps: they are about to
 * be. It is some microseconds. */
#define LOOKS 200
/* What is written by different threads stays in different cache lines, and the pairs in which
 * processors fetch them. */
#define APART 128

struct lane {
    _Alignas(APART) _Atomic uint64_t place; /* items << 32 | items that were taken */
    uint32_t *items;
    uint32_t dealt; /* of the caller alone */
    size_t capacity;
};

struct worker {
    _Alignas(APART) struct workers *crew;
    unsigned number;
    pthread_t thread;
    sem_t wake;
    _Atomic bool sleeps;
    uint64_t performed; /* while it holds items; else read by the caller */
};

struct workers {
    const struct work *work;
    struct lane *lanes;  /* of each worker, the caller's first */
    struct worker *crew; /* the same */
    unsigned count;      /* of threads */
    unsigned started;
    _Atomic bool stopped;
    _Alignas(APART) _Atomic size_t left; /* items that are not done yet */
};

static bool lane_is_empty(uint64_t place) {
    return (uint32_t)place >= place >> 32;
}

/* Takes some of the lane's items; returns how many, from `first` on. */
static size_t take(struct lane *lane, size_t *first) {
    uint64_t place = atomic_load_explicit(&lane->place, memory_order_relaxed);
    uint64_t count;

    do {
        if (lane_is_empty(place))
            return 0;
        count = ((place >> 32) - (uint32_t)place + 3) / 4;
        count = count < TAKE ? count : TAKE;
    } while (!atomic_compare_exchange_weak_explicit(&lane->place, &place, place + count,
                                                    memory_order_acquire, memory_order_relaxed));
    *first = (uint32_t)place;
    return count;
}

/* All that can be had, of the own lane first. The last item of all wakes the caller up. */
static void perform_all(struct workers *workers, struct worker *self) {
    for (unsigned i = 0; i <= workers->count; i++) {
        struct lane *lane = &workers->lanes[(self->number + i) % (workers->count + 1)];
        size_t first, count;
        while ((count = take(lane, &first)) > 0) {
            const struct work *work = workers->work;
            for (size_t item = first; item < first + count; item++)
                work->perform(work->context, self->number, lane->items[item]);
            self->performed += count;
            if (atomic_fetch_sub(&workers->left, count) == count &&
                atomic_exchange(&workers->crew[0].sleeps, false))
                sem_post(&workers->crew[0].wake);
        }
    }
}

static void sleep_until_woken(struct worker *self) {
    while (sem_wait(&self->wake) != 0)
        ; /* interrupted */
}

static void wake_up(struct worker *worker) {
    if (atomic_exchange(&worker->sleeps, false))
        sem_post(&worker->wake);
}

static void *run(void *context) {
    struct worker *self = context;
    struct workers *workers = self->crew;

    while (!atomic_load(&workers->stopped)) {
        atomic_store(&self->sleeps, true);
        perform_all(workers, self);
        sleep_until_woken(self);
    }
    return NULL;
}

static void init_worker(struct workers *workers, unsigned number) {
    struct worker *worker = &workers->crew[number];

    worker->crew = workers;
    worker->number = number;
    sem_init(&worker->wake, 0, 0);
}

int workers_new(unsigned count, struct workers **workers) {
    struct workers *made = memory_new_aligned(APART, sizeof(*made));
    int error = 0;

    made->lanes = memory_new_aligned(APART, (count + 1) * sizeof(*made->lanes));
    made->crew = memory_new_aligned(APART, (count + 1) * sizeof(*made->crew));
    for (unsigned number = 0; number <= count; number++)
        init_worker(made, number);
    made->count = count;
    for (unsigned number = 1; number <= count && !error; number++) {
        char name[16];
        snprintf(name, sizeof(name), "io-%u", number);
        error = thread_start(&made->crew[number].thread, name, run, &made->crew[number]);
        made->started += !error;
    }
    if (error) {
        workers_free(made);
        return error;
    }
    *workers = made;
    return 0;
}

void workers_free(struct workers *workers) {
    if (!workers)
        return;
    atomic_store(&workers->stopped, true);
    for (unsigned number = 1; number <= workers->started; number++) {
        sem_post(&workers->crew[number].wake);
        pthread_join(workers->crew[number].thread, NULL);
    }
    for (unsigned number = 0; number <= workers->count; number++) {
        memory_free(workers->lanes[number].items);
        sem_destroy(&workers->crew[number].wake);
    }
    memory_free(workers->lanes);
    memory_free(workers->crew);
    memory_free(workers);
}

unsigned workers_count(const struct workers *workers) {
    return workers->count;
}

struct workers_share workers_share(const struct workers *workers) {
    struct workers_share share = {.own = workers->crew[0].performed};

    for (unsigned number = 1; number <= workers->count; number++)
        share.others += workers->crew[number].performed;
    return share;
}

/* Nobody looks at the items of a lane that is empty. */
static void add_item(struct lane *lane, uint32_t count, uint32_t item) {
    if (count == lane->capacity) {
        lane->capacity = lane->capacity > 0 ? lane->capacity * 2 : LEAST_SHARE;
        lane->items = memory_resize(lane->items, lane->capacity * sizeof(*lane->items));
    }
    lane->items[count] = item;
}

/* Deals the items out to the first `sharers` of the lanes, and shows them. */
static void deal(struct workers *workers, const struct work *work, unsigned sharers) {
    workers->work = work;
    for (unsigned number = 0; number < sharers; number++)
        workers->lanes[number].dealt = 0;
    for (size_t item = 0; item < work->count; item++) {
        struct lane *lane = &workers->lanes[work->belonging(work->context, item) % sharers];
        add_item(lane, lane->dealt++, (uint32_t)item);
    }
    atomic_store(&workers->left, work->count);
    for (unsigned number = 0; number < sharers; number++) {
        struct lane *lane = &workers->lanes[number];
        atomic_store(&lane->place, (uint64_t)lane->dealt << 32);
    }
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Until the others have done what they took. */
static void await(struct workers *workers) {
    struct worker *self = &workers->crew[0];

    for (int i = 0; i < LOOKS; i++) {
        if (atomic_load(&workers->left) == 0)
            return;
        relax();
    }
    while (atomic_load(&workers->left) > 0) {
        atomic_store(&self->sleeps, true);
        /* Whoever takes `sleeps` back has posted, or is about to: because of this work, or, held up
         * since, of some that was done long ago. */
        if (atomic_load(&workers->left) > 0 || !atomic_exchange(&self->sleeps, false))
            sleep_until_woken(self);
    }
}

static void perform_alone(struct workers *workers, const struct work *work) {
    for (size_t item = 0; item < work->count; item++)
        work->perform(work->context, 0, item);
    workers->crew[0].performed += work->count;
}

void workers_run(struct workers *workers, const struct work *work) {
    size_t sharers = work->count / LEAST_SHARE;

    assert(work->count <= UINT32_MAX);
    if (work->count < WORKERS_LEAST) {
        perform_alone(workers, work);
        return;
    }
    sharers = sharers < workers->count + 1 ? sharers : workers->count + 1;
    deal(workers, work, (unsigned)sharers);
    for (unsigned number = 1; number < sharers; number++)
        wake_up(&workers->crew[number]);
    perform_all(workers, &workers->crew[0]);
    await(workers);
}
