/* What the tests of the stores share: a store of any engine, short words to ask it for things, and
 * a trace of what it answers, in its order, one line each:
 *
 *     followed general 1-0           first and last
 *     appended c1 = 1                cid, number; or "duplicate of 1", or the error's code
 *     committed general 1 "hello"    one line for each entry
 *     signalled ann                  the name in the signal
 *     trimmed general 5              first
 *
 * Nothing sleeps: the store's wake ends a wait, and ten seconds without one fail the test. */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "base/memory.h"
#include "store/store_memory.h"
#include "store/store_redis.h"
#include "store/store_sqlite.h"

#define PATIENCE_MS 10000
#define START_US 1700000000000000
#define MARKER "(marker)"

struct fixture {
    struct store *store;
    bool durable;           /* survives being closed: all but memory */
    bool shared;            /* redis */
    char folder[64];        /* of sqlite; what stands behind the last slash is redis' namespace */
    const char *name_space; /* of redis; NULL: one of its own */
    unsigned wait_replicas; /* redis */
    const struct retention_rules *retention; /* NULL: everything is kept */
    struct log log;
    int woken; /* an eventfd */
    int64_t now_us;
    struct buffer trace;
    struct outcome outcome; /* of the last append */
    char epoch[64];         /* of the last head seen */
    char topic[64];
    char name[64];
};

static inline void fixture_wake(void *context) {
    const struct fixture *fixture = context;
    uint64_t one = 1;
    assert_int_equal(write(fixture->woken, &one, sizeof(one)), sizeof(one));
}

static inline int fixture_open_sqlite(struct fixture *fixture, struct buffer *message) {
    struct store_sqlite_options options = {
        .folder = fixture->folder,
        .log = &fixture->log,
        .retention = fixture->retention,
        .wake = fixture_wake,
        .wake_context = fixture,
    };
    return store_sqlite_open(&options, &fixture->store, message);
}

/* The Redis of this program: started with the first store that needs it, ended with the program. */
struct fixture_redis {
    pid_t pid;
    char folder[64];
    char path[96];
};

static inline struct fixture_redis *fixture_redis(void) {
    static struct fixture_redis redis;
    return &redis;
}

static inline void fixture_end_redis(void) {
    const struct fixture_redis *redis = fixture_redis();
    char command[256];
    kill(redis->pid, SIGKILL);
    waitpid(redis->pid, NULL, 0);
    snprintf(command, sizeof(command), "rm -r %.63s", redis->folder);
    if (system(command) != 0) {
        fprintf(stderr, "%s is left behind\n", redis->folder);
    }
}

static inline bool fixture_redis_answers(const struct fixture_redis *redis) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, redis->path, strlen(redis->path) + 1);
    bool answers = connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) == 0;
    close(descriptor);
    return answers;
}

static inline void fixture_start_redis(void) {
    struct fixture_redis *redis = fixture_redis();
    if (redis->pid != 0) {
        return;
    }
    snprintf(redis->folder, sizeof(redis->folder), "/tmp/banter-redis-XXXXXX");
    assert_non_null(mkdtemp(redis->folder));
    snprintf(redis->path, sizeof(redis->path), "%.63s/socket", redis->folder);
    redis->pid = fork();
    if (redis->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis->path, "--dir",
               redis->folder, "--save", "", "--appendonly", "no", NULL);
        _exit(127);
    }
    atexit(fixture_end_redis);
    for (int i = 0; i < PATIENCE_MS && !fixture_redis_answers(redis); i++) {
        poll(NULL, 0, 1);
    }
}

