/* What only the memory engine does: the same again for the same seed, faults on command, and
 * letting go of what is too much. */
#include "store_fixture.h"

static struct fixture *start(uint64_t seed, unsigned keep) {
    struct fixture *fixture = fixture_new(false);
    struct store_memory_options options = {
        .seed = seed, .keep = keep, .wake = fixture_wake, .wake_context = fixture};
    fixture->store = store_memory_new(&options);
    return fixture;
}

static void the_same_seed_gives_the_same_ids_and_epoch(void **state) {
    (void)state;
    char id[3][ENTRY_ID_LENGTH + 1], epoch[3][64];
    for (int i = 0; i < 3; i++) {
        struct fixture *fixture = start(i < 2 ? 5 : 6, 10);
        follow(fixture, "general");
        say(fixture, "general", "ann", NULL, "hello");
        run(fixture);
        memcpy(id[i], fixture->outcome.id, sizeof(id[i]));
        memcpy(epoch[i], fixture->epoch, sizeof(epoch[i]));
        fixture_free(fixture);
    }
    assert_string_equal(id[0], id[1]);
    assert_string_equal(epoch[0], epoch[1]);
    assert_string_not_equal(id[0], id[2]);
    assert_string_not_equal(epoch[0], epoch[2]);
}

/* The trace of what can be collected now. */
static const char *collect_all(struct fixture *fixture) {
    struct completion *completion;
    buffer_clear(&fixture->trace);
    while ((completion = fixture->store->engine->collect(fixture->store)) != NULL) {
        if (completion->kind == COMPLETION_EVENT) {
            trace_event(fixture, &completion->event);
        } else {
            buffer_append_format(&fixture->trace, "page %zu\n", completion->page.count);
        }
    }
    *buffer_reserve(&fixture->trace, 1) = '\0';
    return buffer_slice(&fixture->trace).data;
}

static void a_held_queue_goes_on_as_far_as_it_is_released(void **state) {
    struct fixture *fixture = *state;
    store_memory_hold(fixture->store);
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    send_signal(fixture, "general", "bob", 0);
    assert_string_equal(collect_all(fixture), "");
    store_memory_release(fixture->store, 2);
    assert_string_equal(collect_all(fixture), "followed general 1-0\nappended a = 1\n"
                                              "committed general 1 \"one\"\n");
    store_memory_release(fixture->store, 2);
    assert_string_equal(collect_all(fixture), "signalled bob\n");
    say(fixture, "general", "ann", "b", "two");
    say(fixture, "general", "ann", "c", "three");
    assert_string_equal(collect_all(fixture), "appended b = 2\ncommitted general 2 \"two\"\n");
    store_memory_release_all(fixture->store);
    assert_string_equal(collect_all(fixture), "appended c = 3\ncommitted general 3 \"three\"\n");
}

static void reads_overtake_a_held_queue_and_are_held_apart(void **state) {
    struct fixture *fixture = *state;
    struct page_query query = {.room_key = SLICE("general"), .limit = 10};
    say(fixture, "general", "ann", "a", "one");
    collect_all(fixture);
    store_memory_hold(fixture->store);
    say(fixture, "general", "ann", "b", "two");
    fixture->store->engine->read(fixture->store, &query);
    assert_string_equal(collect_all(fixture), "page 1\n");
    store_memory_hold_reads(fixture->store);
    fixture->store->engine->read(fixture->store, &query);
    store_memory_release_all(fixture->store);
    assert_string_equal(collect_all(fixture), "appended b = 2\n");
    store_memory_release_reads(fixture->store, 1);
    assert_string_equal(collect_all(fixture), "page 2\n");
    store_memory_release_all_reads(fixture->store);
    fixture->store->engine->read(fixture->store, &query);
    assert_string_equal(collect_all(fixture), "page 2\n");
}

