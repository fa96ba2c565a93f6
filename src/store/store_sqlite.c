/* The hub's side of the sqlite engine: what goes out to the three threads, and what comes back. */
#include "store/store_sqlite.h"

#include <sqlite3.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/completions.h"
#include "store/search_thread.h"
#include "store/sqlite_file.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_writer.h"

struct sqlite_store {
    struct store store;
    struct sqlite_file file;
    struct outbox outbox; /* what the threads have finished */
    struct sqlite_writer *writer;
    struct sqlite_reader *reader;
    struct search_thread *search;
    struct completions *completions;
    struct job_list outgoing; /* asked in this turn, for the writer */
    size_t under_way;         /* jobs for the writer that have not come back */
    size_t under_way_bytes;
};

static struct sqlite_store *sqlite_store_of(struct store *store) {
    return container_of(store, struct sqlite_store, store);
}

static void submit(struct sqlite_store *store, struct job *job) {
    store->under_way++;
    store->under_way_bytes += job_size(job);
    job_list_append(&store->outgoing, job);
}

/* Jobs that change no log only have to keep their place: with nothing before them they are done. */
static void submit_passive(struct sqlite_store *store, struct job *job) {
    if (store->under_way == 0) {
        completions_push(store->completions, job);
    } else {
        submit(store, job);
    }
}

static bool queue_full(const struct sqlite_store *store, const struct job *job) {
    return store->under_way >= LIMIT_STORE_QUEUE_ENTRIES ||
           store->under_way_bytes + job_size(job) > LIMIT_STORE_QUEUE_BYTES;
}

static void sqlite_follow(struct store *store, struct slice room_key, struct slice room_name) {
    submit(sqlite_store_of(store), job_new_follow(room_key, room_name));
}

static void sqlite_unfollow(struct store *store, struct slice room_key) {
    submit_passive(sqlite_store_of(store), job_new_unfollow(room_key));
}

static void sqlite_append(struct store *store, struct draft *draft) {
    struct sqlite_store *sqlite = sqlite_store_of(store);
    struct job *job = job_new_append(draft);
    if (queue_full(sqlite, job)) {
        job->append.outcome.error = ERR_UNAVAILABLE;
        completions_push(sqlite->completions, job);
    } else {
        submit(sqlite, job);
    }
}

static void sqlite_signal(struct store *store, struct signal *signal) {
    struct sqlite_store *sqlite = sqlite_store_of(store);
    bool dispensable = signal->kind == SIGNAL_TYPING || signal->kind == SIGNAL_BINARY;
    struct job *job = job_new_signal(signal);
    if (dispensable && queue_full(sqlite, job)) {
        job->error = ERR_UNAVAILABLE;
        completions_push(sqlite->completions, job);
    } else {
        submit_passive(sqlite, job);
    }
}

static void sqlite_erase(struct store *store, struct slice room_key) {
    submit(sqlite_store_of(store), job_new_erase(room_key));
}

static void sqlite_mark(struct store *store, const struct read_mark *mark) {
    struct sqlite_store *sqlite = sqlite_store_of(store);
    struct job *job = job_new_mark(mark);
    if (queue_full(sqlite, job)) {
        job_free(job);
    } else {
        submit(sqlite, job);
    }
}

static void sqlite_recall(struct store *store, const struct identity *identity) {
    submit(sqlite_store_of(store), job_new_recall(identity));
}

static void put_read(struct sqlite_store *store, struct job *job) {
    struct job_list jobs = {0};
    job_list_append(&jobs, job);
    sqlite_reader_put(store->reader, &jobs);
}

static void sqlite_read(struct store *store, const struct page_query *query) {
    struct sqlite_store *sqlite = sqlite_store_of(store);
    struct page_query bounded = *query;
    completions_bound(sqlite->completions, &bounded);
    put_read(sqlite, job_new_page(&bounded));
}

static void sqlite_list(struct store *store, struct origin origin, struct slice cid) {
    put_read(sqlite_store_of(store), job_new_list(origin, cid));
}

static void sqlite_search(struct store *store, const struct search_query *query) {
    struct job_list jobs = {0};
    job_list_append(&jobs, job_new_search(query));
    search_thread_put(sqlite_store_of(store)->search, &jobs);
}

static void put_outgoing(struct sqlite_store *store) {
    if (store->outgoing.first != NULL) {
        sqlite_writer_put(store->writer, &store->outgoing);
    }
}

