/* Retention, in every engine: what goes, what stays, and what is remembered of what went. The clock
 * is the tests' own; the engines but memory look at it on threads of theirs. */
#include <sqlite3.h>
#include <stdatomic.h>

#include "store_fixture.h"

#define HOUR_US (INT64_C(3600) * 1000000)
#define AGE_US                                                                                     \
    5000000 /* short, for it is looked for ten times as often, but not more often than once a      \
               second */

static _Atomic int64_t clock_us;

static int64_t tell_clock(void) {
    return atomic_load(&clock_us);
}

static const struct retention everything = {RETENTION_AGE_ALL, RETENTION_ALL, RETENTION_ALL};

/* The rules of the test under way. */
static struct retention_rule own_rules[1];
static struct retention_rules rules;

static void set_rules(struct fixture *fixture, struct retention usual) {
    fixture_close(fixture);
    rules = (struct retention_rules){.usual = usual, .rules = own_rules, .now_us = tell_clock};
    fixture->retention = &rules;
    fixture_open(fixture);
}

static int start(void **state, bool durable) {
    *state = fixture_new(durable);
    atomic_store(&clock_us, START_US);
    return 0;
}

static int prepare_memory(void **state) {
    return start(state, false);
}

static int prepare_sqlite(void **state) {
    return start(state, true);
}

static int prepare_redis(void **state) {
    *state = fixture_new_redis();
    atomic_store(&clock_us, START_US);
    return 0;
}

static struct retention keep_count(uint64_t count) {
    struct retention retention = everything;
    retention.count = count;
    return retention;
}

static struct retention keep_bytes(uint64_t bytes) {
    struct retention retention = everything;
    retention.bytes = bytes;
    return retention;
}

static struct retention keep_age(int64_t age_us) {
    struct retention retention = everything;
    retention.age_us = age_us;
    return retention;
}

static void say_some(struct fixture *fixture, const char *room, int count) {
    for (int i = 0; i < count; i++) {
        say(fixture, room, "ann", NULL, "x");
        run(fixture);
    }
}

/* The first and last number of a room, as a page tells them. */
static void expect_range(struct fixture *fixture, const char *room, uint64_t first, uint64_t last) {
    const struct page *page = read_last(fixture, room);
    assert_int_equal(page->head.first, first);
    assert_int_equal(page->head.last, last);
    assert_int_equal(page->count, last + 1 - first);
    for (size_t i = 0; i < page->count; i++) {
        assert_int_equal(page->entries[i]->seq, first + i);
    }
}

/* Asks again until a room begins there: the sqlite engine lets go of things by and by. */
static void wait_for_first(struct fixture *fixture, const char *room, uint64_t first) {
    for (int i = 0; i < 1000 && read_last(fixture, room)->head.first != first; i++) {
        poll(NULL, 0, 10);
    }
    assert_int_equal(read_last(fixture, room)->head.first, first);
}

static void the_count_is_kept_and_the_numbers_go_on(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_count(3));
    say_some(fixture, "general", 5);
    expect_range(fixture, "general", 3, 5);
    say_some(fixture, "general", 1);
    expect_range(fixture, "general", 4, 6);
    say_some(fixture, "random", 2);
    expect_range(fixture, "random", 1, 2);
}

/* Rules that may be replaced; the store must be gone before they are. */
static struct retention_guard guard = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void rules_that_were_replaced_hold_for_rooms_that_are_there(void **state) {
    struct fixture *fixture = *state;
    fixture_close(fixture);
    rules = (struct retention_rules){
        .usual = everything, .rules = own_rules, .now_us = tell_clock, .guard = &guard};
    fixture->retention = &rules;
    fixture_open(fixture);
    say_some(fixture, "general", 5);
    say_some(fixture, "random", 5);
    own_rules[0] = (struct retention_rule){SLICE("random"), keep_count(2)};
    retention_replace(&rules, everything, own_rules, 1);
    wait_for_first(fixture, "random", 4);
    expect_range(fixture, "general", 1, 5);
    retention_replace(&rules, keep_count(3), own_rules, 0);
    wait_for_first(fixture, "general", 3);
    expect_range(fixture, "random", 4, 5);
    retention_replace(&rules, keep_age(HOUR_US), own_rules, 0);
    atomic_fetch_add(&clock_us, 2 * HOUR_US);
    wait_for_first(fixture, "random", 6);
    retention_replace(&rules, everything, own_rules, 0);
    say_some(fixture, "random", 4);
    expect_range(fixture, "random", 6, 9);
}

