#include "store/shared_log.h"

#include <string.h>

#include "base/memory.h"
#include "base/pack.h"
#include "store/memory_search.h"
#include "store/shared_internal.h"

#define KEEP LIMIT_MEMORY_ROOM_ENTRIES

struct shared_log *shared_log_new(uint64_t seed, const struct shared_watcher *watcher) {
    struct shared_log *log = memory_new_struct(struct shared_log);
    log->watcher = *watcher;
    rng_seed(&log->rng, seed);
    log->map_seed = rng_next(&log->rng);
    ulid_source_init(&log->ids, rng_next(&log->rng));
    memory_rooms_init(&log->rooms, log->map_seed, KEEP, NULL);
    memory_marks_init(&log->marks, log->map_seed);
    memory_rooms_renew_epoch(&log->rooms, &log->rng);
    log->names = map_new(log->map_seed);
    log->tallies = map_new(log->map_seed);
    return log;
}

static void free_values(struct map *map) {
    size_t cursor = 0;
    void *value;
    while ((value = map_next(map, &cursor)) != NULL) {
        memory_free(value);
    }
    map_free(map);
}

/* Commands. */

static struct memory_room *room_use(struct shared_log *log, struct slice key, struct slice name) {
    struct memory_room *room = memory_rooms_use(&log->rooms, key, name);
    room->followed = true; /* it is not forgotten */
    return room;
}

static void do_append(struct shared_node *node, struct job *job) {
    struct shared_log *log = node->log;
    const struct draft *draft = job->append.draft;
    struct memory_room *room = room_use(log, draft->room_key, draft->room_name);
    size_t bytes = room->bytes;
    uint64_t first = room->first;
    memory_room_append(room, draft, &log->ids, log->map_seed, &job->append.outcome,
                       &job->append.entry);
    memory_rooms_grown(&log->rooms, room, bytes, first);
    job->append.found_apart = true;
    if (job->append.entry != NULL && !job->append.outcome.duplicate) {
        log->watcher.appended(log->watcher.context, draft->room_key, draft->room_name,
                              job->append.entry);
        log_tell_entry(node, draft->room_key, job->append.entry);
    }
}

static void do_follow(struct shared_node *node, struct command *command, struct shared_room *at) {
    struct shared_log *log = node->log;
    struct memory_room *room = room_use(log, at->key, at->name);
    const struct shared_tally *tally = map_find(log->tallies, at->key);
    struct room_head head = memory_room_head(room);
    at->subscribed++;
    command->job->follow.head = head_copy(&head);
    if (tally != NULL) {
        command->counts = tally->counts;
    }
}

static void do_erase(struct shared_node *node, const struct job *job) {
    struct memory_room *room = memory_rooms_find(&node->log->rooms, job->room_key);
    if (room != NULL) {
        memory_rooms_remove(&node->log->rooms, room);
        node->log->watcher.erased(node->log->watcher.context, job->room_key);
    }
}

static void do_read(struct shared_log *log, struct job *job) {
    struct memory_room *room = memory_rooms_find(&log->rooms, job->room_key);
    struct room_head head = {.room_key = job->room_key, .first = 1};
    char epoch[MEMORY_EPOCH_SIZE];
    if (room != NULL) {
        head = memory_room_head(room);
        memory_room_read(room, &job->read.query, &job->read.page);
    } else {
        memory_rooms_format_epoch(&log->rooms, epoch);
        head.epoch = slice_of_string(epoch);
    }
    job->read.page.head = head_copy(&head);
}

static void do_list(struct shared_node *node, struct job *job) {
    struct shared_log *log = node->log;
    job->list.count = memory_rooms_list(&log->rooms, &job->list.heads);
    for (size_t i = 0; i < job->list.count; i++) {
        struct room_head *head = &job->list.heads[i];
        const struct shared_tally *tally = map_find(log->tallies, head->room_key);
        head->elsewhere = tally != NULL ? counts_sum(&tally->counts, node->id) : 0;
    }
}

static void add_member(struct job *job, const struct room_member *member) {
    size_t size = (job->gather.count + 1) * sizeof job->gather.members[0];
    if (member->name[0] == '\0' || job->gather.count >= LIMIT_LIST_ITEMS) {
        return;
    }
    job->gather.members = memory_resize(job->gather.members, size);
    job->gather.members[job->gather.count++] = (struct other_member){
        member->identity, slice_of_string(memory_copy_string(slice_of_string(member->name)))};
}

static void do_gather(struct shared_node *node, struct job *job) {
    for (struct list_node *item = node->log->nodes.first; item != NULL; item = item->next) {
        const struct shared_node *other = container_of(item, struct shared_node, in_log);
        const struct shared_room *room = room_find_at(other, job->room_key);
        if (other == node || other->dead || room == NULL) {
            continue;
        }
        for (struct list_node *at = room->members.first; at != NULL; at = at->next) {
            add_member(job, container_of(at, struct room_member, node));
        }
    }
}

static void do_call(struct shared_node *from, const struct call *call) {
    for (struct list_node *item = from->log->nodes.first; item != NULL; item = item->next) {
        struct shared_node *node = container_of(item, struct shared_node, in_log);
        if (node != from) {
            struct news *news = memory_new_struct(struct news);
            news->kind = NEWS_CALL;
            news->call = job_new_called(call);
            node_news(node, news);
        }
    }
}

static void do_unfollow(struct shared_node *node, struct slice key) {
    struct shared_room *room = room_find_at(node, key);
    if (room != NULL) {
        room->subscribed -= room->subscribed > 0;
    }
}

