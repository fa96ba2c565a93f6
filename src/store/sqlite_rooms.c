#include "store/sqlite_rooms.h"

#include "base/limits.h"
#include "base/memory.h"

static struct slice own(struct slice s) {
    return slice_from(memory_copy_string(s), s.length);
}

static void replace(struct slice *owned, struct slice s) {
    struct slice copy = own(s);
    memory_free((void *)owned->data);
    *owned = copy;
}

void sqlite_rooms_init(struct sqlite_rooms *rooms, uint64_t seed) {
    *rooms = (struct sqlite_rooms){.by_key = map_new(seed)};
}

static void free_room(struct sqlite_room *room) {
    memory_free((void *)room->key.data);
    memory_free((void *)room->name.data);
    memory_free(room);
}

void sqlite_rooms_close(struct sqlite_rooms *rooms) {
    struct list_node *node;
    while ((node = list_take_first(&rooms->by_use)) != NULL) {
        free_room(container_of(node, struct sqlite_room, node));
    }
    map_free(rooms->by_key);
}

void sqlite_room_measure_again(struct sqlite_room *room) {
    room->measured = room->last + 1;
    room->bytes = 0;
}

void sqlite_room_empty(struct sqlite_room *room) {
    room->id = 0;
    room->first = 1;
    room->last = 0;
    room->last_timestamp_us = 0;
    room->old_cids = false;
    sqlite_room_measure_again(room);
}

/* A room without a row keeps the name it was asked for with. */
int sqlite_room_load(const struct sqlite_connection *connection, struct sqlite_room *room) {
    sqlite3_stmt *statement = sqlite_statement(connection, STATEMENT_FIND_ROOM);
    sqlite_bind_slice(statement, 1, room->key);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        room->id = sqlite3_column_int64(statement, 0);
        replace(&room->name, sqlite_column_slice(statement, 1));
        room->first = (uint64_t)sqlite3_column_int64(statement, 3);
        room->last = (uint64_t)sqlite3_column_int64(statement, 4);
        room->last_timestamp_us = sqlite3_column_int64(statement, 5);
        room->old_cids = sqlite3_column_int(statement, 6) != 0;
        sqlite_room_measure_again(room);
        code = SQLITE_OK;
    } else if (code == SQLITE_DONE) {
        sqlite_room_empty(room);
        code = SQLITE_OK;
    }
    sqlite3_reset(statement);
    return code;
}

/* Makes place for one more. Rooms of the transaction, and those that have yet to be reported, stay,
 * and so does everything else while there are any. */
static void bound(struct sqlite_rooms *rooms) {
    while (map_count(rooms->by_key) >= LIMIT_STORE_ROOMS && list_empty(&rooms->touched) &&
           list_empty(&rooms->stale)) {
        struct list_node *node = list_take_first(&rooms->by_use);
        struct sqlite_room *room = container_of(node, struct sqlite_room, node);
        map_remove(rooms->by_key, room->key);
        free_room(room);
    }
}

int sqlite_rooms_get(struct sqlite_rooms *rooms, const struct sqlite_connection *connection,
                     struct slice key, struct slice name, struct sqlite_room **room) {
    struct sqlite_room *found = map_find(rooms->by_key, key);
    if (found != NULL) {
        list_remove(&rooms->by_use, &found->node);
        list_append(&rooms->by_use, &found->node);
        *room = found;
        return SQLITE_OK;
    }
    found = memory_new_struct(struct sqlite_room);
    found->key = own(key);
    found->name = own(name);
    int code = sqlite_room_load(connection, found);
    if (code != SQLITE_OK) {
        free_room(found);
        return code;
    }
    bound(rooms);
    map_put(rooms->by_key, found->key, found);
    list_append(&rooms->by_use, &found->node);
    *room = found;
    return SQLITE_OK;
}

void sqlite_room_rename(struct sqlite_room *room, struct slice name) {
    struct slice fresh = own(name);
    memory_free((void *)room->name.data);
    room->name = fresh;
}

void sqlite_rooms_touch(struct sqlite_rooms *rooms, struct sqlite_room *room) {
    if (!room->touched) {
        room->touched = true;
        room->reported = room->last;
        list_append(&rooms->touched, &room->touched_node);
    }
}

void sqlite_rooms_committed(struct sqlite_rooms *rooms) {
    struct list_node *node;
    while ((node = list_take_first(&rooms->touched)) != NULL) {
        container_of(node, struct sqlite_room, touched_node)->touched = false;
    }
}

void sqlite_rooms_failed(struct sqlite_rooms *rooms) {
    struct list_node *node;
    while ((node = list_take_first(&rooms->touched)) != NULL) {
        struct sqlite_room *room = container_of(node, struct sqlite_room, touched_node);
        room->touched = false;
        room->stale = true;
        list_append(&rooms->stale, &room->touched_node);
    }
}

void sqlite_rooms_settled(struct sqlite_rooms *rooms, struct sqlite_room *room) {
    list_remove(&rooms->stale, &room->touched_node);
    room->stale = false;
}