static void followers_are_told_where_the_log_begins(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_count(1));
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    assert_string_equal(run(fixture), "followed general 1-0\nappended a = 1\n"
                                      "committed general 1 \"one\"\n");
    say(fixture, "general", "ann", "b", "two");
    assert_string_equal(run(fixture), "appended b = 2\ncommitted general 2 \"two\"\n");
    assert_string_equal(run(fixture), "trimmed general 2\n");
    unfollow(fixture, "general");
    say(fixture, "general", "ann", "c", "three");
    assert_string_equal(run(fixture), "appended c = 3\n");
    follow(fixture, "general");
    assert_string_equal(run(fixture), "followed general 3-3\n");
}

static void a_batch_over_the_count_ends_within_it(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_count(5));
    for (int i = 0; i < 200; i++) {
        say(fixture, "general", "ann", NULL, "x");
    }
    run(fixture);
    wait_for_first(fixture, "general", 196);
    expect_range(fixture, "general", 196, 200);
}

/* Each counts for its 26 letters and 3 of the sender, and for 64 besides. */
static void bytes_are_kept(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_bytes(3 * (26 + 3 + RETENTION_ENTRY_BYTES)));
    for (int i = 0; i < 5; i++) {
        say(fixture, "general", "ann", NULL, "abcdefghijklmnopqrstuvwxyz");
        run(fixture);
    }
    expect_range(fixture, "general", 3, 5);
    say(fixture, "general", "ann", NULL, "abcdefghijklmnopqrstuvwxyz and one byte more");
    run(fixture);
    expect_range(fixture, "general", 5, 6);
}

static void an_entry_larger_than_all_bytes_goes_with_the_next(void **state) {
    struct fixture *fixture = *state;
    char *large = memory_new(10000);
    memset(large, 'x', 9999);
    set_rules(fixture, keep_bytes(1000));
    say(fixture, "general", "ann", NULL, large);
    run(fixture);
    wait_for_first(fixture, "general", 2);
    expect_range(fixture, "general", 2, 1);
    say(fixture, "general", "ann", NULL, "small");
    run(fixture);
    expect_range(fixture, "general", 2, 2);
    memory_free(large);
}

static void numbers_and_times_go_on_when_nothing_is_left(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_age(AGE_US));
    follow(fixture, "general");
    say_some(fixture, "general", 3);
    int64_t timestamp_us = fixture->outcome.timestamp_us;
    atomic_store(&clock_us, START_US + 2 * AGE_US);
    wait_for_first(fixture, "general", 4);
    expect_range(fixture, "general", 4, 3);
    unfollow(fixture, "general");
    fixture->now_us = START_US - AGE_US; /* a clock that was set back */
    if (fixture->durable) {
        fixture_close(fixture);
        fixture_open(fixture);
    }
    atomic_store(&clock_us, START_US);
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "on");
    assert_string_equal(run(fixture), "followed general 4-3\nappended a = 4\n"
                                      "committed general 4 \"on\"\n");
    assert_int_equal(fixture->outcome.timestamp_us, timestamp_us);
}

static void age_lets_go_of_the_old_alone(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_age(AGE_US));
    say_some(fixture, "general", 2);
    fixture->now_us = START_US + AGE_US;
    say_some(fixture, "general", 2);
    atomic_store(&clock_us, START_US + AGE_US + AGE_US / 2);
    wait_for_first(fixture, "general", 3);
    expect_range(fixture, "general", 3, 4);
}

static void a_cid_is_known_a_day_longer_than_its_entry(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_count(1));
    say(fixture, "general", "ann", "a", "one");
    run(fixture);
    char id[ENTRY_ID_LENGTH + 1];
    memcpy(id, fixture->outcome.id, sizeof(id));
    say_some(fixture, "general", 3);
    expect_range(fixture, "general", 4, 4);
    say(fixture, "general", "ann", "a", "one");
    say(fixture, "general", "ann", "a", "another");
    say(fixture, "general", "bob", "a", "one");
    assert_string_equal(run(fixture), "appended a duplicate of 1\nappended a cid_reused\n"
                                      "appended a = 5\n");
    say(fixture, "general", "ann", "a", "one");
    assert_string_equal(run(fixture), "appended a duplicate of 1\n");
    assert_string_equal(fixture->outcome.id, id);
}

static void an_entry_that_went_cannot_be_edited(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_count(2));
    say_some(fixture, "general", 3);
    act(fixture, "general", "ann", "a", ENTRY_EDIT, 1, "gone");
    act(fixture, "general", "ann", "b", ENTRY_EDIT, 2, "there");
    assert_string_equal(run(fixture), "appended a not_found\nappended b = 4\n");
}

static void a_room_may_differ(void **state) {
    struct fixture *fixture = *state;
    own_rules[0] = (struct retention_rule){SLICE("special"), keep_count(2)};
    set_rules(fixture, keep_count(4));
    fixture_close(fixture);
    rules.count = 1;
    fixture_open(fixture);
    say_some(fixture, "general", 6);
    say_some(fixture, "special", 6);
    expect_range(fixture, "general", 3, 6);
    expect_range(fixture, "special", 5, 6);
}

