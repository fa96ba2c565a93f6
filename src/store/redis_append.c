/* Appends. Each is one script; all of a turn leave as one pipeline.
 *
 * With wait_replicas an append has three steps: it is in the log, where nobody looks yet; a WAIT,
 * which is sent right behind the appends of its turn and therefore on the same connection, or not
 * at all; and, if enough replicas have it, a script that moves the room's `committed` mark to it
 * and publishes everything up to there. That script is told the entry's id: if meanwhile another
 * server has taken over and has another entry there, or none, it does nothing. Where replicas are
 * missing the sender is told ERR_UNAVAILABLE; the entry stays where nobody looks, until it comes
 * again under its cid, or a later append succeeds, or somebody finds it (append_settle): by then
 * enough replicas have it, or it is gone without having been seen. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/redis_keeper.h"
#include "store/redis_record.h"

/* Appends that wait for replicas together. */
struct redis_batch {
    struct redis_shard *shard;
    size_t count, capacity;
    struct redis_task **tasks; /* NULL: not any more, it was decided */
};

/* A tail that somebody has left behind. */
struct tail {
    struct redis_room *room;
    uint64_t last;
    char id[ENTRY_ID_LENGTH + 1];
};

static bool waits(const struct redis_shard *shard) {
    return shard->keeper->options.wait_replicas > 0;
}

static void leave_batch(struct redis_task *task) {
    if (task->batch != NULL) {
        task->batch->tasks[task->place] = NULL;
    }
}

static void read_numbers(const struct redis_reply *reply, struct outcome *outcome) {
    struct slice id = reply_text(reply, 3);
    outcome->seq = reply_number(reply, 1);
    outcome->timestamp_us = (int64_t)reply_number(reply, 2);
    memset(outcome->id, 0, sizeof(outcome->id));
    memcpy(outcome->id, id.data, id.length < ENTRY_ID_LENGTH ? id.length : ENTRY_ID_LENGTH);
}

static void read_outcome(const struct redis_reply *reply, struct outcome *outcome) {
    struct slice status = reply_text(reply, 0);
    if (slice_equal(status, SLICE("new")) || slice_equal(status, SLICE("known"))) {
        outcome->duplicate = slice_equal(status, SLICE("known"));
        read_numbers(reply, outcome);
    } else if (slice_equal(status, SLICE("reused"))) {
        outcome->error = ERR_CID_REUSED;
    } else if (slice_equal(status, SLICE("limited"))) {
        outcome->error = ERR_RATE_LIMITED;
        outcome->retry_ms = (unsigned)reply_number(reply, 1);
    } else if (slice_equal(status, SLICE("missing"))) {
        outcome->error = ERR_NOT_FOUND;
    } else if (slice_equal(status, SLICE("forbidden"))) {
        outcome->error = ERR_FORBIDDEN;
    } else {
        outcome->error = ERR_UNAVAILABLE;
    }
}

/* Whether it may be told of. */
static bool is_shown(const struct redis_reply *reply, const struct outcome *outcome) {
    struct slice committed = reply_text(reply, 5);
    return committed.length == 0 || outcome->seq <= reply_number(reply, 5);
}

static void on_appended(void *context, const struct redis_reply *reply) {
    struct redis_task *task = context;
    struct outcome *outcome = &task->job->append.outcome;
    if (!shard_did(task->shard, reply)) {
        outcome->error = ERR_UNAVAILABLE;
    } else {
        task->shard->trouble[0] = '\0';
        read_outcome(reply, outcome);
    }
    if (outcome->error == 0 && outcome->seq > 0 && !outcome->duplicate) {
        feed_trimmed(task->room, reply_number(reply, 4));
    }
    /* Without a batch nothing is to come that would end it. */
    if (outcome->error != 0 || task->batch == NULL || is_shown(reply, outcome)) {
        leave_batch(task);
        task_done(task);
    }
}

static void add_options(struct script_call *call, const struct redis_task *task) {
    const struct draft *draft = task->job->append.draft;
    static const char *const texts[] = {"", "k", "m", "km", "w", "kw", "mw", "kmw"};
    script_add_string(call, texts[(draft->known_only ? 1 : 0) + (draft->moderates ? 2 : 0) +
                                  (waits(task->shard) ? 4 : 0)]);
}

