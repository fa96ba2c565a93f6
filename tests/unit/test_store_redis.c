/* Two nodes on one Redis, as their hubs see it: what one asks for, and what the other is told. The
 * rest of what the engine must do is what every store must (test_store.c and its neighbours). */
#include "store_fixture.h"

struct pair {
    struct fixture *a, *b;
};

static int start(void **state) {
    struct pair *pair = memory_new_struct(struct pair);
    pair->a = fixture_new_redis();
    pair->b = fixture_new_redis();
    pair->b->name_space = strrchr(pair->a->folder, '/') + 1;
    fixture_open(pair->a);
    fixture_open(pair->b);
    *state = pair;
    return 0;
}

static int stop(void **state) {
    struct pair *pair = *state;
    fixture_free(pair->a);
    fixture_free(pair->b);
    memory_free(pair);
    return 0;
}

/* What only stores that are shared say. */
static void trace_shared(struct fixture *fixture, const struct event *event) {
    struct buffer *trace = &fixture->trace;
    switch (event->kind) {
    case EVENT_CLAIMED:
        buffer_append_format(trace, "claimed %.*s: %s\n", SLICE_ARGS(event->claimed.claim.folded),
                             event->claimed.error == 0 ? "yes" : error_code(event->claimed.error));
        break;
    case EVENT_ELSEWHERE:
        buffer_append_format(trace, "elsewhere %.*s%s\n", SLICE_ARGS(event->elsewhere.claim.shown),
                             event->elsewhere.gone ? " gone" : "");
        break;
    case EVENT_GATHERED:
        buffer_append_string(trace, "gathered");
        for (size_t i = 0; i < event->gathered.count; i++) {
            buffer_append_format(trace, " %.*s", SLICE_ARGS(event->gathered.members[i].name));
        }
        buffer_append_string(trace, "\n");
        break;
    case EVENT_CALLED:
        buffer_append_format(trace, "called %.*s by %.*s\n", SLICE_ARGS(event->called.to_name),
                             SLICE_ARGS(event->called.from_name));
        break;
    case EVENT_SIGNALLED:
        buffer_append_format(trace, "signalled %.*s, %u elsewhere\n",
                             SLICE_ARGS(event->signalled.signal->name),
                             event->signalled.signal->elsewhere);
        signal_free(event->signalled.signal);
        break;
    default:
        trace_event(fixture, event);
    }
}

/* Everything that is told until this line comes; the last of it. */
static const char *hear(struct fixture *fixture, const char *line) {
    buffer_clear(&fixture->trace);
    fixture->store->engine->turn(fixture->store);
    for (;;) {
        *buffer_reserve(&fixture->trace, 1) = '\0';
        const char *heard = buffer_slice(&fixture->trace).data;
        if (heard != NULL && strstr(heard, line) != NULL) {
            return heard;
        }
        trace_shared(fixture, &next_completion(fixture)->event);
    }
}

/* Both of them, in any order. */
static void hear_both(struct fixture *fixture, const char *one, const char *other) {
    const char *heard = hear(fixture, one);
    while (strstr(heard, other) == NULL) {
        trace_shared(fixture, &next_completion(fixture)->event);
        *buffer_reserve(&fixture->trace, 1) = '\0';
        heard = buffer_slice(&fixture->trace).data;
    }
}

static void expect(struct fixture *fixture, const char *lines) {
    assert_string_equal(hear(fixture, lines), lines);
}

static void share_as(struct fixture *fixture, enum signal_kind kind, const char *name,
                     unsigned count, bool silent) {
    struct signal signal = {
        .kind = kind,
        .identity = identity_of(name),
        .room_key = SLICE("general"),
        .room_name = SLICE("general"),
        .name = slice_of_string(name),
        .silent = silent,
    };
    fixture->store->engine->shared->share(fixture->store, &signal, count);
}

static void share(struct fixture *fixture, enum signal_kind kind, const char *name,
                  unsigned count) {
    share_as(fixture, kind, name, count, false);
}

static void share_silently(struct fixture *fixture, enum signal_kind kind, const char *name,
                           unsigned count) {
    share_as(fixture, kind, name, count, true);
}

static void claim(struct fixture *fixture, const char *name, const char *who, bool registered) {
    struct name_claim asked = {
        .folded = slice_of_string(name),
        .shown = slice_of_string(name),
        .identity = identity_of(who),
        .registered = registered,
        .ticket = 1,
    };
    fixture->store->engine->shared->claim(fixture->store, &asked);
}

