/* Jobs wait in two queues, that of the log and that of the readers, until the driver collects: then
 * they are done, all that may be, and handed to the completions. */
#include "store/store_memory.h"

#include "base/limits.h"
#include "base/memory.h"
#include "store/completions.h"
#include "store/job.h"
#include "store/memory_mark.h"
#include "store/memory_rooms.h"
#include "store/memory_search.h"

/* Jobs that wait, and how many of them may be done. */
struct gate {
    struct job_list waiting;
    bool held;
    size_t released; /* while held */
};

struct memory_store {
    struct store store;
    store_wake *wake;
    void *wake_context;
    struct gate queue;
    struct gate reads;
    struct completions *completions;
    struct rng rng;
    struct ulid_source ids;
    uint64_t map_seed;
    struct memory_rooms rooms;
    struct memory_marks marks;
    size_t failing; /* appends to come */
    bool full;
};

static struct memory_store *memory_store_of(struct store *store) {
    return container_of(store, struct memory_store, store);
}

static void do_append(struct memory_store *store, struct job *job) {
    const struct draft *draft = job->append.draft;
    if (store->full || store->failing > 0) {
        store->failing -= store->failing > 0;
        job->append.outcome.error = ERR_UNAVAILABLE;
        return;
    }
    struct memory_room *room = memory_rooms_use(&store->rooms, draft->room_key, draft->room_name);
    size_t bytes = room->bytes;
    uint64_t first = room->first;
    memory_room_append(room, draft, &store->ids, store->map_seed, &job->append.outcome,
                       &job->append.entry);
    if (room->last == 0 && !room->followed) {
        memory_rooms_remove(&store->rooms, room); /* a refused append makes no room */
        return;
    }
    memory_rooms_grown(&store->rooms, room, bytes, first);
    memory_rooms_expire_one(&store->rooms, room);
}

static void do_follow(struct memory_store *store, struct job *job) {
    struct memory_room *room =
        memory_rooms_use(&store->rooms, job->room_key, job->follow.room_name);
    memory_rooms_expire_one(&store->rooms, room);
    struct room_head head = memory_room_head(room);
    room->followed = true;
    job->follow.head = head_copy(&head);
}

static void do_unfollow(struct memory_store *store, struct job *job) {
    struct memory_room *room = memory_rooms_find(&store->rooms, job->room_key);
    if (room == NULL) {
        return;
    }
    room->followed = false;
    if (room->last == 0) {
        memory_rooms_remove(&store->rooms, room);
    }
}

static void do_erase(struct memory_store *store, struct job *job) {
    struct memory_room *room = memory_rooms_find(&store->rooms, job->room_key);
    if (room != NULL) {
        memory_rooms_remove(&store->rooms, room);
    }
}

static void do_read(struct memory_store *store, struct job *job) {
    struct memory_room *room = memory_rooms_find(&store->rooms, job->room_key);
    struct room_head head = {.room_key = job->room_key, .first = 1};
    char epoch[MEMORY_EPOCH_SIZE];
    if (room != NULL) {
        memory_rooms_expire_one(&store->rooms, room);
        head = memory_room_head(room);
        memory_room_read(room, &job->read.query, &job->read.page);
    } else {
        memory_rooms_format_epoch(&store->rooms, epoch);
        head.epoch = slice_of_string(epoch);
    }
    job->read.page.head = head_copy(&head);
}

