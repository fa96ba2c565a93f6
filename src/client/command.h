/* The subcommands of banter, and what several of them say in the same words. */
#pragma once

#include "base/buffer.h"
#include "client/session.h"
#include "client/url.h"

#define EXIT_USAGE 2 /* the command line makes no sense */

/* Each runs with the arguments behind its name and returns the exit status. */
int command_send(int count, char **arguments);
int command_tail(int count, char **arguments);
int command_simulate(int count, char **arguments);
int command_bench(int count, char **arguments);
int command_admin(int count, char **arguments);

/* How a conversation is held where standard input and output are terminals. Returns the exit
 * status.
 */
struct login;
struct chat_screen {
    bool (*possible)(void);
    int (*run)(struct session *session, struct login *login, const char *room);
};
int command_chat(int count, char **arguments, const struct chat_screen *screen);

/* Reads a URL (NULL: the default) that must have this scheme. False: what is wrong was printed. */
bool command_url(const char *text, enum url_scheme scheme, struct url *url);

/* `error: …` on standard error. */
void command_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a user needs to know of the connection, on standard error: LOST, RECONNECTED, HELD,
 * REFUSED, GAP, BARRED. Other events: nothing. */
void command_report(const struct session_event *event);

/* Writes to standard output at once, and empties the buffer. */
void command_print(struct buffer *out);