static void add_to_batch(struct redis_task *task) {
    struct redis_batch *batch = task->shard->batch;
    if (batch == NULL) {
        batch = task->shard->batch = memory_new_struct(struct redis_batch);
        batch->shard = task->shard;
    }
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity == 0 ? 8 : batch->capacity * 2;
        batch->tasks = memory_resize(batch->tasks, batch->capacity * sizeof(*batch->tasks));
    }
    task->batch = batch;
    task->place = batch->count;
    batch->tasks[batch->count++] = task;
}

/* Whoever asks whether this node is ready asks about all rooms, which may be anywhere. */
static bool is_hopeless_probe(const struct redis_keeper *keeper, const struct draft *draft) {
    bool up = true;
    if (!slice_equal(draft->room_key, SLICE("$ready"))) {
        return false;
    }
    for (size_t i = 0; i < keeper->options.shard_count; i++) {
        up = up && redis_is_up(keeper->shards[i].redis);
    }
    return !up;
}

static void refuse(struct redis_task *task) {
    task->job->append.outcome = (struct outcome){.error = ERR_UNAVAILABLE};
    task_done(task);
}

void append_send(struct redis_task *task) {
    struct redis_keeper *keeper = task->shard->keeper;
    const struct draft *draft = task->job->append.draft;
    if (is_hopeless_probe(keeper, draft)) {
        refuse(task);
        return;
    }
    struct script_call call;
    char hash[24];
    snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)entry_body_hash(&draft->body));
    ulid_next(&keeper->ids, draft->proposed_us, task->id);
    map_put(keeper->pending, slice_from(task->id, ENTRY_ID_LENGTH), task);
    task->room->appends_sent++;
    script_begin(&call, SCRIPT_APPEND, keeper->name_space, draft->room_key);
    script_add(&call, task->room->name);
    script_add_string(&call, hash);
    add_options(&call, task);
    script_add_number(&call, draft->rate);
    sweep_retention(keeper, draft->room_key, &call);
    record_add_entry(&call, &draft->body, task->id, draft->proposed_us);
    script_send(task->shard->redis, &call, on_appended, task);
    if (waits(task->shard)) {
        add_to_batch(task);
    }
}

static void free_batch(struct redis_batch *batch) {
    memory_free(batch->tasks);
    memory_free(batch);
}

/* What became of the batch's entries of one room, whose last is `leader`. */
struct commit {
    struct redis_batch *batch;
    struct redis_task *leader;
};

static void on_committed(void *context, const struct redis_reply *reply) {
    struct commit *commit = context;
    struct redis_batch *batch = commit->batch;
    bool did =
        shard_did(batch->shard, reply) && reply->kind == REDIS_INTEGER && reply->integer == 1;
    size_t left = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct redis_task *task = batch->tasks[i];
        if (task != NULL && task->leader == commit->leader) {
            batch->tasks[i] = NULL;
            if (did) {
                task_done(task);
            } else {
                refuse(task);
            }
        }
        left += batch->tasks[i] != NULL;
    }
    memory_free(commit);
    if (left == 0) {
        free_batch(batch);
    }
}

static void send_commit(struct redis_shard *shard, struct slice room_key, uint64_t seq,
                        struct slice id, redis_answer *answer, void *context) {
    struct script_call call;
    script_begin(&call, SCRIPT_COMMIT, shard->keeper->name_space, room_key);
    script_add_number(&call, seq);
    script_add(&call, id);
    script_send(shard->redis, &call, answer, context);
}

/* The room's entry with the highest number; duplicates may come in any order. */
static void lead(struct redis_batch *batch, struct redis_task *task) {
    struct redis_task *leader = task;
    for (size_t i = 0; i < batch->count; i++) {
        struct redis_task *other = batch->tasks[i];
        if (other != NULL && other->room == task->room &&
            other->job->append.outcome.seq > leader->job->append.outcome.seq) {
            leader = other;
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->tasks[i] != NULL && batch->tasks[i]->room == task->room) {
            batch->tasks[i]->leader = leader;
        }
    }
    struct commit *commit = memory_new_struct(struct commit);
    *commit = (struct commit){batch, leader};
    const struct outcome *outcome = &leader->job->append.outcome;
    send_commit(batch->shard, task->job->room_key, outcome->seq, slice_of_string(outcome->id),
                on_committed, commit);
}

