#include "store/sqlite_reader.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "base/thread.h"
#include "store/sqlite_pages.h"

#define COMPLAIN_NS 1000000000u

struct sqlite_reader {
    pthread_t thread;
    struct mailbox mailbox;
    struct outbox *outbox;
    const struct sqlite_file *file;
    const struct log *log;
    atomic_bool stopping;
    /* The rest is the thread's own. */
    struct sqlite_connection connection;
    uint64_t complain_ns; /* not before this is a failure logged again */
};

static void complain(struct sqlite_reader *reader, int code) {
    uint64_t now = mailbox_now();
    if (reader->log != NULL && now >= reader->complain_ns) {
        reader->complain_ns = now + COMPLAIN_NS;
        log_write(reader->log, LOG_ERROR, "Cannot read from %s: %s (%d)", reader->file->path,
                  sqlite3_errstr(code), code);
    }
}

static int do_read(struct sqlite_reader *reader, struct job *job) {
    const char *epoch = reader->file->epoch;
    if (reader->connection.db == NULL) {
        int code = sqlite_connection_open(&reader->connection, reader->file->path);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    if (job->kind == JOB_PAGE) {
        return sqlite_read_page(&reader->connection, &job->read.query, epoch, &job->read.page);
    }
    return sqlite_read_list(&reader->connection, epoch, &job->list.heads, &job->list.count);
}

/* A connection that failed is opened again by the next job. */
static void fail_read(struct sqlite_reader *reader, struct job *job, int code) {
    complain(reader, code);
    sqlite_connection_close(&reader->connection);
    if (job->kind == JOB_PAGE) {
        job->read.page.error = ERR_UNAVAILABLE;
    } else {
        job->error = ERR_UNAVAILABLE;
    }
}

static void run_job(struct sqlite_reader *reader, struct job *job) {
    struct job_list done = {0};
    int code = do_read(reader, job);
    if (code != SQLITE_OK) {
        fail_read(reader, job, code);
    }
    job_list_append(&done, job);
    outbox_put(reader->outbox, &done);
}

static void *run(void *argument) {
    struct sqlite_reader *reader = argument;
    struct job_list jobs = {0};
    while (mailbox_take(&reader->mailbox, &jobs)) {
        struct job *job;
        while (!atomic_load(&reader->stopping) && (job = job_list_take(&jobs)) != NULL) {
            run_job(reader, job);
        }
        job_list_clear(&jobs);
        mailbox_wait(&reader->mailbox, MAILBOX_FOREVER);
    }
    return NULL;
}

static void free_reader(struct sqlite_reader *reader) {
    sqlite_connection_close(&reader->connection);
    mailbox_close(&reader->mailbox);
    memory_free(reader);
}

int sqlite_reader_start(const struct sqlite_file *file, const struct log *log,
                        struct outbox *outbox, struct sqlite_reader **reader,
                        struct buffer *message) {
    struct sqlite_reader *started = memory_new_struct(struct sqlite_reader);
    mailbox_init(&started->mailbox);
    started->outbox = outbox;
    started->file = file;
    started->log = log;
    int code = sqlite_connection_open(&started->connection, file->path);
    if (code != SQLITE_OK) {
        buffer_append_format(message, "cannot read the database %s: %s", file->path,
                             sqlite3_errstr(code));
        free_reader(started);
        return ERR_IO;
    }
    if (thread_start(&started->thread, "store-reader", run, started) != 0) {
        buffer_append_string(message, "cannot start a thread for the database; raise the limit of "
                                      "processes (ulimit -u)");
        free_reader(started);
        return ERR_IO;
    }
    *reader = started;
    return 0;
}

void sqlite_reader_put(struct sqlite_reader *reader, struct job_list *jobs) {
    mailbox_put(&reader->mailbox, jobs);
}

void sqlite_reader_stop(struct sqlite_reader *reader) {
    atomic_store(&reader->stopping, true);
    mailbox_end(&reader->mailbox);
    pthread_join(reader->thread, NULL);
    free_reader(reader);
}