static void do_job(struct memory_store *store, struct job *job) {
    switch (job->kind) {
    case JOB_FOLLOW:
        do_follow(store, job);
        break;
    case JOB_UNFOLLOW:
        do_unfollow(store, job);
        break;
    case JOB_APPEND:
        do_append(store, job);
        break;
    case JOB_ERASE:
        do_erase(store, job);
        break;
    case JOB_PAGE:
        do_read(store, job);
        break;
    case JOB_LIST:
        job->list.count = memory_rooms_list(&store->rooms, &job->list.heads);
        break;
    case JOB_MARK:
        memory_marks_set(&store->marks, &job->mark);
        break;
    case JOB_RECALL:
        memory_marks_list(&store->marks, &job->recall.identity, &job->recall.marks,
                          &job->recall.count);
        break;
    case JOB_SEARCH:
        memory_search(&store->rooms, &job->search.query, &job->search.findings);
        break;
    case JOB_SIGNAL:
    case JOB_FOUND:
    case JOB_TRIMMED:
    case JOB_SHARE: /* of stores that several nodes share */
    case JOB_CLAIM:
    case JOB_RELEASE:
    case JOB_GATHER:
    case JOB_CALL:
    case JOB_ELSEWHERE:
    case JOB_CALLED:
        break;
    }
}

static bool gate_open(const struct gate *gate) {
    return gate->waiting.first != NULL && (!gate->held || gate->released > 0);
}

static void report_trimmed(struct memory_store *store) {
    completions_push_list(store->completions, &store->rooms.trimmed);
}

static void do_next(struct memory_store *store, struct gate *gate) {
    gate->released -= gate->released > 0;
    struct job *job = job_list_take(&gate->waiting);
    if (job->kind == JOB_ERASE) {
        report_trimmed(store); /* a room of the same key begins anew */
    }
    do_job(store, job);
    completions_push(store->completions, job);
}

/* What is written at once; what is read, which takes longer, when whoever collects has the time. */
static void do_waiting(struct memory_store *store) {
    while (gate_open(&store->queue)) {
        do_next(store, &store->queue);
    }
    report_trimmed(store);
    if (!completions_waiting(store->completions) && gate_open(&store->reads)) {
        do_next(store, &store->reads);
        report_trimmed(store);
    }
}

static void memory_follow(struct store *store, struct slice room_key, struct slice room_name) {
    job_list_append(&memory_store_of(store)->queue.waiting, job_new_follow(room_key, room_name));
}

static void memory_unfollow(struct store *store, struct slice room_key) {
    job_list_append(&memory_store_of(store)->queue.waiting, job_new_unfollow(room_key));
}

static void memory_append(struct store *store, struct draft *draft) {
    job_list_append(&memory_store_of(store)->queue.waiting, job_new_append(draft));
}

static void memory_signal(struct store *store, struct signal *signal) {
    job_list_append(&memory_store_of(store)->queue.waiting, job_new_signal(signal));
}

static void memory_erase(struct store *store, struct slice room_key) {
    job_list_append(&memory_store_of(store)->queue.waiting, job_new_erase(room_key));
}

static void memory_mark(struct store *store, const struct read_mark *mark) {
    job_list_append(&memory_store_of(store)->queue.waiting, job_new_mark(mark));
}

static void memory_recall(struct store *store, const struct identity *identity) {
    job_list_append(&memory_store_of(store)->queue.waiting, job_new_recall(identity));
}

static void memory_read(struct store *store, const struct page_query *query) {
    struct memory_store *memory = memory_store_of(store);
    struct page_query bounded = *query;
    completions_bound(memory->completions, &bounded);
    job_list_append(&memory->reads.waiting, job_new_page(&bounded));
}

static void memory_list(struct store *store, struct origin origin, struct slice cid) {
    job_list_append(&memory_store_of(store)->reads.waiting, job_new_list(origin, cid));
}

static void memory_find(struct store *store, const struct search_query *query) {
    job_list_append(&memory_store_of(store)->reads.waiting, job_new_search(query));
}

/* What was asked is done when it is collected. */
static void memory_turn(struct store *store) {
    memory_rooms_expire(&memory_store_of(store)->rooms);
}

static struct completion *memory_collect(struct store *store) {
    struct memory_store *memory = memory_store_of(store);
    if (!completions_waiting(memory->completions)) {
        do_waiting(memory);
    }
    return completions_next(memory->completions);
}

