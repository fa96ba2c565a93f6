/* What every store must do: each case runs against every engine: memory, sqlite, and redis (with a
 * server of its own). */
#include "store_fixture.h"

static void entries_are_numbered_from_one_in_each_room(void **state) {
    say(*state, "general", "ann", "a", "one");
    say(*state, "random", "ann", "b", "one");
    say(*state, "general", "bob", "c", "two");
    assert_string_equal(run(*state), "appended a = 1\nappended b = 1\nappended c = 2\n");
    say(*state, "general", "ann", "d", "three");
    assert_string_equal(run(*state), "appended d = 3\n");
}

static void timestamps_of_a_room_never_go_back(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "general", "ann", NULL, "now");
    fixture->now_us -= 5000000;
    say(fixture, "general", "ann", NULL, "before");
    say(fixture, "random", "ann", NULL, "before");
    run(fixture);
    assert_int_equal(fixture->outcome.timestamp_us, START_US - 5000000 + 2);
    const struct page *page = read_last(fixture, "general");
    assert_int_equal(page->entries[0]->timestamp_us, START_US);
    assert_int_equal(page->entries[1]->timestamp_us, START_US);
    fixture->now_us = START_US + 7;
    say(fixture, "general", "ann", NULL, "later");
    run(fixture);
    assert_int_equal(fixture->outcome.timestamp_us, START_US + 7);
}

static void ids_ascend_in_all_rooms_together(void **state) {
    struct fixture *fixture = *state;
    char former[ENTRY_ID_LENGTH + 1] = "";
    for (int i = 0; i < 100; i++) {
        fixture->now_us += 300;
        say(fixture, i % 2 == 0 ? "general" : "random", "ann", NULL, "hello");
        run(fixture);
        assert_int_equal(strlen(fixture->outcome.id), ENTRY_ID_LENGTH);
        assert_true(strcmp(former, fixture->outcome.id) < 0);
        memcpy(former, fixture->outcome.id, sizeof(former));
    }
}

static void the_same_cid_and_body_is_stored_once(void **state) {
    struct fixture *fixture = *state;
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "hello");
    say(fixture, "general", "ann", "a", "hello");
    say(fixture, "general", "ann", "b", "world");
    assert_string_equal(run(fixture),
                        "followed general 1-0\n"
                        "appended a = 1\nappended a duplicate of 1\nappended b = 2\n"
                        "committed general 1 \"hello\"\ncommitted general 2 \"world\"\n");
    struct outcome first = fixture->outcome;
    say(fixture, "general", "ann", "b", "world");
    assert_string_equal(run(fixture), "appended b duplicate of 2\n");
    assert_int_equal(fixture->outcome.timestamp_us, first.timestamp_us);
    assert_string_equal(fixture->outcome.id, first.id);
}

static void the_same_cid_with_another_body_is_refused(void **state) {
    say(*state, "general", "ann", "a", "hello");
    say(*state, "general", "ann", "a", "hello!");
    act(*state, "general", "ann", "a", ENTRY_TOPIC, 0, "hello");
    act(*state, "general", "ann", "a", ENTRY_EDIT, 1, "hello");
    say(*state, "general", "ann", "b", "world");
    assert_string_equal(run(*state), "appended a = 1\nappended a cid_reused\n"
                                     "appended a cid_reused\nappended a cid_reused\n"
                                     "appended b = 2\n");
}

static void what_may_only_be_said_again_is_not_said_anew(void **state) {
    struct fixture *fixture = *state;
    follow(fixture, "general");
    say(fixture, "general", "ann", "c1", "hello");
    run(fixture);
    struct outcome first = fixture->outcome;
    say_if_known(fixture, "general", "ann", "c1", "hello");
    assert_string_equal(run(fixture), "appended c1 duplicate of 1\n");
    assert_string_equal(fixture->outcome.id, first.id);
    assert_true(fixture->outcome.timestamp_us == first.timestamp_us);
    say_if_known(fixture, "general", "ann", "c1", "other");
    say_if_known(fixture, "general", "ann", "c2", "hello");
    say_if_known(fixture, "general", "bob", "c1", "hello");
    say_if_known(fixture, "elsewhere", "ann", "c1", "hello");
    say(fixture, "general", "ann", "c2", "hello");
    assert_string_equal(run(fixture), "appended c1 cid_reused\n"
                                      "appended c2 rate_limited\n"
                                      "appended c1 rate_limited\n"
                                      "appended c1 rate_limited\n"
                                      "appended c2 = 2\n"
                                      "committed general 2 \"hello\"\n");
    assert_false(read_last(fixture, "elsewhere")->head.exists);
}