static inline int fixture_open_redis(struct fixture *fixture, struct buffer *message) {
    fixture_start_redis();
    const char *const shard = fixture_redis()->path;
    char copy[80];
    snprintf(copy, sizeof(copy), "%s/copy", fixture->folder);
    struct store_redis_options options = {
        .shards = &shard,
        .shard_count = 1,
        .name_space =
            fixture->name_space != NULL ? fixture->name_space : strrchr(fixture->folder, '/') + 1,
        .copy_folder = copy,
        .wait_replicas = fixture->wait_replicas,
        .wait_timeout_ms = 1000,
        .connect_timeout_ms = PATIENCE_MS,
        .command_timeout_ms = PATIENCE_MS,
        .log = &fixture->log,
        .retention = fixture->retention,
        .wake = fixture_wake,
        .wake_context = fixture,
    };
    return store_redis_open(&options, &fixture->store, message);
}

static inline void fixture_open(struct fixture *fixture) {
    struct buffer message = {0};
    struct store_memory_options memory = {
        .seed = 1,
        .keep = LIMIT_MEMORY_ROOM_ENTRIES,
        .retention = fixture->retention,
        .wake = fixture_wake,
        .wake_context = fixture,
    };
    if (fixture->shared) {
        if (fixture_open_redis(fixture, &message) != 0) {
            fail_msg("%.*s", SLICE_ARGS(buffer_slice(&message)));
        }
    } else if (!fixture->durable) {
        fixture->store = store_memory_new(&memory);
    } else if (fixture_open_sqlite(fixture, &message) != 0) {
        fail_msg("%.*s", SLICE_ARGS(buffer_slice(&message)));
    }
    buffer_close(&message);
}

static inline void fixture_close(struct fixture *fixture) {
    if (fixture->store != NULL) {
        fixture->store->engine->close(fixture->store);
        fixture->store = NULL;
    }
}

static inline struct fixture *fixture_new(bool durable) {
    struct fixture *fixture = memory_new_struct(struct fixture);
    fixture->durable = durable;
    fixture->now_us = START_US;
    fixture->woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fixture->log = (struct log){.level = LOG_DEBUG, .descriptor = open("/dev/null", O_WRONLY)};
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/banter-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    return fixture;
}

static inline void fixture_free(struct fixture *fixture) {
    char command[128];
    fixture_close(fixture);
    snprintf(command, sizeof(command), "rm -r %s", fixture->folder);
    assert_int_equal(system(command), 0);
    close(fixture->woken);
    close(fixture->log.descriptor);
    buffer_close(&fixture->trace);
    memory_free(fixture);
}

/* Everybody has an identity of their own, told from the name. */
static inline struct identity identity_of(const char *name) {
    struct identity identity = {0};
    for (size_t i = 0; i < IDENTITY_SIZE && name[i] != '\0'; i++) {
        identity.bytes[i] = (uint8_t)name[i];
    }
    return identity;
}

static inline void append_body(struct fixture *fixture, const char *room,
                               const struct entry_body *body) {
    struct origin origin = {.session = 1, .connection = 2};
    char key[LIMIT_ROOM_KEY];
    size_t length = strlen(room);
    for (size_t i = 0; i <= length; i++) {
        key[i] = room[i] >= 'A' && room[i] <= 'Z' ? (char)(room[i] + 32) : room[i];
    }
    fixture->store->engine->append(
        fixture->store,
        draft_new(slice_of_string(key), slice_of_string(room), body, origin, fixture->now_us++));
}

/* Says again what may have been said before, too often to be said anew. */
static inline void say_if_known(struct fixture *fixture, const char *room, const char *who,
                                const char *cid, const char *content) {
    struct origin origin = {.session = 1, .connection = 2};
    struct entry_body body = {
        .identity = identity_of(who),
        .sender = slice_of_string(who),
        .cid = slice_of_string(cid),
        .content = slice_of_string(content),
    };
    struct draft *draft =
        draft_new(slice_of_string(room), slice_of_string(room), &body, origin, fixture->now_us++);
    draft->known_only = true;
    fixture->store->engine->append(fixture->store, draft);
}