static void memory_close(struct store *store) {
    struct memory_store *memory = memory_store_of(store);
    job_list_clear(&memory->queue.waiting);
    job_list_clear(&memory->reads.waiting);
    completions_free(memory->completions);
    memory_rooms_close(&memory->rooms);
    memory_marks_close(&memory->marks);
    memory_free(memory);
}

static const struct store_engine ENGINE = {
    .name = "memory",
    .follow = memory_follow,
    .unfollow = memory_unfollow,
    .append = memory_append,
    .signal = memory_signal,
    .read = memory_read,
    .list = memory_list,
    .search = memory_find,
    .mark = memory_mark,
    .recall = memory_recall,
    .erase = memory_erase,
    .turn = memory_turn,
    .collect = memory_collect,
    .close = memory_close,
};

struct store *store_memory_new(const struct store_memory_options *options) {
    struct memory_store *store = memory_new_struct(struct memory_store);
    store->store.engine = &ENGINE;
    store->wake = options->wake;
    store->wake_context = options->wake_context;
    unsigned keep =
        options->keep < LIMIT_MEMORY_ROOM_ENTRIES ? options->keep : LIMIT_MEMORY_ROOM_ENTRIES;
    rng_seed(&store->rng, options->seed);
    store->map_seed = rng_next(&store->rng);
    ulid_source_init(&store->ids, rng_next(&store->rng));
    store->completions = completions_new(store->map_seed);
    memory_rooms_init(&store->rooms, store->map_seed, keep, options->retention);
    memory_marks_init(&store->marks, store->map_seed);
    memory_rooms_renew_epoch(&store->rooms, &store->rng);
    return &store->store;
}

static bool collectable(const struct memory_store *store) {
    return gate_open(&store->queue) || gate_open(&store->reads);
}

static void wake_if_collectable(struct memory_store *store) {
    if (store->wake != NULL && collectable(store)) {
        store->wake(store->wake_context);
    }
}

static void gate_release_all(struct gate *gate) {
    gate->held = false;
    gate->released = 0;
}

void store_memory_hold(struct store *store) {
    memory_store_of(store)->queue.held = true;
}

void store_memory_release(struct store *store, size_t count) {
    memory_store_of(store)->queue.released += count;
    wake_if_collectable(memory_store_of(store));
}

void store_memory_release_all(struct store *store) {
    gate_release_all(&memory_store_of(store)->queue);
    wake_if_collectable(memory_store_of(store));
}

void store_memory_hold_reads(struct store *store) {
    memory_store_of(store)->reads.held = true;
}

void store_memory_release_reads(struct store *store, size_t count) {
    memory_store_of(store)->reads.released += count;
    wake_if_collectable(memory_store_of(store));
}

void store_memory_release_all_reads(struct store *store) {
    gate_release_all(&memory_store_of(store)->reads);
    wake_if_collectable(memory_store_of(store));
}

void store_memory_fail(struct store *store, size_t count) {
    memory_store_of(store)->failing = count;
}

void store_memory_set_full(struct store *store, bool full) {
    memory_store_of(store)->full = full;
}

/* Does the first `commit` appends of the queue, and drops the rest of it. */
static void lose_queue(struct memory_store *store, size_t commit) {
    struct job *job;
    while ((job = job_list_take(&store->queue.waiting)) != NULL) {
        if (job->kind == JOB_APPEND && commit > 0) {
            do_append(store, job);
            commit--;
        }
        job_free(job);
    }
    job_list_clear(&store->reads.waiting);
}

void store_memory_crash(struct store *store, size_t commit, bool new_epoch) {
    struct memory_store *memory = memory_store_of(store);
    lose_queue(memory, commit);
    completions_reset(memory->completions);
    memory_rooms_unfollow_all(&memory->rooms);
    if (new_epoch) {
        memory_rooms_renew_epoch(&memory->rooms, &memory->rng);
    }
    gate_release_all(&memory->queue);
    gate_release_all(&memory->reads);
    memory->failing = 0;
    memory->full = false;
}
