#include "store/sqlite_writer.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/thread.h"
#include "store/sqlite_log.h"
#include "store/sqlite_mark.h"
#include "store/sqlite_trim.h"

#define MILLISECOND_NS 1000000u
#define SECOND_NS (1000 * MILLISECOND_NS)
#define BATCH_WAIT_NS (300 * 1000u) /* for as many publishers as last time */
#define RETRY_NS (500 * MILLISECOND_NS)
#define SCRUB_NS                                                                                   \
    SECOND_NS /* from the first erasure to the scrubbing that covers it and those after it */

#define SCRUB_TRIMMED_NS (30 * SECOND_NS) /* the same for what only grew old */
#define SWEEP_SOON_NS (100 * MILLISECOND_NS)
#define SWEEP_REST 10 /* times as long as a step the writer does other things */

struct sqlite_writer {
    pthread_t thread;
    struct mailbox mailbox;
    struct outbox *outbox;
    const struct log *log_lines;
    /* The rest is the thread's own. */
    struct sqlite_log log;
    struct sqlite_marks marks;
    struct job_list erasures; /* that failed; done again with the next batch */
    size_t previous_appends;  /* in the batch before */
    uint64_t retry_ns;        /* when to try again what failed; MAILBOX_FOREVER: nothing failed */
    uint64_t scrub_ns;        /* when to scrub; MAILBOX_FOREVER: nothing was erased */
    struct sqlite_sweep sweep;
    uint64_t sweep_ns;    /* when its next step is due */
    unsigned changes;     /* of the rules of retention that the sweep knows of */
    uint64_t complain_ns; /* not before this is a failure logged again */
    bool failing;
};

/* What the operator can do about it. */
static const char *advice(int code) {
    if (code == SQLITE_READONLY_DBMOVED) {
        return "it was moved or deleted: put it back, or restart without it";
    }
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "free some space";
    case SQLITE_BUSY:
        return "another program holds a lock on it";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "make it writable";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "restore it from a backup";
    default:
        return "see that its disk works";
    }
}

static void complain(struct sqlite_writer *writer, int code) {
    uint64_t now = mailbox_now();
    writer->failing = true;
    if (writer->log_lines != NULL && now >= writer->complain_ns) {
        writer->complain_ns = now + SECOND_NS;
        log_write(writer->log_lines, LOG_ERROR,
                  "Cannot write to %s: %s (%d); messages are refused until it works again: %s",
                  writer->log.file->path, sqlite3_errstr(code), code, advice(code));
    }
}

static void note_success(struct sqlite_writer *writer) {
    if (writer->failing && writer->log_lines != NULL) {
        log_write(writer->log_lines, LOG_INFO, "Writing to %s works again", writer->log.file->path);
    }
    writer->failing = false;
}

static void scrub_within(struct sqlite_writer *writer, uint64_t time_ns) {
    uint64_t due = mailbox_now() + time_ns;
    writer->scrub_ns = due < writer->scrub_ns ? due : writer->scrub_ns;
}

/* However often it is asked for, a sweep takes its rest. */
static void sweep_soon(struct sqlite_writer *writer) {
    uint64_t due = mailbox_now() + SWEEP_SOON_NS;
    writer->sweep_ns = due < writer->sweep_ns ? due : writer->sweep_ns;
}

static bool needs_transaction(const struct job_list *jobs) {
    for (const struct job *job = jobs->first; job != NULL; job = job->next) {
        if (job->kind == JOB_APPEND || job->kind == JOB_ERASE || job->kind == JOB_MARK) {
            return true;
        }
    }
    return false;
}

static int do_append(struct sqlite_writer *writer, struct job *job) {
    const struct outcome *outcome = &job->append.outcome;
    int code = sqlite_log_append(&writer->log, job->append.draft, &job->append.outcome);
    bool appended = code == SQLITE_OK && outcome->error == 0 && !outcome->duplicate;
    if (appended && job->append.draft->body.kind == ENTRY_DELETE) {
        scrub_within(writer, SCRUB_NS);
    }
    return code;
}

static int do_follow(struct sqlite_writer *writer, struct job *job) {
    return sqlite_log_head(&writer->log, job->room_key, job->follow.room_name, &job->follow.head);
}

static int do_job(struct sqlite_writer *writer, struct job *job) {
    switch (job->kind) {
    case JOB_APPEND:
        return do_append(writer, job);
    case JOB_FOLLOW:
        head_free(&job->follow.head);
        return do_follow(writer, job);
    case JOB_ERASE:
        scrub_within(writer, SCRUB_NS);
        return sqlite_log_erase(&writer->log, job->room_key);
    case JOB_MARK:
        return sqlite_mark_set(&writer->marks, &writer->log.connection, &job->mark);
    case JOB_RECALL:
        return sqlite_mark_list(&writer->log.connection, &job->recall.identity, &job->recall.marks,
                                &job->recall.count);
    default:
        return SQLITE_OK;
    }
}

