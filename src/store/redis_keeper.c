#include "store/redis_keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/thread.h"

#define START_PATIENCE_S 10
#define LEAVE_MS 2000
#define SWEEP_LOOK_MS 500

static char *copy(const char *text) {
    return text != NULL ? memory_copy_string(slice_of_string(text)) : NULL;
}

static const char *const *copy_list(const char *const *list, size_t count) {
    const char **copies = memory_new(count * sizeof(*copies) + 1);
    for (size_t i = 0; i < count; i++) {
        copies[i] = copy(list[i]);
    }
    return copies;
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void free_list(const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        memory_free((void *)list[i]);
    }
    memory_free((void *)list);
}

static void copy_options(struct redis_keeper *keeper, const struct store_redis_options *options) {
    struct store_redis_options *own = &keeper->options;
    *own = *options;
    own->shards = copy_list(options->shards, options->shard_count);
    /* The first is the same one on every node, however they are written. */
    qsort((void *)own->shards, own->shard_count, sizeof(*own->shards), compare_texts);
    own->sentinels = copy_list(options->sentinels, options->sentinel_count);
    own->name_space = copy(options->name_space);
    own->copy_folder = copy(options->copy_folder);
    own->username = copy(options->username);
    own->password = copy(options->password);
    own->sentinel_password = copy(options->sentinel_password);
    keeper->name_space = slice_of_string(own->name_space);
    keeper->silent = (struct log){.level = LOG_ERROR, .descriptor = -1};
    own->log = own->log != NULL ? own->log : &keeper->silent;
}

static void free_options(struct redis_keeper *keeper) {
    struct store_redis_options *own = &keeper->options;
    free_list(own->shards, own->shard_count);
    free_list(own->sentinels, own->sentinel_count);
    memory_free((void *)own->name_space);
    memory_free((void *)own->copy_folder);
    memory_free((void *)own->username);
    memory_free((void *)own->password);
    memory_free((void *)own->sentinel_password);
}

void keeper_give(struct redis_keeper *keeper, struct job *job) {
    job_list_append(&keeper->out, job);
}

void keeper_give_signal(struct redis_keeper *keeper, struct signal *signal) {
    struct job *job = job_new_signal(signal);
    job->unasked = true;
    keeper_give(keeper, job);
}

