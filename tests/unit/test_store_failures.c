/* The sqlite engine when the disk fails it: messages are refused, nothing is lost or numbered
 * twice, and it goes on by itself when the trouble is over. */
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "store_fixture.h"

/* A store whose log lines can be read. */
static int start(void **state) {
    struct fixture *fixture = fixture_new(true);
    close(fixture->log.descriptor);
    fixture->log.descriptor = memfd_create("log", MFD_CLOEXEC);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

/* How often the text stands in the log. */
static int count_logged(const struct fixture *fixture, const char *text) {
    char log[16384] = {0};
    int count = 0;
    assert_true(pread(fixture->log.descriptor, log, sizeof(log) - 1, 0) >= 0);
    for (const char *at = strstr(log, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

/* Another program with the database open. */
static sqlite3 *open_beside(const struct fixture *fixture) {
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof(path), "%s/banter.db", fixture->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static void execute(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(db));
    }
}

static void a_locked_database_refuses_messages_until_it_is_free(void **state) {
    struct fixture *fixture = *state;
    sqlite3 *other = open_beside(fixture);
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    run(fixture);
    execute(other, "BEGIN IMMEDIATE");
    say(fixture, "general", "ann", "b", "two");
    say(fixture, "general", "ann", "a", "one");
    send_signal(fixture, "general", "bob", 0);
    follow(fixture, "general");
    follow(fixture, "random");
    assert_string_equal(run(fixture), "appended b unavailable\nappended a unavailable\n"
                                      "signalled bob\nfollowed general 1-1\nfollowed random 1-0\n");
    assert_int_equal(read_last(fixture, "general")->count, 1);
    execute(other, "ROLLBACK");
    say(fixture, "general", "ann", "b", "two");
    assert_string_equal(run(fixture), "appended b = 2\ncommitted general 2 \"two\"\n");
    assert_int_equal(count_logged(fixture, "Cannot write"), 1);
    assert_int_equal(count_logged(fixture, "another program holds a lock"), 1);
    assert_int_equal(count_logged(fixture, " works again\n"), 1);
    sqlite3_close(other);
}

static void entries_that_turn_out_to_be_there_are_reported(void **state) {
    struct fixture *fixture = *state;
    sqlite3 *other = open_beside(fixture);
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    say(fixture, "random", "ann", "b", "one");
    run(fixture);
    execute(other,
            "INSERT INTO entries SELECT room, 2, id, timestamp, kind, sender, identity, 'found',"
            " body_hash, 'found', re, of, key, removal, meta, deleted"
            " FROM entries WHERE room = (SELECT id FROM rooms WHERE key = 'general')");
    say(fixture, "random", "ann", "c", "two");
    say(fixture, "general", "ann", "d", "two");
    assert_string_equal(run(fixture), "committed general 2 \"found\"\n"
                                      "appended c unavailable\nappended d unavailable\n");
    say(fixture, "general", "ann", "d", "two");
    say(fixture, "random", "ann", "c", "two");
    assert_string_equal(run(fixture),
                        "appended d = 3\ncommitted general 3 \"two\"\nappended c = 2\n");
    sqlite3_close(other);
}

static void an_erasure_that_failed_is_done_later(void **state) {
    struct fixture *fixture = *state;
    sqlite3 *other = open_beside(fixture);
    say(fixture, "@a,b", "ann", "a", "psst");
    run(fixture);
    execute(other, "BEGIN IMMEDIATE");
    erase_room(fixture, "@a,b");
    run(fixture);
    assert_int_equal(read_last(fixture, "@a,b")->count, 1);
    execute(other, "ROLLBACK");
    say(fixture, "general", "ann", "b", "one");
    run(fixture);
    assert_int_equal(read_last(fixture, "@a,b")->count, 0);
    sqlite3_close(other);
}

static void a_new_room_whose_first_commit_failed_begins_with_one(void **state) {
    struct fixture *fixture = *state;
    sqlite3 *other = open_beside(fixture);
    follow(fixture, "general");
    execute(other, "CREATE TRIGGER broken BEFORE INSERT ON entries WHEN new.content = 'bad'"
                   " BEGIN SELECT raise(ABORT, 'no'); END");
    say(fixture, "general", "ann", "a", "good");
    say(fixture, "general", "ann", "b", "bad");
    assert_string_equal(run(fixture), "followed general 1-0\n"
                                      "appended a unavailable\nappended b unavailable\n");
    say(fixture, "general", "ann", "a", "good");
    assert_string_equal(run(fixture), "appended a = 1\ncommitted general 1 \"good\"\n");
    sqlite3_close(other);
}

static void a_database_that_was_moved_away_refuses_messages_until_it_is_back(void **state) {
    struct fixture *fixture = *state;
    char path[128], away[160];
    snprintf(path, sizeof(path), "%s/banter.db", fixture->folder);
    snprintf(away, sizeof(away), "%s.away", path);
    follow(fixture, "general");
    say(fixture, "general", "ann", "a", "one");
    run(fixture);
    assert_int_equal(rename(path, away), 0);
    say(fixture, "general", "ann", "b", "two");
    assert_string_equal(run(fixture), "appended b unavailable\n");
    assert_int_equal(count_logged(fixture, "moved or deleted"), 1);
    assert_int_equal(rename(away, path), 0);
    say(fixture, "general", "ann", "b", "two");
    assert_string_equal(run(fixture), "appended b = 2\ncommitted general 2 \"two\"\n");
}

/* A disk that can be filled and freed again. */
struct disk {
    bool mounted; /* a small file system of its own; else the size of files is limited */
    char ballast[128];
};

static void set_file_limit(rlim_t size) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void disk_fill(const struct disk *disk) {
    char block[4096] = {0};
    if (!disk->mounted) {
        signal(SIGXFSZ, SIG_IGN);
        set_file_limit(16384);
        return;
    }
    int descriptor = open(disk->ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(descriptor >= 0);
    while (write(descriptor, block, sizeof(block)) > 0) {
    }
    close(descriptor);
}

static void disk_free(const struct disk *disk) {
    if (disk->mounted) {
        assert_int_equal(unlink(disk->ballast), 0);
    } else {
        set_file_limit(RLIM_INFINITY);
    }
}

static void say_block(struct fixture *fixture, const char *cid) {
    char content[4097];
    memset(content, 'x', sizeof(content) - 1);
    content[sizeof(content) - 1] = '\0';
    say(fixture, "general", "ann", cid, content);
}

static void survive_a_full_disk(struct fixture *fixture, const struct disk *disk) {
    char cid[16];
    uint64_t stored = 0;
    follow(fixture, "general");
    say_block(fixture, "first");
    run(fixture);
    disk_fill(disk);
    for (int i = 0; fixture->outcome.error == 0; i++) {
        stored = fixture->outcome.seq;
        snprintf(cid, sizeof(cid), "c%d", i);
        say_block(fixture, cid);
        run(fixture);
        assert_true(i < 1000);
    }
    assert_int_equal(fixture->outcome.error, ERR_UNAVAILABLE);
    /* The index beside the log gives a little space back now and then, so that one more may fit. */
    for (int i = 0; i < 3; i++) {
        say_block(fixture, cid);
        run(fixture);
        if (fixture->outcome.error == 0) {
            assert_int_equal(fixture->outcome.seq, stored + 1);
            stored++;
            snprintf(cid, sizeof(cid), "d%d", i);
        } else {
            assert_int_equal(fixture->outcome.error, ERR_UNAVAILABLE);
        }
    }
    /* Failures in a row, within a second, are one line; only a success in between begins anew. */
    int told = count_logged(fixture, "Cannot write");
    assert_true(told >= 1 && told <= 1 + count_logged(fixture, " works again\n"));
    assert_int_equal(read_last(fixture, "general")->count, stored);
    disk_free(disk);
    say_block(fixture, cid);
    run(fixture);
    assert_int_equal(fixture->outcome.error, 0);
    assert_int_equal(fixture->outcome.seq, stored + 1);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(read_last(fixture, "general")->count, stored + 1);
}

static void failing_writes_refuse_messages_until_they_work(void **state) {
    struct disk disk = {.mounted = false};
    survive_a_full_disk(*state, &disk);
}

/* Where this process may mount nothing, files of limited size must do. */
static void a_full_disk_refuses_messages_until_there_is_space(void **state) {
    struct fixture *fixture = *state;
    struct disk disk = {.mounted = true};
    fixture_close(fixture);
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        disk.mounted = false;
    } else {
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        disk.mounted = mount("none", fixture->folder, "tmpfs", 0, "size=512k") == 0;
    }
    snprintf(disk.ballast, sizeof(disk.ballast), "%s/ballast", fixture->folder);
    fixture_open(fixture);
    survive_a_full_disk(fixture, &disk);
    fixture_close(fixture);
    if (disk.mounted) {
        assert_int_equal(count_logged(fixture, "free some space"), 1);
        assert_int_equal(umount(fixture->folder), 0);
    }
}

#define CASE(function)                                                                             \
    { #function, function, start, stop_store, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_locked_database_refuses_messages_until_it_is_free),
        CASE(entries_that_turn_out_to_be_there_are_reported),
        CASE(an_erasure_that_failed_is_done_later),
        CASE(a_new_room_whose_first_commit_failed_begins_with_one),
        CASE(a_database_that_was_moved_away_refuses_messages_until_it_is_back),
        CASE(failing_writes_refuse_messages_until_they_work),
        CASE(a_full_disk_refuses_messages_until_there_is_space),
    };
    return cmocka_run_group_tests_name("store failures", tests, NULL, NULL);
}
