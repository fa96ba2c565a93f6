/* A task whose job is of no room (a fence) stands in every shard's queue, and leaves with the
 * last. */
#include "base/memory.h"
#include "store/redis_keeper.h"

struct redis_fence {
    struct job *job;
    unsigned shards; /* that have not come to it */
};

static struct redis_task *new_task(struct redis_shard *shard, struct job *job) {
    struct redis_task *task = memory_new_struct(struct redis_task);
    task->shard = shard;
    task->job = job;
    if (shard->last != NULL) {
        shard->last->next = task;
    } else {
        shard->first = task;
    }
    shard->last = task;
    return task;
}

static void put_fence(struct redis_keeper *keeper, struct job *job) {
    struct redis_fence *fence = memory_new_struct(struct redis_fence);
    fence->job = job;
    fence->shards = (unsigned)keeper->options.shard_count;
    for (size_t i = 0; i < keeper->options.shard_count; i++) {
        struct redis_task *task = new_task(&keeper->shards[i], NULL);
        task->fence = fence;
        task_done(task);
    }
}

static void pass_fence(struct redis_keeper *keeper, struct redis_fence *fence) {
    if (--fence->shards == 0) {
        keeper_give(keeper, fence->job);
        memory_free(fence);
    }
}

static struct slice room_name_of(const struct job *job) {
    switch (job->kind) {
    case JOB_FOLLOW:
        return job->follow.room_name;
    case JOB_APPEND:
        return job->append.draft->room_name;
    case JOB_SHARE:
        return job->share.signal->room_name;
    default:
        return SLICE_NONE;
    }
}

/* What concerns the whole cluster is the first shard's. */
static bool of_all(const struct job *job) {
    return job->kind == JOB_CLAIM || job->kind == JOB_RELEASE || job->kind == JOB_CALL ||
           job->kind == JOB_MARK || job->kind == JOB_RECALL;
}

static bool needs_room(const struct job *job) {
    return job->kind == JOB_FOLLOW || job->kind == JOB_UNFOLLOW || job->kind == JOB_APPEND ||
           job->kind == JOB_SHARE || job->kind == JOB_ERASE || job->kind == JOB_GATHER;
}

static void start_task(struct redis_task *task) {
    switch (task->job->kind) {
    case JOB_FOLLOW:
        room_follow(task);
        break;
    case JOB_APPEND:
        append_send(task);
        break;
    case JOB_ERASE:
        room_erase(task);
        break;
    case JOB_MARK:
        marks_set(task);
        break;
    case JOB_RECALL:
        marks_recall(task);
        break;
    case JOB_SHARE:
        members_share(task);
        break;
    case JOB_GATHER:
        members_gather(task);
        break;
    case JOB_CLAIM:
        names_claim(task);
        break;
    case JOB_RELEASE:
        names_drop(task);
        break;
    case JOB_CALL:
        nodes_call(task);
        break;
    default:
        task_done(task);
    }
}

/* Reading takes its turn in Redis, but need not keep it on the way back. */
static bool start_reading(struct redis_keeper *keeper, struct job *job) {
    struct redis_task *task;
    switch (job->kind) {
    case JOB_PAGE:
        task = memory_new_struct(struct redis_task);
        task->shard = shard_of(keeper, job->room_key);
        task->job = job;
        pages_read(task);
        return true;
    case JOB_LIST:
        pages_list(keeper, job);
        return true;
    default:
        return false;
    }
}

static void take_job(struct redis_keeper *keeper, struct job *job) {
    if (start_reading(keeper, job)) {
        return;
    }
    if (job->kind == JOB_SIGNAL && job->room_key.length == 0) {
        put_fence(keeper, job);
        return;
    }
    struct redis_shard *shard = of_all(job) ? first_shard(keeper) : shard_of(keeper, job->room_key);
    struct redis_task *task = new_task(shard, job);
    if (needs_room(job)) {
        task->room = room_use(keeper, job->room_key, room_name_of(job));
    }
    start_task(task);
}

static void end_batches(struct redis_keeper *keeper) {
    for (size_t i = 0; i < keeper->options.shard_count; i++) {
        struct redis_shard *shard = &keeper->shards[i];
        if (shard->last != NULL) {
            shard->last->last_of_batch = true;
        }
        append_turn(shard);
    }
}

void tasks_take(struct redis_keeper *keeper, struct job_list *jobs) {
    struct job *job;
    size_t count = 0;
    while ((job = job_list_take(jobs)) != NULL) {
        take_job(keeper, job);
        if (++count % BATCH_TASKS == 0) {
            end_batches(keeper);
        }
    }
    end_batches(keeper);
}

void task_done(struct redis_task *task) {
    task->done = true;
    shard_touch(task->shard);
}

static void end_run(struct redis_shard *shard) {
    struct redis_room *room = shard->run;
    if (room != NULL) {
        shard->run = NULL;
        feed_pass_on(room);
        room_release(room);
    }
}

/* Neighbouring appends to one room are passed on as one run. */
static void begin_run(struct redis_task *task) {
    if (task->shard->run != task->room) {
        end_run(task->shard);
        task->room->uses++;
        task->shard->run = task->room;
    }
}

static void finish(struct redis_task *task) {
    struct job *job = task->job;
    if (task->fence == NULL && job->kind == JOB_APPEND) {
        begin_run(task);
        append_finish(task);
        return;
    }
    end_run(task->shard);
    if (task->fence != NULL) {
        pass_fence(task->shard->keeper, task->fence);
    } else if (job->kind == JOB_FOLLOW) {
        room_follow_finish(task);
    } else if (job->kind == JOB_UNFOLLOW || job->kind == JOB_ERASE) {
        room_unfollow_finish(task);
    } else {
        keeper_give(task->shard->keeper, job);
    }
}

static bool batch_done(const struct redis_shard *shard) {
    const struct redis_task *task = shard->first;
    while (task != NULL && task->done && !task->last_of_batch) {
        task = task->next;
    }
    return task == NULL ? shard->first != NULL : task->done;
}

static void release_batch(struct redis_shard *shard) {
    bool last = false;
    while (!last && shard->first != NULL) {
        struct redis_task *task = shard->first;
        shard->first = task->next;
        if (shard->first == NULL) {
            shard->last = NULL;
        }
        last = task->last_of_batch;
        finish(task);
        if (task->room != NULL) {
            room_release(task->room);
        }
        memory_free(task);
    }
}

void tasks_release(struct redis_shard *shard) {
    shard->dirty = false;
    while (batch_done(shard)) {
        release_batch(shard);
    }
    end_run(shard);
    if (shard->first == NULL) {
        job_list_move(&shard->keeper->out, &shard->trimmed);
    }
}

bool tasks_empty(const struct redis_keeper *keeper) {
    for (size_t i = 0; i < keeper->options.shard_count; i++) {
        if (keeper->shards[i].first != NULL) {
            return false;
        }
    }
    return true;
}