static void do_job(struct shared_node *node, struct command *command) {
    struct shared_log *log = node->log;
    struct job *job = command->job;
    switch (job->kind) {
    case JOB_FOLLOW:
        do_follow(node, command, room_find_at(node, job->room_key));
        break;
    case JOB_UNFOLLOW:
        do_unfollow(node, job->room_key);
        break;
    case JOB_APPEND:
        do_append(node, job);
        break;
    case JOB_ERASE:
        do_erase(node, job);
        break;
    case JOB_PAGE:
        do_read(log, job);
        break;
    case JOB_LIST:
        do_list(node, job);
        break;
    case JOB_SEARCH:
        memory_search(&log->rooms, &job->search.query, &job->search.findings);
        break;
    case JOB_MARK:
        memory_marks_set(&log->marks, &job->mark);
        break;
    case JOB_RECALL:
        memory_marks_list(&log->marks, &job->recall.identity, &job->recall.marks,
                          &job->recall.count);
        break;
    case JOB_SHARE:
        log_tell_signal(log, node->id, job->share.signal, job->share.count);
        break;
    case JOB_CLAIM:
        name_claim_at_log(node, command);
        break;
    case JOB_RELEASE:
        name_release_at_log(node, &job->claim);
        break;
    case JOB_GATHER:
        do_gather(node, job);
        break;
    case JOB_CALL:
        do_call(node, &job->call);
        break;
    default: /* a signal only keeps its place in the queue */
        break;
    }
}

static void do_check(struct shared_node *node, struct command *command) {
    struct shared_room *room = room_find_at(node, command->job->room_key);
    if (room == NULL || room->asked == 0) {
        command->job->error = ERR_UNAVAILABLE;
        return;
    }
    do_follow(node, command, room);
    room->subscribed = 1;
}

void log_carry_out(struct shared_node *node, struct command *command) {
    switch (command->kind) {
    case COMMAND_JOB:
        do_job(node, command);
        break;
    case COMMAND_FILL:
        do_read(node->log, command->job);
        break;
    case COMMAND_CHECK:
        do_check(node, command);
        break;
    case COMMAND_NAMES:
        name_reclaim_at_log(node, command);
        log_announce_counts(node);
        break;
    }
}

/* Nodes that come and go. */

static void share_count(struct shared_node *node, const struct shared_room *room, unsigned count) {
    struct signal signal = {.kind = SIGNAL_COUNT, .room_key = room->key, .room_name = room->name};
    log_tell_signal(node->log, node->id, &signal, count);
}

static unsigned count_at_log(struct shared_node *node, struct slice key) {
    const struct shared_tally *tally = map_find(node->log->tallies, key);
    for (size_t i = 0; tally != NULL && i < tally->counts.used; i++) {
        if (tally->counts.items[i].node == node->id) {
            return tally->counts.items[i].count;
        }
    }
    return 0;
}

static void clear_counts(struct shared_node *node) {
    struct shared_tally *tally;
    size_t cursor = 0;
    while ((tally = map_next(node->log->tallies, &cursor)) != NULL) {
        struct signal signal = {
            .kind = SIGNAL_COUNT, .room_key = tally->key, .room_name = tally->key};
        if (count_at_log(node, tally->key) > 0) {
            log_tell_signal(node->log, node->id, &signal, 0);
        }
    }
}

void log_announce_counts(struct shared_node *node) {
    struct shared_tally *tally;
    struct shared_room *room;
    size_t cursor = 0;
    while ((room = map_next(node->rooms, &cursor)) != NULL) {
        if (room->count != count_at_log(node, room->key)) {
            share_count(node, room, room->count);
        }
    }
    cursor = 0;
    while ((tally = map_next(node->log->tallies, &cursor)) != NULL) {
        struct signal signal = {
            .kind = SIGNAL_COUNT, .room_key = tally->key, .room_name = tally->key};
        if (room_find_at(node, tally->key) == NULL && count_at_log(node, tally->key) > 0) {
            log_tell_signal(node->log, node->id, &signal, 0);
        }
    }
}

static void bury(struct shared_node *node) {
    node->dead = true;
    name_release_all_at_log(node);
    clear_counts(node);
}

static void detach(struct shared_node *node) {
    list_remove(&node->log->nodes, &node->in_log);
    node_drop_news(node);
    names_free(node);
    rooms_free_at(node);
    memory_free(node);
}

void shared_log_set_time(struct shared_log *log, int64_t now_us) {
    struct list_node *next;
    log->now_us = now_us;
    for (struct list_node *item = log->nodes.first; item != NULL; item = next) {
        struct shared_node *node = container_of(item, struct shared_node, in_log);
        next = item->next;
        if (!node->cut && !node->killed) {
            node->lease_us = now_us + SHARED_LEASE_US;
        } else if (now_us >= node->lease_us) {
            if (!node->dead) {
                bury(node);
            }
            if (node->killed) {
                detach(node);
            }
        }
    }
}

static void free_names_at_log(struct shared_log *log) {
    free_values(log->names);
    free_values(log->tallies);
}

void shared_log_free(struct shared_log *log) {
    while (!list_empty(&log->nodes)) { /* of those who were killed just now */
        detach(container_of(log->nodes.first, struct shared_node, in_log));
    }
    memory_rooms_close(&log->rooms);
    memory_marks_close(&log->marks);
    free_names_at_log(log);
    memory_free(log);
}

void node_detach(struct shared_node *node) {
    bury(node);
    detach(node);
}
