/* Searching a store: each case of the first kind runs against every engine; those with an index
 * must find the same as the one without. The rest is about the index: that it can be thrown away,
 * and that what is deleted leaves it. */
#include <dirent.h>
#include <errno.h>

#include "store_fixture.h"

static const struct search_query everything_public = {.public_rooms = true, .limit = 20};

/* "general 1 hello" for each that is found, the best first; "more" after them where there is more;
 * or the error. */
static const char *ask(struct fixture *fixture, const struct search_query *query,
                       const char *text) {
    struct search_query asked = *query;
    struct completion *completion;
    run(fixture);
    asked.ticket = 7;
    asked.text = slice_of_string(text);
    fixture->store->engine->search(fixture->store, &asked);
    while ((completion = next_completion(fixture))->kind != COMPLETION_FINDINGS) {
    }
    const struct findings *findings = &completion->findings;
    assert_int_equal(findings->ticket, 7);
    buffer_clear(&fixture->trace);
    if (findings->error != 0) {
        buffer_append_format(&fixture->trace, "%s\n", error_code(findings->error));
        assert_non_null(findings->reason);
    }
    for (size_t i = 0; i < findings->count; i++) {
        const struct entry *entry = findings->entries[i];
        buffer_append_format(&fixture->trace, "%.*s %llu %.*s\n", SLICE_ARGS(findings->rooms[i]),
                             (unsigned long long)entry->seq, SLICE_ARGS(entry->body.content));
    }
    buffer_append_string(&fixture->trace, findings->more ? "more\n" : "");
    *buffer_reserve(&fixture->trace, 1) = '\0';
    return buffer_slice(&fixture->trace).data;
}

static const char *search(struct fixture *fixture, const char *text) {
    return ask(fixture, &everything_public, text);
}

static void what_was_appended_is_found_at_once(void **state) {
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf(text, sizeof(text), "word%d", i);
        say(*state, "General", "ann", NULL, text);
        char expected[64];
        snprintf(expected, sizeof(expected), "General %d %s\n", i + 1, text);
        assert_string_equal(search(*state, text), expected);
    }
}

static void words_phrases_prefixes_and_filters_find(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "general", "ann", NULL, "the deploy is rolled back");
    say(fixture, "general", "Bob", NULL, "deploying über staging");
    say(fixture, "random", "bob", NULL, "back we rolled");
    assert_string_equal(search(fixture, "rolled deploy"), "general 1 the deploy is rolled back\n");
    assert_string_equal(search(fixture, "\"rolled back\""),
                        "general 1 the deploy is rolled back\n");
    assert_string_equal(search(fixture, "deploy* from:BOB"), "general 2 deploying über staging\n");
    assert_string_equal(search(fixture, "UBER"), "general 2 deploying über staging\n");
    assert_string_equal(search(fixture, "in:random rolled"), "random 1 back we rolled\n");
    assert_string_equal(search(fixture, "in:nowhere rolled"), "");
    assert_string_equal(search(fixture, "from:bob"),
                        "random 1 back we rolled\ngeneral 2 deploying über staging\n");
    assert_string_equal(search(fixture, "rolled before:2020-01-01"), "");
    assert_string_equal(search(fixture, "we after:2020-01-01"), "random 1 back we rolled\n");
    assert_string_equal(search(fixture, "nothing"), "");
}

static void nothing_to_look_for_is_told(void **state) {
    assert_string_equal(search(*state, " ?! "), "bad_request\n");
}

static void no_text_is_an_error_of_the_engine(void **state) {
    static const char *const odd[] = {"a AND", "NEAR(a",        "\"",      "a\"b",
                                      "^a *",  "{content} : a", "a)",      "-a",
                                      "+a OR", "a:b",           "'; DROP", "\xc3\xa4*a\""};
    say(*state, "general", "ann", NULL, "a");
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        const char *found = search(*state, odd[i]);
        assert_true(strcmp(found, "unavailable\n") != 0);
    }
}

static void only_rooms_that_are_allowed_are_searched(void **state) {
    struct fixture *fixture = *state;
    struct search_room own[] = {{SLICE("@a,b"), SLICE("@ann,bob")}};
    struct search_query with_own = {
        .rooms = own, .room_count = 1, .public_rooms = true, .limit = 20};
    struct search_room general[] = {{SLICE("general"), SLICE("general")}};
    struct search_query only_general = {.rooms = general, .room_count = 1, .limit = 20};
    say(fixture, "general", "ann", NULL, "secret one");
    say(fixture, "random", "ann", NULL, "secret two");
    say(fixture, "@a,b", "ann", NULL, "secret three");
    say(fixture, "@a,c", "ann", NULL, "secret four");
    say(fixture, "$ready", "ann", NULL, "secret five");
    assert_string_equal(search(fixture, "secret"), "random 1 secret two\ngeneral 1 secret one\n");
    assert_string_equal(ask(fixture, &with_own, "secret"),
                        "@a,b 1 secret three\nrandom 1 secret two\ngeneral 1 secret one\n");
    assert_string_equal(ask(fixture, &only_general, "secret"), "general 1 secret one\n");
    assert_string_equal(ask(fixture, &only_general, "secret in:random"), "");
    assert_string_equal(ask(fixture, &with_own, "secret in:@ann,bob"), "@a,b 1 secret three\n");
    assert_string_equal(ask(fixture, &with_own, "secret in:@a,c in:$ready"), "");
    assert_string_equal(ask(fixture, &only_general, "from:ann"), "general 1 secret one\n");
}

