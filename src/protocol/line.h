/* What the files of the line protocol share: line.c reads lines, line_command.c the commands among
 * them, line_feed.c and line_reply.c write. Private to protocol/. */
#pragma once

#include "protocol/plain.h"
#include "wire/line.h"

#define LINE_PROMPT "Enter your name:\n"

enum line_stage {
    LINE_UNNAMED,  /* the next line is a name */
    LINE_NAMING,   /* a name (or a token) was given; nothing more is read before the answer */
    LINE_PASSWORD, /* that name has an account: the next line is its password */
    LINE_PROVING,  /* the password was given; nothing more is read before the answer */
    LINE_NAMED,
    LINE_LEFT /* QUIT was read: what follows is not for us */
};

struct line_state {
    struct line_reader reader;
    char *name;       /* from LINE_NAMING to LINE_PROVING: the one that was asked for */
    unsigned guesses; /* wrong passwords */
    enum line_stage stage;
};

/* What tells the answers to these two from others, by their cid. */
#define LINE_NICK SLICE("nick")
#define LINE_LOGIN SLICE("login")

/* "error: TEXT", or while there is no name just the text; then the prompt again. */
void line_complain(const struct line_state *state, struct slice text, struct buffer *output);

/* Asks for `name` in feed->request, or complains. */
enum feed_result line_claim(struct line_state *state, struct feed *feed, struct slice name);

/* Asks for `name` with its password in feed->request. */
enum feed_result line_login(struct line_state *state, struct feed *feed, struct slice name,
                            struct slice password);

/* Says that it was wrong. */
void line_refuse_login(struct line_state *state, struct buffer *output);

/* Whoever was being asked for a name or its password is asked for a name, from the beginning. */
void line_begin_again(struct line_state *state);

enum feed_result line_quit(struct line_state *state, struct feed *feed);

/* A line that begins with '/', trimmed, but not with "//". */
enum feed_result line_command(struct line_state *state, struct feed *feed, struct slice line);

/* Commands about the rules of the room, and their answers: line_rule.c. */
enum feed_result line_invite(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_kick(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_ban(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_unban(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_mute(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_unmute(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_role(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_set(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_rules(struct line_state *state, struct feed *feed, struct slice arguments);
enum feed_result line_audit(struct line_state *state, struct feed *feed, struct slice arguments);
void line_append_rules(struct buffer *output, const struct reply *reply);
void line_append_audit(struct buffer *output, const struct reply *reply);

/* As in struct protocol. */
void line_reply(void *state, const struct protocol_settings *settings, const struct reply *reply,
                struct buffer *output);
