/* Nodes: each renews a lease; who does not is dead, and whoever finds out first takes away what
 * they held (bury.lua). When a node's own lease has run out, or its Redis has forgotten it, it
 * announces everything again: its names, of which it may lose some, its counts, and it looks at
 * every room.
 *
 * After a pause of the Redis itself all leases have run out at once. So who finds their own gone
 * buries nobody in that turn: the others are about to come back as well. */
#include <string.h>

#include "base/memory.h"
#include "store/redis_keeper.h"
#include "store/redis_record.h"

#define EMPTY_ROOMS 500 /* of a dead node, in one step */

bool nodes_alive(const struct redis_keeper *keeper, struct slice node) {
    for (size_t i = 0; i < keeper->alive_count; i++) {
        if (slice_equal(slice_of_string(keeper->alive[i]), node)) {
            return true;
        }
    }
    return false;
}

void nodes_heard(struct redis_keeper *keeper, struct slice node) {
    if (node.length != REDIS_NODE || slice_equal(node, slice_of_string(keeper->node)) ||
        keeper->alive_count == REDIS_NODES || nodes_alive(keeper, node)) {
        return;
    }
    char *place = keeper->alive[keeper->alive_count++];
    memcpy(place, node.data, REDIS_NODE);
    place[REDIS_NODE] = '\0';
}

static void remove_alive(struct redis_keeper *keeper, struct slice node) {
    for (size_t i = 0; i < keeper->alive_count; i++) {
        if (slice_equal(slice_of_string(keeper->alive[i]), node)) {
            memmove(keeper->alive[i], keeper->alive[--keeper->alive_count], REDIS_NODE + 1);
            return;
        }
    }
}

/* Somebody who is gone, on their way out of one shard. */
struct burial {
    struct redis_shard *shard;
    char node[REDIS_NODE + 1];
};

static void send_emptying(struct burial *burial);

static void on_emptied(void *context, const struct redis_reply *reply) {
    struct burial *burial = context;
    if (shard_did(burial->shard, reply) && reply->kind == REDIS_INTEGER && reply->integer > 0) {
        send_emptying(burial);
        return;
    }
    memory_free(burial);
}

static void send_emptying(struct burial *burial) {
    struct script_call call;
    script_begin(&call, SCRIPT_EMPTY, burial->shard->keeper->name_space, SLICE_NONE);
    script_add_string(&call, burial->node);
    script_add_number(&call, EMPTY_ROOMS);
    script_send(burial->shard->redis, &call, on_emptied, burial);
}

static void on_buried(void *context, const struct redis_reply *reply) {
    struct burial *burial = context;
    if (shard_did(burial->shard, reply) && reply->kind == REDIS_INTEGER && reply->integer == 1) {
        send_emptying(burial);
        return;
    }
    memory_free(burial);
}

static void bury(struct redis_shard *shard, struct slice node) {
    struct script_call call;
    if (node.length != REDIS_NODE) {
        return;
    }
    struct burial *burial = memory_new_struct(struct burial);
    burial->shard = shard;
    memcpy(burial->node, node.data, REDIS_NODE);
    script_begin(&call, SCRIPT_BURY, shard->keeper->name_space, SLICE_NONE);
    script_add_string(&call, burial->node);
    script_add_string(&call, "other");
    script_send(shard->redis, &call, on_buried, burial);
}

static void take_alive(struct redis_keeper *keeper, const struct redis_reply *list) {
    keeper->alive_count = 0;
    for (size_t i = 0; i < list->count; i++) {
        nodes_heard(keeper, reply_text(list, i));
    }
    members_recount(keeper);
}

/* Everything that this node holds there, and knows from there. */
static void announce(struct redis_shard *shard) {
    struct redis_keeper *keeper = shard->keeper;
    shard->loss_told = false;
    if (shard->index == 0) {
        names_claim_again(keeper);
        names_read(keeper);
        names_recall(keeper);
    }
    members_share_again(shard);
    rooms_check(shard, true);
}

