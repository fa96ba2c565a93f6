/* What the files of `banter chat` share: chat.c runs the conversation, chat_commands.c has the
 * lines beginning with "/". */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "client/login.h"
#include "client/session.h"
#include "wire/line.h"

struct chat {
    struct session *session;
    struct login *login;
    struct buffer out;  /* for standard output, filled and printed at once */
    struct buffer room; /* where what is typed goes; empty: nowhere yet */
    /* The room we asked to join; until the answer comes nothing more is read from the input. */
    struct buffer wanted;
    struct buffer input;
    struct line_reader lines;
    bool connected;   /* once */
    bool input_ended; /* or is not wanted any more */
    bool leaving;
    bool failed; /* the exit status */
};

/* A line that begins with "/" and not with "//". */
void chat_command(struct chat *chat, struct slice line);

void chat_publish(struct chat *chat, struct slice to, struct slice text);
/* Moves to another room; the present one is left when the server has let us in. */
void chat_move(struct chat *chat, struct slice room);
void chat_leave(struct chat *chat);
