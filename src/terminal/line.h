/* One line of a room: a message with all that happened to it later, or something that happened. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "client/outbox.h"
#include "terminal/rich.h"

enum line_kind {
    LINE_MESSAGE,
    LINE_TOPIC,    /* content: the new one */
    LINE_PRESENCE, /* content: who came and went */
    LINE_NOTICE,   /* content: what this program or the server has to say */
    LINE_ERROR,
    LINE_GAP,
    LINE_PENDING /* what the reader wrote and the server does not have yet */
};

enum pending_state {
    PENDING_WAITING,
    PENDING_HELD,   /* the server wants it later: at until_ms */
    PENDING_REFUSED /* the server does not want it; trouble says why */
};

struct reaction {
    struct list_node node;
    struct buffer key;
    struct buffer names; /* each with LF behind it */
    unsigned count;
    bool own;
};

struct line {
    struct list_node node;
    enum line_kind kind;
    uint64_t seq;    /* its number in the log; 0: it is not of the log */
    int64_t time_us; /* since 1970 */
    struct buffer sender, content;
    struct buffer title, tags, click; /* of a notification */
    unsigned priority;                /* 1 to 5; 0: none */
    uint64_t re;                      /* the message it answers */
    struct list reactions;
    bool own, edited, deleted;
    bool mention; /* of the reader's name */

    /* Of LINE_PENDING. */
    enum pending_state state;
    const char *type; /* as in outgoing_message */
    uint64_t of;      /* as well */
    struct buffer key;
    bool remove;
    bool queued; /* the session still has it */
    uint64_t until_ms;
    struct buffer trouble;
};

static inline struct line *line_next(const struct line *line) {
    return line->node.next == NULL ? NULL : container_of(line->node.next, struct line, node);
}

static inline struct line *line_previous(const struct line *line) {
    return line->node.previous == NULL ? NULL
                                       : container_of(line->node.previous, struct line, node);
}

struct line *line_new(enum line_kind kind, int64_t time_us);
void line_free(struct line *line);

/* Sets or replaces a text; line ends are LF in it, whatever they were. */
void line_set(struct buffer *field, struct slice text);

/* A message or topic as the protocol shows it. NULL when it is neither. */
struct line *line_from_entry(const json_t *entry, struct slice self);

/* Adds or takes away somebody's reaction. */
void line_react(struct line *line, struct slice key, struct slice name, bool remove, bool own);

/* "2026-02-13T10:30:45.123456Z"; 0 for what is no time. */
int64_t line_time(struct slice timestamp);

/* Whether `text` names somebody as a word of its own, ignoring ASCII case. */
bool line_mentions(struct slice text, struct slice name);

/* "/me waves" → "waves". False: it is no such message. */
bool line_action(const struct line *line, struct slice *action);

/* A member that is text; absent or something else: empty. */
struct slice line_member(const json_t *object, const char *key);
uint64_t line_number(const json_t *object, const char *key);