/* The shorter ways of saying it; NULL or 0 for what is not there. */
static inline void say(struct fixture *fixture, const char *room, const char *who, const char *cid,
                       const char *content) {
    struct entry_body body = {
        .identity = identity_of(who),
        .sender = slice_of_string(who),
        .cid = slice_of_string(cid),
        .content = slice_of_string(content),
    };
    append_body(fixture, room, &body);
}

static inline void act(struct fixture *fixture, const char *room, const char *who, const char *cid,
                       enum entry_kind kind, uint64_t of, const char *content) {
    struct entry_body body = {
        .kind = kind,
        .identity = identity_of(who),
        .sender = slice_of_string(who),
        .cid = slice_of_string(cid),
        .of = of,
    };
    if (kind == ENTRY_REACTION) {
        body.key = slice_of_string(content);
    } else {
        body.content = slice_of_string(content);
    }
    append_body(fixture, room, &body);
}

static inline void follow(struct fixture *fixture, const char *room) {
    fixture->store->engine->follow(fixture->store, slice_of_string(room), slice_of_string(room));
}

static inline void unfollow(struct fixture *fixture, const char *room) {
    fixture->store->engine->unfollow(fixture->store, slice_of_string(room));
}

static inline void erase_room(struct fixture *fixture, const char *room) {
    fixture->store->engine->erase(fixture->store, slice_of_string(room));
}

static inline void send_signal(struct fixture *fixture, const char *room, const char *name,
                               uint64_t session) {
    struct signal from = {
        .kind = SIGNAL_JOINED,
        .origin = {.session = session},
        .room_key = slice_of_string(room),
        .room_name = slice_of_string(room),
        .name = slice_of_string(name),
    };
    fixture->store->engine->signal(fixture->store, signal_new(&from));
}

static inline void keep_text(char text[64], struct slice s) {
    snprintf(text, 64, "%.*s", SLICE_ARGS(s));
}

static inline void keep_head(struct fixture *fixture, const struct room_head *head) {
    keep_text(fixture->epoch, head->epoch);
    keep_text(fixture->topic, head->topic);
    keep_text(fixture->name, head->room_name);
}

static inline void trace_appended(struct fixture *fixture, const struct event *event) {
    const struct outcome *outcome = &event->appended.outcome;
    struct slice cid = event->appended.draft->body.cid;
    buffer_append_format(&fixture->trace, "appended %.*s ", SLICE_ARGS(cid));
    if (outcome->error != 0) {
        buffer_append_format(&fixture->trace, "%s\n", error_code(outcome->error));
    } else {
        buffer_append_format(&fixture->trace, "%s %llu\n",
                             outcome->duplicate ? "duplicate of" : "=",
                             (unsigned long long)outcome->seq);
    }
    fixture->outcome = *outcome;
}

static inline void trace_committed(struct fixture *fixture, const struct event *event) {
    for (size_t i = 0; i < event->committed.count; i++) {
        const struct entry *entry = event->committed.entries[i];
        buffer_append_format(&fixture->trace, "committed %.*s %llu \"%.*s\"\n",
                             SLICE_ARGS(event->committed.room_key), (unsigned long long)entry->seq,
                             SLICE_ARGS(entry->body.content));
    }
}

static inline void trace_followed(struct fixture *fixture, const struct event *event) {
    const struct room_head *head = &event->followed.head;
    buffer_append_format(&fixture->trace, "followed %.*s ", SLICE_ARGS(head->room_key));
    if (event->followed.error != 0) {
        buffer_append_format(&fixture->trace, "%s\n", error_code(event->followed.error));
        return;
    }
    buffer_append_format(&fixture->trace, "%llu-%llu\n", (unsigned long long)head->first,
                         (unsigned long long)head->last);
    assert_true(head->exists == (head->last > 0));
    keep_head(fixture, head);
}

