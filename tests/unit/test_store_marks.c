/* Read marks: what every store keeps of them. */
#include "store_fixture.h"

static void mark_with(struct fixture *fixture, const char *who, const char *room, uint64_t seq,
                      const char *names) {
    struct read_mark told = {
        .identity = identity_of(who),
        .room_key = slice_of_string(room),
        .seq = seq,
        .updated_us = fixture->now_us,
        .names = slice_of_string(names),
    };
    fixture->store->engine->mark(fixture->store, &told);
}

static void mark(struct fixture *fixture, const char *who, const char *room, uint64_t seq) {
    mark_with(fixture, who, room, seq, "");
}

static int compare(const void *a, const void *b) {
    return slice_compare(((const struct read_mark *)a)->room_key,
                         ((const struct read_mark *)b)->room_key);
}

/* "general=3 @a,b=1(ann,bob)" of what somebody has read, by room. */
static const char *recall(struct fixture *fixture, const char *who) {
    struct identity identity = identity_of(who);
    struct read_mark sorted[8];
    struct completion *completion;
    fixture->store->engine->recall(fixture->store, &identity);
    fixture->store->engine->turn(fixture->store);
    buffer_clear(&fixture->trace);
    while ((completion = next_completion(fixture))->event.kind != EVENT_RECALLED) {
        trace_event(fixture, &completion->event);
    }
    const struct event *event = &completion->event;
    size_t count = event->recalled.count;
    assert_true(identity_equal(&event->recalled.identity, &identity));
    assert_true(count <= 8);
    if (count > 0) {
        memcpy(sorted, event->recalled.marks, count * sizeof(sorted[0]));
        qsort(sorted, count, sizeof(sorted[0]), compare);
    }
    buffer_clear(&fixture->trace);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&fixture->trace, "%s%.*s=%llu", i > 0 ? " " : "",
                             SLICE_ARGS(sorted[i].room_key), (unsigned long long)sorted[i].seq);
        if (sorted[i].names.length > 0) {
            buffer_append_format(&fixture->trace, "(%.*s)", SLICE_ARGS(sorted[i].names));
        }
    }
    *buffer_reserve(&fixture->trace, 1) = '\0';
    return buffer_slice(&fixture->trace).data;
}

static void marks_are_kept_for_each_identity_and_room(void **state) {
    say(*state, "general", "ann", NULL, "one");
    say(*state, "random", "ann", NULL, "one");
    mark(*state, "ann", "general", 3);
    mark(*state, "ann", "random", 1);
    mark(*state, "bob", "general", 2);
    assert_string_equal(recall(*state, "ann"), "general=3 random=1");
    assert_string_equal(recall(*state, "bob"), "general=2");
    assert_string_equal(recall(*state, "eve"), "");
}

static void a_mark_never_goes_back(void **state) {
    say(*state, "general", "ann", NULL, "one");
    mark(*state, "ann", "general", 3);
    mark(*state, "ann", "general", 2);
    assert_string_equal(recall(*state, "ann"), "general=3");
    mark(*state, "ann", "general", 9);
    assert_string_equal(recall(*state, "ann"), "general=9");
}

static void a_conversations_mark_keeps_its_names(void **state) {
    say(*state, "@a,b", "ann", NULL, "one");
    mark_with(*state, "ann", "@a,b", 3, "ann,bob");
    mark(*state, "ann", "@a,b", 4);
    assert_string_equal(recall(*state, "ann"), "@a,b=4(ann,bob)");
    mark_with(*state, "ann", "@a,b", 1, "ann,rob");
    assert_string_equal(recall(*state, "ann"), "@a,b=4(ann,rob)");
}

static void marks_survive_a_restart(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "general", "ann", NULL, "one");
    mark(fixture, "ann", "general", 1);
    run(fixture);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_string_equal(recall(fixture, "ann"), "general=1");
}

static void an_erased_room_takes_its_marks_along(void **state) {
    say(*state, "@a,b", "ann", NULL, "one");
    mark(*state, "ann", "@a,b", 1);
    erase_room(*state, "@a,b");
    say(*state, "@a,b", "ann", NULL, "one");
    assert_string_equal(recall(*state, "ann"), "");
}

static void old_marks_are_forgotten(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "general", "ann", NULL, "one");
    mark(fixture, "ann", "general", 1);
    assert_string_equal(recall(fixture, "ann"), "general=1");
    fixture->now_us += INT64_C(91) * 86400 * 1000000;
    mark(fixture, "bob", "general", 1);
    assert_string_equal(recall(fixture, "ann"), "");
    assert_string_equal(recall(fixture, "bob"), "general=1");
}

static void many_marks_push_out_the_oldest_in_memory(void **state) {
    char who[IDENTITY_SIZE + 1];
    mark(*state, "ann", "general", 1);
    for (int i = 0; i < LIMIT_MEMORY_MARKS - 1; i++) {
        snprintf(who, sizeof(who), "r%d", i);
        mark(*state, who, "general", 1);
    }
    assert_string_equal(recall(*state, "ann"), "general=1");
    mark(*state, "zoe", "general", 1);
    assert_string_equal(recall(*state, "ann"), "");
    assert_string_equal(recall(*state, "r0"), "general=1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_CASE(marks_are_kept_for_each_identity_and_room),
        STORE_CASE(a_mark_never_goes_back),
        cmocka_unit_test_setup_teardown(a_conversations_mark_keeps_its_names, start_memory,
                                        stop_store),
        cmocka_unit_test_setup_teardown(a_conversations_mark_keeps_its_names, start_redis,
                                        stop_store),
        cmocka_unit_test_setup_teardown(marks_survive_a_restart, start_sqlite, stop_store),
        cmocka_unit_test_setup_teardown(marks_survive_a_restart, start_redis, stop_store),
        cmocka_unit_test_setup_teardown(an_erased_room_takes_its_marks_along, start_sqlite,
                                        stop_store),
        cmocka_unit_test_setup_teardown(an_erased_room_takes_its_marks_along, start_redis,
                                        stop_store),
        cmocka_unit_test_setup_teardown(old_marks_are_forgotten, start_sqlite, stop_store),
        cmocka_unit_test_setup_teardown(many_marks_push_out_the_oldest_in_memory, start_memory,
                                        stop_store),
    };
    return cmocka_run_group_tests_name("store_marks", tests, NULL, NULL);
}
