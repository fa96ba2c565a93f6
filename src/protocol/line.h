/* What the files of the line protocol share: line.c reads lines, line_command.c the commands among
 * them, line_feed.c and line_reply.c write. Private to protocol/. */
#pragma once

#include "protocol/plain.h"
#include "wire/line.h"

enum line_stage {
    LINE_UNNAMED, /* the next line is a name */
    LINE_NAMING,  /* a name (or a token) was given; nothing more is read before the answer */
    LINE_NAMED,
    LINE_LEFT /* QUIT was read: what follows is not for us */
};

struct line_state {
    struct line_reader reader;
    enum line_stage stage;
};

/* "error: TEXT", or while there is no name just the text; then the prompt again. */
void line_complain(const struct line_state *state, struct slice text, struct buffer *output);

/* Asks for `name` in feed->request, or complains. */
enum feed_result line_claim(struct line_state *state, struct feed *feed, struct slice name);

enum feed_result line_quit(struct line_state *state, struct feed *feed);

/* A line that begins with '/', trimmed, but not with "//". */
enum feed_result line_command(struct line_state *state, struct feed *feed, struct slice line);

/* As in struct protocol. */
void line_reply(void *state, const struct protocol_settings *settings, const struct reply *reply,
                struct buffer *output);