/* Writes it into the trace and frees what is the driver's. True: it was the marker. */
static inline bool trace_event(struct fixture *fixture, const struct event *event) {
    bool marker = false;
    switch (event->kind) {
    case EVENT_FOLLOWED:
        trace_followed(fixture, event);
        break;
    case EVENT_APPENDED:
        trace_appended(fixture, event);
        draft_free(event->appended.draft);
        break;
    case EVENT_COMMITTED:
        trace_committed(fixture, event);
        break;
    case EVENT_SIGNALLED:
        marker = slice_equal(event->signalled.signal->name, SLICE(MARKER));
        if (!marker) {
            buffer_append_format(&fixture->trace, "signalled %.*s\n",
                                 SLICE_ARGS(event->signalled.signal->name));
        }
        signal_free(event->signalled.signal);
        break;
    case EVENT_TRIMMED:
        buffer_append_format(&fixture->trace, "trimmed %.*s %llu\n",
                             SLICE_ARGS(event->trimmed.room_key),
                             (unsigned long long)event->trimmed.first);
        break;
    default:
        fail_msg("an event of kind %d", event->kind);
    }
    return marker;
}

/* The next completion, waiting for it. */
static inline struct completion *next_completion(struct fixture *fixture) {
    struct completion *completion;
    uint64_t count;
    while ((completion = fixture->store->engine->collect(fixture->store)) == NULL) {
        struct pollfd descriptor = {.fd = fixture->woken, .events = POLLIN};
        if (poll(&descriptor, 1, PATIENCE_MS) != 1) {
            fail_msg("the store is silent after \"%.*s\"",
                     SLICE_ARGS(buffer_slice(&fixture->trace)));
        }
        assert_int_equal(read(fixture->woken, &count, sizeof(count)), sizeof(count));
    }
    return completion;
}

/* The trace of everything asked so far; valid until the next call. */
static inline const char *run(struct fixture *fixture) {
    bool marker = false;
    buffer_clear(&fixture->trace);
    send_signal(fixture, "nowhere", MARKER, 1);
    fixture->store->engine->turn(fixture->store);
    while (!marker) {
        struct completion *completion = next_completion(fixture);
        if (completion->kind == COMPLETION_EVENT) {
            marker = trace_event(fixture, &completion->event);
        }
    }
    *buffer_reserve(&fixture->trace, 1) = '\0';
    return buffer_slice(&fixture->trace).data;
}

/* The next page; every event before it goes into the trace. It lives until the next completion is
 * collected. */
static inline const struct page *next_page(struct fixture *fixture) {
    struct completion *completion;
    fixture->store->engine->turn(fixture->store);
    while ((completion = next_completion(fixture))->kind != COMPLETION_PAGE) {
        trace_event(fixture, &completion->event);
    }
    keep_head(fixture, &completion->page.head);
    return &completion->page;
}

static inline const struct page *read_page(struct fixture *fixture,
                                           const struct page_query *query) {
    run(fixture);
    fixture->store->engine->read(fixture->store, query);
    return next_page(fixture);
}

/* The last entries of a room. */
static inline const struct page *read_last(struct fixture *fixture, const char *room) {
    struct page_query query = {.room_key = slice_of_string(room), .limit = LIMIT_PAGE_ENTRIES};
    return read_page(fixture, &query);
}

static inline int start_memory(void **state) {
    struct fixture *fixture = fixture_new(false);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline int start_sqlite(void **state) {
    struct fixture *fixture = fixture_new(true);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline struct fixture *fixture_new_redis(void) {
    struct fixture *fixture = fixture_new(true);
    fixture->shared = true;
    return fixture;
}

static inline int start_redis(void **state) {
    struct fixture *fixture = fixture_new_redis();
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline int stop_store(void **state) {
    fixture_free(*state);
    return 0;
}

/* A case that every engine must pass. */
#define STORE_CASE(function)                                                                       \
    {"memory: " #function, function, start_memory, stop_store, NULL},                              \
        {"sqlite: " #function, function, start_sqlite, stop_store, NULL}, {                        \
        "redis: " #function, function, start_redis, stop_store, NULL                               \
    }