static void a_cid_belongs_to_one_identity_in_one_room(void **state) {
    say(*state, "general", "ann", "a", "hello");
    say(*state, "general", "bob", "a", "hello");
    say(*state, "random", "ann", "a", "hello");
    say(*state, "general", "ann", NULL, "hello");
    say(*state, "general", "ann", NULL, "hello");
    assert_string_equal(run(*state), "appended a = 1\nappended a = 2\nappended a = 1\n"
                                     "appended  = 3\nappended  = 4\n");
}

static void completions_come_in_the_order_of_the_queue(void **state) {
    follow(*state, "general");
    say(*state, "general", "ann", "a", "one");
    send_signal(*state, "general", "ann left", 0);
    say(*state, "general", "bob", "b", "two");
    say(*state, "general", "bob", "c", "three");
    follow(*state, "random");
    say(*state, "random", "bob", "d", "four");
    send_signal(*state, "random", "bob left", 0);
    assert_string_equal(run(*state), "followed general 1-0\n"
                                     "appended a = 1\n"
                                     "committed general 1 \"one\"\n"
                                     "signalled ann left\n"
                                     "appended b = 2\n"
                                     "appended c = 3\n"
                                     "committed general 2 \"two\"\n"
                                     "committed general 3 \"three\"\n"
                                     "followed random 1-0\n"
                                     "appended d = 1\n"
                                     "committed random 1 \"four\"\n"
                                     "signalled bob left\n");
}

static void what_nobody_follows_is_not_reported(void **state) {
    say(*state, "general", "ann", "a", "one");
    send_signal(*state, "general", "ann", 0);
    send_signal(*state, "general", "bob", 7);
    assert_string_equal(run(*state), "appended a = 1\nsignalled bob\n");
    follow(*state, "general");
    say(*state, "general", "ann", "b", "two");
    unfollow(*state, "general");
    say(*state, "general", "ann", "c", "three");
    send_signal(*state, "general", "ann", 0);
    assert_string_equal(run(*state), "followed general 1-1\nappended b = 2\n"
                                     "committed general 2 \"two\"\nappended c = 3\n");
    follow(*state, "general");
    assert_string_equal(run(*state), "followed general 1-3\n");
}

static void following_again_reports_the_head_again(void **state) {
    follow(*state, "general");
    say(*state, "general", "ann", "a", "one");
    follow(*state, "general");
    say(*state, "general", "ann", "b", "two");
    assert_string_equal(run(*state), "followed general 1-0\nappended a = 1\n"
                                     "committed general 1 \"one\"\nfollowed general 1-1\n"
                                     "appended b = 2\ncommitted general 2 \"two\"\n");
}

static void a_long_run_is_reported_completely(void **state) {
    struct fixture *fixture = *state;
    follow(fixture, "general");
    run(fixture);
    for (int i = 1; i <= 1000; i++) {
        say(fixture, "general", "ann", NULL, "x");
    }
    fixture->store->engine->turn(fixture->store);
    for (uint64_t appended = 0, committed = 0; committed < 1000;) {
        const struct event *event = &next_completion(fixture)->event;
        if (event->kind == EVENT_APPENDED) {
            draft_free(event->appended.draft);
            assert_int_equal(event->appended.outcome.seq, ++appended);
            continue;
        }
        for (size_t i = 0; i < event->committed.count; i++) {
            assert_int_equal(event->committed.entries[i]->seq, ++committed);
            assert_true(committed <= appended);
        }
    }
}