static void release_name(struct fixture *fixture, const char *name, const char *who) {
    struct identity identity = identity_of(who);
    fixture->store->engine->shared->release(fixture->store, slice_of_string(name), &identity);
    fixture->store->engine->turn(fixture->store);
}

static void cli(const char *command) {
    char line[256];
    snprintf(line, sizeof(line), "redis-cli -s %s %s > /dev/null", fixture_redis()->path, command);
    assert_int_equal(system(line), 0);
}

static void both_follow(struct pair *pair) {
    follow(pair->a, "general");
    follow(pair->b, "general");
    expect(pair->a, "followed general 1-0\n");
    expect(pair->b, "followed general 1-0\n");
}

static void what_one_appends_the_other_is_shown(void **state) {
    struct pair *pair = *state;
    both_follow(pair);
    say(pair->a, "general", "ann", "a1", "one");
    expect(pair->a, "appended a1 = 1\ncommitted general 1 \"one\"\n");
    expect(pair->b, "committed general 1 \"one\"\n");
    say(pair->b, "general", "bob", "b1", "two");
    expect(pair->b, "appended b1 = 2\ncommitted general 2 \"two\"\n");
    expect(pair->a, "committed general 2 \"two\"\n");
}

static void what_was_appended_before_is_not_told_but_read(void **state) {
    struct pair *pair = *state;
    say(pair->a, "general", "ann", "a1", "one");
    expect(pair->a, "appended a1 = 1\n");
    follow(pair->b, "general");
    expect(pair->b, "followed general 1-1\n");
    assert_int_equal(read_last(pair->b, "general")->count, 1);
}

/* Both append as fast as they can; each must hear all numbers in turn, its own acknowledged first.
 */
static void both_hear_the_same_in_the_same_order(void **state) {
    struct pair *pair = *state;
    both_follow(pair);
    for (int i = 0; i < 500; i++) {
        say(pair->a, "general", "ann", NULL, "x");
        say(pair->b, "general", "bob", NULL, "x");
        if (i % 7 == 0) {
            pair->a->store->engine->turn(pair->a->store);
            pair->b->store->engine->turn(pair->b->store);
        }
    }
    struct fixture *nodes[] = {pair->a, pair->b};
    pair->a->store->engine->turn(pair->a->store);
    pair->b->store->engine->turn(pair->b->store);
    for (int i = 0; i < 2; i++) {
        bool acknowledged[1001] = {false};
        uint64_t committed = 0;
        while (committed < 1000) {
            const struct event *event = &next_completion(nodes[i])->event;
            if (event->kind == EVENT_APPENDED) {
                assert_int_equal(event->appended.outcome.error, 0);
                acknowledged[event->appended.outcome.seq] = true;
                draft_free(event->appended.draft);
                continue;
            }
            for (size_t k = 0; k < event->committed.count; k++) {
                const struct entry *entry = event->committed.entries[k];
                assert_int_equal(entry->seq, ++committed);
                bool own = slice_equal(entry->body.sender, i == 0 ? SLICE("ann") : SLICE("bob"));
                assert_int_equal(acknowledged[entry->seq], own);
            }
        }
    }
}

static void lost_publications_are_read_from_the_log(void **state) {
    struct pair *pair = *state;
    both_follow(pair);
    for (int i = 0; i < 20; i++) {
        char text[16], line[64];
        cli("CLIENT KILL TYPE pubsub");
        snprintf(text, sizeof(text), "%d", i);
        do {
            say(pair->a, "general", "ann", text, text);
            pair->a->store->engine->turn(pair->a->store);
            hear(pair->a, "appended ");
        } while (pair->a->outcome.error == ERR_UNAVAILABLE);
        assert_int_equal(pair->a->outcome.seq, i + 1);
        snprintf(line, sizeof(line), "committed general %d \"%d\"\n", i + 1, i);
        expect(pair->b, line);
    }
}

static void a_forgotten_script_is_told_again(void **state) {
    struct pair *pair = *state;
    cli("SCRIPT FLUSH");
    say(pair->a, "general", "ann", "a1", "one");
    hear(pair->a, "appended ");
    if (pair->a->outcome.error != 0) {
        say(pair->a, "general", "ann", "a1", "one");
        hear(pair->a, "appended ");
    }
    assert_int_equal(pair->a->outcome.seq, 1);
}

