/* The hub's side of the redis engine: what goes out to its thread, and what comes back. */
#include "store/store_redis.h"

#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/completions.h"
#include "store/redis_copy.h"
#include "store/redis_keeper.h"

struct redis_store {
    struct store store;
    struct outbox outbox; /* what the thread has finished */
    struct redis_keeper *keeper;
    struct redis_copy *copy; /* NULL: nothing can be searched */
    struct completions *completions;
    struct job_list outgoing; /* asked in this turn */
    size_t under_way;         /* jobs in the queue that have not come back */
    size_t under_way_bytes;
};

static struct redis_store *redis_store_of(struct store *store) {
    return container_of(store, struct redis_store, store);
}

static void submit(struct redis_store *store, struct job *job) {
    store->under_way++;
    store->under_way_bytes += job_size(job);
    job_list_append(&store->outgoing, job);
}

static bool queue_full(const struct redis_store *store, const struct job *job) {
    return store->under_way >= LIMIT_STORE_QUEUE_ENTRIES ||
           store->under_way_bytes + job_size(job) > LIMIT_STORE_QUEUE_BYTES;
}

static void redis_follow(struct store *store, struct slice room_key, struct slice room_name) {
    submit(redis_store_of(store), job_new_follow(room_key, room_name));
}

static void redis_unfollow(struct store *store, struct slice room_key) {
    submit(redis_store_of(store), job_new_unfollow(room_key));
}

static void redis_append(struct store *store, struct draft *draft) {
    struct redis_store *redis = redis_store_of(store);
    struct job *job = job_new_append(draft);
    if (queue_full(redis, job)) {
        job->append.outcome.error = ERR_UNAVAILABLE;
        completions_push(redis->completions, job);
    } else {
        submit(redis, job);
    }
}

/* A signal only has to keep its place: with nothing before it, it is done. */
static void redis_signal(struct store *store, struct signal *signal) {
    struct redis_store *redis = redis_store_of(store);
    bool dispensable = signal->kind == SIGNAL_TYPING || signal->kind == SIGNAL_BINARY;
    struct job *job = job_new_signal(signal);
    if (dispensable && queue_full(redis, job)) {
        job->error = ERR_UNAVAILABLE;
        completions_push(redis->completions, job);
    } else if (redis->under_way == 0) {
        completions_push(redis->completions, job);
    } else {
        submit(redis, job);
    }
}

static void redis_erase(struct store *store, struct slice room_key) {
    submit(redis_store_of(store), job_new_erase(room_key));
}

static void submit_if_place(struct redis_store *store, struct job *job) {
    if (queue_full(store, job)) {
        job_free(job);
    } else {
        submit(store, job);
    }
}

static void redis_mark(struct store *store, const struct read_mark *mark) {
    submit_if_place(redis_store_of(store), job_new_mark(mark));
}

static void redis_recall(struct store *store, const struct identity *identity) {
    submit(redis_store_of(store), job_new_recall(identity));
}

static void redis_read(struct store *store, const struct page_query *query) {
    struct redis_store *redis = redis_store_of(store);
    struct page_query bounded = *query;
    completions_bound(redis->completions, &bounded);
    job_list_append(&redis->outgoing, job_new_page(&bounded));
}

static void redis_list(struct store *store, struct origin origin, struct slice cid) {
    job_list_append(&redis_store_of(store)->outgoing, job_new_list(origin, cid));
}

static void redis_search(struct store *store, const struct search_query *query) {
    struct redis_store *redis = redis_store_of(store);
    struct job *job = job_new_search(query);
    if (redis->copy == NULL) {
        job->search.findings.error = ERR_UNAVAILABLE;
        job->search.findings.reason = "This server does not search";
        completions_push(redis->completions, job);
        return;
    }
    struct job_list jobs = {0};
    job_list_append(&jobs, job);
    redis_copy_put(redis->copy, &jobs);
}

static void redis_share(struct store *store, const struct signal *signal, unsigned count) {
    submit(redis_store_of(store), job_new_share(signal, count));
}

