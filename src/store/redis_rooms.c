/* A room is followed in two steps: its head is read in the order of what else is asked, and at the
 * same time its channel is subscribed to; when that is in force the head is looked at again, and
 * what was appended between the two is read from the log.
 *
 * Looking again is also what is done when a Redis has been away, or may be another one: each room
 * is checked against what its readers were shown (head.lua). If its log is not the one they know,
 * it is in a new epoch, and the hub is told by another FOLLOWED. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/redis_keeper.h"

/* What stands in the answer of head.lua. */
enum head_item { EPOCH, NAME, TOPIC, FIRST, SHOWN, LAST, SHOWN_ID, LAST_ID, COUNTS };

static struct slice own(struct slice s) {
    return slice_from(memory_copy_string(s), s.length);
}

struct redis_room *room_use(struct redis_keeper *keeper, struct slice key, struct slice name) {
    struct redis_room *room = map_find(keeper->rooms, key);
    if (room == NULL) {
        room = memory_new_struct(struct redis_room);
        room->keeper = keeper;
        room->shard = shard_of(keeper, key);
        room->key = own(key);
        room->name = own(name.length > 0 ? name : key);
        map_put(keeper->rooms, room->key, room);
    }
    room->uses++;
    return room;
}

static void free_room(struct redis_room *room) {
    feed_drop_held(room);
    members_free(room);
    follower_free(room->follower);
    memory_free((void *)room->key.data);
    memory_free((void *)room->name.data);
    memory_free(room);
}

void room_release(struct redis_room *room) {
    room->uses--;
    if (room->uses == 0 && room->subscriptions == 0 && !room->followed && !room->remembered &&
        room->count == 0) {
        map_remove(room->keeper->rooms, room->key);
        free_room(room);
    }
}

void rooms_free(struct redis_keeper *keeper) {
    struct redis_room *room;
    size_t cursor = 0;
    while ((room = map_next(keeper->rooms, &cursor)) != NULL) {
        free_room(room);
    }
    map_free(keeper->rooms);
}

static void forget(struct redis_room *room) {
    if (room->remembered) {
        room->remembered = false;
        room->keeper->remembered_count--;
        list_remove(&room->keeper->remembered, &room->node);
        follower_free(room->follower);
        room->follower = NULL;
    }
}

/* A room that nobody here reads any more, but somebody may come back to: if its log turns out to
 * have lost what they have seen, they must be told. */
static void remember(struct redis_room *room) {
    struct redis_keeper *keeper = room->keeper;
    room->remembered = true;
    list_append(&keeper->remembered, &room->node);
    if (++keeper->remembered_count > REMEMBERED_ROOMS) {
        struct redis_room *oldest = container_of(keeper->remembered.first, struct redis_room, node);
        oldest->uses++;
        forget(oldest);
        room_release(oldest);
    }
}

static void keep_text(char *text, size_t size, struct slice s) {
    snprintf(text, size, "%.*s", SLICE_ARGS(s));
}

struct room_head head_of_reply(const struct redis_reply *reply, struct slice room_key,
                               struct slice room_name) {
    struct slice name = reply_text(reply, NAME);
    struct room_head head = {
        .room_key = room_key,
        .room_name = name.length > 0 ? name : room_name,
        .epoch = reply_text(reply, EPOCH),
        .topic = reply_text(reply, TOPIC),
        .first = reply_number(reply, FIRST),
        .last = reply_number(reply, SHOWN),
    };
    head.exists = head.last > 0;
    if (head.first == 0) {
        head.first = 1;
    }
    return head;
}

static struct slice channel_of(const struct redis_room *room, struct buffer *text) {
    buffer_append_slice(text, room->keeper->name_space);
    buffer_append_string(text, ":f:");
    buffer_append_slice(text, room->key);
    return buffer_slice(text);
}

static void on_subscribed(void *context, const struct redis_reply *reply) {
    struct redis_room *room = context;
    if (reply->kind != REDIS_LOST) { /* else it is checked when its Redis is back */
        room_check(room);
    }
    room_release(room);
}

static void subscribe(struct redis_room *room) {
    struct buffer channel = {0};
    room->subscriptions++;
    room->uses++;
    redis_subscribe(room->shard->redis, channel_of(room, &channel), on_subscribed, room);
    buffer_close(&channel);
}

static void unsubscribe(struct redis_room *room) {
    struct buffer channel = {0};
    room->subscriptions--;
    redis_unsubscribe(room->shard->redis, channel_of(room, &channel));
    buffer_close(&channel);
}

/* `known`: the epoch that was told, and what in it; none of a room that is not followed. */
static void ask_head(struct redis_room *room, bool known, redis_answer *answer, void *context) {
    struct script_call call;
    char fresh[REDIS_EPOCH + 1];
    keeper_new_epoch(room->keeper, fresh);
    script_begin(&call, SCRIPT_HEAD, room->keeper->name_space, room->key);
    script_add_string(&call, fresh);
    script_add_string(&call, known ? room->epoch : "");
    script_add_number(&call, known ? follower_last(room->follower) : 0);
    script_add_string(&call, known ? room->last_id : "");
    room->heard = 0;
    members_asked(room);
    script_send(room->shard->redis, &call, answer, context);
}

static void on_head(void *context, const struct redis_reply *reply) {
    struct redis_task *task = context;
    struct job *job = task->job;
    if (!shard_did(task->shard, reply)) {
        job->error = ERR_UNAVAILABLE;
    } else {
        struct room_head head = head_of_reply(reply, task->room->key, task->room->name);
        job->error = 0;
        members_counts(task->room, reply, COUNTS);
        head.elsewhere = members_elsewhere(task->room);
        job->follow.head = head_copy(&head);
        keep_text(task->id, sizeof(task->id), reply_text(reply, SHOWN_ID));
    }
    task_done(task);
}