static void an_emptied_redis_begins_a_new_epoch(void **state) {
    struct pair *pair = *state;
    both_follow(pair);
    say(pair->a, "general", "ann", NULL, "one");
    hear(pair->a, "committed");
    hear(pair->b, "committed");
    char former[64];
    snprintf(former, sizeof(former), "%s", pair->b->epoch);
    cli("FLUSHALL");
    expect(pair->b, "followed general 1-0\n");
    assert_string_not_equal(pair->b->epoch, former);
    expect(pair->a, "followed general 1-0\n");
    assert_string_equal(pair->a->epoch, pair->b->epoch);
    say(pair->b, "general", "bob", "b1", "anew");
    expect(pair->b, "appended b1 = 1\ncommitted general 1 \"anew\"\n");
    expect(pair->a, "committed general 1 \"anew\"\n");
}

static void without_replicas_nothing_is_acknowledged_or_shown(void **state) {
    struct pair *pair = *state;
    fixture_close(pair->a);
    pair->a->wait_replicas = 1;
    fixture_open(pair->a);
    follow(pair->a, "general");
    expect(pair->a, "followed general 1-0\n");
    say(pair->a, "general", "ann", "a1", "one");
    expect(pair->a, "appended a1 unavailable\n");
    struct page_query query = {.room_key = SLICE("general"), .limit = 10};
    pair->b->store->engine->read(pair->b->store, &query);
    const struct page *page = next_page(pair->b);
    assert_int_equal(page->count, 0);
    assert_int_equal(page->head.last, 0);
}

/* What was refused is said again where nobody waits for replicas any more. */
static void what_waited_is_shown_where_nobody_waits(void **state) {
    struct pair *pair = *state;
    fixture_close(pair->a);
    pair->a->wait_replicas = 1;
    fixture_open(pair->a);
    follow(pair->b, "general");
    expect(pair->b, "followed general 1-0\n");
    say(pair->a, "general", "ann", "a1", "one");
    expect(pair->a, "appended a1 unavailable\n");
    say(pair->b, "general", "ann", "a1", "one");
    hear_both(pair->b, "appended a1 duplicate of 1\n", "committed general 1 \"one\"\n");
    say(pair->b, "general", "ann", "a2", "two");
    expect(pair->b, "appended a2 = 2\ncommitted general 2 \"two\"\n");
    assert_int_equal(read_last(pair->b, "general")->count, 2);
}

/* Asks Redis until a key of "@a,b" is there, or not. */
static void await_key(const struct fixture *fixture, const char *kind, bool there) {
    char line[256];
    const char *name_space =
        fixture->name_space != NULL ? fixture->name_space : strrchr(fixture->folder, '/') + 1;
    snprintf(line, sizeof(line), "test \"$(redis-cli -s %s EXISTS %s:%s:@a,b)\" = %d",
             fixture_redis()->path, name_space, kind, there);
    for (int i = 0; system(line) != 0; i++) {
        assert_true(i < PATIENCE_MS / 4);
        poll(NULL, 0, 1);
    }
}

static void mark_read(struct fixture *fixture) {
    struct read_mark mark = {
        .identity = identity_of("ann"),
        .room_key = SLICE("@a,b"),
        .seq = 1,
        .updated_us = fixture->now_us,
        .names = SLICE("a,b"),
    };
    fixture->store->engine->mark(fixture->store, &mark);
}

/* Marks go with the log, in the same pipeline and behind it. */
static void await_erasure(const struct fixture *fixture) {
    await_key(fixture, "w", false);
}

/* An erasure is done again when Redis has refused it; who is back by then has gone on. */
static void what_is_said_after_a_failed_erasure_stays(void **state) {
    struct pair *pair = *state;
    follow(pair->a, "@a,b");
    say(pair->a, "@a,b", "ann", "a1", "old");
    hear(pair->a, "committed @a,b 1 \"old\"\n");
    mark_read(pair->a);
    run(pair->a);
    cli("REPLICAOF 127.0.0.1 1");
    erase_room(pair->a, "@a,b");
    run(pair->a);
    cli("REPLICAOF NO ONE");
    do {
        say(pair->b, "@a,b", "bob", "b1", "new");
        run(pair->b);
    } while (pair->b->outcome.error != 0);
    await_erasure(pair->a);
    const struct page *page = read_last(pair->b, "@a,b");
    assert_true(page->count > 0);
    assert_true(slice_equal(page->entries[page->count - 1]->body.content, SLICE("new")));
}