static void sqlite_turn(struct store *store) {
    put_outgoing(sqlite_store_of(store));
}

/* Whether the job was counted by submit: not what was read or searched, nor what the writer found
 * by itself. */
static bool was_submitted(const struct job *job) {
    return job->kind != JOB_PAGE && job->kind != JOB_LIST && job->kind != JOB_FOUND &&
           job->kind != JOB_TRIMMED && job->kind != JOB_SEARCH;
}

static bool changed_log(const struct job *job) {
    return job->kind == JOB_APPEND || job->kind == JOB_ERASE || job->kind == JOB_TRIMMED;
}

static void take_finished(struct sqlite_store *store) {
    struct job_list finished = {0};
    bool changed = false;
    mailbox_take(&store->outbox.mailbox, &finished);
    for (const struct job *job = finished.first; job != NULL; job = job->next) {
        if (was_submitted(job)) {
            store->under_way--;
            store->under_way_bytes -= job_size(job);
        }
        changed = changed || changed_log(job);
    }
    if (changed) {
        search_thread_wake(store->search);
    }
    completions_push_list(store->completions, &finished);
}

static struct completion *sqlite_collect(struct store *store) {
    struct sqlite_store *sqlite = sqlite_store_of(store);
    if (!completions_waiting(sqlite->completions)) {
        take_finished(sqlite);
    }
    return completions_next(sqlite->completions);
}

static void free_store(struct sqlite_store *store) {
    if (store->search != NULL) {
        search_thread_stop(store->search);
    }
    if (store->writer != NULL) {
        put_outgoing(store);
        sqlite_writer_stop(store->writer);
    }
    if (store->reader != NULL) {
        sqlite_reader_stop(store->reader);
    }
    sqlite_file_close(&store->file);
    completions_free(store->completions);
    mailbox_close(&store->outbox.mailbox);
    job_list_clear(&store->outgoing);
    memory_free(store);
}

static void sqlite_close(struct store *store) {
    free_store(sqlite_store_of(store));
}

static const struct store_engine ENGINE = {
    .name = "sqlite",
    .follow = sqlite_follow,
    .unfollow = sqlite_unfollow,
    .append = sqlite_append,
    .signal = sqlite_signal,
    .read = sqlite_read,
    .list = sqlite_list,
    .search = sqlite_search,
    .mark = sqlite_mark,
    .recall = sqlite_recall,
    .erase = sqlite_erase,
    .turn = sqlite_turn,
    .collect = sqlite_collect,
    .close = sqlite_close,
};

int store_sqlite_open(const struct store_sqlite_options *options, struct store **store,
                      struct buffer *message) {
    struct sqlite_store *opened = memory_new_struct(struct sqlite_store);
    uint64_t seed = 0;
    opened->store.engine = &ENGINE;
    opened->file.lock = -1;
    /* SQLite's count of its own memory is one lock for all threads, and nobody reads it. Refused,
     * and of no consequence, when SQLite is in use already. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    mailbox_init(&opened->outbox.mailbox);
    opened->outbox.wake = options->wake;
    opened->outbox.wake_context = options->wake_context;
    int error = getentropy(&seed, sizeof(seed)) == 0 ? 0 : ERR_IO;
    if (error != 0) {
        buffer_append_string(message, "the system gives no random numbers");
    }
    opened->completions = completions_new(seed);
    if (error == 0) {
        error = sqlite_file_open(&opened->file, options->folder, message);
    }
    if (error == 0) {
        error = sqlite_writer_start(&opened->file, options->log, options->retention,
                                    &opened->outbox, &opened->writer, message);
    }
    if (error == 0) {
        error = sqlite_reader_start(&opened->file, options->log, &opened->outbox, &opened->reader,
                                    message);
    }
    if (error == 0) {
        error = search_thread_start(&opened->file, options->log, &opened->outbox, &opened->search,
                                    message);
    }
    if (error != 0) {
        free_store(opened);
        return error;
    }
    sqlite_file_serve(&opened->file);
    if (opened->file.log_was_lost && options->log != NULL) {
        log_write(options->log, LOG_WARNING,
                  "The write-ahead log of %s is gone, and with it what was written last before the "
                  "server was killed; a new epoch begins",
                  opened->file.path);
    }
    *store = &opened->store;
    return 0;
}
