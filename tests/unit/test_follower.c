/* Whichever way entries come, and however often: they leave ascending, without holes, each once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/rng.h"
#include "store/follower.h"

static struct buffer trace;

static void take(struct follower *follower, uint64_t seq) {
    struct entry_body body = {.content = SLICE("x")};
    struct entry *entry = entry_new(&body, seq, 0, "");
    follower_take(follower, entry);
    entry_unref(entry);
}

static void take_range(struct follower *follower, uint64_t first, uint64_t last) {
    for (uint64_t seq = first; seq <= last; seq++) {
        take(follower, seq);
    }
}

/* The numbers of those whose turn it is, "3 4 5". */
static const char *ready(struct follower *follower) {
    struct entry **entries;
    size_t count = follower_ready(follower, &entries);
    buffer_clear(&trace);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&trace, i == 0 ? "%u" : " %u", (unsigned)entries[i]->seq);
        entry_unref(entries[i]);
    }
    if (count > 0) {
        memory_free(entries);
    }
    *buffer_reserve(&trace, 1) = '\0';
    return buffer_slice(&trace).data;
}

static void assert_wants(struct follower *follower, uint64_t expected) {
    uint64_t after = UINT64_MAX;
    assert_true(follower_wants(follower, &after));
    assert_int_equal(after, expected);
}

static void assert_wants_nothing(struct follower *follower) {
    uint64_t after;
    assert_false(follower_wants(follower, &after));
}

static int start(void **state) {
    *state = follower_new(10);
    return 0;
}

static int stop(void **state) {
    follower_free(*state);
    buffer_close(&trace);
    return 0;
}

static void what_comes_in_its_turn_is_passed_on(void **state) {
    take(*state, 11);
    assert_string_equal(ready(*state), "11");
    take_range(*state, 12, 14);
    assert_string_equal(ready(*state), "12 13 14");
    assert_string_equal(ready(*state), "");
    assert_int_equal(follower_last(*state), 14);
    assert_wants_nothing(*state);
}

static void what_was_passed_on_or_waits_is_not_taken_again(void **state) {
    take(*state, 10);
    take(*state, 3);
    take(*state, 11);
    take(*state, 11);
    assert_string_equal(ready(*state), "11");
    take(*state, 11);
    take(*state, 13);
    take(*state, 13);
    take(*state, 12);
    assert_string_equal(ready(*state), "12 13");
}

static void what_comes_before_its_turn_waits_for_what_is_missing(void **state) {
    take(*state, 13);
    assert_string_equal(ready(*state), "");
    assert_wants(*state, 10);
    take(*state, 12);
    assert_string_equal(ready(*state), "");
    take(*state, 11);
    assert_string_equal(ready(*state), "11 12 13");
}

static void what_is_missing_is_asked_for_once(void **state) {
    take(*state, 13);
    assert_wants(*state, 10);
    take(*state, 15);
    assert_wants_nothing(*state);
    take_range(*state, 11, 12);
    follower_filled(*state, 10, 12);
    assert_string_equal(ready(*state), "11 12 13");
    assert_wants(*state, 13);
}

static void what_did_not_come_is_asked_for_again(void **state) {
    take(*state, 13);
    assert_wants(*state, 10);
    follower_retry(*state);
    assert_wants(*state, 10);
}

static void a_log_that_is_known_to_go_further_is_read(void **state) {
    follower_expect(*state, 12);
    assert_wants(*state, 10);
    take_range(*state, 11, 12);
    follower_filled(*state, 10, 12);
    assert_string_equal(ready(*state), "11 12");
    follower_expect(*state, 12);
    follower_expect(*state, 5);
    assert_wants_nothing(*state);
}

static void what_was_let_go_of_is_not_waited_for(void **state) {
    take(*state, 20);
    assert_wants(*state, 10);
    take(*state, 15);
    take(*state, 17);
    follower_filled(*state, 10, 19);
    assert_string_equal(ready(*state), "15 17 20");
    assert_wants_nothing(*state);
}

static void a_log_that_has_let_go_of_everything_is_followed_on(void **state) {
    follower_expect(*state, 20);
    assert_wants(*state, 10);
    follower_filled(*state, 10, 20);
    assert_string_equal(ready(*state), "");
    assert_int_equal(follower_last(*state), 20);
    assert_wants_nothing(*state);
    take(*state, 21);
    assert_string_equal(ready(*state), "21");
}

static void a_page_of_another_place_settles_nothing(void **state) {
    take(*state, 20);
    assert_wants(*state, 10);
    follower_filled(*state, 15, 19);
    assert_string_equal(ready(*state), "");
    assert_wants(*state, 10);
}

static void a_hole_larger_than_a_page_is_read_page_by_page(void **state) {
    take(*state, 500);
    assert_wants(*state, 10);
    take_range(*state, 11, 138);
    follower_filled(*state, 10, 138);
    ready(*state);
    assert_wants(*state, 138);
}

static void what_finds_no_place_is_read_again(void **state) {
    const uint64_t first = 12, last = first + FOLLOWER_WAITING + 9;
    take_range(*state, first, last);
    assert_wants(*state, 10);
    take(*state, 11);
    follower_filled(*state, 10, last); /* what came meanwhile and found no place is not settled */
    ready(*state);
    assert_int_equal(follower_last(*state), first + FOLLOWER_WAITING - 2);
    assert_wants(*state, first + FOLLOWER_WAITING - 2);
}

/* Publications of a log of 2,000 entries, a third lost, some twice, neighbours in any order; pages
 * that are lost, too. */
static void whatever_is_lost_everything_comes_once(void **state) {
    (void)state;
    const uint64_t length = 2000;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct follower *follower = follower_new(0);
        struct rng rng;
        rng_seed(&rng, seed);
        uint64_t passed = 0;
        for (uint64_t log = 0, turns = 0; passed < length; turns++) {
            assert_true(turns < 100000);
            log += log < length;
            for (uint64_t i = rng_below(&rng, 3); i > 0; i--) {
                take(follower, log - rng_below(&rng, log < 5 ? log : 5));
            }
            if (log == length) {
                follower_expect(follower, log);
            }
            uint64_t after;
            if (rng_below(&rng, 4) == 0 && follower_wants(follower, &after)) {
                uint64_t end = after + 1 + rng_below(&rng, LIMIT_PAGE_ENTRIES);
                end = end < log ? end : log;
                if (rng_below(&rng, 3) == 0) {
                    follower_retry(follower);
                } else {
                    take_range(follower, after + 1, end);
                    follower_filled(follower, after, end);
                }
            }
            struct entry **entries;
            size_t count = follower_ready(follower, &entries);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(entries[i]->seq, ++passed);
                entry_unref(entries[i]);
            }
            if (count > 0) {
                memory_free(entries);
            }
            assert_int_equal(follower_last(follower), passed);
        }
        follower_free(follower);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(what_comes_in_its_turn_is_passed_on),
        CASE(what_was_passed_on_or_waits_is_not_taken_again),
        CASE(what_comes_before_its_turn_waits_for_what_is_missing),
        CASE(what_is_missing_is_asked_for_once),
        CASE(what_did_not_come_is_asked_for_again),
        CASE(a_log_that_is_known_to_go_further_is_read),
        CASE(what_was_let_go_of_is_not_waited_for),
        CASE(a_log_that_has_let_go_of_everything_is_followed_on),
        CASE(a_page_of_another_place_settles_nothing),
        CASE(a_hole_larger_than_a_page_is_read_page_by_page),
        CASE(what_finds_no_place_is_read_again),
        CASE(whatever_is_lost_everything_comes_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
