/* Reading a room's log, the same from both engines. */
#include "store_fixture.h"

/* "3 4 5", and " more" when there is. */
static const char *describe(struct fixture *fixture, const struct page *page) {
    buffer_clear(&fixture->trace);
    for (size_t i = 0; i < page->count; i++) {
        buffer_append_format(&fixture->trace, "%s%llu", i > 0 ? " " : "",
                             (unsigned long long)page->entries[i]->seq);
    }
    buffer_append_string(&fixture->trace, page->more ? " more" : "");
    *buffer_reserve(&fixture->trace, 1) = '\0';
    return buffer_slice(&fixture->trace).data;
}

static void fill(struct fixture *fixture, const char *room, int count) {
    for (int i = 0; i < count; i++) {
        say(fixture, room, "ann", NULL, "hello");
    }
}

static void a_page_holds_what_its_query_asks_for(void **state) {
    static const struct {
        bool has_after;
        uint64_t after, before;
        unsigned limit;
        const char *expected;
    } cases[] = {
        {false, 0, 0, 3, "8 9 10 more"},
        {false, 0, 0, 10, "1 2 3 4 5 6 7 8 9 10"},
        {false, 0, 0, 128, "1 2 3 4 5 6 7 8 9 10"},
        {false, 0, 5, 2, "3 4 more"},
        {false, 0, 3, 2, "1 2"},
        {false, 0, 1, 2, ""},
        {false, 0, 100, 2, "9 10 more"},
        {false, 0, UINT64_MAX, 2, "9 10 more"},
        {true, 0, 0, 3, "1 2 3 more"},
        {true, 7, 0, 3, "8 9 10"},
        {true, 8, 0, 3, "9 10"},
        {true, 10, 0, 3, ""},
        {true, 11, 0, 3, ""},
        {true, UINT64_MAX, 0, 3, ""},
        {true, 2, 6, 128, "3 4 5"},
        {true, 2, 6, 2, "3 4 more"},
        {true, 2, 6, 3, "3 4 5"},
        {true, 5, 6, 3, ""},
        {true, 6, 3, 3, ""},
        {true, 0, 1, 3, ""},
        {true, 0, 0, 0, "1 more"},
    };
    struct fixture *fixture = *state;
    fill(fixture, "general", 10);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct page_query query = {
            .ticket = i + 1,
            .room_key = SLICE("general"),
            .has_after = cases[i].has_after,
            .after = cases[i].after,
            .before = cases[i].before,
            .limit = cases[i].limit,
        };
        const struct page *page = read_page(fixture, &query);
        assert_int_equal(page->ticket, i + 1);
        assert_int_equal(page->error, 0);
        assert_int_equal(page->head.first, 1);
        assert_int_equal(page->head.last, 10);
        assert_true(page->head.exists);
        assert_string_equal(describe(fixture, page), cases[i].expected);
    }
}

static void a_page_of_a_room_that_does_not_exist_says_so(void **state) {
    const struct page *page = read_last(*state, "nowhere");
    assert_int_equal(page->error, 0);
    assert_int_equal(page->count, 0);
    assert_false(page->more);
    assert_false(page->head.exists);
    assert_int_equal(page->head.first, 1);
    assert_int_equal(page->head.last, 0);
    assert_true(page->head.epoch.length > 0);
    assert_true(slice_equal(page->head.room_key, SLICE("nowhere")));
}

static void a_page_holds_at_most_its_limit_of_entries(void **state) {
    struct fixture *fixture = *state;
    fill(fixture, "general", LIMIT_PAGE_ENTRIES + 1);
    struct page_query query = {.room_key = SLICE("general"), .has_after = true, .limit = 100000};
    const struct page *page = read_page(fixture, &query);
    assert_int_equal(page->count, LIMIT_PAGE_ENTRIES);
    assert_true(page->more);
}

static void say_much(struct fixture *fixture, size_t size) {
    struct entry_body body = {.identity = identity_of("ann"), .sender = SLICE("ann")};
    char *content = memory_new(size);
    memset(content, 'x', size);
    content[size - 1] = 'y';
    body.content = slice_from(content, size);
    append_body(fixture, "general", &body);
    memory_free(content);
}

