/* Two engines as one store: `general` and `nowhere` are kept by sqlite, every other room in memory.
 */
#include "store/store_rooms.h"
#include "store_fixture.h"

static const struct slice durable_rooms[] = {SLICE("general"), SLICE("nowhere")};

static void open_both(struct fixture *fixture) {
    fixture->durable = false;
    fixture_open(fixture);
    struct store *memory = fixture->store;
    fixture->durable = true;
    fixture_open(fixture);
    fixture->store = store_rooms_new(&(struct store_rooms_options){
        .usual = memory, .other = fixture->store, .keys = durable_rooms, .count = 2});
}

static int start(void **state) {
    struct fixture *fixture = fixture_new(true);
    open_both(fixture);
    *state = fixture;
    return 0;
}

static void each_room_has_its_engine_and_its_numbers(void **state) {
    struct fixture *fixture = *state;
    follow(fixture, "random");
    say(fixture, "random", "ann", "a", "one");
    assert_string_equal(run(fixture), "followed random 1-0\nappended a = 1\n"
                                      "committed random 1 \"one\"\n");
    char epoch[64];
    memcpy(epoch, fixture->epoch, sizeof(epoch));
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    send_signal(fixture, "general", "bob", 0);
    say(fixture, "general", "ann", "b", "two");
    assert_string_equal(run(fixture), "followed general 1-0\nappended a = 1\n"
                                      "committed general 1 \"one\"\nsignalled bob\n"
                                      "appended b = 2\ncommitted general 2 \"two\"\n");
    assert_string_not_equal(fixture->epoch, epoch);
}

static void only_what_is_durable_is_there_again(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "random", "ann", "a", "one");
    say(fixture, "general", "ann", "a", "one");
    follow(fixture, "random");
    run(fixture);
    char epoch[64];
    memcpy(epoch, fixture->epoch, sizeof(epoch));
    fixture_close(fixture);
    fixture_wake(fixture);
    open_both(fixture);
    assert_int_equal(read_last(fixture, "general")->count, 1);
    assert_int_equal(read_last(fixture, "random")->count, 0);
    say(fixture, "random", "ann", "a", "one");
    assert_string_equal(run(fixture), "appended a = 1\n");
}

static const struct completion *next_list(struct fixture *fixture) {
    struct origin origin = {.session = 3, .connection = 4};
    const struct completion *completion;
    fixture->store->engine->list(fixture->store, origin, SLICE("l1"));
    fixture->store->engine->turn(fixture->store);
    while ((completion = next_completion(fixture))->kind != COMPLETION_EVENT ||
           completion->event.kind != EVENT_LISTED) {
    }
    return completion;
}

static void a_list_has_the_rooms_of_both_by_key(void **state) {
    static const char *const names[] = {"alpha", "general", "zebra"};
    struct fixture *fixture = *state;
    say(fixture, "zebra", "ann", NULL, "x");
    say(fixture, "general", "ann", NULL, "x");
    say(fixture, "alpha", "ann", NULL, "x");
    run(fixture);
    for (int i = 0; i < 2; i++) {
        const struct event *event = &next_list(fixture)->event;
        assert_int_equal(event->listed.origin.connection, 4);
        assert_true(slice_equal(event->listed.cid, SLICE("l1")));
        assert_int_equal(event->listed.count, 3);
        for (size_t j = 0; j < 3; j++) {
            assert_true(slice_equal(event->listed.heads[j].room_key, slice_of_string(names[j])));
        }
    }
}

static void a_room_that_moved_to_memory_is_listed_once(void **state) {
    struct fixture *fixture = *state;
    struct store_rooms_options options = {.keys = durable_rooms + 1, .count = 1};
    say(fixture, "general", "ann", NULL, "x");
    say(fixture, "general", "ann", NULL, "x");
    run(fixture);
    fixture_close(fixture);
    fixture_open(fixture);
    options.other = fixture->store;
    fixture->durable = false;
    fixture_open(fixture);
    options.usual = fixture->store;
    fixture->store = store_rooms_new(&options);
    say(fixture, "general", "ann", NULL, "x");
    run(fixture);
    const struct event *event = &next_list(fixture)->event;
    assert_int_equal(event->listed.count, 1);
    assert_int_equal(event->listed.heads[0].last, 1);
}

static void erasing_reaches_the_engine_of_the_room(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "random", "ann", "a", "one");
    say(fixture, "general", "ann", "a", "one");
    run(fixture);
    erase_room(fixture, "random");
    erase_room(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    assert_string_equal(run(fixture), "appended a = 1\n");
    assert_int_equal(read_last(fixture, "random")->head.last, 0);
}

/* The index of the sqlite engine follows its log a little later. */
static void a_search_finds_what_is_in_both(void **state) {
    struct fixture *fixture = *state;
    struct search_query query = {
        .ticket = 7, .text = SLICE("needle"), .public_rooms = true, .limit = 10};
    bool random = false, general = false;
    say(fixture, "random", "ann", NULL, "a needle");
    say(fixture, "general", "ann", NULL, "the needle");
    say(fixture, "general", "ann", NULL, "hay");
    run(fixture);
    for (int i = 0; i < 1000 && !(random && general); i++) {
        const struct completion *completion;
        fixture->store->engine->search(fixture->store, &query);
        fixture->store->engine->turn(fixture->store);
        while ((completion = next_completion(fixture))->kind != COMPLETION_FINDINGS) {
        }
        assert_int_equal(completion->findings.ticket, 7);
        assert_int_equal(completion->findings.error, 0);
        assert_true(completion->findings.count <= 2);
        random = general = false;
        for (size_t j = 0; j < completion->findings.count; j++) {
            random = random || slice_equal(completion->findings.rooms[j], SLICE("random"));
            general = general || slice_equal(completion->findings.rooms[j], SLICE("general"));
        }
    }
    assert_true(random && general);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, start, stop_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(each_room_has_its_engine_and_its_numbers),
        CASE(only_what_is_durable_is_there_again),
        CASE(a_list_has_the_rooms_of_both_by_key),
        CASE(a_room_that_moved_to_memory_is_listed_once),
        CASE(erasing_reaches_the_engine_of_the_room),
        CASE(a_search_finds_what_is_in_both),
    };
    return cmocka_run_group_tests_name("store rooms", tests, NULL, NULL);
}