static bool enough(struct redis_shard *shard, const struct redis_reply *reply) {
    if (!shard_did(shard, reply) || reply->kind != REDIS_INTEGER) {
        return false;
    }
    if (reply->integer >= (int64_t)shard->keeper->options.wait_replicas) {
        return true;
    }
    if (strcmp(shard->trouble, "replicas") != 0) {
        snprintf(shard->trouble, sizeof(shard->trouble), "replicas");
        keeper_log(shard->keeper, LOG_ERROR,
                   "Of the Redis at %s only %lld replicas have what is appended, within %u ms; "
                   "messages are refused until %u do (wait_replicas)",
                   shard->name, (long long)reply->integer, shard->keeper->options.wait_timeout_ms,
                   shard->keeper->options.wait_replicas);
    }
    return false;
}

static void on_replicated(void *context, const struct redis_reply *reply) {
    struct redis_batch *batch = context;
    bool replicated = enough(batch->shard, reply);
    size_t left = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->tasks[i] != NULL && !replicated) {
            refuse(batch->tasks[i]);
            batch->tasks[i] = NULL;
        }
        left += batch->tasks[i] != NULL;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->tasks[i] != NULL && batch->tasks[i]->leader == NULL) {
            lead(batch, batch->tasks[i]);
        }
    }
    if (left == 0) {
        free_batch(batch);
    }
}

/* Something is written before, so that there is something to wait for. */
static void send_wait(struct redis_shard *shard, redis_answer *answer, void *context) {
    const struct redis_keeper *keeper = shard->keeper;
    struct buffer key = {0};
    char count[16], timeout[16];
    buffer_append_format(&key, "%s:poke", keeper->options.name_space);
    snprintf(count, sizeof(count), "%u", keeper->options.wait_replicas);
    snprintf(timeout, sizeof(timeout), "%u", keeper->options.wait_timeout_ms);
    struct slice poke[] = {SLICE("SET"), buffer_slice(&key), SLICE("1")};
    struct slice wait[] = {SLICE("WAIT"), slice_of_string(count), slice_of_string(timeout)};
    redis_command(shard->redis, poke, 3, NULL, NULL);
    redis_command(shard->redis, wait, 3, answer, context);
    buffer_close(&key);
}

void append_turn(struct redis_shard *shard) {
    struct redis_batch *batch = shard->batch;
    if (batch != NULL) {
        shard->batch = NULL;
        send_wait(shard, on_replicated, batch);
    }
}

void append_finish(struct redis_task *task) {
    struct redis_keeper *keeper = task->shard->keeper;
    struct job *job = task->job;
    const struct outcome *outcome = &job->append.outcome;
    map_remove(keeper->pending, slice_from(task->id, ENTRY_ID_LENGTH));
    task->room->appends_done++;
    if (outcome->error == 0 && !outcome->duplicate && task->room->followed) {
        struct entry *entry =
            entry_new(&job->append.draft->body, outcome->seq, outcome->timestamp_us, outcome->id);
        feed_take(task->room, entry);
        entry_unref(entry);
    }
    job->append.found_apart = true;
    keeper_give(keeper, job);
}

static void on_tail_committed(void *context, const struct redis_reply *reply) {
    struct tail *tail = context;
    shard_did(tail->room->shard, reply);
    room_release(tail->room);
    memory_free(tail);
}

static void on_tail_replicated(void *context, const struct redis_reply *reply) {
    struct tail *tail = context;
    if (enough(tail->room->shard, reply)) {
        send_commit(tail->room->shard, tail->room->key, tail->last, slice_of_string(tail->id),
                    on_tail_committed, tail);
        return;
    }
    room_release(tail->room);
    memory_free(tail);
}

void append_settle(struct redis_room *room, uint64_t last, struct slice id) {
    if (!waits(room->shard) || id.length != ENTRY_ID_LENGTH) {
        return;
    }
    struct tail *tail = memory_new_struct(struct tail);
    tail->room = room;
    tail->last = last;
    memcpy(tail->id, id.data, ENTRY_ID_LENGTH);
    room->uses++;
    send_wait(room->shard, on_tail_replicated, tail);
}
