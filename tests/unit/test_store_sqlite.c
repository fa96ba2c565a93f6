/* What only the sqlite engine does: finding everything again, and refusing folders it should not
 * touch. What happens when the disk fails stands in test_store_failures.c. */
#include <sqlite3.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_fixture.h"

static int prepare(void **state) {
    *state = fixture_new(true);
    return 0;
}

static void execute(const struct fixture *fixture, const char *sql) {
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof(path), "%s/banter.db", fixture->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void reopening_finds_everything(void **state) {
    struct fixture *fixture = *state;
    char epoch[64];
    fixture_open(fixture);
    say(fixture, "general", "ann", "a", "one");
    say(fixture, "general", "ann", "b", "two");
    act(fixture, "general", "ann", "t", ENTRY_TOPIC, 0, "Release day");
    follow(fixture, "general");
    run(fixture);
    memcpy(epoch, fixture->epoch, sizeof(epoch));
    struct outcome topic = fixture->outcome;
    fixture_close(fixture);

    fixture_open(fixture);
    fixture->now_us -= 1000000;
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    say(fixture, "general", "ann", "b", "changed");
    say(fixture, "general", "ann", "c", "three");
    assert_string_equal(run(fixture), "followed general 1-3\nappended a duplicate of 1\n"
                                      "appended b cid_reused\nappended c = 4\n"
                                      "committed general 4 \"three\"\n");
    assert_string_equal(fixture->epoch, epoch);
    assert_string_equal(fixture->topic, "Release day");
    assert_int_equal(fixture->outcome.timestamp_us, topic.timestamp_us);
    assert_int_equal(read_last(fixture, "general")->count, 4);
}

/* tests/data/schema-1.sql was written by the server of its time. */
static void a_database_of_the_first_schema_is_brought_up_to_date(void **state) {
    static const struct identity ann = {{0x22, 0x63, 0x79, 0xc7, 0x8a, 0x8c, 0x12, 0x83, 0xf5, 0xe4,
                                         0x59, 0x72, 0x37, 0xac, 0x3d, 0x3e}};
    struct fixture *fixture = *state;
    struct entry_body hello = {
        .identity = ann, .sender = SLICE("ann"), .cid = SLICE("c1"), .content = SLICE("hello")};
    char sql[8192] = "";
    FILE *file = fopen(TEST_DATA "/schema-1.sql", "re");
    assert_non_null(file);
    assert_true(fread(sql, 1, sizeof(sql) - 1, file) > 0);
    fclose(file);
    execute(fixture, sql);
    fixture_open(fixture);
    follow(fixture, "general");
    append_body(fixture, "general", &hello);
    append_body(fixture, "random", &hello);
    assert_string_equal(run(fixture), "followed general 1-2\nappended c1 duplicate of 1\n"
                                      "appended c1 = 2\n");
    assert_string_equal(fixture->epoch, "hv80xtp4");
    const struct page *page = read_last(fixture, "general");
    assert_int_equal(page->count, 2);
    assert_string_equal(page->entries[0]->id, "01M7XJE44R3YJH4PX45KKHGHJC");
    assert_int_equal(page->entries[1]->timestamp_us, 1795215003807159);
    assert_true(slice_equal(page->entries[1]->body.meta, SLICE("\"title\":\"Disk\"")));
}

static void closing_finishes_what_was_asked(void **state) {
    struct fixture *fixture = *state;
    fixture_open(fixture);
    for (int i = 0; i < 100; i++) {
        say(fixture, "general", "ann", NULL, "x");
    }
    fixture_close(fixture);
    fixture_open(fixture);
    follow(fixture, "general");
    assert_string_equal(run(fixture), "followed general 1-100\n");
}

static void every_database_has_an_epoch_of_its_own(void **state) {
    struct fixture *fixture = *state;
    struct fixture *other = fixture_new(true);
    fixture_open(fixture);
    fixture_open(other);
    follow(fixture, "general");
    follow(other, "general");
    run(fixture);
    run(other);
    assert_int_not_equal(strlen(fixture->epoch), 0);
    assert_string_not_equal(fixture->epoch, other->epoch);
    fixture_free(other);
}

static void only_the_user_may_look_into_the_folder(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    char path[128];
    assert_int_equal(rmdir(fixture->folder), 0);
    fixture_open(fixture);
    assert_int_equal(stat(fixture->folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    snprintf(path, sizeof(path), "%s/banter.db", fixture->folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

/* Opening fails, with one line that holds all of these words. */
static void assert_refused(struct fixture *fixture, const char *const *words) {
    struct buffer message = {0};
    struct store *before = fixture->store;
    assert_int_equal(fixture_open_sqlite(fixture, &message), ERR_IO);
    assert_ptr_equal(fixture->store, before);
    buffer_append_char(&message, '\0');
    const char *text = buffer_slice(&message).data;
    assert_null(strchr(text, '\n'));
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strstr(text, words[i]) == NULL) {
            fail_msg("no \"%s\" in: %s", words[i], text);
        }
    }
    buffer_close(&message);
}

static void a_second_server_on_the_folder_is_refused(void **state) {
    struct fixture *fixture = *state;
    char process[32];
    snprintf(process, sizeof(process), "(process %d)", (int)getpid());
    fixture_open(fixture);
    const char *const words[] = {fixture->folder, "in use by another banterd", process, "--data",
                                 NULL};
    assert_refused(fixture, words);
    fixture_close(fixture);
    fixture_open(fixture);
}

static void write_file(const struct fixture *fixture, const char *content, size_t size) {
    char path[128];
    snprintf(path, sizeof(path), "%s/banter.db", fixture->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void a_file_that_is_no_database_is_refused(void **state) {
    static const char garbage[8192] = "This is a letter to my grandmother, not a database.";
    static const char *const words[] = {"banter.db", "not a banter database", "--data", NULL};
    write_file(*state, garbage, sizeof(garbage));
    assert_refused(*state, words);
}

static void another_programs_database_is_refused_and_left_alone(void **state) {
    static const char *const words[] = {"banter.db", "another program's", "--data", NULL};
    struct fixture *fixture = *state;
    struct stat status;
    char path[128];
    execute(fixture, "CREATE TABLE bookmarks (url TEXT)");
    assert_refused(fixture, words);
    snprintf(path, sizeof(path), "%s/banter.db-wal", fixture->folder);
    assert_int_not_equal(stat(path, &status), 0);
}

static void a_newer_schema_is_refused(void **state) {
    static const char *const words[] = {"banter.db", "newer banterd", "schema 77", NULL};
    struct fixture *fixture = *state;
    fixture_open(fixture);
    fixture_close(fixture);
    execute(fixture, "PRAGMA user_version = 77");
    assert_refused(fixture, words);
}

static void a_folder_that_cannot_be_made_is_refused(void **state) {
    static const char *const words[] = {"cannot create the data folder", "Not a directory",
                                        "--data", NULL};
    struct fixture *fixture = *state;
    char folder[sizeof(fixture->folder)];
    memcpy(folder, fixture->folder, sizeof(folder));
    write_file(fixture, "x", 1);
    snprintf(fixture->folder, sizeof(fixture->folder), "%.40s/banter.db/data", folder);
    assert_refused(fixture, words);
    memcpy(fixture->folder, folder, sizeof(folder));
}

static void a_folder_that_cannot_be_written_is_refused(void **state) {
    static const char *const words[] = {"cannot open", "banter.lock", "--data", NULL};
    struct fixture *fixture = *state;
    char folder[sizeof(fixture->folder)];
    memcpy(folder, fixture->folder, sizeof(folder));
    /* Nobody can make a file here, whoever they are. */
    snprintf(fixture->folder, sizeof(fixture->folder), "/proc/self");
    assert_refused(fixture, words);
    memcpy(fixture->folder, folder, sizeof(folder));
}

/* Whether any file of the folder holds the text. */
static bool folder_holds(const struct fixture *fixture, const char *text) {
    char command[256];
    snprintf(command, sizeof(command), "grep -rqa '%s' %s", text, fixture->folder);
    int status = system(command);
    /* 2: a file has gone meanwhile, with what it held. */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 2);
    return WEXITSTATUS(status) == 0;
}

static void await_change(int watch) {
    char events[4096];
    struct pollfd descriptor = {.fd = watch, .events = POLLIN};
    if (poll(&descriptor, 1, PATIENCE_MS) != 1) {
        fail_msg("nothing changes on the disk");
    }
    assert_true(read(watch, events, sizeof(events)) > 0);
}

static int watch_folder(const struct fixture *fixture) {
    int watch = inotify_init1(IN_CLOEXEC);
    assert_true(inotify_add_watch(watch, fixture->folder, IN_MODIFY) >= 0);
    return watch;
}

/* Everything asked is done, and the writer, in its own time, has scrubbed. */
static void await_scrubbing(struct fixture *fixture, int watch, const char *text) {
    run(fixture);
    while (folder_holds(fixture, text)) {
        await_change(watch);
    }
    close(watch);
}

static void deleted_content_is_nowhere_on_the_disk(void **state) {
    struct fixture *fixture = *state;
    fixture_open(fixture);
    say(fixture, "general", "ann", NULL, "my secret is 4711");
    act(fixture, "general", "ann", NULL, ENTRY_EDIT, 1, "my secret is 4712");
    say(fixture, "general", "ann", NULL, "harmless");
    run(fixture);
    assert_true(folder_holds(fixture, "secret is 471"));
    int watch = watch_folder(fixture);
    act(fixture, "general", "ann", NULL, ENTRY_DELETE, 1, NULL);
    await_scrubbing(fixture, watch, "secret is 471");
    assert_true(folder_holds(fixture, "harmless"));
}

static void an_erased_room_is_nowhere_on_the_disk(void **state) {
    struct fixture *fixture = *state;
    fixture_open(fixture);
    say(fixture, "@ann,bob", "ann", NULL, "their secret is 4713");
    say(fixture, "general", "ann", NULL, "harmless");
    run(fixture);
    assert_true(folder_holds(fixture, "secret is 4713"));
    int watch = watch_folder(fixture);
    erase_room(fixture, "@ann,bob");
    await_scrubbing(fixture, watch, "secret is 4713");
    assert_false(folder_holds(fixture, "@ann,bob"));
    assert_true(folder_holds(fixture, "harmless"));
}

/* Appends without end, and writes each number to the pipe when it is reported. */
static void publish_until_killed(struct fixture *fixture, int report) {
    fixture_open(fixture);
    follow(fixture, "general");
    for (int i = 0; i < 64; i++) {
        say(fixture, "general", "ann", NULL, "x");
    }
    for (;;) {
        struct completion *completion = fixture->store->engine->collect(fixture->store);
        if (completion == NULL) {
            fixture->store->engine->turn(fixture->store);
            completion = next_completion(fixture);
        }
        const struct event *event = &completion->event;
        if (event->kind == EVENT_APPENDED) {
            draft_free(event->appended.draft);
            say(fixture, "general", "ann", NULL, "x");
        }
        for (size_t i = 0; event->kind == EVENT_COMMITTED && i < event->committed.count; i++) {
            uint64_t seq = event->committed.entries[i]->seq;
            assert_int_equal(write(report, &seq, sizeof(seq)), sizeof(seq));
        }
    }
}

static uint64_t kill_a_publisher(struct fixture *fixture, uint64_t enough) {
    int pipes[2];
    uint64_t seq = 0, last = 0;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        publish_until_killed(fixture, pipes[1]);
        _exit(1);
    }
    close(pipes[1]);
    while (read(pipes[0], &seq, sizeof(seq)) == (ssize_t)sizeof(seq)) {
        assert_true(last == 0 || seq == last + 1);
        last = seq;
        if (seq == enough) {
            kill(child, SIGKILL);
        }
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(pipes[0]);
    return last;
}

static void a_killed_server_loses_nothing_it_reported(void **state) {
    struct fixture *fixture = *state;
    uint64_t reported = 0;
    for (int i = 0; i < 5; i++) {
        reported = kill_a_publisher(fixture, reported + 300 + 111 * (uint64_t)i);
        fixture_open(fixture);
        run(fixture);
        struct page_query query = {.room_key = SLICE("general"), .has_after = true, .limit = 128};
        for (bool more = true; more;) {
            const struct page *page = read_page(fixture, &query);
            assert_true(page->head.last >= reported);
            for (size_t j = 0; j < page->count; j++) {
                assert_int_equal(page->entries[j]->seq, ++query.after);
            }
            more = page->more;
        }
        assert_true(query.after >= reported);
        reported = query.after;
        fixture_close(fixture);
    }
}

static void beyond_its_bound_the_queue_refuses_appends_at_once(void **state) {
    struct fixture *fixture = *state;
    fixture_open(fixture);
    for (int i = 0; i < LIMIT_STORE_QUEUE_ENTRIES; i++) {
        say(fixture, "general", "ann", NULL, "x");
    }
    say(fixture, "general", "ann", "late", "x");
    const struct event *event = &next_completion(fixture)->event;
    assert_int_equal(event->kind, EVENT_APPENDED);
    assert_int_equal(event->appended.outcome.error, ERR_UNAVAILABLE);
    draft_free(event->appended.draft);
    run(fixture);
    assert_int_equal(fixture->outcome.seq, LIMIT_STORE_QUEUE_ENTRIES);
    say(fixture, "general", "ann", "late", "x");
    assert_string_equal(run(fixture), "appended late = 65537\n");
}

#define CASE(function)                                                                             \
    { #function, function, prepare, stop_store, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(reopening_finds_everything),
        CASE(closing_finishes_what_was_asked),
        CASE(every_database_has_an_epoch_of_its_own),
        CASE(only_the_user_may_look_into_the_folder),
        CASE(a_second_server_on_the_folder_is_refused),
        CASE(a_file_that_is_no_database_is_refused),
        CASE(another_programs_database_is_refused_and_left_alone),
        CASE(a_database_of_the_first_schema_is_brought_up_to_date),
        CASE(a_newer_schema_is_refused),
        CASE(a_folder_that_cannot_be_made_is_refused),
        CASE(a_folder_that_cannot_be_written_is_refused),
        CASE(deleted_content_is_nowhere_on_the_disk),
        CASE(an_erased_room_is_nowhere_on_the_disk),
        CASE(a_killed_server_loses_nothing_it_reported),
        CASE(beyond_its_bound_the_queue_refuses_appends_at_once),
    };
    return cmocka_run_group_tests_name("store sqlite", tests, NULL, NULL);
}
