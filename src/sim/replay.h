/* Scenarios: readable files of what clients say and what they must hear, played against the product
 * on fake sockets and a fake clock. How they are written is told in tests/replay/README.md.
 *
 *   replay.c               the program: plays the files it is given
 *   replay_script.c        a file: lines become statements
 *   replay_action.c        what happens: open, block, after, store, crash …
 *   replay_speech.c        what a client says, and what it must hear
 *   replay_words.c         words and variables
 *   replay_match*.c        expected words
 *   replay_client.c        the other end of each wire language
 *   replay_server.c        the product, its sockets and its clock */
#pragma once

#include <stdio.h>

#include "sim/replay_client.h"
#include "sim/replay_words.h"

struct replay {
    struct replay_server server;
    struct replay_client *clients;
    struct replay_variables variables;
    const char *path;
    unsigned line;
    FILE *trace;   /* NULL: silent */
    bool bytewise; /* every byte arrives by itself */
    bool failed;
    struct buffer complaint; /* what went wrong, for people */
};

struct replay_verdict {
    bool passed;
    struct buffer complaint; /* close it */
};

/* Plays a scenario. `path` is for messages. */
void replay_play(const char *path, struct slice text, bool bytewise, FILE *trace,
                 struct replay_verdict *verdict);

/* Ends the scenario with a complaint about the current line. Only the first counts. Returns false.
 */
bool replay_fail(struct replay *replay, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds an aligned line to the complaint: a label, and bytes as they would be written. */
void replay_fail_detail(struct replay *replay, const char *label, struct slice bytes);

struct replay_client *replay_find_client(const struct replay *replay, struct slice name);
/* Lets happen what happens by itself until nothing does. */
bool replay_settle(struct replay *replay);

/* A statement; false: it failed. */
bool replay_run_action(struct replay *replay, struct slice statement);
/* `arrow` is the position of '<' or '>' in it. */
bool replay_run_speech(struct replay *replay, struct slice statement, size_t arrow);
/* At the end nobody may have heard what nobody expected. */
bool replay_check_unheard(struct replay *replay, const struct replay_client *client);
