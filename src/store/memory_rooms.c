#include "store/memory_rooms.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/job.h"

#define EXPIRE_ROOMS 64 /* looked at at once … */
#define EXPIRE_PAUSE_US 50000
#define FORGET_ATTEMPTS 16 /* rooms looked at to find one that nobody follows */

void memory_rooms_init(struct memory_rooms *rooms, uint64_t map_seed, unsigned keep,
                       const struct retention_rules *retention) {
    *rooms = (struct memory_rooms){.by_key = map_new(map_seed),
                                   .keep = keep,
                                   .retention = retention,
                                   .expire_us = retention_ages(retention) ? 0 : INT64_MAX};
}

void memory_rooms_close(struct memory_rooms *rooms) {
    struct memory_room *room;
    size_t cursor = 0;
    while ((room = map_next(rooms->by_key, &cursor)) != NULL) {
        memory_room_free(room);
    }
    map_free(rooms->by_key);
    job_list_clear(&rooms->trimmed);
}

struct memory_room *memory_rooms_find(const struct memory_rooms *rooms, struct slice key) {
    return map_find(rooms->by_key, key);
}

void memory_rooms_format_epoch(const struct memory_rooms *rooms, char *epoch) {
    if (rooms->removed == 0) {
        snprintf(epoch, MEMORY_EPOCH_SIZE, "%s", rooms->epoch);
    } else {
        snprintf(epoch, MEMORY_EPOCH_SIZE, "%s%llu", rooms->epoch,
                 (unsigned long long)rooms->removed);
    }
}

void memory_rooms_remove(struct memory_rooms *rooms, struct memory_room *room) {
    map_remove(rooms->by_key, room->key);
    list_remove(&rooms->by_use, &room->node);
    if (room->holding) {
        list_remove(&rooms->holding, &room->holding_node);
    }
    rooms->bytes -= room->bytes;
    if (room->last > 0) {
        rooms->removed++; /* its numbers would come again */
    }
    memory_room_free(room);
}

static void touch_room(struct memory_rooms *rooms, struct memory_room *room) {
    list_remove(&rooms->by_use, &room->node);
    list_append(&rooms->by_use, &room->node);
}

/* Forgets a room when there are too many. Followed ones are the hub's to bound. */
static void bound_rooms(struct memory_rooms *rooms) {
    for (int i = 0; i < FORGET_ATTEMPTS && map_count(rooms->by_key) >= LIMIT_MEMORY_ROOMS; i++) {
        struct memory_room *room = container_of(rooms->by_use.first, struct memory_room, node);
        if (!room->followed) {
            memory_rooms_remove(rooms, room);
            return;
        }
        touch_room(rooms, room);
    }
}

static struct retention retention_for(const struct memory_rooms *rooms, struct slice key) {
    struct retention retention = retention_of(rooms->retention, key);
    retention.count = retention.count < rooms->keep ? retention.count : rooms->keep;
    return retention;
}

struct memory_room *memory_rooms_use(struct memory_rooms *rooms, struct slice key,
                                     struct slice name) {
    struct memory_room *room = map_find(rooms->by_key, key);
    if (room != NULL) {
        touch_room(rooms, room);
        return room;
    }
    char epoch[MEMORY_EPOCH_SIZE];
    bound_rooms(rooms);
    memory_rooms_format_epoch(rooms, epoch);
    struct retention retention = retention_for(rooms, key);
    room = memory_room_new(key, name, epoch, &retention);
    map_put(rooms->by_key, room->key, room);
    list_append(&rooms->by_use, &room->node);
    return room;
}

static void note_trimmed(struct memory_rooms *rooms, const struct memory_room *room) {
    struct job *last = rooms->trimmed.last;
    if (last != NULL && slice_equal(last->room_key, room->key)) {
        last->trimmed.first = room->first;
    } else if (room->followed) {
        job_list_append(&rooms->trimmed, job_new_trimmed(room->key, room->first));
    }
}

/* Something was let go of; with what bytes and first were before. */
static void shrunk(struct memory_rooms *rooms, const struct memory_room *room, size_t bytes,
                   uint64_t first) {
    rooms->bytes -= bytes - room->bytes;
    if (room->first > first) {
        note_trimmed(rooms, room);
    }
}

void memory_rooms_expire_one(struct memory_rooms *rooms, struct memory_room *room) {
    size_t bytes = room->bytes;
    uint64_t first = room->first;
    if (room->retention.age_us == RETENTION_AGE_ALL) {
        return;
    }
    memory_room_expire(room, retention_now(rooms->retention));
    shrunk(rooms, room, bytes, first);
}

