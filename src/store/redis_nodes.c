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

/* Its place in the list; alive_count: it is not there. */
static size_t find_alive(const struct redis_keeper *keeper, struct slice node) {
    size_t i = 0;
    while (i < keeper->alive_count && !slice_equal(slice_of_string(keeper->alive[i].id), node)) {
        i++;
    }
    return i;
}

bool nodes_alive(const struct redis_keeper *keeper, struct slice node) {
    return find_alive(keeper, node) < keeper->alive_count;
}

static void add_alive(struct redis_keeper *keeper, struct slice node, uint64_t heard) {
    size_t i = find_alive(keeper, node);
    if (node.length != REDIS_NODE || slice_equal(node, slice_of_string(keeper->node)) ||
        i == REDIS_NODES) {
        return;
    }
    struct redis_node *place = &keeper->alive[i];
    if (i == keeper->alive_count) {
        keeper->alive_count++;
        *place = (struct redis_node){0};
        memcpy(place->id, node.data, REDIS_NODE);
    }
    if (heard > place->heard) {
        place->heard = heard;
    }
}

void nodes_heard(struct redis_keeper *keeper, struct slice node) {
    add_alive(keeper, node, keeper->beats);
}

static void remove_alive(struct redis_keeper *keeper, struct slice node) {
    size_t i = find_alive(keeper, node);
    if (i < keeper->alive_count) {
        keeper->alive[i] = keeper->alive[--keeper->alive_count];
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

/* Who has said something since this was asked for is not in it yet, perhaps: what is published may
 * overtake it. */
static void take_alive(struct redis_keeper *keeper, const struct redis_reply *list) {
    size_t kept = 0;
    for (size_t i = 0; i < keeper->alive_count; i++) {
        if (keeper->alive[i].heard >= keeper->beats_answered) {
            keeper->alive[kept++] = keeper->alive[i];
        }
    }
    keeper->alive_count = kept;
    for (size_t i = 0; i < list->count; i++) {
        add_alive(keeper, reply_text(list, i), 0);
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

static void take_beat(struct redis_shard *shard, const struct redis_reply *reply) {
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

static void on_beat(void *context, const struct redis_reply *reply) {
    struct redis_shard *shard = context;
    shard->keeper->beats_answered += shard->index == 0;
    if (shard_did(shard, reply) && reply->kind == REDIS_ARRAY && reply->count >= 4) {
        take_beat(shard, reply);
    }
    if (reply->kind != REDIS_LOST) {
        shard_ready(shard);
    }
}

void nodes_beat(struct redis_shard *shard) {
    struct redis_keeper *keeper = shard->keeper;
    struct script_call call;
    char fresh[REDIS_EPOCH + 1];
    if (!redis_is_up(shard->redis)) {
        return;
    }
    keeper->beats += shard->index == 0;
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
