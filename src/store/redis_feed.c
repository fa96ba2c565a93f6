/* What is published: E an entry, T how far retention went, S a signal, R the log is another one.
 * And for all nodes: N a name, B and D nodes that come and go, C a conversation.
 *
 * An entry of this node is published to it too, and may come before its append is answered; it is
 * taken from the answer, so that its sender hears of it first. So a hole in the numbers may be an
 * own append whose answer is on its way: the log is only read when those that were under way are
 * answered. */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/redis_keeper.h"
#include "store/redis_record.h"

#define RUN_ENTRIES LIMIT_PAGE_ENTRIES
#define RUN_BYTES (64 * 1024) /* of content; who takes a run has to do with all of it at once */

static void note_hole(struct redis_room *room) {
    if (!room->hole) {
        room->hole = true;
        room->hole_at = room->appends_sent;
    }
}

void feed_expect(struct redis_room *room, uint64_t last) {
    room->heard = last > room->heard ? last : room->heard;
    if (room->followed && !room->unsure && last > follower_last(room->follower)) {
        follower_expect(room->follower, last);
        note_hole(room);
    }
}

void feed_take(struct redis_room *room, struct entry *entry) {
    feed_expect(room, entry->seq);
    if (room->followed && !room->unsure) {
        follower_take(room->follower, entry);
    }
}

void feed_trimmed(struct redis_room *room, uint64_t first) {
    uint64_t most = room->followed ? follower_last(room->follower) + 1 : 0;
    first = first < most ? first : most;
    if (room->followed && !room->unsure && first > room->first) {
        room->first = first;
        job_list_append(&room->shard->trimmed, job_new_trimmed(room->key, first));
        shard_touch(room->shard);
    }
}

static struct redis_held *take_held(struct redis_room *room) {
    struct redis_held *held = room->held_first;
    room->held_first = held->next;
    if (room->held_first == NULL) {
        room->held_last = NULL;
    }
    room->held_count--;
    return held;
}

void feed_drop_held(struct redis_room *room) {
    while (room->held_first != NULL) {
        struct redis_held *held = take_held(room);
        signal_free(held->signal);
        memory_free(held);
    }
}

static void give_signals(struct redis_room *room) {
    while (room->held_first != NULL && room->held_first->after <= follower_last(room->follower)) {
        struct redis_held *held = take_held(room);
        /* As many as there are by now: what came later may have been told before it. */
        held->signal->elsewhere = room->elsewhere = members_elsewhere(room);
        keeper_give_signal(room->keeper, held->signal);
        memory_free(held);
    }
}

/* Of so many in a row one is not missed: the count comes with the next. */
static void give_signal(struct redis_room *room, struct signal *signal, uint64_t after) {
    if (room->held_count >= HELD_SIGNALS) {
        struct redis_held *oldest = take_held(room);
        signal_free(oldest->signal);
        memory_free(oldest);
    }
    struct redis_held *held = memory_new_struct(struct redis_held);
    *held = (struct redis_held){.signal = signal, .after = after};
    if (room->held_last != NULL) {
        room->held_last->next = held;
    } else {
        room->held_first = held;
    }
    room->held_last = held;
    room->held_count++;
}

static void give_run(struct redis_room *room, struct entry *const *entries, size_t count) {
    struct entry **run = memory_new(count * sizeof(*run));
    memcpy(run, entries, count * sizeof(*run));
    keeper_give(room->keeper, job_new_found(room->key, run, count));
}

static void give_entries(struct redis_room *room) {
    struct entry **entries;
    size_t count = follower_ready(room->follower, &entries);
    if (count == 0) {
        return;
    }
    memcpy(room->last_id, entries[count - 1]->id, sizeof(room->last_id));
    size_t begin = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += entries[i]->body.content.length;
        if (i + 1 == count || i + 1 - begin == RUN_ENTRIES || bytes >= RUN_BYTES) {
            give_run(room, entries + begin, i + 1 - begin);
            begin = i + 1;
            bytes = 0;
        }
    }
    memory_free(entries);
}

/* Whether it is an own entry whose append is not answered yet. */
static bool is_pending(const struct redis_keeper *keeper, const struct entry *entry) {
    return map_find(keeper->pending, slice_from(entry->id, ENTRY_ID_LENGTH)) != NULL;
}

/* A page that fills a hole. */
struct fill {
    struct redis_room *room;
    unsigned generation;
    uint64_t after;
};

