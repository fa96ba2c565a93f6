/* Entries and signals as Redis holds and carries them, see src/store/lua/common.lua: an entry is a
 * stream's item of names and values, or, where it is published or erased, texts behind each other,
 * each after its length: "3:abc0:2:de". */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "hub/signal.h"
#include "store/redis_scripts.h"

/* The next text of `*rest`, which it is taken from. False: there is none, or not a whole one. */
bool record_take(struct slice *rest, struct slice *text) MUST_USE;
bool record_take_number(struct slice *rest, uint64_t *number) MUST_USE;
void record_put(struct buffer *buffer, struct slice text);
void record_put_number(struct buffer *buffer, uint64_t number);

/* NULL: it is not an entry. One reference. */
struct entry *record_entry_of_item(const struct redis_reply *item);
struct entry *record_entry(struct slice packed, bool deleted);

/* The entry's own arguments of the append script. */
void record_add_entry(struct script_call *call, const struct entry_body *body, const char *id,
                      int64_t time_us);

/* A signal for other nodes; of another node: in `room_key`, NULL when it is not one. */
void record_put_signal(struct buffer *buffer, const struct signal *signal);
struct signal *record_signal(struct slice packed, struct slice room_key, struct slice room_name,
                             unsigned elsewhere);

/* "0a1b…", zero-terminated. */
#define IDENTITY_TEXT (2 * IDENTITY_SIZE + 1)
void identity_text(const struct identity *identity, char text[IDENTITY_TEXT]);
bool identity_of_text(struct slice text, struct identity *identity) MUST_USE;