static void a_room_keeps_the_name_it_was_first_written_with(void **state) {
    struct fixture *fixture = *state;
    fixture->store->engine->follow(fixture->store, SLICE("general"), SLICE("GeneRal"));
    say(fixture, "GENERAL", "ann", NULL, "one");
    run(fixture);
    assert_string_equal(fixture->name, "GeneRal");
    unfollow(fixture, "general");
    say(fixture, "RanDom", "ann", NULL, "one");
    say(fixture, "random", "ann", NULL, "two");
    follow(fixture, "random");
    run(fixture);
    assert_string_equal(fixture->name, "RanDom");
    follow(fixture, "general");
    run(fixture);
    assert_string_equal(fixture->name, "GeneRal");
}

static void a_refused_entry_leaves_no_hole(void **state) {
    follow(*state, "general");
    act(*state, "general", "ann", "a", ENTRY_REACTION, 1, "+");
    say(*state, "general", "ann", "b", "one");
    act(*state, "general", "bob", "c", ENTRY_EDIT, 1, "mine");
    say(*state, "general", "ann", "d", "two");
    assert_string_equal(run(*state), "followed general 1-0\n"
                                     "appended a not_found\nappended b = 1\n"
                                     "appended c forbidden\nappended d = 2\n"
                                     "committed general 1 \"one\"\ncommitted general 2 \"two\"\n");
}

static void a_refused_entry_makes_no_room(void **state) {
    act(*state, "general", "ann", "a", ENTRY_DELETE, 1, NULL);
    follow(*state, "general");
    assert_string_equal(run(*state), "appended a not_found\nfollowed general 1-0\n");
}

static void only_the_author_edits_and_deletes(void **state) {
    say(*state, "general", "ann", "m", "hello");
    act(*state, "general", "bob", "a", ENTRY_EDIT, 1, "bye");
    act(*state, "general", "bob", "b", ENTRY_DELETE, 1, NULL);
    act(*state, "general", "bob", "c", ENTRY_REACTION, 1, "+");
    act(*state, "general", "ann", "d", ENTRY_EDIT, 1, "hello!");
    act(*state, "general", "ann", "e", ENTRY_EDIT, 3, "not a message");
    act(*state, "general", "ann", "f", ENTRY_EDIT, UINT64_MAX, "not there");
    act(*state, "general", "ann", "g", ENTRY_DELETE, 1, NULL);
    assert_string_equal(run(*state), "appended m = 1\n"
                                     "appended a forbidden\nappended b forbidden\nappended c = 2\n"
                                     "appended d = 3\nappended e not_found\nappended f not_found\n"
                                     "appended g = 4\n");
}

static void a_deleted_message_is_gone_for_everyone(void **state) {
    say(*state, "general", "ann", "m", "hello");
    act(*state, "general", "ann", "d", ENTRY_DELETE, 1, NULL);
    act(*state, "general", "ann", "e", ENTRY_EDIT, 1, "again");
    act(*state, "general", "bob", "f", ENTRY_REACTION, 1, "+");
    act(*state, "general", "ann", "g", ENTRY_DELETE, 1, NULL);
    assert_string_equal(run(*state), "appended m = 1\nappended d = 2\nappended e not_found\n"
                                     "appended f not_found\nappended g not_found\n");
    /* What was done once is still answered as it was. */
    say(*state, "general", "ann", "m", "hello");
    act(*state, "general", "ann", "d", ENTRY_DELETE, 1, NULL);
    assert_string_equal(run(*state), "appended m duplicate of 1\nappended d duplicate of 2\n");
}