static int do_jobs(struct sqlite_writer *writer, const struct job_list *jobs) {
    int code = SQLITE_OK;
    for (struct job *job = jobs->first; job != NULL && code == SQLITE_OK; job = job->next) {
        code = do_job(writer, job);
    }
    return code;
}

/* `trimmed` is to be reported after the jobs. */
static int do_transaction(struct sqlite_writer *writer, const struct job_list *jobs,
                          struct job_list *trimmed) {
    bool more = false;
    int code = sqlite_log_begin(&writer->log);
    if (code == SQLITE_OK) {
        code = do_jobs(writer, &writer->erasures);
    }
    if (code == SQLITE_OK) {
        code = do_jobs(writer, jobs);
    }
    if (code == SQLITE_OK) {
        code = sqlite_trim_touched(&writer->log, trimmed, &more);
    }
    if (code == SQLITE_OK) {
        code = sqlite_log_commit(&writer->log);
    }
    if (code == SQLITE_OK) {
        job_list_clear(&writer->erasures);
        note_success(writer);
        if (more) {
            sweep_soon(writer);
        }
    } else {
        job_list_clear(trimmed);
    }
    return code;
}

static int do_batch(struct sqlite_writer *writer, const struct job_list *jobs,
                    struct job_list *trimmed) {
    if (needs_transaction(jobs) || writer->erasures.first != NULL) {
        return do_transaction(writer, jobs, trimmed);
    }
    return do_jobs(writer, jobs);
}

/* Writes into a job that its batch failed. Heads are read again: they may speak of what was rolled
 * back. */
static void fail_job(struct sqlite_writer *writer, struct job *job) {
    switch (job->kind) {
    case JOB_APPEND:
        job->append.outcome = (struct outcome){.error = ERR_UNAVAILABLE};
        break;
    case JOB_FOLLOW:
        head_free(&job->follow.head);
        if (!sqlite_log_settled(&writer->log) || do_follow(writer, job) != SQLITE_OK) {
            job->error = ERR_UNAVAILABLE;
        }
        break;
    case JOB_ERASE:
        job_list_append(&writer->erasures, job_new_erase(job->room_key));
        break;
    default:
        break;
    }
}

/* After the failure `code`: `done` gets what is found in the log first, then the batch. */
static void fail_batch(struct sqlite_writer *writer, struct job_list *jobs, struct job_list *done,
                       int code) {
    complain(writer, code);
    sqlite_log_fail(&writer->log, code);
    int settled = sqlite_log_settle(&writer->log, done);
    for (struct job *job = jobs->first; job != NULL; job = job->next) {
        fail_job(writer, job);
    }
    bool again = settled != SQLITE_OK || writer->erasures.first != NULL;
    writer->retry_ns = again ? mailbox_now() + RETRY_NS : MAILBOX_FOREVER;
}

static void report(struct sqlite_writer *writer, struct job_list *done, struct job_list *trimmed) {
    if (trimmed->first != NULL) {
        scrub_within(writer, SCRUB_TRIMMED_NS);
    }
    job_list_move(done, trimmed);
    outbox_put(writer->outbox, done);
}

static void run_batch(struct sqlite_writer *writer, struct job_list *jobs) {
    struct job_list done = {0}, trimmed = {0};
    writer->retry_ns = MAILBOX_FOREVER;
    int code = sqlite_log_settle(&writer->log, &done);
    if (code == SQLITE_OK) {
        code = do_batch(writer, jobs, &trimmed);
    }
    if (code != SQLITE_OK) {
        fail_batch(writer, jobs, &done, code);
    }
    job_list_move(&done, jobs);
    report(writer, &done, &trimmed);
}

/* A failure here is nobody's: what is past its time merely stays a little longer. */
static void sweep(struct sqlite_writer *writer) {
    struct job_list done = {0}, trimmed = {0};
    uint64_t began = mailbox_now();
    bool finished = true;
    int code = sqlite_log_settle(&writer->log, &done);
    if (code == SQLITE_OK) {
        code = sqlite_sweep_step(&writer->log, &writer->sweep, &trimmed, &finished);
    }
    if (code != SQLITE_OK) {
        complain(writer, code);
        sqlite_log_fail(&writer->log, code);
        finished = true;
    }
    report(writer, &done, &trimmed);
    uint64_t now = mailbox_now();
    writer->sweep_ns =
        now + (finished ? retention_pause_ns(writer->log.retention) : SWEEP_REST * (now - began));
}

