/* What the writer knows of the rooms it has been busy with, so that appending looks nothing up: a
 * bounded cache.
 *
 * A transaction changes the state of the rooms it touches. When it is committed they are as they
 * say; when it fails they are stale, and remember only how far the room had been reported, until
 * they are read again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "store/sqlite_connection.h"

struct sqlite_room {
    struct list_node node;         /* by last use */
    struct list_node touched_node; /* of the transaction's rooms, or of the stale ones */
    bool touched;
    bool stale;
    int64_t id;             /* rooms.id; 0: it has no row */
    struct slice key, name; /* owned */
    uint64_t first, last;
    int64_t last_timestamp_us;
    bool old_cids;     /* some are remembered longer than their entries */
    uint64_t measured; /* from here on the entries are in `bytes`; see sqlite_trim.h */
    uint64_t bytes;
    uint64_t reported; /* while touched or stale: `last` before the transaction */
};

struct sqlite_rooms {
    struct map *by_key;
    struct list by_use;  /* those used longest ago first */
    struct list touched; /* by the transaction under way */
    struct list stale;
};

void sqlite_rooms_init(struct sqlite_rooms *rooms, uint64_t seed);
void sqlite_rooms_close(struct sqlite_rooms *rooms);

/* The room from the cache or the database; `name` is how it is called if it does not exist yet. An
 * SQLite code; stale rooms are given out as they are. */
int sqlite_rooms_get(struct sqlite_rooms *rooms, const struct sqlite_connection *connection,
                     struct slice key, struct slice name, struct sqlite_room **room) MUST_USE;

/* Before the transaction changes the room. */
void sqlite_rooms_touch(struct sqlite_rooms *rooms, struct sqlite_room *room);
/* One that has no row yet. */
void sqlite_room_rename(struct sqlite_room *room, struct slice name);
/* The room's rows are gone. */
void sqlite_room_empty(struct sqlite_room *room);
/* How many bytes it has is not known any more. */
void sqlite_room_measure_again(struct sqlite_room *room);

/* The transaction is over. */
void sqlite_rooms_committed(struct sqlite_rooms *rooms);
void sqlite_rooms_failed(struct sqlite_rooms *rooms);

/* Reads a room again. An SQLite code. */
int sqlite_room_load(const struct sqlite_connection *connection, struct sqlite_room *room) MUST_USE;
/* What was found of the stale room has been reported. */
void sqlite_rooms_settled(struct sqlite_rooms *rooms, struct sqlite_room *room);
