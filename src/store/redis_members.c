/* Who is in a room. Each node tells, with the signals it shares, how many sessions it has there,
 * and who came or left by name; Redis keeps both by node, so that a node that follows the room
 * later can ask, and what a dead node said can be left out. */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/redis_keeper.h"
#include "store/redis_record.h"

/* Somebody in the room on this node. */
struct member {
    struct identity identity;
    unsigned sessions;
    char *name;
};

static void free_member(struct member *member) {
    memory_free(member->name);
    memory_free(member);
}

static void drop_members(struct redis_room *room) {
    struct member *member;
    size_t cursor = 0;
    while (room->members != NULL && (member = map_next(room->members, &cursor)) != NULL) {
        free_member(member);
    }
    map_free(room->members);
    room->members = NULL;
}

void members_free(struct redis_room *room) {
    drop_members(room);
    memory_free(room->others);
}

static void set_name(struct member *member, struct slice name) {
    memory_free(member->name);
    member->name = memory_copy_string(name);
}

static struct member *add_member(struct redis_room *room, const struct signal *signal) {
    if (room->members == NULL) {
        room->members = map_new(rng_next(&room->keeper->rng));
    }
    if (map_count(room->members) >= LIMIT_LIST_ITEMS) {
        return NULL; /* nobody is told of that many */
    }
    struct member *member = memory_new_struct(struct member);
    member->identity = signal->identity;
    map_put(room->members, identity_slice(&member->identity), member);
    return member;
}

static const char *left(struct redis_room *room, struct member *member) {
    if (member == NULL || --member->sessions > 0) {
        return "";
    }
    map_remove(room->members, identity_slice(&member->identity));
    free_member(member);
    return "-";
}

static const char *joined(struct redis_room *room, struct member *member,
                          const struct signal *signal) {
    if (signal->name.length == 0 || signal->quiet) {
        return "";
    }
    if (member == NULL) {
        member = add_member(room, signal);
    }
    if (member == NULL) {
        return "";
    }
    member->sessions += signal->kind == SIGNAL_JOINED || member->sessions == 0;
    set_name(member, signal->name);
    return "+";
}

/* What the signal changes in the list of members: "+", "-" or "". */
static const char *change_of(struct redis_room *room, const struct signal *signal) {
    struct member *member =
        room->members != NULL ? map_find(room->members, identity_slice(&signal->identity)) : NULL;
    switch (signal->kind) {
    case SIGNAL_JOINED:
    case SIGNAL_RENAMED:
        return joined(room, member, signal);
    case SIGNAL_LEFT:
        return left(room, member);
    default:
        return "";
    }
}

static void on_shared(void *context, const struct redis_reply *reply) {
    shard_did(context, reply);
}

static void send_share(struct redis_room *room, const char *change, const struct identity *identity,
                       struct slice name, struct slice packed) {
    struct script_call call;
    char who[IDENTITY_TEXT];
    identity_text(identity, who);
    script_begin(&call, SCRIPT_SHARE, room->keeper->name_space, room->key);
    script_add_string(&call, room->keeper->node);
    script_add_number(&call, room->count);
    script_add_string(&call, change);
    script_add_string(&call, who);
    script_add(&call, name);
    script_add(&call, packed);
    script_send(room->shard->redis, &call, on_shared, room->shard);
}

void members_share(struct redis_task *task) {
    struct redis_room *room = task->room;
    const struct signal *signal = task->job->share.signal;
    struct buffer packed = {0};
    room->count = task->job->share.count;
    const char *change = change_of(room, signal);
    if (room->count == 0) {
        drop_members(room);
    }
    if (!signal->silent) {
        record_put_signal(&packed, signal);
    }
    if (!signal->silent || change[0] != '\0') {
        send_share(room, change, &signal->identity, signal->name, buffer_slice(&packed));
    }
    buffer_close(&packed);
    task_done(task);
}

static void share_again(struct redis_room *room) {
    static const struct identity nobody;
    struct signal count = {.kind = SIGNAL_COUNT};
    struct buffer packed = {0};
    struct member *member;
    size_t cursor = 0;
    record_put_signal(&packed, &count);
    send_share(room, "", &nobody, SLICE_NONE, buffer_slice(&packed));
    buffer_close(&packed);
    while (room->members != NULL && (member = map_next(room->members, &cursor)) != NULL) {
        send_share(room, "+", &member->identity, slice_of_string(member->name), SLICE_NONE);
    }
}