/* What was appended last is known before it is answered. */
static void an_erasure_that_failed_is_done_again(void **state) {
    struct pair *pair = *state;
    fixture_close(pair->a);
    pair->a->wait_replicas = 1;
    fixture_open(pair->a);
    follow(pair->a, "@a,b");
    mark_read(pair->a);
    run(pair->a);
    say(pair->a, "@a,b", "ann", "a1", "under way");
    pair->a->store->engine->turn(pair->a->store);
    await_key(pair->a, "r", true);
    erase_room(pair->a, "@a,b");
    pair->a->store->engine->turn(pair->a->store);
    cli("REPLICAOF 127.0.0.1 1");
    cli("REPLICAOF NO ONE");
    await_erasure(pair->a);
    await_key(pair->a, "r", false);
}

static void a_signal_comes_behind_what_was_said_before_it(void **state) {
    struct pair *pair = *state;
    both_follow(pair);
    say(pair->a, "general", "ann", "a1", "bye");
    share(pair->a, SIGNAL_LEFT, "ann", 4);
    expect(pair->a, "appended a1 = 1\ncommitted general 1 \"bye\"\n");
    /* The bare count may have come before: a node that has just started looks at what is told. */
    hear(pair->b, "committed general 1 \"bye\"\nsignalled ann, 4 elsewhere\n");
}

static void who_follows_later_knows_how_many_are_elsewhere(void **state) {
    struct pair *pair = *state;
    share(pair->a, SIGNAL_JOINED, "ann", 1);
    run(pair->a);
    follow(pair->b, "general");
    fixture_close(pair->b);
    fixture_open(pair->b);
    follow(pair->b, "general");
    pair->b->store->engine->turn(pair->b->store);
    const struct event *event = &next_completion(pair->b)->event;
    assert_int_equal(event->kind, EVENT_FOLLOWED);
    assert_int_equal(event->followed.head.elsewhere, 1);
}

/* What a has shared is in Redis, and b knows that a is there. Claims are answered when all before
 * them is done. The first name may have come to b with those that it read when it was opened; the
 * second was published, behind a's own coming. */
static void both_hear(struct pair *pair) {
    claim(pair->a, "joe", "one", false);
    expect(pair->a, "claimed joe: yes\n");
    hear(pair->b, "elsewhere joe\n");
    claim(pair->a, "max", "two", false);
    expect(pair->a, "claimed max: yes\n");
    hear(pair->b, "elsewhere max\n");
}

static void who_is_there_is_gathered(void **state) {
    struct pair *pair = *state;
    struct origin origin = {1, 2};
    share(pair->a, SIGNAL_JOINED, "ann", 1);
    share(pair->a, SIGNAL_JOINED, "eve", 2);
    share(pair->a, SIGNAL_JOINED, "eve", 3);
    share(pair->a, SIGNAL_LEFT, "eve", 2);
    share(pair->a, SIGNAL_LEFT, "ann", 1);
    both_hear(pair);
    pair->b->store->engine->shared->gather(pair->b->store, SLICE("general"), origin, SLICE("c"));
    expect(pair->b, "gathered eve\n");
}

static void who_comes_silently_is_gathered(void **state) {
    struct pair *pair = *state;
    struct origin origin = {1, 2};
    both_follow(pair);
    share_silently(pair->a, SIGNAL_JOINED, "ann", 1);
    share_silently(pair->a, SIGNAL_JOINED, "eve", 2);
    share_silently(pair->a, SIGNAL_LEFT, "ann", 1);
    both_hear(pair);
    pair->b->store->engine->shared->gather(pair->b->store, SLICE("general"), origin, SLICE("c"));
    expect(pair->b, "gathered eve\n");
}

static void a_name_is_held_once(void **state) {
    struct pair *pair = *state;
    claim(pair->a, "ann", "one", false);
    expect(pair->a, "claimed ann: yes\n");
    expect(pair->b, "elsewhere ann\n");
    claim(pair->b, "ann", "two", false);
    expect(pair->b, "claimed ann: name_taken\n");
    release_name(pair->a, "ann", "one");
    expect(pair->b, "elsewhere ann gone\n");
    claim(pair->b, "ann", "two", false);
    expect(pair->b, "claimed ann: yes\n");
    expect(pair->a, "elsewhere ann\n");
}

