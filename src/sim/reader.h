/* Where somebody stands in a room's log, and what the next entry may be: the rules of order,
 * gaplessness and exactly once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct client;
struct record;
struct room_log;
struct utterance;

/* What a reader is shown, by its protocol. */
enum view { VIEW_PLAIN, VIEW_FULL, VIEW_TEXT, VIEW_LINE, VIEW_NUMBERED, VIEW_COMMAND };

struct reading {
    struct reading *next_reading; /* of the client */
    struct room_log *log;
    unsigned life;
    uint64_t next;  /* nothing below may be shown (again) */
    uint64_t since; /* what was stored before this (world->order) may be left out; 0: nothing may */
    uint64_t wire;  /* it was shown something last on this one */
    bool staying;   /* it has not asked to leave, so it must be shown everything */
};

/* The reading of this log; made if need be. */
struct reading *reader_open(struct client *client, struct room_log *log);
struct reading *reader_find(const struct client *client, const struct room_log *log);
void reader_forget(struct client *client);

/* Starts reading, or starts anew, somewhere: everything stored from `since` on must come. */
void reader_begin(struct reading *reading, uint64_t since);
/* Starts reading exactly at `next`. */
void reader_begin_at(struct reading *reading, uint64_t next);

/* Entry `seq` was shown, in bytes that were sent as `client->order`. */
void reader_shown(struct client *client, struct reading *reading, uint64_t seq);
/* Nothing is under way: all that is stored must have been shown. */
void reader_complete(struct client *client, const struct reading *reading);

/* For clients that are not told when they are in: the first entry they are shown is where they
 * begin. */
void reader_follow(struct client *client, const struct utterance *utterance);
/* Nothing is under way, and the client is in the lobby: it must have been shown all there is, and
 * from now on everything. */
void reader_settle_lobby(struct client *client);