static void deleting_erases_the_content_and_that_of_the_edits(void **state) {
    struct fixture *fixture = *state;
    struct entry_body message = {.identity = identity_of("ann"),
                                 .sender = SLICE("ann"),
                                 .content = SLICE("secret"),
                                 .meta = SLICE("\"title\":\"secret\"")};
    append_body(fixture, "general", &message);
    say(fixture, "general", "ann", NULL, "harmless");
    act(fixture, "general", "ann", NULL, ENTRY_EDIT, 1, "secret too");
    act(fixture, "general", "ann", NULL, ENTRY_EDIT, 2, "harmless too");
    act(fixture, "general", "ann", NULL, ENTRY_DELETE, 1, NULL);
    const struct page *page = read_last(fixture, "general");
    static const char *const contents[] = {"", "harmless", "", "harmless too", ""};
    static const enum entry_kind kinds[] = {ENTRY_MESSAGE, ENTRY_MESSAGE, ENTRY_EDIT, ENTRY_EDIT,
                                            ENTRY_DELETE};
    assert_int_equal(page->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(page->entries[i]->seq, i + 1);
        assert_int_equal(page->entries[i]->body.kind, kinds[i]);
        assert_int_equal(page->entries[i]->body.deleted, i == 0 || i == 2);
        assert_true(slice_equal(page->entries[i]->body.content, slice_of_string(contents[i])));
        assert_int_equal(page->entries[i]->body.meta.length, 0);
    }
}

static void a_topic_is_an_entry_and_part_of_the_head(void **state) {
    struct fixture *fixture = *state;
    act(fixture, "general", "ann", "t", ENTRY_TOPIC, 0, "Release day");
    follow(fixture, "general");
    act(fixture, "general", "ann", "u", ENTRY_TOPIC, 0, "Done");
    assert_string_equal(run(fixture), "appended t = 1\nfollowed general 1-1\nappended u = 2\n"
                                      "committed general 2 \"Done\"\n");
    assert_string_equal(fixture->topic, "Release day");
    assert_int_equal(read_last(fixture, "general")->count, 2);
    assert_string_equal(fixture->topic, "Done");
}

static void everything_about_an_entry_comes_back(void **state) {
    struct fixture *fixture = *state;
    struct entry_body body = {
        .identity = identity_of("ann"),
        .sender = SLICE("Ann \xc3\x84"),
        .cid = SLICE("c-1"),
        .content = SLICE("zero \0 byte, \xf0\x9f\x91\x8d"),
        .meta = SLICE("\"priority\":4"),
        .re = 77,
    };
    append_body(fixture, "general", &body);
    struct entry_body reaction = {
        .kind = ENTRY_REACTION,
        .identity = identity_of("bob"),
        .sender = SLICE("bob"),
        .key = SLICE("\xf0\x9f\x91\x8d"),
        .of = 1,
        .removal = true,
    };
    append_body(fixture, "general", &reaction);
    const struct page *page = read_last(fixture, "general");
    const struct entry_body *got = &page->entries[0]->body;
    assert_int_equal(got->kind, ENTRY_MESSAGE);
    assert_true(identity_equal(&got->identity, &body.identity));
    assert_true(slice_equal(got->sender, body.sender));
    assert_true(slice_equal(got->cid, body.cid));
    assert_true(slice_equal(got->content, body.content));
    assert_true(slice_equal(got->meta, body.meta));
    assert_int_equal(got->re, 77);
    assert_int_equal(got->of, 0);
    got = &page->entries[1]->body;
    assert_int_equal(got->kind, ENTRY_REACTION);
    assert_true(slice_equal(got->key, reaction.key));
    assert_int_equal(got->of, 1);
    assert_true(got->removal);
    assert_int_equal(got->cid.length, 0);
}

static void an_erased_room_is_forgotten(void **state) {
    struct fixture *fixture = *state;
    follow(fixture, "@a,b");
    say(fixture, "@a,b", "ann", "a", "psst");
    say(fixture, "general", "ann", "b", "hello");
    erase_room(fixture, "@a,b");
    follow(fixture, "@a,b");
    assert_string_equal(run(fixture),
                        "followed @a,b 1-0\nappended a = 1\ncommitted @a,b 1 \"psst\"\n"
                        "appended b = 1\nfollowed @a,b 1-0\n");
    assert_int_equal(read_last(fixture, "@a,b")->count, 0);
    assert_int_equal(read_last(fixture, "general")->count, 1);
}