static void a_guest_moves_and_an_account_is_on_both(void **state) {
    struct pair *pair = *state;
    claim(pair->a, "ann", "one", false);
    claim(pair->a, "max", "two", true);
    expect(pair->a, "claimed ann: yes\nclaimed max: yes\n");
    expect(pair->b, "elsewhere ann\nelsewhere max\n");
    claim(pair->b, "ann", "one", false);
    claim(pair->b, "max", "two", true);
    hear(pair->b, "claimed max: yes\n");
    expect(pair->a, "elsewhere ann\nelsewhere max\n");
    release_name(pair->b, "max", "two");
    release_name(pair->a, "ann", "one"); /* has none any more */
    expect(pair->a, "elsewhere max gone\n");
    claim(pair->a, "ann", "three", false);
    expect(pair->a, "claimed ann: name_taken\n");
}

static void a_node_that_leaves_leaves_nothing(void **state) {
    struct pair *pair = *state;
    follow(pair->b, "general");
    expect(pair->b, "followed general 1-0\n");
    claim(pair->a, "ann", "one", false);
    share(pair->a, SIGNAL_JOINED, "ann", 1);
    hear(pair->a, "claimed");
    hear(pair->b, ", 1 elsewhere\n");
    fixture_close(pair->a);
    /* The one is published, the other may be found out by a heartbeat before. */
    hear_both(pair->b, "elsewhere ann gone\n", "signalled , 0 elsewhere\n");
}

static void conversations_are_called(void **state) {
    struct pair *pair = *state;
    struct call call = {
        .room_key = SLICE("@a,b"),
        .from = identity_of("ann"),
        .to = identity_of("bob"),
        .from_name = SLICE("ann"),
        .to_name = SLICE("bob"),
    };
    pair->a->store->engine->shared->call(pair->a->store, &call);
    pair->a->store->engine->turn(pair->a->store);
    expect(pair->b, "called bob by ann\n");
}

static void append_at_rate(struct fixture *fixture, const char *cid, unsigned rate) {
    struct origin origin = {1, 2};
    struct entry_body body = {.identity = identity_of("ann"), .cid = slice_of_string(cid)};
    struct draft *draft = draft_new(SLICE("general"), SLICE("general"), &body, origin, START_US);
    draft->rate = rate;
    fixture->store->engine->append(fixture->store, draft);
}

static void the_rate_counts_on_all_nodes(void **state) {
    struct pair *pair = *state;
    append_at_rate(pair->a, "a1", 3);
    append_at_rate(pair->a, "a2", 3);
    expect(pair->a, "appended a1 = 1\nappended a2 = 2\n");
    append_at_rate(pair->b, "b1", 3);
    append_at_rate(pair->b, "b1", 3); /* is known, and free */
    append_at_rate(pair->b, "b2", 3);
    expect(pair->b, "appended b1 = 3\nappended b1 duplicate of 3\nappended b2 rate_limited\n");
    assert_in_range(pair->b->outcome.retry_ms, 50000, 59000);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(what_one_appends_the_other_is_shown),
        CASE(what_was_appended_before_is_not_told_but_read),
        CASE(both_hear_the_same_in_the_same_order),
        CASE(lost_publications_are_read_from_the_log),
        CASE(a_forgotten_script_is_told_again),
        CASE(an_emptied_redis_begins_a_new_epoch),
        CASE(without_replicas_nothing_is_acknowledged_or_shown),
        CASE(what_waited_is_shown_where_nobody_waits),
        CASE(what_is_said_after_a_failed_erasure_stays),
        CASE(an_erasure_that_failed_is_done_again),
        CASE(a_signal_comes_behind_what_was_said_before_it),
        CASE(who_follows_later_knows_how_many_are_elsewhere),
        CASE(who_is_there_is_gathered),
        CASE(who_comes_silently_is_gathered),
        CASE(a_name_is_held_once),
        CASE(a_guest_moves_and_an_account_is_on_both),
        CASE(a_node_that_leaves_leaves_nothing),
        CASE(conversations_are_called),
        CASE(the_rate_counts_on_all_nodes),
    };
    return cmocka_run_group_tests_name("store redis", tests, NULL, NULL);
}