static void scrub(struct sqlite_writer *writer) {
    bool scrubbed = sqlite_log_settled(&writer->log) && sqlite_log_scrub(&writer->log) == SQLITE_OK;
    writer->scrub_ns = scrubbed ? MAILBOX_FOREVER : mailbox_now() + SCRUB_NS;
}

/* Rules that were replaced are not told to this thread; it looks. What they let go of in rooms that
 * grow is seen at once, for the rest a sweep is due. */
static void look_at_rules(struct sqlite_writer *writer) {
    unsigned changes = retention_changes(writer->log.retention);
    if (changes != writer->changes) {
        writer->changes = changes;
        writer->sweep = (struct sqlite_sweep){0}; /* those it has passed are under new rules, too */
        writer->sweep_ns = mailbox_now();
    }
}

static uint64_t next_look(const struct sqlite_writer *writer) {
    const struct retention_rules *rules = writer->log.retention;
    return rules != NULL && rules->guard != NULL ? mailbox_now() + RETENTION_NOTICE_NS
                                                 : MAILBOX_FOREVER;
}

/* Waits for jobs, or for something else that is due, and takes them. False at the end. */
static bool take_batch(struct sqlite_writer *writer, struct job_list *jobs) {
    uint64_t due = writer->retry_ns < writer->scrub_ns ? writer->retry_ns : writer->scrub_ns;
    due = due < writer->sweep_ns ? due : writer->sweep_ns;
    uint64_t look = next_look(writer);
    due = due < look ? due : look;
    mailbox_wait(&writer->mailbox, due);
    if (writer->previous_appends > 1) {
        mailbox_wait_for_appends(&writer->mailbox, writer->previous_appends,
                                 mailbox_now() + BATCH_WAIT_NS);
    }
    return mailbox_take(&writer->mailbox, jobs);
}

static void *run(void *argument) {
    struct sqlite_writer *writer = argument;
    struct job_list jobs = {0};
    while (take_batch(writer, &jobs)) {
        size_t appends = job_list_appends(&jobs);
        if (jobs.first != NULL || mailbox_now() >= writer->retry_ns) {
            run_batch(writer, &jobs);
        }
        if (appends > 0) {
            writer->previous_appends = appends;
        }
        if (mailbox_now() >= writer->scrub_ns) {
            scrub(writer);
        }
        look_at_rules(writer);
        if (mailbox_now() >= writer->sweep_ns) {
            sweep(writer);
        }
    }
    if (writer->erasures.first != NULL) {
        run_batch(writer, &jobs);
    }
    return NULL;
}

static void free_writer(struct sqlite_writer *writer) {
    sqlite_log_close(&writer->log);
    job_list_clear(&writer->erasures);
    mailbox_close(&writer->mailbox);
    memory_free(writer);
}

int sqlite_writer_start(const struct sqlite_file *file, const struct log *log,
                        const struct retention_rules *retention, struct outbox *outbox,
                        struct sqlite_writer **writer, struct buffer *message) {
    struct sqlite_writer *started = memory_new_struct(struct sqlite_writer);
    uint64_t seed = 0;
    mailbox_init(&started->mailbox);
    started->outbox = outbox;
    started->log_lines = log;
    started->retry_ns = MAILBOX_FOREVER;
    started->scrub_ns = MAILBOX_FOREVER;
    int code = getentropy(&seed, sizeof(seed)) == 0 ? SQLITE_OK : SQLITE_IOERR;
    if (code == SQLITE_OK) {
        code = sqlite_log_open(&started->log, file, retention, seed);
    }
    if (code != SQLITE_OK) {
        buffer_append_format(message, "cannot open the database %s: %s; %s", file->path,
                             sqlite3_errstr(code), advice(code));
        free_writer(started);
        return ERR_IO;
    }
    if (thread_start_ahead(&started->thread, "store-writer", run, started) != 0) {
        buffer_append_string(message, "cannot start a thread for the database; raise the limit of "
                                      "processes (ulimit -u)");
        free_writer(started);
        return ERR_IO;
    }
    *writer = started;
    return 0;
}

void sqlite_writer_put(struct sqlite_writer *writer, struct job_list *jobs) {
    mailbox_put(&writer->mailbox, jobs);
}

void sqlite_writer_stop(struct sqlite_writer *writer) {
    mailbox_end(&writer->mailbox);
    pthread_join(writer->thread, NULL);
    free_writer(writer);
}
