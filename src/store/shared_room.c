#include <string.h>

#include "base/memory.h"
#include "store/shared_internal.h"

void counts_set(struct shared_counts *counts, const struct shared_count *count) {
    for (size_t i = 0; i < counts->used; i++) {
        if (counts->items[i].node == count->node) {
            if (count->version > counts->items[i].version) {
                counts->items[i] = *count;
            }
            return;
        }
    }
    for (size_t i = 0; i < counts->used && counts->used == SHARED_NODES; i++) {
        if (counts->items[i].count == 0) { /* of one that has gone */
            counts->items[i] = *count;
            return;
        }
    }
    if (counts->used < SHARED_NODES) {
        counts->items[counts->used++] = *count;
    }
}

unsigned counts_sum(const struct shared_counts *counts, uint64_t but) {
    unsigned sum = 0;
    for (size_t i = 0; i < counts->used; i++) {
        sum += counts->items[i].node != but ? counts->items[i].count : 0;
    }
    return sum;
}

struct shared_room *room_find_at(const struct shared_node *node, struct slice key) {
    return map_find(node->rooms, key);
}

struct shared_room *room_use_at(struct shared_node *node, struct slice key, struct slice name) {
    struct shared_room *room = room_find_at(node, key);
    if (room == NULL) {
        room = memory_new_struct(struct shared_room);
        room->key = slice_of_string(memory_copy_string(key));
        room->name = slice_of_string(memory_copy_string(name));
        map_put(node->rooms, room->key, room);
    }
    return room;
}

static void drop_held(struct shared_room *room) {
    while (room->held != NULL) {
        struct held_signal *held = room->held;
        room->held = held->next;
        signal_free(held->signal);
        memory_free(held);
    }
}

static void drop_members(struct shared_room *room) {
    while (!list_empty(&room->members)) {
        struct room_member *member = container_of(room->members.first, struct room_member, node);
        list_remove(&room->members, &member->node);
        memory_free(member->name);
        memory_free(member);
    }
}

static void free_room(struct shared_room *room) {
    drop_held(room);
    drop_members(room);
    follower_free(room->follower);
    memory_free((char *)room->key.data);
    memory_free((char *)room->name.data);
    memory_free(room);
}

void room_drop_unused(struct shared_node *node, struct shared_room *room) {
    if (room->asked == 0 && room->subscribed == 0) {
        map_remove(node->rooms, room->key);
        free_room(room);
    }
}

void rooms_free_at(struct shared_node *node) {
    struct shared_room *room;
    size_t cursor = 0;
    while ((room = map_next(node->rooms, &cursor)) != NULL) {
        free_room(room);
    }
    map_free(node->rooms);
}

static void give_signals(struct shared_node *node, struct shared_room *room) {
    while (room->held != NULL && room->held->after <= follower_last(room->follower)) {
        struct held_signal *held = room->held;
        room->held = held->next;
        /* As many as there are now: what has come meanwhile may have been told before it. */
        held->signal->elsewhere = room->elsewhere = counts_sum(&room->others, node->id);
        node_give(node, job_new_signal(held->signal));
        memory_free(held);
    }
}

static void ask_for_hole(struct shared_node *node, struct shared_room *room) {
    uint64_t after;
    if (node->ignores_holes || node->cut || !follower_wants(room->follower, &after)) {
        return;
    }
    struct page_query query = {
        .room_key = room->key, .has_after = true, .after = after, .limit = LIMIT_PAGE_ENTRIES};
    room->filling = true;
    node_ask(node, COMMAND_FILL, job_new_page(&query));
}

/* Gives what can be given, and asks for what is missing. */
static void pass_on(struct shared_node *node, struct shared_room *room) {
    struct entry **entries;
    size_t count = follower_ready(room->follower, &entries);
    if (count > 0) {
        node_give(node, job_new_found(room->key, entries, count));
    }
    give_signals(node, room);
    ask_for_hole(node, room);
}

static void expect(struct shared_room *room, uint64_t last) {
    room->heard = last > room->heard ? last : room->heard;
    if (room->followed) {
        follower_expect(room->follower, last);
    }
}

void room_take_entry(struct shared_node *node, struct slice key, struct entry *entry) {
    struct shared_room *room = room_find_at(node, key);
    if (room == NULL) {
        return;
    }
    expect(room, entry->seq);
    if (room->followed) {
        follower_take(room->follower, entry);
        pass_on(node, room);
    }
}