static void fill_with(struct redis_room *room, uint64_t after, const struct redis_reply *reply) {
    size_t count;
    struct room_head head = head_of_reply(reply, room->key, room->name);
    struct entry **entries = pages_entries(reply, false, &count);
    uint64_t end = after;
    size_t taken = 0;
    if (!slice_equal(head.epoch, slice_of_string(room->epoch))) {
        follower_retry(room->follower);
        room_check(room);
    } else {
        for (; taken < count && taken < LIMIT_PAGE_ENTRIES; taken++) {
            if (is_pending(room->keeper, entries[taken])) {
                break; /* its sender is told first */
            }
            end = entries[taken]->seq;
            follower_take(room->follower, entries[taken]);
        }
        bool all = taken == count && (count == 0 || end >= head.last);
        follower_filled(room->follower, after, all && head.last > end ? head.last : end);
        if (all && room->heard > head.last) {
            room_check(room); /* what was told of is not there */
        }
    }
    for (size_t i = 0; i < count; i++) {
        entry_unref(entries[i]);
    }
    memory_free(entries);
}

static void on_filled(void *context, const struct redis_reply *reply) {
    struct fill *fill = context;
    struct redis_room *room = fill->room;
    bool did = shard_did(room->shard, reply) && reply->kind == REDIS_ARRAY;
    if (room->followed && room->generation == fill->generation) {
        room->filling = false;
        if (did && !room->unsure) {
            room->hole = false;
            fill_with(room, fill->after, reply);
            feed_expect(room, room->heard);
            feed_pass_on(room);
        } else {
            follower_retry(room->follower);
        }
    }
    room_release(room);
    memory_free(fill);
}

static void fill_hole(struct redis_room *room) {
    uint64_t after;
    if (room->unsure || room->checking || room->filling || room->appends_done < room->hole_at ||
        !follower_wants(room->follower, &after)) {
        return;
    }
    struct fill *fill = memory_new_struct(struct fill);
    *fill = (struct fill){room, room->generation, after};
    room->filling = true;
    room->uses++;
    pages_ask(room, after, on_filled, fill);
}

void feed_pass_on(struct redis_room *room) {
    if (!room->followed) {
        return;
    }
    give_entries(room);
    give_signals(room);
    uint64_t last = follower_last(room->follower);
    room->hole = room->hole && room->heard > last;
    fill_hole(room);
    shard_touch(room->shard);
}

static void take_entry(struct redis_room *room, struct slice rest) {
    uint64_t first;
    struct entry *entry = record_take_number(&rest, &first) ? record_entry(rest, false) : NULL;
    if (entry == NULL) {
        room_check(room);
        return;
    }
    if (is_pending(room->keeper, entry)) {
        feed_expect(room, entry->seq);
    } else {
        feed_take(room, entry);
    }
    entry_unref(entry);
    feed_pass_on(room);
    feed_trimmed(room, first);
}

static void take_trimmed(struct redis_room *room, struct slice rest) {
    uint64_t first, last;
    if (record_take_number(&rest, &first) && record_take_number(&rest, &last)) {
        feed_expect(room, last);
        feed_pass_on(room);
        feed_trimmed(room, first);
    }
}

static void take_signal(struct redis_room *room, struct slice rest) {
    struct slice node;
    uint64_t count, last;
    if (!record_take(&rest, &node) || !record_take_number(&rest, &count) ||
        !record_take_number(&rest, &last) ||
        slice_equal(node, slice_of_string(room->keeper->node))) {
        return;
    }
    nodes_heard(room->keeper, node);
    members_count(room, node, (unsigned)count);
    struct signal *signal = record_signal(rest, room->key, room->name, members_elsewhere(room));
    feed_expect(room, last);
    if (signal == NULL) {
        return;
    }
    if (!room->followed) {
        signal_free(signal);
        return;
    }
    room->elsewhere = signal->elsewhere;
    give_signal(room, signal, last);
    feed_pass_on(room);
}

static void take_message(struct redis_room *room, struct slice payload) {
    char kind = payload.length > 0 ? payload.data[0] : '\0';
    struct slice rest = slice_skip(payload, 1);
    switch (kind) {
    case 'E':
        take_entry(room, rest);
        break;
    case 'S':
        take_signal(room, rest);
        break;
    case 'T':
        take_trimmed(room, rest);
        break;
    case 'R':
        room_check(room);
        break;
    default: /* of a later version: nothing to us */
        break;
    }
}

void feed_message(struct redis_shard *shard, struct slice channel, struct slice payload) {
    struct redis_keeper *keeper = shard->keeper;
    struct slice name = slice_skip(channel, keeper->name_space.length);
    if (slice_equal(name, SLICE(":all"))) {
        nodes_message(keeper, payload);
        return;
    }
    struct redis_room *room =
        slice_starts_with(name, SLICE(":f:")) ? map_find(keeper->rooms, slice_skip(name, 3)) : NULL;
    if (room != NULL && room->shard == shard) {
        room->uses++;
        take_message(room, payload);
        room_release(room);
    }
}
