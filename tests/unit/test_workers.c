/* What workers promise: each item once, by the thread it belongs to while all keep up, and nothing
 * of it after workers_run has returned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/rng.h"
#include "io/workers.h"

#define ITEMS_MOST 3000
#define THREADS_MOST 4

struct load {
    unsigned counts[ITEMS_MOST]; /* how often an item was performed: not atomic, so that what is
                                    wrong with the hand-over shows under a sanitizer */
    unsigned worker[ITEMS_MOST];
    uint64_t weight; /* so that threads get through at different times */
};

static uint64_t belongs_to_itself(const void *context, size_t item) {
    (void)context;
    return item;
}

static uint64_t all_belong_together(const void *context, size_t item) {
    (void)context, (void)item;
    return 1;
}

static void count(void *context, unsigned worker, size_t item) {
    struct load *load = context;

    load->counts[item]++;
    load->worker[item] = worker;
    if (load->weight > 0 && item % load->weight == 0)
        sched_yield();
}

static void run_once(struct workers *workers, struct load *load, size_t items,
                     uint64_t (*belonging)(const void *, size_t)) {
    const struct work work = {
        .count = items, .belonging = belonging, .perform = count, .context = load};

    memset(load->counts, 0, sizeof(load->counts));
    workers_run(workers, &work);
    for (size_t item = 0; item < ITEMS_MOST; item++)
        assert_int_equal(load->counts[item], item < items);
    for (size_t item = 0; item < items; item++)
        assert_in_range(load->worker[item], 0, workers_count(workers));
}

static void each_item_is_performed_once(void **state) {
    struct load *load = memory_new_struct(struct load);
    struct rng dice;
    (void)state;

    rng_seed(&dice, 1);
    for (unsigned threads = 0; threads <= THREADS_MOST; threads++) {
        struct workers *workers = NULL;
        assert_int_equal(workers_new(threads, &workers), 0);
        assert_int_equal(workers_count(workers), threads);
        for (int round = 0; round < 400; round++) {
            load->weight = rng_below(&dice, 20);
            run_once(workers, load, rng_below(&dice, ITEMS_MOST + 1),
                     round % 4 == 0 ? all_belong_together : belongs_to_itself);
        }
        workers_free(workers);
    }
    memory_free(load);
}

/* One run right behind the other is where a thread that was held up meets the next list. */
static void runs_may_follow_each_other_at_once(void **state) {
    struct load *load = memory_new_struct(struct load);
    struct workers *workers = NULL;
    uint64_t expected = 0;
    (void)state;

    assert_int_equal(workers_new(3, &workers), 0);
    for (int round = 0; round < 5000; round++) {
        const struct work work = {.count = WORKERS_LEAST,
                                  .belonging = belongs_to_itself,
                                  .perform = count,
                                  .context = load};
        workers_run(workers, &work);
        expected++;
        for (size_t item = 0; item < WORKERS_LEAST; item++)
            assert_int_equal(load->counts[item], expected);
    }
    struct workers_share share = workers_share(workers);
    assert_int_equal(share.own + share.others, expected * WORKERS_LEAST);
    workers_free(workers);
    memory_free(load);
}

static void few_items_are_performed_by_the_caller(void **state) {
    struct load *load = memory_new_struct(struct load);
    struct workers *workers = NULL;
    (void)state;

    assert_int_equal(workers_new(2, &workers), 0);
    for (size_t items = 0; items < WORKERS_LEAST; items++) {
        run_once(workers, load, items, belongs_to_itself);
        for (size_t item = 0; item < items; item++)
            assert_int_equal(load->worker[item], 0);
    }
    assert_int_equal(workers_share(workers).others, 0);
    workers_free(workers);
    memory_free(load);
}

/* Nobody gets through before all have begun. */
struct meeting {
    pthread_barrier_t barrier;
    _Atomic bool met[THREADS_MOST + 1];
    unsigned worker[THREADS_MOST * WORKERS_LEAST];
    char names[THREADS_MOST + 1][16];
};

static void meet(void *context, unsigned worker, size_t item) {
    struct meeting *meeting = context;

    meeting->worker[item] = worker;
    if (!atomic_exchange(&meeting->met[worker], true)) {
        prctl(PR_GET_NAME, meeting->names[worker]);
        pthread_barrier_wait(&meeting->barrier);
    }
}

static void everybody_takes_part_under_a_name(void **state) {
    struct meeting *meeting = memory_new_struct(struct meeting);
    struct workers *workers = NULL;
    const struct work work = {.count = THREADS_MOST * WORKERS_LEAST,
                              .belonging = belongs_to_itself,
                              .perform = meet,
                              .context = meeting};
    (void)state;

    pthread_barrier_init(&meeting->barrier, NULL, THREADS_MOST + 1);
    assert_int_equal(workers_new(THREADS_MOST, &workers), 0);
    workers_run(workers, &work);
    for (unsigned worker = 1; worker <= THREADS_MOST; worker++) {
        char name[16];
        snprintf(name, sizeof(name), "io-%u", worker);
        assert_string_equal(meeting->names[worker], name);
    }
    /* While nobody is through with their own, each does their own: the first of them at least. */
    for (size_t item = 0; item <= THREADS_MOST; item++)
        assert_int_equal(meeting->worker[item], item);
    workers_free(workers);
    pthread_barrier_destroy(&meeting->barrier);
    memory_free(meeting);
}

/* A thread that does not get on is not waited for, but for what it has taken. */
struct hold_up {
    sem_t done;
    _Atomic size_t performed;
    size_t count;
    _Atomic unsigned held; /* who waits; 0: nobody yet */
};

static void hold_up(void *context, unsigned worker, size_t item) {
    struct hold_up *hold = context;
    unsigned nobody = 0;
    (void)item;

    if (worker > 0 && atomic_compare_exchange_strong(&hold->held, &nobody, worker))
        sem_wait(&hold->done);
    if (atomic_fetch_add(&hold->performed, 1) + 1 + 8 == hold->count)
        sem_post(&hold->done);
}

static void others_do_what_a_thread_leaves(void **state) {
    struct hold_up hold = {.count = 512};
    struct workers *workers = NULL;
    const struct work work = {.count = hold.count,
                              .belonging = all_belong_together,
                              .perform = hold_up,
                              .context = &hold};
    (void)state;

    sem_init(&hold.done, 0, 0);
    assert_int_equal(workers_new(1, &workers), 0);
    /* It is held up in the middle of the few it took, or never got any. */
    workers_run(workers, &work);
    assert_int_equal(hold.performed, hold.count);
    workers_free(workers);
    sem_destroy(&hold.done);
}

static void threads_that_never_worked_end(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        struct workers *workers = NULL;
        assert_int_equal(workers_new(THREADS_MOST, &workers), 0);
        workers_free(workers);
    }
    workers_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_is_performed_once),
        cmocka_unit_test(runs_may_follow_each_other_at_once),
        cmocka_unit_test(few_items_are_performed_by_the_caller),
        cmocka_unit_test(everybody_takes_part_under_a_name),
        cmocka_unit_test(others_do_what_a_thread_leaves),
        cmocka_unit_test(threads_that_never_worked_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
