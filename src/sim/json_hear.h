/* What the three files share that read what a JSON client hears: frames (json_hear.c), the feeds of
 * rooms (json_room.c) and entries (json_entry.c). */
#pragma once

#include "sim/client_json.h"

/* json_entry.c: members of a frame; absent: an empty slice, 0. */
struct slice json_text(const json_t *object, const char *key);
uint64_t json_number(const json_t *object, const char *key);
bool json_is(const json_t *object, const char *key, const char *expected);
/* The enum entry_kind of a frame's type; -1: it is no entry. */
int json_kind(struct slice type);
bool json_room_right(const json_t *frame, const struct room_log *log);

/* json_room.c: the room a frame is about; NULL: one this client has never heard of. */
struct json_room *json_room_of(struct client *client, const json_t *frame);
void json_copy_epoch(struct json_room *room, const json_t *frame);
/* From here on pages come, from `after` on if it can be. `frame` has the room's numbers. */
void json_enter(struct client *client, struct json_room *room, const json_t *frame, bool has_after,
                uint64_t after, bool has_epoch);
void json_hear_entry(struct client *client, const json_t *frame);
void json_hear_gap(struct client *client, const json_t *frame);
void json_hear_live(struct client *client, const json_t *frame);
void json_hear_page(struct client *client, const json_t *frame);