void members_share_again(struct redis_shard *shard) {
    struct redis_room *room;
    size_t cursor = 0;
    while ((room = map_next(shard->keeper->rooms, &cursor)) != NULL) {
        if (room->shard == shard && room->count > 0) {
            share_again(room);
        }
    }
}

static void on_gathered(void *context, const struct redis_reply *reply) {
    struct redis_task *task = context;
    struct job *job = task->job;
    if (!shard_did(task->shard, reply) || reply->kind != REDIS_ARRAY) {
        job->error = ERR_UNAVAILABLE;
        task_done(task);
        return;
    }
    job->gather.members = memory_new(reply->count / 2 * sizeof(struct other_member) + 1);
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        struct other_member *member = &job->gather.members[job->gather.count];
        struct slice name = reply_text(reply, i + 1);
        if (identity_of_text(reply_text(reply, i), &member->identity)) {
            member->name = slice_from(memory_copy_string(name), name.length);
            job->gather.count++;
        }
    }
    task_done(task);
}

void members_gather(struct redis_task *task) {
    struct redis_keeper *keeper = task->shard->keeper;
    struct script_call call;
    script_begin(&call, SCRIPT_GATHER, keeper->name_space, task->job->room_key);
    script_add_number(&call, LIMIT_LIST_ITEMS);
    for (size_t i = 0; i < keeper->alive_count && script_has_place(&call); i++) {
        script_add_string(&call, keeper->alive[i].id);
    }
    script_send(task->shard->redis, &call, on_gathered, task);
}

static struct redis_count *find_count(const struct redis_room *room, struct slice node) {
    for (size_t i = 0; i < room->other_count; i++) {
        if (slice_equal(slice_of_string(room->others[i].node), node)) {
            return &room->others[i];
        }
    }
    return NULL;
}

static struct redis_count *use_count(struct redis_room *room, struct slice node) {
    struct redis_count *known = find_count(room, node);
    if (known == NULL) {
        room->others = memory_resize(room->others, (room->other_count + 1) * sizeof(*room->others));
        known = &room->others[room->other_count++];
        *known = (struct redis_count){0};
        memcpy(known->node, node.data, REDIS_NODE);
    }
    return known;
}

static bool is_other(const struct redis_room *room, struct slice node) {
    return node.length == REDIS_NODE && !slice_equal(node, slice_of_string(room->keeper->node));
}

void members_count(struct redis_room *room, struct slice node, unsigned count) {
    if (is_other(room, node)) {
        struct redis_count *known = use_count(room, node);
        known->count = count;
        known->heard = true;
    }
}

/* There is someone else in the room, or no more, and no signal said so. */
static void tell_count(struct redis_room *room) {
    unsigned elsewhere = members_elsewhere(room);
    if (!room->followed || elsewhere == room->elsewhere) {
        return;
    }
    struct signal from = {.kind = SIGNAL_COUNT,
                          .room_key = room->key,
                          .room_name = room->name,
                          .elsewhere = elsewhere};
    room->elsewhere = elsewhere;
    keeper_give_signal(room->keeper, signal_new(&from));
}

void members_asked(struct redis_room *room) {
    for (size_t i = 0; i < room->other_count; i++) {
        room->others[i].heard = false;
    }
}

static void forget_unheard(struct redis_room *room) {
    size_t kept = 0;
    for (size_t i = 0; i < room->other_count; i++) {
        if (room->others[i].heard) {
            room->others[kept++] = room->others[i];
        }
    }
    room->other_count = kept;
}

/* What was published after the head was asked for has perhaps come before the answer, which may be
 * older. If it is not, what it knows is published too, and still to come. */
void members_counts(struct redis_room *room, const struct redis_reply *reply, size_t from) {
    forget_unheard(room);
    for (size_t i = from; i + 1 < reply->count; i += 2) {
        struct slice node = reply_text(reply, i);
        if (is_other(room, node) && find_count(room, node) == NULL) {
            use_count(room, node)->count = (unsigned)reply_number(reply, i + 1);
        }
    }
    tell_count(room);
}

unsigned members_elsewhere(const struct redis_room *room) {
    unsigned sum = 0;
    for (size_t i = 0; i < room->other_count; i++) {
        if (nodes_alive(room->keeper, slice_of_string(room->others[i].node))) {
            sum += room->others[i].count;
        }
    }
    return sum;
}

void members_recount(struct redis_keeper *keeper) {
    struct redis_room *room;
    size_t cursor = 0;
    while ((room = map_next(keeper->rooms, &cursor)) != NULL) {
        tell_count(room);
    }
}
