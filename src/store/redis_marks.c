/* How far somebody has read, of all rooms in one hash; and rooms that are forgotten. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/redis_keeper.h"
#include "store/redis_record.h"

#define REMEMBERED_MS (UINT64_C(90) * 86400 * 1000)
#define ERASE_AGAIN_MS 1000

static void on_marked(void *context, const struct redis_reply *reply) {
    struct redis_task *task = context;
    shard_did(task->shard, reply);
    task_done(task);
}

void marks_set(struct redis_task *task) {
    const struct read_mark *mark = &task->job->mark;
    struct script_call call;
    char who[IDENTITY_TEXT];
    identity_text(&mark->identity, who);
    script_begin(&call, SCRIPT_MARK, task->shard->keeper->name_space, mark->room_key);
    script_add_string(&call, who);
    script_add_number(&call, mark->seq);
    script_add_number(&call, mark->updated_us > 0 ? (uint64_t)mark->updated_us : 0);
    script_add_number(&call, REMEMBERED_MS);
    script_add(&call, mark->names);
    script_send(task->shard->redis, &call, on_marked, task);
}

void marks_ask(struct redis_keeper *keeper, struct job *job, redis_answer *answer, void *context) {
    struct buffer key = {0};
    char who[IDENTITY_TEXT];
    identity_text(&job->recall.identity, who);
    buffer_append_format(&key, "%s:k:%s", keeper->options.name_space, who);
    struct slice command[] = {SLICE("HGETALL"), buffer_slice(&key)};
    redis_command(first_shard(keeper)->redis, command, 2, answer, context);
    buffer_close(&key);
}

/* "SEQ TIME", and of a conversation " NAMES". */
static bool read_value(struct slice value, struct read_mark *mark) {
    struct slice seq = slice_cut(&value, ' ');
    struct slice time = slice_cut(&value, ' ');
    uint64_t time_us = 0;
    mark->updated_us = slice_to_u64(time, &time_us) ? (int64_t)time_us : 0;
    mark->names = value;
    return slice_to_u64(seq, &mark->seq);
}

static int newer_first(const void *left, const void *right) {
    const struct read_mark *a = left, *b = right;
    return a->updated_us > b->updated_us ? -1 : a->updated_us < b->updated_us;
}

void marks_take(struct job *job, const struct redis_reply *reply) {
    if (reply->kind != REDIS_ARRAY) {
        return;
    }
    struct read_mark *marks = memory_new(reply->count / 2 * sizeof(*marks) + 1);
    size_t count = 0;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        struct read_mark mark = {.identity = job->recall.identity,
                                 .room_key = reply_text(reply, i)};
        if (read_value(reply_text(reply, i + 1), &mark)) {
            marks[count++] = mark_copy(&mark);
        }
    }
    if (count > 1) {
        qsort(marks, count, sizeof(*marks), newer_first);
    }
    while (count > LIMIT_ROOMS_PER_SESSION) {
        mark_free(&marks[--count]);
    }
    job->recall.marks = marks;
    job->recall.count = count;
}

static void on_recalled(void *context, const struct redis_reply *reply) {
    struct redis_task *task = context;
    if (shard_did(task->shard, reply)) {
        marks_take(task->job, reply);
    }
    task_done(task);
}

void marks_recall(struct redis_task *task) {
    marks_ask(task->shard->keeper, task->job, on_recalled, task);
}

/* A room that is forgotten. Nobody waits for it, so it is done again until it is done, but only to
 * what was there when it was asked for: by then its guests may be back. A room that has gone on,
 * or of which nobody here knows how it ended, stays. */
struct erasure {
    struct redis_keeper *keeper;
    struct redis_task *task; /* NULL: it has been let go of, after the first attempt */
    struct slice room_key;   /* owned */
    struct buffer known;     /* ids of entries, one of which was the last; never empty */
    uv_timer_t timer;
    unsigned parts; /* of the log, and of the marks: not answered yet */
    bool failed;
};

static void send_erasure(struct erasure *erasure);

static void on_erasure_closed(uv_handle_t *handle) {
    struct erasure *erasure = container_of((uv_timer_t *)handle, struct erasure, timer);
    memory_free((void *)erasure->room_key.data);
    buffer_close(&erasure->known);
    memory_free(erasure);
}

static void on_erase_again(uv_timer_t *timer) {
    send_erasure(container_of(timer, struct erasure, timer));
}

static void take_part(struct erasure *erasure, struct redis_shard *shard,
                      const struct redis_reply *reply) {
    erasure->failed = !shard_did(shard, reply) || erasure->failed;
    if (--erasure->parts > 0) {
        return;
    }
    if (erasure->task != NULL) {
        task_done(erasure->task);
        erasure->task = NULL;
    }
    if (erasure->failed && !erasure->keeper->leaving) {
        uv_timer_start(&erasure->timer, on_erase_again, ERASE_AGAIN_MS, 0);
    } else {
        uv_close((uv_handle_t *)&erasure->timer, on_erasure_closed);
    }
}

static void on_log_erased(void *context, const struct redis_reply *reply) {
    struct erasure *erasure = context;
    take_part(erasure, shard_of(erasure->keeper, erasure->room_key), reply);
}

static void on_marks_erased(void *context, const struct redis_reply *reply) {
    struct erasure *erasure = context;
    take_part(erasure, first_shard(erasure->keeper), reply);
}

static void send_erasure(struct erasure *erasure) {
    struct redis_keeper *keeper = erasure->keeper;
    struct script_call call;
    erasure->failed = false;
    erasure->parts = 2;
    script_begin(&call, SCRIPT_ERASE, keeper->name_space, erasure->room_key);
    script_add(&call, erasure->task != NULL ? SLICE_NONE : buffer_slice(&erasure->known));
    script_send(shard_of(keeper, erasure->room_key)->redis, &call, on_log_erased, erasure);
    script_begin(&call, SCRIPT_ERASE_MARKS, keeper->name_space, erasure->room_key);
    script_send(first_shard(keeper)->redis, &call, on_marks_erased, erasure);
}

/* The entry passed on last, and the own ones that are still under way. */
static void note_known(struct erasure *erasure, const struct redis_room *room) {
    struct redis_task *task;
    size_t cursor = 0;
    buffer_append_format(&erasure->known, "-%s", room->followed ? room->last_id : "");
    if (room->appends_sent == room->appends_done) {
        return;
    }
    while ((task = map_next(erasure->keeper->pending, &cursor)) != NULL) {
        if (task->room == room) {
            buffer_append_format(&erasure->known, " %s", task->id);
        }
    }
}

void room_erase(struct redis_task *task) {
    struct redis_keeper *keeper = task->shard->keeper;
    struct slice room_key = task->job->room_key;
    struct erasure *erasure = memory_new_struct(struct erasure);
    erasure->keeper = keeper;
    erasure->task = task;
    erasure->room_key = slice_from(memory_copy_string(room_key), room_key.length);
    note_known(erasure, task->room);
    uv_timer_init(&keeper->loop, &erasure->timer);
    send_erasure(erasure);
}