static void the_best_come_first_and_pages_follow(void **state) {
    struct fixture *fixture = *state;
    struct search_query query = {.public_rooms = true, .limit = 2};
    say(fixture, "general", "ann", NULL, "fire in the kitchen and in the hall and everywhere");
    say(fixture, "general", "ann", NULL, "fire fire fire");
    say(fixture, "general", "ann", NULL, "a fire here");
    say(fixture, "general", "ann", NULL, "calm");
    assert_string_equal(ask(fixture, &query, "fire"),
                        "general 2 fire fire fire\ngeneral 3 a fire here\nmore\n");
    query.offset = 2;
    assert_string_equal(ask(fixture, &query, "fire"),
                        "general 1 fire in the kitchen and in the hall and everywhere\n");
    query.offset = 3;
    assert_string_equal(ask(fixture, &query, "fire"), "");
}

static void an_edit_replaces_what_is_found(void **state) {
    say(*state, "general", "ann", NULL, "old words");
    act(*state, "general", "ann", NULL, ENTRY_EDIT, 1, "new words");
    assert_string_equal(search(*state, "old"), "");
    assert_string_equal(search(*state, "new"), "general 1 new words\n");
    act(*state, "general", "ann", NULL, ENTRY_EDIT, 1, "newest words");
    assert_string_equal(search(*state, "words"), "general 1 newest words\n");
}

static void what_is_deleted_is_not_found(void **state) {
    say(*state, "general", "ann", NULL, "keep this");
    say(*state, "general", "ann", NULL, "drop this");
    act(*state, "general", "ann", NULL, ENTRY_EDIT, 2, "drop this soon");
    assert_string_equal(search(*state, "drop"), "general 2 drop this soon\n");
    act(*state, "general", "ann", NULL, ENTRY_DELETE, 2, NULL);
    assert_string_equal(search(*state, "drop"), "");
    assert_string_equal(search(*state, "from:ann"), "general 1 keep this\n");
}

static void an_erased_room_is_not_found(void **state) {
    struct search_room own[] = {{SLICE("@a,b"), SLICE("@ann,bob")}};
    struct search_query query = {.rooms = own, .room_count = 1, .limit = 20};
    say(*state, "@a,b", "ann", NULL, "before");
    assert_string_equal(ask(*state, &query, "before"), "@a,b 1 before\n");
    erase_room(*state, "@a,b");
    assert_string_equal(ask(*state, &query, "before"), "");
    say(*state, "@a,b", "ann", NULL, "after");
    assert_string_equal(ask(*state, &query, "before"), "");
    assert_string_equal(ask(*state, &query, "after"), "@a,b 1 after\n");
}

static void only_messages_are_found(void **state) {
    say(*state, "general", "ann", NULL, "hello");
    act(*state, "general", "ann", NULL, ENTRY_TOPIC, 0, "hello topic");
    act(*state, "general", "bob", NULL, ENTRY_REACTION, 1, "hello");
    assert_string_equal(search(*state, "hello"), "general 1 hello\n");
}

static void a_page_of_long_messages_ends_early(void **state) {
    struct fixture *fixture = *state;
    size_t length = 100 * 1024;
    char *text = malloc(length + 1);
    memset(text, 'z', length);
    memcpy(text, "needle ", 7);
    text[length] = '\0';
    for (int i = 0; i < 6; i++) {
        say(fixture, "general", "ann", NULL, text);
    }
    const char *found = search(fixture, "needle");
    size_t size = strlen(found);
    assert_true(size > 256 * 1024 && size < 420 * 1024);
    assert_string_equal(found + size - 5, "more\n");
    free(text);
}

/* The index alone. */

static void path_of(const struct fixture *fixture, const char *name, char path[160]) {
    snprintf(path, 160, "%s/%s", fixture->folder, name);
}

static void a_missing_index_is_built_again(void **state) {
    struct fixture *fixture = *state;
    char path[160];
    say(fixture, "general", "ann", NULL, "still here");
    act(fixture, "general", "ann", NULL, ENTRY_EDIT, 1, "still there");
    search(fixture, "still");
    fixture_close(fixture);
    path_of(fixture, "search.db", path);
    assert_int_equal(unlink(path), 0);
    fixture_open(fixture);
    assert_string_equal(search(fixture, "still"), "general 1 still there\n");
}