static void look_at_rules(struct memory_rooms *rooms) {
    unsigned changes = retention_changes(rooms->retention);
    struct memory_room *room;
    size_t cursor = 0;
    if (changes == rooms->changes) {
        return;
    }
    rooms->changes = changes;
    rooms->expire_us = retention_ages(rooms->retention) ? 0 : INT64_MAX;
    while ((room = map_next(rooms->by_key, &cursor)) != NULL) {
        struct retention retention = retention_for(rooms, room->key);
        size_t bytes = room->bytes;
        uint64_t first = room->first;
        memory_room_retain(room, &retention);
        shrunk(rooms, room, bytes, first);
    }
}

void memory_rooms_expire(struct memory_rooms *rooms) {
    look_at_rules(rooms);
    int64_t now_us = rooms->expire_us != INT64_MAX ? retention_now(rooms->retention) : 0;
    if (now_us < rooms->expire_us) {
        return;
    }
    rooms->expire_us = now_us + EXPIRE_PAUSE_US;
    for (int i = 0; i < EXPIRE_ROOMS; i++) {
        struct memory_room *room = map_next(rooms->by_key, &rooms->expired);
        if (room == NULL) {
            rooms->expired = 0;
            return;
        }
        memory_rooms_expire_one(rooms, room);
    }
}

void memory_rooms_grown(struct memory_rooms *rooms, struct memory_room *room, size_t bytes_before,
                        uint64_t first_before) {
    if (room->first > first_before) {
        note_trimmed(rooms, room);
    }
    rooms->bytes += room->bytes - bytes_before;
    if (room->holding) {
        list_remove(&rooms->holding, &room->holding_node);
    }
    list_append(&rooms->holding, &room->holding_node);
    room->holding = true;
    while (rooms->bytes > LIMIT_MEMORY_BYTES && rooms->holding.first != &room->holding_node) {
        struct memory_room *silent =
            container_of(list_take_first(&rooms->holding), struct memory_room, holding_node);
        silent->holding = false;
        rooms->bytes -= silent->bytes;
        memory_room_clear(silent);
        note_trimmed(rooms, silent);
    }
}

/* Whether the room belongs in a public list. */
static bool room_listed(const struct memory_room *room) {
    return room->last > 0 && !slice_starts_with(room->key, SLICE("@")) &&
           !slice_starts_with(room->key, SLICE("$"));
}

/* Puts a room where it belongs among the first by key. */
static size_t insert_listed(const struct memory_room **listed, size_t count,
                            const struct memory_room *room) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_compare(listed[middle]->key, room->key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == LIMIT_LIST_ITEMS) {
        return count;
    }
    size_t moved = (count < LIMIT_LIST_ITEMS ? count : LIMIT_LIST_ITEMS - 1) - low;
    memmove(&listed[low + 1], &listed[low], moved * sizeof(listed[0]));
    listed[low] = room;
    return low + moved + 1;
}

void memory_rooms_unfollow_all(struct memory_rooms *rooms) {
    struct list_node *node = rooms->by_use.first;
    while (node != NULL) {
        struct memory_room *room = container_of(node, struct memory_room, node);
        node = node->next;
        room->followed = false;
        if (room->last == 0) {
            memory_rooms_remove(rooms, room);
        }
    }
}

void memory_rooms_renew_epoch(struct memory_rooms *rooms, struct rng *rng) {
    struct memory_room *room;
    size_t cursor = 0;
    ulid_epoch(rng, rooms->epoch, MEMORY_EPOCH_LENGTH);
    while ((room = map_next(rooms->by_key, &cursor)) != NULL) {
        memory_rooms_format_epoch(rooms, room->epoch);
    }
}

size_t memory_rooms_list(const struct memory_rooms *rooms, struct room_head **heads) {
    const struct memory_room **listed = memory_new(LIMIT_LIST_ITEMS * sizeof(*listed));
    const struct memory_room *room;
    size_t count = 0, cursor = 0;
    while ((room = map_next(rooms->by_key, &cursor)) != NULL) {
        if (room_listed(room)) {
            count = insert_listed(listed, count, room);
        }
    }
    *heads = memory_new(count * sizeof(struct room_head));
    for (size_t i = 0; i < count; i++) {
        struct room_head head = memory_room_head(listed[i]);
        (*heads)[i] = head_copy(&head);
    }
    memory_free(listed);
    return count;
}