static const struct event *read_list(struct fixture *fixture, const char *cid) {
    struct origin origin = {.session = 3, .connection = 4};
    run(fixture);
    fixture->store->engine->list(fixture->store, origin, slice_of_string(cid));
    fixture->store->engine->turn(fixture->store);
    struct completion *completion = next_completion(fixture);
    assert_int_equal(completion->kind, COMPLETION_EVENT);
    assert_int_equal(completion->event.kind, EVENT_LISTED);
    return &completion->event;
}

static void the_list_has_public_rooms_by_name(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "Zebra", "ann", NULL, "one");
    say(fixture, "apple", "ann", NULL, "one");
    say(fixture, "apple", "ann", NULL, "two");
    act(fixture, "apple", "ann", NULL, ENTRY_TOPIC, 0, "fruit");
    say(fixture, "@a,b", "ann", NULL, "psst");
    say(fixture, "$ready", "ann", NULL, "probe");
    follow(fixture, "empty");
    const struct event *event = read_list(fixture, "l1");
    assert_int_equal(event->listed.error, 0);
    assert_int_equal(event->listed.origin.connection, 4);
    assert_true(slice_equal(event->listed.cid, SLICE("l1")));
    assert_int_equal(event->listed.count, 2);
    const struct room_head *head = event->listed.heads;
    assert_true(slice_equal(head[0].room_key, SLICE("apple")));
    assert_int_equal(head[0].first, 1);
    assert_int_equal(head[0].last, 3);
    assert_true(head[0].exists && head[0].epoch.length > 0);
    assert_true(slice_equal(head[0].topic, SLICE("fruit")));
    assert_true(slice_equal(head[1].room_key, SLICE("zebra")));
    assert_true(slice_equal(head[1].room_name, SLICE("Zebra")));
}

static void the_list_ends_at_its_limit(void **state) {
    struct fixture *fixture = *state;
    char room[32];
    for (int i = LIMIT_LIST_ITEMS + 20; i >= 0; i--) {
        snprintf(room, sizeof(room), "r%05d", (i * 7919) % (LIMIT_LIST_ITEMS + 21));
        say(fixture, room, "ann", NULL, "x");
    }
    const struct event *event = read_list(fixture, "l1");
    assert_int_equal(event->listed.count, LIMIT_LIST_ITEMS);
    for (int i = 0; i < LIMIT_LIST_ITEMS; i++) {
        snprintf(room, sizeof(room), "r%05d", i);
        assert_true(slice_equal(event->listed.heads[i].room_key, slice_of_string(room)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_CASE(entries_are_numbered_from_one_in_each_room),
        STORE_CASE(timestamps_of_a_room_never_go_back),
        STORE_CASE(ids_ascend_in_all_rooms_together),
        STORE_CASE(the_same_cid_and_body_is_stored_once),
        STORE_CASE(the_same_cid_with_another_body_is_refused),
        STORE_CASE(what_may_only_be_said_again_is_not_said_anew),
        STORE_CASE(a_cid_belongs_to_one_identity_in_one_room),
        STORE_CASE(completions_come_in_the_order_of_the_queue),
        STORE_CASE(what_nobody_follows_is_not_reported),
        STORE_CASE(following_again_reports_the_head_again),
        STORE_CASE(a_long_run_is_reported_completely),
        STORE_CASE(a_room_keeps_the_name_it_was_first_written_with),
        STORE_CASE(a_refused_entry_leaves_no_hole),
        STORE_CASE(a_refused_entry_makes_no_room),
        STORE_CASE(only_the_author_edits_and_deletes),
        STORE_CASE(a_deleted_message_is_gone_for_everyone),
        STORE_CASE(deleting_erases_the_content_and_that_of_the_edits),
        STORE_CASE(a_topic_is_an_entry_and_part_of_the_head),
        STORE_CASE(everything_about_an_entry_comes_back),
        STORE_CASE(an_erased_room_is_forgotten),
        STORE_CASE(the_list_has_public_rooms_by_name),
        STORE_CASE(the_list_ends_at_its_limit),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