static void failed_commits_leave_no_hole(void **state) {
    struct fixture *fixture = *state;
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    run(fixture);
    store_memory_fail(fixture->store, 2);
    say(fixture, "general", "ann", "b", "two");
    say(fixture, "general", "ann", "c", "three");
    say(fixture, "general", "ann", "b", "two");
    assert_string_equal(run(fixture), "appended b unavailable\nappended c unavailable\n"
                                      "appended b = 2\ncommitted general 2 \"two\"\n");
    store_memory_set_full(fixture->store, true);
    say(fixture, "general", "ann", "d", "four");
    assert_string_equal(run(fixture), "appended d unavailable\n");
    store_memory_set_full(fixture->store, false);
    say(fixture, "general", "ann", "d", "four");
    assert_string_equal(run(fixture), "appended d = 3\ncommitted general 3 \"four\"\n");
}

static void a_crash_keeps_what_was_committed_and_nothing_else(void **state) {
    struct fixture *fixture = *state;
    char epoch[64];
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    run(fixture);
    memcpy(epoch, fixture->epoch, sizeof(epoch));
    say(fixture, "general", "ann", "b", "two");
    say(fixture, "general", "ann", "c", "three");
    send_signal(fixture, "general", "ann", 1);
    store_memory_crash(fixture->store, 1, false);
    assert_string_equal(run(fixture), "");
    /* Nobody follows now; what was committed without a word is a duplicate. */
    say(fixture, "general", "ann", "b", "two");
    say(fixture, "general", "ann", "c", "three");
    follow(fixture, "general");
    assert_string_equal(run(fixture), "appended b duplicate of 2\nappended c = 3\n"
                                      "followed general 1-3\n");
    assert_string_equal(fixture->epoch, epoch);
    store_memory_crash(fixture->store, 0, true);
    follow(fixture, "general");
    assert_string_equal(run(fixture), "followed general 1-3\n");
    assert_string_not_equal(fixture->epoch, epoch);
}