static void long_contents_come_back_whole(void **state) {
    struct fixture *fixture = *state;
    say_much(fixture, 65536);
    const struct page *page = read_last(fixture, "general");
    struct slice content = page->entries[0]->body.content;
    assert_int_equal(content.length, 65536);
    assert_int_equal(content.data[0], 'x');
    assert_int_equal(content.data[65535], 'y');
}

static void a_page_ends_at_its_bytes(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 8; i++) {
        say_much(fixture, 65536);
    }
    /* Three fit beside what an entry needs besides its content, the fourth does not. */
    struct page_query query = {.room_key = SLICE("general"), .has_after = true, .limit = 128};
    assert_string_equal(describe(fixture, read_page(fixture, &query)), "1 2 3 more");
    query.has_after = false;
    assert_string_equal(describe(fixture, read_page(fixture, &query)), "6 7 8 more");
    query.before = 6;
    assert_string_equal(describe(fixture, read_page(fixture, &query)), "3 4 5 more");
    query.before = 3;
    assert_string_equal(describe(fixture, read_page(fixture, &query)), "1 2");
}

static void a_page_holds_one_entry_however_large(void **state) {
    struct fixture *fixture = *state;
    say_much(fixture, LIMIT_PAGE_BYTES + 1000);
    say_much(fixture, 10);
    struct page_query query = {.room_key = SLICE("general"), .has_after = true, .limit = 128};
    assert_string_equal(describe(fixture, read_page(fixture, &query)), "1 more");
}

static void a_page_shows_nothing_that_was_not_reported_when_it_was_asked_for(void **state) {
    struct fixture *fixture = *state;
    follow(fixture, "general");
    fill(fixture, "general", 2);
    run(fixture);
    say(fixture, "general", "ann", "c", "not reported");
    fixture->store->engine->turn(fixture->store);
    struct page_query query = {.room_key = SLICE("general"), .limit = 128};
    fixture->store->engine->read(fixture->store, &query);
    query.has_after = true;
    query.after = 1;
    fixture->store->engine->read(fixture->store, &query);
    assert_string_equal(describe(fixture, next_page(fixture)), "1 2");
    assert_string_equal(describe(fixture, next_page(fixture)), "2");
    run(fixture);
    assert_int_equal(read_last(fixture, "general")->count, 3);
}

static void pages_walk_through_a_log_in_both_directions(void **state) {
    struct fixture *fixture = *state;
    fill(fixture, "general", 300);
    fill(fixture, "random", 3);
    struct page_query up = {.room_key = SLICE("general"), .has_after = true, .limit = 128};
    for (bool more = true; more;) {
        const struct page *page = read_page(fixture, &up);
        for (size_t i = 0; i < page->count; i++) {
            assert_int_equal(page->entries[i]->seq, ++up.after);
        }
        more = page->more;
    }
    assert_int_equal(up.after, 300);
    struct page_query down = {.room_key = SLICE("general"), .before = 301, .limit = 128};
    for (bool more = true; more;) {
        const struct page *page = read_page(fixture, &down);
        for (size_t i = page->count; i > 0; i--) {
            assert_int_equal(page->entries[i - 1]->seq, --down.before);
        }
        more = page->more;
    }
    assert_int_equal(down.before, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_CASE(a_page_holds_what_its_query_asks_for),
        STORE_CASE(a_page_of_a_room_that_does_not_exist_says_so),
        STORE_CASE(a_page_holds_at_most_its_limit_of_entries),
        STORE_CASE(long_contents_come_back_whole),
        STORE_CASE(a_page_ends_at_its_bytes),
        STORE_CASE(a_page_holds_one_entry_however_large),
        STORE_CASE(a_page_shows_nothing_that_was_not_reported_when_it_was_asked_for),
        STORE_CASE(pages_walk_through_a_log_in_both_directions),
    };
    return cmocka_run_group_tests_name("store pages", tests, NULL, NULL);
}
