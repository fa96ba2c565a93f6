/* Rooms are spread by consistent hashing: each shard has a hundred points on a ring of 64 bits,
 * told from its address; a room belongs to the shard with the next point behind its own. So adding
 * a shard moves a share of the rooms to it and no others, and the order in which they are
 * configured does not matter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "store/redis_keeper.h"

#define POINTS 100                         /* of a shard */
#define RING_SEED UINT64_C(0x62616e746572) /* as good as any, but for ever */

struct point {
    uint64_t place;
    unsigned shard;
};

struct redis_ring {
    size_t count;
    struct point points[];
};

static int compare(const void *left, const void *right) {
    const struct point *a = left, *b = right;
    return a->place < b->place ? -1 : a->place > b->place;
}

struct redis_ring *ring_new(const struct store_redis_options *options) {
    struct redis_ring *ring = memory_new(sizeof(struct redis_ring) +
                                         options->shard_count * POINTS * sizeof(struct point));
    struct buffer text = {0};
    for (unsigned i = 0; i < options->shard_count; i++) {
        for (unsigned k = 0; k < POINTS; k++) {
            buffer_clear(&text);
            buffer_append_format(&text, "%s#%u", options->shards[i], k);
            ring->points[ring->count++] =
                (struct point){hash_slice(RING_SEED, buffer_slice(&text)), i};
        }
    }
    qsort(ring->points, ring->count, sizeof(struct point), compare);
    buffer_close(&text);
    return ring;
}

unsigned ring_find(const struct redis_ring *ring, struct slice room_key) {
    uint64_t place = hash_slice(RING_SEED, room_key);
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ring->points[middle].place < place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return ring->points[low % ring->count].shard;
}

struct redis_shard *shard_of(const struct redis_keeper *keeper, struct slice room_key) {
    return &keeper->shards[ring_find(keeper->ring, room_key)];
}

static void tell_opener(struct redis_shard *shard, const char *failure) {
    struct redis_keeper *keeper = shard->keeper;
    pthread_mutex_lock(&keeper->mutex);
    if (failure != NULL) {
        snprintf(keeper->failure, sizeof(keeper->failure), "%s", failure);
    } else if (!shard->ready) {
        shard->ready = true;
        keeper->shards_ready++;
        pthread_cond_signal(&keeper->changed);
    }
    pthread_mutex_unlock(&keeper->mutex);
}

static void on_up(void *context, struct slice run_id) {
    struct redis_shard *shard = context;
    (void)run_id; /* whatever it is, its logs are looked at */
    shard->trouble[0] = '\0';
    redis_scripts_load(shard->redis);
    nodes_beat(shard);
}

void shard_ready(struct redis_shard *shard) {
    tell_opener(shard, NULL);
}

static void on_down(void *context, const char *reason) {
    struct redis_shard *shard = context;
    tell_opener(shard, reason);
    shard->beaten = false;
    rooms_doubt(shard);
}

static void on_message(void *context, struct slice channel, struct slice payload) {
    feed_message(context, channel, payload);
}

static const struct redis_handlers HANDLERS = {.up = on_up, .down = on_down, .message = on_message};

struct redis_options shard_options(const struct store_redis_options *options,
                                   const char *const *name) {
    bool found = options->sentinel_count > 0;
    return (struct redis_options){
        .servers = name,
        .server_count = found ? 0 : 1,
        .sentinels = options->sentinels,
        .sentinel_count = options->sentinel_count,
        .master = found ? *name : NULL,
        .username = options->username,
        .password = options->password,
        .sentinel_password = options->sentinel_password,
        .database = options->database,
        .tls = options->tls,
        .connect_timeout_ms = options->connect_timeout_ms,
        .command_timeout_ms = options->command_timeout_ms,
        .log = options->log,
    };
}

static struct redis *connect_shard(struct redis_keeper *keeper, struct redis_shard *shard) {
    const char *const name = shard->name;
    struct redis_options options = shard_options(&keeper->options, &name);
    options.name = "store";
    return redis_new(&keeper->loop, &options, &HANDLERS, shard);
}

int shards_open(struct redis_keeper *keeper, struct buffer *message) {
    const struct store_redis_options *options = &keeper->options;
    if (options->shard_count == 0) {
        buffer_append_string(message, "no Redis is named: set redis = HOST:PORT");
        return ERR_BAD_REQUEST;
    }
    keeper->ring = ring_new(options);
    keeper->shards = memory_new(options->shard_count * sizeof(struct redis_shard));
    for (unsigned i = 0; i < options->shard_count; i++) {
        struct redis_shard *shard = &keeper->shards[i];
        shard->keeper = keeper;
        shard->index = i;
        shard->name = memory_copy_string(slice_of_string(options->shards[i]));
        shard->redis = connect_shard(keeper, shard);
    }
    struct buffer channel = {0};
    buffer_append_format(&channel, "%s:all", options->name_space);
    redis_subscribe(first_shard(keeper)->redis, buffer_slice(&channel), NULL, NULL);
    buffer_close(&channel);
    return 0;
}

void shards_close(struct redis_keeper *keeper) {
    keeper->leaving = true;
    for (size_t i = 0; keeper->shards != NULL && i < keeper->options.shard_count; i++) {
        redis_close(keeper->shards[i].redis);
    }
}

void shards_free(struct redis_keeper *keeper) {
    for (size_t i = 0; keeper->shards != NULL && i < keeper->options.shard_count; i++) {
        job_list_clear(&keeper->shards[i].trimmed);
        memory_free(keeper->shards[i].name);
    }
    memory_free(keeper->shards);
    memory_free(keeper->ring);
}

void shard_touch(struct redis_shard *shard) {
    shard->dirty = true;
}

/* What somebody can do about it. */
static const char *advice(struct slice word) {
    static const struct {
        const char *word, *advice;
    } known[] = {
        {"OOM", "it may not use more memory: raise its maxmemory, or set retention"},
        {"READONLY", "it is a replica: see which one is the master"},
        {"MISCONF", "it cannot save to its disk"},
        {"NOPERM", "its user may not do that: see docs/clustering.md for what it needs"},
        {"NOREPLICAS", "it misses replicas"},
        {"LOADING", "it is loading its data"},
        {"BUSY", "it is busy with somebody's script"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal(word, slice_of_string(known[i].word))) {
            return known[i].advice;
        }
    }
    return "see its log";
}

static void complain(struct redis_shard *shard, struct slice text) {
    struct slice rest = text;
    struct slice word = slice_cut(&rest, ' ');
    char short_word[sizeof(shard->trouble)];
    snprintf(short_word, sizeof(short_word), "%.*s", SLICE_ARGS(word));
    if (strcmp(short_word, shard->trouble) == 0) {
        return;
    }
    memcpy(shard->trouble, short_word, sizeof(short_word));
    keeper_log(shard->keeper, LOG_ERROR, "The Redis at %s refuses: %.*s; %s", shard->name,
               text.length < 300 ? (int)text.length : 300, text.data, advice(word));
}

bool shard_did(struct redis_shard *shard, const struct redis_reply *reply) {
    if (reply->kind == REDIS_LOST) {
        return false;
    }
    if (reply->kind == REDIS_ERROR && slice_starts_with(reply->text, SLICE("NOSCRIPT"))) {
        redis_scripts_load(shard->redis);
        return false;
    }
    if (reply->kind == REDIS_ERROR) {
        complain(shard, reply->text);
        return false;
    }
    return true;
}