static void write_file(const char *path, const char *content, size_t offset) {
    int descriptor = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(pwrite(descriptor, content, strlen(content), (off_t)offset), strlen(content));
    close(descriptor);
}

static void a_broken_index_is_built_again(void **state) {
    struct fixture *fixture = *state;
    char path[160], garbage[5000];
    memset(garbage, 'x', sizeof(garbage) - 1);
    garbage[sizeof(garbage) - 1] = '\0';
    say(fixture, "general", "ann", NULL, "still here");
    search(fixture, "still");
    path_of(fixture, "search.db", path);
    for (size_t offset = 0; offset <= 4096; offset += 4096) {
        fixture_close(fixture);
        write_file(path, garbage, offset);
        fixture_open(fixture);
        const char *found = search(fixture, "still");
        for (int i = 0; i < 50 && strcmp(found, "unavailable\n") == 0; i++) {
            poll(NULL, 0, 100); /* until it is opened again */
            found = search(fixture, "still");
        }
        assert_string_equal(found, "general 1 still here\n");
    }
}

static void an_index_is_kept_over_a_restart(void **state) {
    struct fixture *fixture = *state;
    say(fixture, "general", "ann", NULL, "one");
    search(fixture, "one");
    fixture_close(fixture);
    fixture_open(fixture);
    say(fixture, "general", "ann", NULL, "one two");
    assert_string_equal(search(fixture, "two"), "general 2 one two\n");
    assert_string_equal(search(fixture, "one"), "general 1 one\ngeneral 2 one two\n");
}

/* The engine may remove or shorten a file meanwhile. */
static bool file_holds(const char *path, const char *word) {
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0) {
        assert_int_equal(errno, ENOENT);
        return false;
    }
    off_t size = lseek(descriptor, 0, SEEK_END);
    char *content = malloc((size_t)size + 1);
    ssize_t got = pread(descriptor, content, (size_t)size, 0);
    assert_true(got >= 0);
    bool holds = memmem(content, (size_t)got, word, strlen(word)) != NULL;
    free(content);
    close(descriptor);
    return holds;
}

/* Of the whole folder: the log, the index, and what lies beside them. */
static bool folder_holds(const struct fixture *fixture, const char *word) {
    DIR *folder = opendir(fixture->folder);
    bool holds = false;
    const struct dirent *file;
    while ((file = readdir(folder)) != NULL) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", fixture->folder, file->d_name);
        holds = holds || (file->d_name[0] != '.' && file_holds(path, word));
    }
    closedir(folder);
    return holds;
}

static bool leaves(const struct fixture *fixture, const char *word) {
    for (int i = 0; i < 300 && folder_holds(fixture, word); i++) {
        poll(NULL, 0, 100);
    }
    return !folder_holds(fixture, word);
}

static void the_words_of_what_is_deleted_leave_every_file(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 3; i++) {
        say(fixture, "general", "ann", NULL, i == 1 ? "xylophone quagmire" : "something else");
        search(fixture, "xylophone"); /* each is a segment of its own in the index */
    }
    say(fixture, "@a,b", "ann", NULL, "zeppelin");
    say(fixture, "general", "ann", NULL, "marmalade");
    search(fixture, "marmalade");
    assert_true(folder_holds(fixture, "quagmire"));
    act(fixture, "general", "ann", NULL, ENTRY_DELETE, 2, NULL);
    act(fixture, "general", "ann", NULL, ENTRY_EDIT, 4, "jam");
    erase_room(fixture, "@a,b");
    assert_string_equal(search(fixture, "quagmire"), "");
    assert_true(leaves(fixture, "quagmire"));
    assert_true(leaves(fixture, "zeppelin"));
    assert_string_equal(search(fixture, "something"),
                        "general 3 something else\ngeneral 1 something else\n");
}

#define SQLITE_CASE(function) cmocka_unit_test_setup_teardown(function, start_sqlite, stop_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_CASE(what_was_appended_is_found_at_once),
        STORE_CASE(words_phrases_prefixes_and_filters_find),
        STORE_CASE(nothing_to_look_for_is_told),
        STORE_CASE(no_text_is_an_error_of_the_engine),
        STORE_CASE(only_rooms_that_are_allowed_are_searched),
        STORE_CASE(the_best_come_first_and_pages_follow),
        STORE_CASE(an_edit_replaces_what_is_found),
        STORE_CASE(what_is_deleted_is_not_found),
        STORE_CASE(an_erased_room_is_not_found),
        STORE_CASE(only_messages_are_found),
        STORE_CASE(a_page_of_long_messages_ends_early),
        SQLITE_CASE(a_missing_index_is_built_again),
        SQLITE_CASE(a_broken_index_is_built_again),
        SQLITE_CASE(an_index_is_kept_over_a_restart),
        SQLITE_CASE(the_words_of_what_is_deleted_leave_every_file),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
