#include "store/search_thread.h"

#include <pthread.h>
#include <time.h>

#include "base/memory.h"
#include "base/thread.h"
#include "store/search_find.h"
#include "store/search_follow.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define SECOND_NS (1000 * MILLISECOND_NS)
#define CATCH_UP_NS (500 * MILLISECOND_NS) /* that a search waits for the index */
#define GATHER_NS                                                                                  \
    (50 * MILLISECOND_NS) /* between two looks at the log, so that a step has something to do */
#define LOOK_NS (30 * SECOND_NS)        /* without having been woken: retention wakes nobody */
#define SCRUB_NS (2 * SECOND_NS)        /* between two scrubbings */
#define RETRY_FIRST_NS SECOND_NS        /* after a failure; doubled each time … */
#define RETRY_LAST_NS (300 * SECOND_NS) /* … up to this */
/* Scrubbing rewrites the index, looking for news goes through all rooms: neither may be most of
 * what is done. */
#define REST 10
/* Following a busy log may not take from those who write it: a search has it catch up at full
 * speed. */
#define REST_BEHIND 20

struct search_thread {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct job_list jobs; /* this and the next two with the mutex held */
    bool woken;
    bool stopping;
    struct outbox *outbox;
    /* The rest is the thread's own. */
    struct search_file file;
    struct search_follow follow;
    bool behind;       /* the log may have changed */
    uint64_t look_ns;  /* not before this is it looked at again */
    uint64_t scrub_ns; /* not before this is anything scrubbed again */
    uint64_t began_ns; /* the scrubbing under way */
    uint64_t retry_ns; /* not before this is the file opened again */
    uint64_t retry_after_ns;
};

static void fail(struct search_thread *thread, int code) {
    const struct log *lines = thread->file.lines;
    uint64_t *after = &thread->retry_after_ns;
    if (lines != NULL) {
        log_write(lines, LOG_ERROR, "Cannot use the search index %s: %s (%d); trying again in %u s",
                  thread->file.path, sqlite3_errstr(code), code, (unsigned)(*after / SECOND_NS));
    }
    search_file_fail(&thread->file, code);
    thread->retry_ns = mailbox_now() + *after;
    *after = *after * 2 < RETRY_LAST_NS ? *after * 2 : RETRY_LAST_NS;
}

/* Whether the index is open. */
static bool open_index(struct search_thread *thread) {
    if (thread->file.db != NULL) {
        return true;
    }
    if (mailbox_now() < thread->retry_ns) {
        return false;
    }
    int code = search_file_open(&thread->file);
    if (code == SQLITE_OK) {
        code = search_follow_start(&thread->follow, &thread->file);
    }
    if (code != SQLITE_OK) {
        fail(thread, code);
        return false;
    }
    thread->behind = true;
    return true;
}

/* One step after the log. */
static void follow(struct search_thread *thread) {
    bool more = false;
    uint64_t start = mailbox_now();
    if (!open_index(thread)) {
        return;
    }
    int code = search_follow_step(&thread->follow, &thread->file, &more);
    if (code != SQLITE_OK) {
        fail(thread, code);
        return;
    }
    uint64_t now = mailbox_now();
    uint64_t rest = (now - start) * (more ? REST_BEHIND : REST);
    thread->behind = more;
    thread->look_ns = now + (more || rest > GATHER_NS ? rest : GATHER_NS);
    if (!more) {
        thread->retry_after_ns = RETRY_FIRST_NS; /* it works */
    }
}

/* One step of scrubbing. */
static void scrub(struct search_thread *thread) {
    if (!thread->follow.merging) {
        thread->began_ns = mailbox_now();
    }
    int code = search_follow_scrub(&thread->follow, &thread->file);
    if (code != SQLITE_OK) {
        fail(thread, code);
    } else if (!thread->follow.merging) {
        uint64_t now = mailbox_now();
        uint64_t rest = (now - thread->began_ns) * REST;
        thread->scrub_ns = now + (rest > SCRUB_NS ? rest : SCRUB_NS);
    }
}

/* Whoever has been told that a message is stored can find it. */
static void catch_up(struct search_thread *thread) {
    uint64_t deadline = mailbox_now() + CATCH_UP_NS;
    thread->behind = true;
    while (open_index(thread) && thread->behind && mailbox_now() < deadline) {
        follow(thread);
    }
}

