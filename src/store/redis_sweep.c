/* Retention of rooms in which nothing is said: what an append does not do, a sweep does. It walks
 * through all rooms of a shard, in small steps; one node at a time does it (a key with an expiry
 * says who), but when the rules have changed each does at once, for they may not be the same
 * everywhere. */
#include <string.h>

#include "base/memory.h"
#include "store/redis_keeper.h"

#define SWEEP_ROOMS "64" /* looked at in one step */
#define MILLISECOND_NS UINT64_C(1000000)

/* A walk through the rooms of a shard. */
struct redis_sweep {
    struct redis_shard *shard;
    const char *list;  /* "rooms", then "hidden" */
    struct slice last; /* the room before the next; owned */
    size_t under_way;
};

/* A room of it. */
struct sweep_room {
    struct redis_sweep *sweep;
    struct slice key; /* owned */
};

static void add_bound(struct script_call *call, uint64_t bound) {
    if (bound == RETENTION_ALL) {
        script_add(call, SLICE_NONE);
    } else {
        script_add_number(call, bound);
    }
}

void sweep_retention(struct redis_keeper *keeper, struct slice room_key, struct script_call *call) {
    const struct retention_rules *rules = keeper->options.retention;
    struct retention retention = retention_of(rules, room_key);
    int64_t now_us = retention_now(rules);
    bool ages = retention.age_us != RETENTION_AGE_ALL;
    add_bound(call, retention.count);
    add_bound(call, retention.bytes);
    script_add_number(call, ages ? (uint64_t)retention_horizon(&retention, now_us) : 0);
    script_add_number(call, (uint64_t)now_us);
}

static void next_step(struct redis_sweep *sweep);

static void end_sweep(struct redis_sweep *sweep) {
    sweep->shard->sweep = NULL;
    memory_free((void *)sweep->last.data);
    memory_free(sweep);
}

static void end_room(struct sweep_room *room) {
    struct redis_sweep *sweep = room->sweep;
    memory_free((void *)room->key.data);
    memory_free(room);
    if (--sweep->under_way == 0) {
        next_step(sweep);
    }
}

static void sweep_room(struct sweep_room *room);

static void on_swept(void *context, const struct redis_reply *reply) {
    struct sweep_room *room = context;
    if (shard_did(room->sweep->shard, reply) && reply_number(reply, 3) == 1) {
        sweep_room(room);
    } else {
        end_room(room);
    }
}

static void sweep_room(struct sweep_room *room) {
    struct redis_shard *shard = room->sweep->shard;
    struct script_call call;
    script_begin(&call, SCRIPT_SWEEP, shard->keeper->name_space, room->key);
    sweep_retention(shard->keeper, room->key, &call);
    script_send(shard->redis, &call, on_swept, room);
}

static void set_last(struct redis_sweep *sweep, struct slice key) {
    memory_free((void *)sweep->last.data);
    sweep->last = key.length > 0 ? slice_from(memory_copy_string(key), key.length) : SLICE_NONE;
}

static bool next_list(struct redis_sweep *sweep) {
    bool more = strcmp(sweep->list, "rooms") == 0;
    sweep->list = "hidden";
    set_last(sweep, SLICE_NONE);
    return more;
}

static void on_rooms(void *context, const struct redis_reply *reply) {
    struct redis_sweep *sweep = context;
    struct redis_keeper *keeper = sweep->shard->keeper;
    if (!shard_did(sweep->shard, reply) || reply->kind != REDIS_ARRAY || keeper->leaving) {
        end_sweep(sweep);
        return;
    }
    if (reply->count == 0 && !next_list(sweep)) {
        end_sweep(sweep);
        return;
    }
    sweep->under_way++; /* this step itself */
    for (size_t i = 0; i < reply->count; i++) {
        struct slice key = reply_text(reply, i);
        struct retention retention = retention_of(keeper->options.retention, key);
        if (retention_bounds(&retention) && key.length > 0) {
            struct sweep_room *room = memory_new_struct(struct sweep_room);
            *room = (struct sweep_room){sweep, {memory_copy_string(key), key.length}};
            sweep->under_way++;
            sweep_room(room);
        }
    }
    if (reply->count > 0) {
        set_last(sweep, reply_text(reply, reply->count - 1));
    }
    if (--sweep->under_way == 0) {
        next_step(sweep);
    }
}

static void next_step(struct redis_sweep *sweep) {
    struct buffer key = {0}, from = {0};
    buffer_append_format(&key, "%s:%s", sweep->shard->keeper->options.name_space, sweep->list);
    buffer_append_char(&from, sweep->last.length > 0 ? '(' : '-');
    buffer_append_slice(&from, sweep->last);
    struct slice command[] = {SLICE("ZRANGEBYLEX"), buffer_slice(&key), buffer_slice(&from),
                              SLICE("+"),           SLICE("LIMIT"),     SLICE("0"),
                              SLICE(SWEEP_ROOMS)};
    redis_command(sweep->shard->redis, command, sizeof(command) / sizeof(command[0]), on_rooms,
                  sweep);
    buffer_close(&key);
    buffer_close(&from);
}

static void begin_sweep(struct redis_shard *shard) {
    if (shard->sweep == NULL) {
        shard->sweep = memory_new_struct(struct redis_sweep);
        *shard->sweep = (struct redis_sweep){.shard = shard, .list = "rooms"};
        next_step(shard->sweep);
    }
}

static void on_turn(void *context, const struct redis_reply *reply) {
    struct redis_shard *shard = context;
    if (shard_did(shard, reply) && reply->kind == REDIS_STATUS && !shard->keeper->leaving) {
        begin_sweep(shard);
    }
}

/* Asks whether it is this node's turn. */
static void ask_turn(struct redis_shard *shard, uint64_t pause_ms) {
    struct buffer key = {0}, pause = {0};
    buffer_append_format(&key, "%s:sweep", shard->keeper->options.name_space);
    buffer_append_u64(&pause, pause_ms);
    struct slice command[] = {
        SLICE("SET"), buffer_slice(&key), slice_of_string(shard->keeper->node),
        SLICE("NX"),  SLICE("PX"),        buffer_slice(&pause)};
    redis_command(shard->redis, command, sizeof(command) / sizeof(command[0]), on_turn, shard);
    buffer_close(&key);
    buffer_close(&pause);
}

void sweep_look(struct redis_keeper *keeper) {
    const struct retention_rules *rules = keeper->options.retention;
    unsigned changes = retention_changes(rules);
    uint64_t now_ms = uv_now(&keeper->loop), pause_ms = retention_pause_ns(rules) / MILLISECOND_NS;
    bool due = now_ms >= keeper->sweep_ms;
    if (!due && changes == keeper->retention_changes) {
        return;
    }
    for (size_t i = 0; i < keeper->options.shard_count; i++) {
        struct redis_shard *shard = &keeper->shards[i];
        if (shard->beaten && (changes != keeper->retention_changes || keeper->sweep_ms == 0)) {
            begin_sweep(shard);
        } else if (shard->beaten) {
            ask_turn(shard, pause_ms);
        }
    }
    keeper->retention_changes = changes;
    keeper->sweep_ms = now_ms + pause_ms;
}