void keeper_log(const struct redis_keeper *keeper, enum log_level level, const char *format, ...) {
    char line[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    log_write(keeper->options.log, level, "%s", line);
}

void keeper_new_epoch(struct redis_keeper *keeper, char epoch[REDIS_EPOCH + 1]) {
    ulid_epoch(&keeper->rng, epoch, REDIS_EPOCH);
}

static void close_handles(struct redis_keeper *keeper) {
    shards_close(keeper);
    uv_close((uv_handle_t *)&keeper->inbox_ready, NULL);
    uv_close((uv_handle_t *)&keeper->beat, NULL);
    uv_close((uv_handle_t *)&keeper->sweeping, NULL);
    uv_close((uv_handle_t *)&keeper->ending, NULL);
    uv_close((uv_handle_t *)&keeper->turn_end, NULL);
}

static void on_left(void *context, const struct redis_reply *reply) {
    struct redis_keeper *keeper = context;
    (void)reply;
    if (!uv_is_closing((uv_handle_t *)&keeper->ending)) {
        close_handles(keeper);
    }
}

static void on_left_late(uv_timer_t *timer) {
    on_left(container_of(timer, struct redis_keeper, ending), NULL);
}

/* Everything was answered: the others need not wait for the lease to run out. */
static void leave(struct redis_keeper *keeper) {
    keeper->leaving = true;
    uv_timer_stop(&keeper->beat);
    uv_timer_stop(&keeper->sweeping);
    uv_timer_start(&keeper->ending, on_left_late, LEAVE_MS, 0);
    nodes_leave(keeper, on_left, keeper);
}

static void on_inbox(uv_async_t *handle) {
    struct redis_keeper *keeper = container_of(handle, struct redis_keeper, inbox_ready);
    struct job_list jobs = {0};
    bool more = mailbox_take(&keeper->inbox, &jobs);
    while (jobs.first != NULL) {
        tasks_take(keeper, &jobs);
        more = mailbox_take(&keeper->inbox, &jobs);
    }
    keeper->stopping = !more;
}

static void on_turn_end(uv_check_t *handle) {
    struct redis_keeper *keeper = container_of(handle, struct redis_keeper, turn_end);
    for (size_t i = 0; i < keeper->options.shard_count; i++) {
        if (keeper->shards[i].dirty) {
            tasks_release(&keeper->shards[i]);
        }
    }
    outbox_put(keeper->outbox, &keeper->out);
    if (keeper->stopping && !keeper->leaving && tasks_empty(keeper)) {
        leave(keeper);
    }
}

static void on_beat(uv_timer_t *timer) {
    struct redis_keeper *keeper = container_of(timer, struct redis_keeper, beat);
    for (size_t i = 0; i < keeper->options.shard_count; i++) {
        nodes_beat(&keeper->shards[i]);
    }
}

static void on_sweeping(uv_timer_t *timer) {
    sweep_look(container_of(timer, struct redis_keeper, sweeping));
}

static void *run(void *argument) {
    struct redis_keeper *keeper = argument;
    uv_run(&keeper->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void free_keeper(struct redis_keeper *keeper) {
    shards_free(keeper);
    rooms_free(keeper);
    names_free(keeper);
    map_free(keeper->pending);
    job_list_clear(&keeper->out);
    mailbox_close(&keeper->inbox);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->mutex);
    uv_loop_close(&keeper->loop);
    free_options(keeper);
    memory_free(keeper);
}

static struct redis_keeper *new_keeper(const struct store_redis_options *options,
                                       struct outbox *outbox, uint64_t seed) {
    struct redis_keeper *keeper = memory_new_struct(struct redis_keeper);
    copy_options(keeper, options);
    keeper->outbox = outbox;
    rng_seed(&keeper->rng, seed);
    ulid_source_init(&keeper->ids, rng_next(&keeper->rng));
    ulid_epoch(&keeper->rng, keeper->node, REDIS_NODE);
    keeper->rooms = map_new(rng_next(&keeper->rng));
    keeper->pending = map_new(rng_next(&keeper->rng));
    names_init(keeper, rng_next(&keeper->rng));
    mailbox_init(&keeper->inbox);
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_cond_init(&keeper->changed, NULL);
    uv_loop_init(&keeper->loop);
    uv_async_init(&keeper->loop, &keeper->inbox_ready, on_inbox);
    uv_timer_init(&keeper->loop, &keeper->beat);
    uv_timer_init(&keeper->loop, &keeper->sweeping);
    uv_timer_init(&keeper->loop, &keeper->ending);
    uv_check_init(&keeper->loop, &keeper->turn_end);
    uv_check_start(&keeper->turn_end, on_turn_end);
    uv_timer_start(&keeper->beat, on_beat, BEAT_MS, BEAT_MS);
    uv_timer_start(&keeper->sweeping, on_sweeping, SWEEP_LOOK_MS, SWEEP_LOOK_MS);
    return keeper;
}

/* The first shard has the names and the nodes: without it nothing begins. The others get as long.
 */
static bool wait_for_shards(struct redis_keeper *keeper) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += START_PATIENCE_S;
    pthread_mutex_lock(&keeper->mutex);
    int code = 0;
    while (keeper->shards_ready < keeper->options.shard_count && code == 0) {
        code = pthread_cond_timedwait(&keeper->changed, &keeper->mutex, &deadline);
    }
    bool ready = keeper->shards[0].ready;
    pthread_mutex_unlock(&keeper->mutex);
    return ready;
}

int redis_keeper_start(const struct store_redis_options *options, struct outbox *outbox,
                       struct redis_keeper **keeper, struct buffer *message) {
    uint64_t seed;
    if (getentropy(&seed, sizeof(seed)) != 0) {
        buffer_append_string(message, "the system gives no random numbers");
        return ERR_IO;
    }
    struct redis_keeper *started = new_keeper(options, outbox, seed);
    int error = shards_open(started, message);
    if (error == 0 && thread_start(&started->thread, "store-redis", run, started) != 0) {
        buffer_append_string(message, "the system has no thread left");
        error = ERR_IO;
    }
    if (error != 0) {
        close_handles(started);
        uv_run(&started->loop, UV_RUN_DEFAULT);
        free_keeper(started);
        return error;
    }
    if (!wait_for_shards(started)) {
        buffer_append_format(message, "cannot use the Redis at %s: %s; see that it runs there",
                             started->options.shards[0],
                             started->failure[0] != '\0' ? started->failure : "no answer");
        redis_keeper_stop(started);
        return ERR_IO;
    }
    *keeper = started;
    return 0;
}

const struct store_redis_options *redis_keeper_options(const struct redis_keeper *keeper) {
    return &keeper->options;
}

void redis_keeper_put(struct redis_keeper *keeper, struct job_list *jobs) {
    mailbox_put(&keeper->inbox, jobs);
    uv_async_send(&keeper->inbox_ready);
}

void redis_keeper_stop(struct redis_keeper *keeper) {
    mailbox_end(&keeper->inbox);
    uv_async_send(&keeper->inbox_ready);
    pthread_join(keeper->thread, NULL);
    free_keeper(keeper);
}