static void an_erased_room_comes_back_in_another_epoch(void **state) {
    struct fixture *fixture = *state;
    char epoch[64];
    say(fixture, "general", "ann", "a", "one");
    follow(fixture, "general");
    run(fixture);
    memcpy(epoch, fixture->epoch, sizeof(epoch));
    erase_room(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    follow(fixture, "general");
    assert_string_equal(run(fixture), "appended a = 1\nfollowed general 1-1\n");
    assert_string_not_equal(fixture->epoch, epoch);
}

static void old_entries_fall_off_and_the_first_moves_up(void **state) {
    (void)state;
    struct fixture *fixture = start(1, 3);
    for (int i = 0; i < 5; i++) {
        say(fixture, "general", "ann", NULL, "x");
    }
    const struct page *page = read_last(fixture, "general");
    assert_int_equal(page->count, 3);
    assert_int_equal(page->entries[0]->seq, 3);
    assert_int_equal(page->head.first, 3);
    assert_int_equal(page->head.last, 5);
    struct page_query query = {
        .room_key = SLICE("general"), .has_after = true, .after = 0, .limit = 2};
    page = read_page(fixture, &query);
    assert_int_equal(page->count, 2);
    assert_int_equal(page->entries[0]->seq, 3);
    assert_true(page->more);
    act(fixture, "general", "ann", "a", ENTRY_EDIT, 2, "fell off");
    act(fixture, "general", "ann", "b", ENTRY_EDIT, 3, "is there");
    assert_string_equal(run(fixture), "appended a not_found\nappended b = 6\n");
    fixture_free(fixture);
}

static void without_keeping_entries_are_numbered_and_shown(void **state) {
    (void)state;
    struct fixture *fixture = start(1, 0);
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    say(fixture, "general", "ann", "a", "one");
    say(fixture, "general", "ann", "b", "two");
    assert_string_equal(run(fixture), "followed general 1-0\nappended a = 1\n"
                                      "appended a duplicate of 1\nappended b = 2\n"
                                      "committed general 1 \"one\"\ncommitted general 2 \"two\"\n");
    assert_string_equal(run(fixture), "trimmed general 3\n");
    const struct page *page = read_last(fixture, "general");
    assert_int_equal(page->count, 0);
    assert_int_equal(page->head.first, 3);
    assert_int_equal(page->head.last, 2);
    fixture_free(fixture);
}

static void say_numbered(struct fixture *fixture, const char *room, int number) {
    char cid[32];
    snprintf(cid, sizeof(cid), "c%d", number);
    say(fixture, room, "ann", cid, "x");
}

static void a_cid_outlives_its_entry_but_not_for_ever(void **state) {
    (void)state;
    struct fixture *fixture = start(1, 10);
    for (int i = 1; i <= LIMIT_MEMORY_ROOM_ENTRIES + 1; i++) {
        say_numbered(fixture, "general", i);
    }
    run(fixture);
    say_numbered(fixture, "general", 2);
    assert_string_equal(run(fixture), "appended c2 duplicate of 2\n");
    say_numbered(fixture, "general", 1);
    assert_string_equal(run(fixture), "appended c1 = 10002\n");
    fixture_free(fixture);
}

static void rooms_silent_longest_let_go_when_memory_is_full(void **state) {
    (void)state;
    struct fixture *fixture = start(1, LIMIT_MEMORY_ROOM_ENTRIES);
    struct entry_body body = {.identity = identity_of("ann"), .sender = SLICE("ann")};
    char room[16];
    char *content = memory_new(65536);
    body.content = slice_from(content, 65536);
    /* A room is bounded by itself, and nine full ones are more than all may hold together. */
    for (int i = 0; i < 9; i++) {
        snprintf(room, sizeof(room), "room%d", i);
        for (int j = 0; j < 1100; j++) {
            append_body(fixture, room, &body);
        }
        run(fixture);
    }
    follow(fixture, "room0");
    assert_string_equal(run(fixture), "followed room0 1101-1100\n");
    struct entry *entry = entry_new(&body, 1, START_US, "");
    const struct page *page = read_last(fixture, "room8");
    assert_int_equal(page->head.last, 1100);
    assert_int_equal(page->head.last + 1 - page->head.first,
                     LIMIT_MEMORY_ROOM_BYTES / entry_size(entry));
    entry_unref(entry);
    say(fixture, "room0", "ann", "a", "x");
    assert_string_equal(run(fixture), "appended a = 1101\ncommitted room0 1101 \"x\"\n");
    memory_free(content);
    fixture_free(fixture);
}

static void rooms_nobody_follows_are_forgotten_when_there_are_too_many(void **state) {
    (void)state;
    struct fixture *fixture = start(1, 1);
    char room[16], epoch[64];
    follow(fixture, "followed");
    say(fixture, "followed", "ann", NULL, "x");
    say(fixture, "oldest", "ann", NULL, "x");
    run(fixture);
    memcpy(epoch, fixture->epoch, sizeof(epoch));
    for (int i = 0; i < LIMIT_MEMORY_ROOMS; i++) {
        snprintf(room, sizeof(room), "room%d", i);
        say(fixture, room, "ann", NULL, "x");
    }
    run(fixture);
    follow(fixture, "followed");
    assert_string_equal(run(fixture), "followed followed 1-1\n");
    assert_string_equal(fixture->epoch, epoch);
    follow(fixture, "oldest");
    assert_string_equal(run(fixture), "followed oldest 1-0\n");
    assert_string_not_equal(fixture->epoch, epoch);
    fixture_free(fixture);
}

#define CASE(function)                                                                             \
    { #function, function, start_memory, stop_store, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_ids_and_epoch),
        CASE(a_held_queue_goes_on_as_far_as_it_is_released),
        CASE(reads_overtake_a_held_queue_and_are_held_apart),
        CASE(failed_commits_leave_no_hole),
        CASE(a_crash_keeps_what_was_committed_and_nothing_else),
        CASE(an_erased_room_comes_back_in_another_epoch),
        cmocka_unit_test(old_entries_fall_off_and_the_first_moves_up),
        cmocka_unit_test(without_keeping_entries_are_numbered_and_shown),
        cmocka_unit_test(a_cid_outlives_its_entry_but_not_for_ever),
        cmocka_unit_test(rooms_silent_longest_let_go_when_memory_is_full),
        cmocka_unit_test(rooms_nobody_follows_are_forgotten_when_there_are_too_many),
    };
    return cmocka_run_group_tests_name("store memory", tests, NULL, NULL);
}