static void answer(struct search_thread *thread, struct job *job) {
    struct job_list done = {0};
    struct findings *findings = &job->search.findings;
    int code = SQLITE_CANTOPEN;
    catch_up(thread);
    if (thread->file.db != NULL) {
        code = search_find(&thread->file, &job->search.query, findings);
        if (code != SQLITE_OK) {
            fail(thread, code);
        }
    }
    if (code != SQLITE_OK) {
        findings->error = ERR_UNAVAILABLE;
        findings->reason = "Searching does not work at the moment";
    }
    job_list_append(&done, job);
    outbox_put(thread->outbox, &done);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* When there is something to do again, if nothing happens. */
static uint64_t next_due(const struct search_thread *thread) {
    uint64_t due = mailbox_now() + LOOK_NS;
    if (thread->file.db == NULL) {
        return earlier(due, thread->retry_ns);
    }
    if (thread->behind) {
        due = earlier(due, thread->look_ns);
    }
    if (thread->follow.merging) {
        return 0;
    }
    return search_follow_soiled(&thread->follow) ? earlier(due, thread->scrub_ns) : due;
}

static bool wait_until(struct search_thread *thread, uint64_t deadline_ns) {
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / SECOND_NS),
        .tv_nsec = (long)(deadline_ns % SECOND_NS),
    };
    return pthread_cond_timedwait(&thread->changed, &thread->mutex, &deadline) == 0;
}

/* Waits for a search, for the log to change while it is not known to have changed, or for something
 * to be due. False at the end. */
static bool take(struct search_thread *thread, struct job_list *jobs) {
    uint64_t due = next_due(thread);
    bool waiting = jobs->first == NULL && due > mailbox_now();
    pthread_mutex_lock(&thread->mutex);
    while (waiting && !thread->stopping && thread->jobs.first == NULL &&
           (!thread->woken || thread->behind)) {
        waiting = wait_until(thread, due);
    }
    thread->behind = thread->behind || thread->woken || !waiting;
    thread->woken = false;
    job_list_move(jobs, &thread->jobs);
    bool going_on = !thread->stopping;
    pthread_mutex_unlock(&thread->mutex);
    return going_on;
}

static void work(struct search_thread *thread) {
    if (!open_index(thread)) {
        return;
    }
    if (thread->behind && mailbox_now() >= thread->look_ns) {
        follow(thread);
    }
    bool soiled = thread->file.db != NULL && search_follow_soiled(&thread->follow);
    if (soiled && (thread->follow.merging || mailbox_now() >= thread->scrub_ns)) {
        scrub(thread);
    }
}

static void *run(void *argument) {
    struct search_thread *thread = argument;
    struct job_list jobs = {0};
    while (take(thread, &jobs)) {
        struct job *job = job_list_take(&jobs);
        if (job != NULL) {
            answer(thread, job);
        }
        work(thread);
    }
    job_list_clear(&jobs);
    search_file_close(&thread->file);
    return NULL;
}

static void init_queue(struct search_thread *thread) {
    pthread_condattr_t attributes;
    pthread_mutex_init(&thread->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void free_thread(struct search_thread *thread) {
    job_list_clear(&thread->jobs);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->mutex);
    search_file_free(&thread->file);
    memory_free(thread);
}

int search_thread_start(const struct sqlite_file *file, const struct log *log,
                        struct outbox *outbox, struct search_thread **thread,
                        struct buffer *message) {
    struct search_thread *started = memory_new_struct(struct search_thread);
    init_queue(started);
    search_file_init(&started->file, file, log);
    started->outbox = outbox;
    started->retry_after_ns = RETRY_FIRST_NS;
    if (thread_start_behind(&started->thread, "store-search", run, started) != 0) {
        buffer_append_string(message, "cannot start a thread for searching; raise the limit of "
                                      "processes (ulimit -u)");
        free_thread(started);
        return ERR_IO;
    }
    *thread = started;
    return 0;
}

void search_thread_put(struct search_thread *thread, struct job_list *jobs) {
    pthread_mutex_lock(&thread->mutex);
    job_list_move(&thread->jobs, jobs);
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
}

void search_thread_wake(struct search_thread *thread) {
    pthread_mutex_lock(&thread->mutex);
    if (!thread->woken) {
        thread->woken = true;
        pthread_cond_signal(&thread->changed);
    }
    pthread_mutex_unlock(&thread->mutex);
}

void search_thread_stop(struct search_thread *thread) {
    pthread_mutex_lock(&thread->mutex);
    thread->stopping = true;
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
    pthread_join(thread->thread, NULL);
    free_thread(thread);
}