/* What is set for the rooms of people neither makes the one of /readyz grow nor eats the server's
 * other logs. */
static void rooms_of_the_server_have_bounds_of_their_own(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_count(2));
    say_some(fixture, "$ready", 40);
    say_some(fixture, "$rules", 6);
    expect_range(fixture, "$ready", 25, 40);
    expect_range(fixture, "$rules", 1, 6);
}

/* The rest is about what was stored under other rules. */

static void bounds_that_were_lowered_hold_after_a_restart(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, everything);
    for (int i = 0; i < 1000; i++) {
        say(fixture, "general", "ann", NULL, "x");
        say(fixture, "random", "ann", NULL, "x");
    }
    run(fixture);
    set_rules(fixture, keep_count(10));
    wait_for_first(fixture, "general", 991);
    wait_for_first(fixture, "random", 991);
    set_rules(fixture, keep_bytes(5 * (1 + 3 + RETENTION_ENTRY_BYTES)));
    wait_for_first(fixture, "general", 996);
    wait_for_first(fixture, "random", 996);
    expect_range(fixture, "general", 996, 1000);
}

static int query_int(const struct fixture *fixture, const char *sql) {
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *statement;
    snprintf(path, sizeof(path), "%s/banter.db", fixture->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, PATIENCE_MS);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static void cids_are_forgotten_after_a_day(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_count(1));
    for (int i = 0; i < 20; i++) {
        char cid[8];
        snprintf(cid, sizeof(cid), "c%d", i);
        say(fixture, "general", "ann", cid, "x");
        run(fixture);
    }
    assert_int_equal(query_int(fixture, "SELECT count(*) FROM cids"), 19);
    fixture_close(fixture);
    atomic_store(&clock_us, START_US + 25 * HOUR_US);
    fixture_open(fixture);
    for (int i = 0; i < 1000 && query_int(fixture, "SELECT count(*) FROM cids") > 0; i++) {
        poll(NULL, 0, 10);
    }
    say(fixture, "general", "ann", "c1", "x");
    say(fixture, "general", "ann", "c19", "x");
    assert_string_equal(run(fixture), "appended c1 = 21\nappended c19 duplicate of 20\n");
}

static void an_erased_room_leaves_no_cids(void **state) {
    struct fixture *fixture = *state;
    set_rules(fixture, keep_count(1));
    say(fixture, "@a,b", "ann", "a", "one");
    run(fixture);
    say(fixture, "@a,b", "ann", "b", "two");
    run(fixture);
    assert_int_equal(query_int(fixture, "SELECT count(*) FROM cids"), 1);
    erase_room(fixture, "@a,b");
    run(fixture);
    assert_int_equal(query_int(fixture, "SELECT count(*) FROM cids"), 0);
    say(fixture, "@a,b", "ann", "a", "one");
    assert_string_equal(run(fixture), "appended a = 1\n");
}

#define RETENTION_CASE(function)                                                                   \
    {"memory: " #function, function, prepare_memory, stop_store, NULL},                            \
        {"sqlite: " #function, function, prepare_sqlite, stop_store, NULL}, {                      \
        "redis: " #function, function, prepare_redis, stop_store, NULL                             \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        RETENTION_CASE(the_count_is_kept_and_the_numbers_go_on),
        RETENTION_CASE(followers_are_told_where_the_log_begins),
        RETENTION_CASE(a_batch_over_the_count_ends_within_it),
        RETENTION_CASE(bytes_are_kept),
        RETENTION_CASE(an_entry_larger_than_all_bytes_goes_with_the_next),
        RETENTION_CASE(numbers_and_times_go_on_when_nothing_is_left),
        RETENTION_CASE(age_lets_go_of_the_old_alone),
        RETENTION_CASE(a_cid_is_known_a_day_longer_than_its_entry),
        RETENTION_CASE(an_entry_that_went_cannot_be_edited),
        RETENTION_CASE(a_room_may_differ),
        RETENTION_CASE(rules_that_were_replaced_hold_for_rooms_that_are_there),
        RETENTION_CASE(rooms_of_the_server_have_bounds_of_their_own),
        cmocka_unit_test_setup_teardown(bounds_that_were_lowered_hold_after_a_restart,
                                        prepare_sqlite, stop_store),
        cmocka_unit_test_setup_teardown(bounds_that_were_lowered_hold_after_a_restart,
                                        prepare_redis, stop_store),
        cmocka_unit_test_setup_teardown(cids_are_forgotten_after_a_day, prepare_sqlite, stop_store),
        cmocka_unit_test_setup_teardown(an_erased_room_leaves_no_cids, prepare_sqlite, stop_store),
    };
    return cmocka_run_group_tests_name("store retention", tests, NULL, NULL);
}