/* What others tell of how many there are; a signal of its own when nothing else tells the hub. */
static void tell_count(struct shared_node *node, struct shared_room *room) {
    unsigned sum = counts_sum(&room->others, node->id);
    if (sum == room->elsewhere) {
        return;
    }
    room->elsewhere = sum;
    struct signal count = {
        .kind = SIGNAL_COUNT, .room_key = room->key, .room_name = room->name, .elsewhere = sum};
    node_give(node, job_new_signal(signal_new(&count)));
}

void room_take_signal(struct shared_node *node, const struct news *news) {
    struct shared_room *room = room_find_at(node, news->room_key);
    if (room == NULL) {
        signal_free(news->signal);
        return;
    }
    counts_set(&room->others, &news->count);
    expect(room, news->after);
    if (!room->followed) {
        signal_free(news->signal);
        return;
    }
    struct held_signal *held = memory_new_struct(struct held_signal);
    struct held_signal **end = &room->held;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = held;
    *held = (struct held_signal){.signal = news->signal, .after = news->after};
    pass_on(node, room);
}

static void take_counts(struct shared_room *room, const struct shared_counts *counts) {
    for (size_t i = 0; i < counts->used; i++) {
        counts_set(&room->others, &counts->items[i]);
    }
}

void room_follow_answered(struct shared_node *node, struct command *command) {
    struct job *job = command->job;
    struct shared_room *room = room_find_at(node, job->room_key);
    if (job->error != 0) {
        room->asked--;
        node_give(node, job);
        room_drop_unused(node, room);
        return;
    }
    take_counts(room, &command->counts);
    room->elsewhere = job->follow.head.elsewhere = counts_sum(&room->others, node->id);
    follower_free(room->follower);
    room->follower = follower_new(job->follow.head.last);
    room->followed = true;
    room->filling = false;
    drop_held(room);
    follower_expect(room->follower, room->heard);
    node_give(node, job);
    pass_on(node, room);
}

void room_checked(struct shared_node *node, struct command *command) {
    struct shared_room *room = room_find_at(node, command->job->room_key);
    if (room != NULL && room->followed && command->job->error == 0) {
        take_counts(room, &command->counts);
        expect(room, command->job->follow.head.last);
        pass_on(node, room);
        tell_count(node, room);
    }
}

void room_filled(struct shared_node *node, const struct command *command) {
    const struct page *page = &command->job->read.page;
    struct shared_room *room = room_find_at(node, command->job->room_key);
    if (room == NULL || !room->followed || !room->filling) {
        return;
    }
    room->filling = false;
    if (page->error != 0) {
        follower_retry(room->follower);
        return;
    }
    uint64_t end = command->job->read.query.after;
    for (size_t i = 0; i < page->count; i++) {
        end = page->entries[i]->seq;
        follower_take(room->follower, page->entries[i]);
    }
    follower_filled(room->follower, command->job->read.query.after,
                    page->more || page->head.last < end ? end : page->head.last);
    pass_on(node, room);
}

void room_unfollowed(struct shared_node *node, struct slice key) {
    struct shared_room *room = room_find_at(node, key);
    if (room == NULL) {
        return;
    }
    room->asked -= room->asked > 0;
    room->followed = false;
    room->count = 0;
    drop_held(room);
    drop_members(room);
    room_drop_unused(node, room);
}

static struct room_member *find_member(const struct shared_room *room,
                                       const struct identity *identity) {
    for (struct list_node *item = room->members.first; item != NULL; item = item->next) {
        struct room_member *member = container_of(item, struct room_member, node);
        if (identity_equal(&member->identity, identity)) {
            return member;
        }
    }
    return NULL;
}

static void join_member(struct shared_room *room, const struct signal *signal) {
    struct room_member *member = find_member(room, &signal->identity);
    if (member == NULL) {
        member = memory_new_struct(struct room_member);
        member->identity = signal->identity;
        member->name = memory_copy_string(signal->name);
        list_append(&room->members, &member->node);
    }
    member->devices++;
}

static void leave_member(struct shared_room *room, struct room_member *member) {
    if (--member->devices == 0) {
        list_remove(&room->members, &member->node);
        memory_free(member->name);
        memory_free(member);
    }
}

/* Who is in the room here, by the signals that come back to the hub. */
void room_track(struct shared_node *node, const struct signal *signal) {
    struct shared_room *room = room_find_at(node, signal->room_key);
    struct room_member *member = room != NULL ? find_member(room, &signal->identity) : NULL;
    if (room == NULL || !room->followed) {
        return;
    }
    if (signal->kind == SIGNAL_JOINED) {
        join_member(room, signal);
    } else if (signal->kind == SIGNAL_LEFT && member != NULL) {
        leave_member(room, member);
    } else if (signal->kind == SIGNAL_RENAMED && member != NULL) {
        memory_free(member->name);
        member->name = memory_copy_string(signal->name);
    }
}