static void on_beat(void *context, const struct redis_reply *reply) {
    struct redis_shard *shard = context;
    if (!shard_did(shard, reply) || reply->kind != REDIS_ARRAY || reply->count < 4) {
        return;
    }
    bool was = reply_number(reply, 0) == 1;
    if (shard->index == 0) {
        take_alive(shard->keeper, &reply->items[2]);
    }
    if (!was || !shard->beaten) {
        shard->beaten = true;
        announce(shard);
    } else {
        rooms_check(shard, false);
        for (size_t i = 0; i < reply->items[3].count; i++) {
            bury(shard, reply_text(&reply->items[3], i));
        }
    }
}

void nodes_beat(struct redis_shard *shard) {
    struct redis_keeper *keeper = shard->keeper;
    struct script_call call;
    char fresh[REDIS_EPOCH + 1];
    if (!redis_is_up(shard->redis)) {
        return;
    }
    keeper_new_epoch(keeper, fresh);
    script_begin(&call, SCRIPT_BEAT, keeper->name_space, SLICE_NONE);
    script_add_string(&call, fresh);
    script_add_string(&call, keeper->node);
    script_add_number(&call, LEASE_MS);
    script_send(shard->redis, &call, on_beat, shard);
}

static void take_name(struct redis_keeper *keeper, struct slice rest) {
    struct slice folded, value;
    if (record_take(&rest, &folded) && record_take(&rest, &value)) {
        names_heard(keeper, folded, value);
    }
}

static void take_call(struct redis_keeper *keeper, struct slice rest) {
    struct slice node, from, to;
    struct call call;
    if (!record_take(&rest, &node) || slice_equal(node, slice_of_string(keeper->node)) ||
        !record_take(&rest, &call.room_key) || !record_take(&rest, &from) ||
        !record_take(&rest, &to) || !record_take(&rest, &call.from_name) ||
        !record_take(&rest, &call.to_name) || !identity_of_text(from, &call.from) ||
        !identity_of_text(to, &call.to)) {
        return;
    }
    keeper_give(keeper, job_new_called(&call));
}

void nodes_message(struct redis_keeper *keeper, struct slice payload) {
    struct slice rest = slice_skip(payload, 1), node;
    switch (payload.length > 0 ? payload.data[0] : '\0') {
    case 'N':
        take_name(keeper, rest);
        break;
    case 'C':
        take_call(keeper, rest);
        break;
    case 'B':
        if (record_take(&rest, &node)) {
            nodes_heard(keeper, node);
            members_recount(keeper);
        }
        break;
    case 'D':
        if (record_take(&rest, &node)) {
            remove_alive(keeper, node);
            members_recount(keeper);
        }
        break;
    default: /* of a later version: nothing to us */
        break;
    }
}

void nodes_call(struct redis_task *task) {
    struct redis_keeper *keeper = task->shard->keeper;
    const struct call *call = &task->job->call;
    struct buffer channel = {0}, payload = {0};
    char from[IDENTITY_TEXT], to[IDENTITY_TEXT];
    identity_text(&call->from, from);
    identity_text(&call->to, to);
    buffer_append_format(&channel, "%s:all", keeper->options.name_space);
    buffer_append_char(&payload, 'C');
    record_put(&payload, slice_of_string(keeper->node));
    record_put(&payload, call->room_key);
    record_put(&payload, slice_of_string(from));
    record_put(&payload, slice_of_string(to));
    record_put(&payload, call->from_name);
    record_put(&payload, call->to_name);
    struct slice command[] = {SLICE("PUBLISH"), buffer_slice(&channel), buffer_slice(&payload)};
    redis_command(task->shard->redis, command, 3, NULL, NULL);
    buffer_close(&channel);
    buffer_close(&payload);
    task_done(task);
}

/* Its own burial; whoever finds the rest of it clears that away. */
void nodes_leave(struct redis_keeper *keeper, redis_answer *answer, void *context) {
    struct script_call call;
    for (size_t i = keeper->options.shard_count; i > 0; i--) {
        struct redis *redis = keeper->shards[i - 1].redis;
        script_begin(&call, SCRIPT_EMPTY, keeper->name_space, SLICE_NONE);
        script_add_string(&call, keeper->node);
        script_add_number(&call, EMPTY_ROOMS);
        script_send(redis, &call, NULL, NULL);
        script_begin(&call, SCRIPT_BURY, keeper->name_space, SLICE_NONE);
        script_add_string(&call, keeper->node);
        script_add_string(&call, "self");
        script_send(redis, &call, i == 1 ? answer : NULL, i == 1 ? context : NULL);
    }
}