static void redis_claim(struct store *store, const struct name_claim *claim) {
    submit(redis_store_of(store), job_new_claim(claim));
}

static void redis_release(struct store *store, struct slice folded,
                          const struct identity *identity) {
    submit(redis_store_of(store), job_new_release(folded, identity));
}

static void redis_gather(struct store *store, struct slice room_key, struct origin origin,
                         struct slice cid) {
    submit(redis_store_of(store), job_new_gather(room_key, origin, cid));
}

static void redis_calls(struct store *store, const struct call *call) {
    submit_if_place(redis_store_of(store), job_new_call(call));
}

static void redis_turn(struct store *store) {
    struct redis_store *redis = redis_store_of(store);
    if (redis->outgoing.first != NULL) {
        redis_keeper_put(redis->keeper, &redis->outgoing);
    }
}

/* Whether the job was counted by submit: not what was read or searched, nor what the thread told by
 * itself. */
static bool was_submitted(const struct job *job) {
    switch (job->kind) {
    case JOB_PAGE:
    case JOB_LIST:
    case JOB_SEARCH:
    case JOB_FOUND:
    case JOB_TRIMMED:
    case JOB_ELSEWHERE:
    case JOB_CALLED:
        return false;
    default:
        return !job->unasked;
    }
}

static void take_finished(struct redis_store *store) {
    struct job_list finished = {0};
    mailbox_take(&store->outbox.mailbox, &finished);
    for (const struct job *job = finished.first; job != NULL; job = job->next) {
        if (was_submitted(job)) {
            store->under_way--;
            store->under_way_bytes -= job_size(job);
        }
    }
    completions_push_list(store->completions, &finished);
}

static struct completion *redis_collect(struct store *store) {
    struct redis_store *redis = redis_store_of(store);
    if (!completions_waiting(redis->completions)) {
        take_finished(redis);
    }
    return completions_next(redis->completions);
}

static void free_store(struct redis_store *store) {
    if (store->copy != NULL) {
        redis_copy_stop(store->copy);
    }
    if (store->keeper != NULL) {
        redis_turn(&store->store);
        redis_keeper_stop(store->keeper);
    }
    completions_free(store->completions);
    mailbox_close(&store->outbox.mailbox);
    job_list_clear(&store->outgoing);
    memory_free(store);
}

static void redis_close_store(struct store *store) {
    free_store(redis_store_of(store));
}

static const struct shared_engine SHARED = {
    .share = redis_share,
    .claim = redis_claim,
    .release = redis_release,
    .gather = redis_gather,
    .call = redis_calls,
};

static const struct store_engine ENGINE = {
    .name = "redis",
    .shared = &SHARED,
    .follow = redis_follow,
    .unfollow = redis_unfollow,
    .append = redis_append,
    .signal = redis_signal,
    .read = redis_read,
    .list = redis_list,
    .search = redis_search,
    .mark = redis_mark,
    .recall = redis_recall,
    .erase = redis_erase,
    .turn = redis_turn,
    .collect = redis_collect,
    .close = redis_close_store,
};

int store_redis_open(const struct store_redis_options *options, struct store **store,
                     struct buffer *message) {
    uint64_t seed = 0;
    if (getentropy(&seed, sizeof(seed)) != 0) {
        buffer_append_string(message, "the system gives no random numbers");
        return ERR_IO;
    }
    struct redis_store *opened = memory_new_struct(struct redis_store);
    opened->store.engine = &ENGINE;
    opened->outbox.wake = options->wake;
    opened->outbox.wake_context = options->wake_context;
    mailbox_init(&opened->outbox.mailbox);
    opened->completions = completions_new(seed);
    int error = redis_keeper_start(options, &opened->outbox, &opened->keeper, message);
    if (error == 0 && options->copy_folder != NULL) {
        error = redis_copy_start(redis_keeper_options(opened->keeper), &opened->outbox,
                                 &opened->copy, message);
    }
    if (error != 0) {
        free_store(opened);
        return error;
    }
    *store = &opened->store;
    return 0;
}
