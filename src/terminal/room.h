/* A room as the reader has it: its lines in the order of the log, who is there, what is unread, and
 * where in all that the reader looks. Entries come from the end (live) and from the beginning
 * (pages of history); what changes a message that is not here yet waits for it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/map.h"
#include "terminal/line.h"

struct person {
    struct buffer name;
    struct buffer folded; /* as names are compared */
    char role;            /* '@' owner or operator, '%' moderator, ' ' nobody special */
};

/* The input of a room while the reader is elsewhere, and what it is for. */
struct draft {
    struct buffer text;
    size_t cursor;
    uint64_t re, of; /* it answers, or replaces, this message */
};

struct room {
    struct list_node node;
    struct buffer name;  /* as the server writes it; empty: a conversation that has not begun */
    struct buffer other; /* of a conversation: whom it is with */
    struct buffer topic;
    struct list lines;
    struct id_map *by_seq;
    struct list changes; /* of messages, see room_change.c */
    uint64_t settled;    /* messages from this number on have had theirs; 0: there are none */
    size_t line_count;
    uint64_t first, last; /* the numbers that are here; 0: none */
    bool complete;        /* there is nothing before `first` */
    bool joined;          /* the server shows us what happens */
    bool loading;         /* a page of history was asked for */

    struct person *people;
    size_t people_count, people_capacity;
    uint64_t present; /* sessions, with names and without */

    uint64_t read;      /* the last number the reader saw */
    bool read_known;    /* the server told what was read before */
    uint64_t read_told; /* of that, what the server knows */
    bool marked;        /* something was unread when the room was opened: what is behind `marker` */
    uint64_t marker;
    unsigned unread, mentions;

    /* Where the reader looks: the last row on the screen. */
    struct line *anchor; /* NULL: the end, whatever comes */
    unsigned anchor_row;
    struct line *selected; /* NULL: none */
    uint64_t jump;         /* a number to go to when it has come; 0: none */
    unsigned jump_pages;   /* read on the way there */

    struct draft draft;
    struct buffer typist; /* who is writing, until typing_until_ms */
    uint64_t typing_until_ms;
};

struct room *room_new(struct slice name, struct slice self);
void room_free(struct room *room);

bool room_is_direct(const struct room *room);
/* What people call it: the other one's name of a conversation. */
struct slice room_title(const struct room *room);
/* Of "@ann,bob": the one who is not `self`. */
struct slice room_other_side(struct slice name, struct slice self);

/* An entry of the log, live or (`history`) of a page. Returns the line of a live message of
 * somebody else that is new here; NULL otherwise. */
struct line *room_take_entry(struct room *room, const json_t *entry, struct slice self,
                             bool history);
struct line *room_find(const struct room *room, uint64_t seq); /* NULL: not here */
/* A page of history is over; `more`: others are before it. What waited for it is applied. */
void room_end_page(struct room *room, bool more);
/* Forgets all lines but those that are pending: the numbers mean something else now. */
void room_forget(struct room *room);
/* Lets go of the oldest lines when there are too many and nobody looks at them. */
void room_trim(struct room *room);

/* A line that is not of the log, in front of what is pending. Takes it over. */
void room_append(struct room *room, struct line *line);
void room_append_pending(struct room *room, struct line *line);
void room_remove(struct room *room, struct line *line); /* and frees it */
void room_note(struct room *room, enum line_kind kind, int64_t time_us, struct slice text);

/* The selectable message before or behind `line` (NULL: the end). NULL: there is none. */
struct line *room_message_before(const struct room *room, const struct line *line);
struct line *room_message_behind(const struct room *room, const struct line *line);

/* People. Both return whether that was news. */
bool room_person_add(struct room *room, struct slice name, struct slice role);
bool room_person_remove(struct room *room, struct slice name);
void room_people_clear(struct room *room);
/* Tells in one line who came and went; moves in a short time share a line. */
void room_tell_presence(struct room *room, int64_t time_us, struct slice name, bool came);

/* The reader looks at the end of it. */
void room_mark_read(struct room *room);

/* room_change.c: what is done to messages. */
struct change;
/* An entry that is an edit, a delete or a reaction; applied at once if it is live and its
 * message here. */
void room_take_change(struct room *room, const json_t *entry, struct slice self, bool history);
/* To the messages that have come with a page of history. */
void room_apply_changes(struct room *room);
void room_drop_changes(struct room *room);