void room_follow(struct redis_task *task) {
    ask_head(task->room, false, on_head, task);
    subscribe(task->room);
}

/* From here on the hub is told of what comes behind this head. */
static void begin(struct redis_room *room, const struct room_head *head, struct slice last_id) {
    forget(room);
    follower_free(room->follower);
    room->follower = follower_new(head->last);
    room->generation++;
    room->followed = true;
    room->unsure = room->filling = room->hole = false;
    room->first = head->first;
    room->elsewhere = head->elsewhere;
    keep_text(room->epoch, sizeof(room->epoch), head->epoch);
    keep_text(room->last_id, sizeof(room->last_id), last_id);
    if (head->exists && !slice_equal(head->room_name, room->name)) {
        memory_free((void *)room->name.data);
        room->name = own(head->room_name);
    }
    feed_drop_held(room);
    feed_expect(room, room->heard);
}

void room_follow_finish(struct redis_task *task) {
    struct redis_room *room = task->room;
    struct job *job = task->job;
    if (job->error != 0) {
        unsubscribe(room);
    } else {
        if (room->followed) {
            unsubscribe(room); /* once is enough */
        }
        begin(room, &job->follow.head, slice_of_string(task->id));
    }
    keeper_give(room->keeper, job);
    if (job->error == 0) {
        feed_pass_on(room);
    }
}

static void end(struct redis_room *room, bool erased) {
    bool direct = slice_starts_with(room->key, SLICE("@"));
    if (!room->followed) {
        return;
    }
    unsubscribe(room);
    room->followed = false;
    room->generation++;
    feed_drop_held(room);
    if (erased || direct || follower_last(room->follower) == 0) {
        follower_free(room->follower);
        room->follower = NULL;
    } else {
        remember(room);
    }
}

void room_unfollow_finish(struct redis_task *task) {
    end(task->room, task->job->kind == JOB_ERASE);
    keeper_give(task->room->keeper, task->job);
}

/* The readers of the room are told that it is not the log they know. */
static void restart(struct redis_room *room, const struct room_head *head, struct slice last_id) {
    struct job *job = job_new_follow(room->key, room->name);
    job->unasked = true;
    job->follow.head = head_copy(head);
    begin(room, head, last_id);
    keeper_give(room->keeper, job);
}

/* One line, however many rooms it are. */
static void tell_loss(struct redis_shard *shard) {
    if (!shard->loss_told) {
        shard->loss_told = true;
        keeper_log(shard->keeper, LOG_WARNING,
                   "The Redis at %s has lost entries, or was emptied: readers of rooms where they "
                   "are missing begin anew, in another epoch",
                   shard->name);
    }
}

static void look_at(struct redis_room *room, const struct redis_reply *reply) {
    struct room_head head = head_of_reply(reply, room->key, room->name);
    members_counts(room, reply, COUNTS);
    head.elsewhere = members_elsewhere(room);
    if (!slice_equal(head.epoch, slice_of_string(room->epoch))) {
        tell_loss(room->shard);
        restart(room, &head, reply_text(reply, SHOWN_ID));
    }
    room->unsure = false;
    feed_expect(room, head.last);
    feed_expect(room, room->heard);
    feed_trimmed(room, head.first);
    feed_pass_on(room);
    if (reply_number(reply, LAST) > head.last) {
        append_settle(room, reply_number(reply, LAST), reply_text(reply, LAST_ID));
    }
}

struct check {
    struct redis_room *room;
    unsigned generation;
};

static void on_checked(void *context, const struct redis_reply *reply) {
    struct check *check = context;
    struct redis_room *room = check->room;
    room->checking = false;
    bool same = room->followed && room->generation == check->generation;
    if (shard_did(room->shard, reply) && reply->kind == REDIS_ARRAY && same) {
        look_at(room, reply);
    }
    if (room->check_again) {
        room->check_again = false;
        room_check(room);
    }
    room_release(room);
    memory_free(check);
}

void room_check(struct redis_room *room) {
    if (!room->followed && !room->remembered) {
        return;
    }
    if (room->checking) {
        room->check_again = true;
        return;
    }
    struct check *check = memory_new_struct(struct check);
    *check = (struct check){room, room->generation};
    room->checking = true;
    room->uses++;
    ask_head(room, true, on_checked, check);
}

void rooms_doubt(struct redis_shard *shard) {
    struct redis_room *room;
    size_t cursor = 0;
    while ((room = map_next(shard->keeper->rooms, &cursor)) != NULL) {
        if (room->shard == shard && room->followed) {
            room->unsure = true;
        }
    }
}

void rooms_check(struct redis_shard *shard, bool all) {
    struct redis_room *room;
    size_t cursor = 0;
    while ((room = map_next(shard->keeper->rooms, &cursor)) != NULL) {
        if (room->shard == shard && (all || room->unsure || (room->hole && !room->filling))) {
            room_check(room);
        }
    }
}

static void on_tail(void *context, const struct redis_reply *reply) {
    struct redis_room *room = context;
    if (shard_did(room->shard, reply) && reply_number(reply, LAST) > reply_number(reply, SHOWN)) {
        append_settle(room, reply_number(reply, LAST), reply_text(reply, LAST_ID));
    }
    room_release(room);
}

void room_settled(struct redis_keeper *keeper, struct slice room_key) {
    struct redis_room *room = room_use(keeper, room_key, SLICE_NONE);
    if (keeper->options.wait_replicas > 0 && !room->followed) {
        ask_head(room, false, on_tail, room);
    } else {
        room_release(room);
    }
}
