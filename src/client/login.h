/* How the commands of banter log in: with a token (--token, --token-file, BANTER_TOKEN), with the
 * session that was kept from the last time, or with a password that is asked for. */
#pragma once

#include "client/kept_session.h"
#include "client/options.h"
#include "client/session.h"

struct login {
    /* Of the command line. */
    const char *token, *token_file, *user;
    const struct url *url;
    struct buffer shown; /* the token, zero-terminated */
    struct kept_session kept;
};

/* The rows of a command's table of options. */
#define LOGIN_TOKEN_OPTIONS(login)                                                                 \
    {"token", "TOKEN", "log in with this token (others may see it: --token-file, BANTER_TOKEN)",   \
     .text = &(login)->token},                                                                     \
    {                                                                                              \
        "token-file", "FILE", "log in with the token in this file", .text = &(login)->token_file   \
    }
#define LOGIN_OPTIONS(login)                                                                       \
    {"user", "NAME", "log in to this account", 'u', .text = &(login)->user},                       \
        LOGIN_TOKEN_OPTIONS(login)

void login_close(struct login *login);

/* The token that was given by one of three ways, and no longer stands in the list of processes;
 * NULL in `*token`: none was. False: what is wrong was printed. */
bool login_token(struct login *login, const char **token);

/* Fills in what a session shows. `options->name`, where set, is who the user wants to be. False:
 * what is wrong was printed. */
bool login_prepare(struct login *login, struct session_options *options);

/* For SESSION_PASSWORD: asks the user. False: there is no password, which was said where a wish
 * for a name is not all that stands in the way; it is time to leave. */
bool login_answer(struct login *login, struct session *session, const struct session_event *event);

/* For SESSION_CONNECTED: keeps what is to be kept for the next time. */
void login_keep(struct login *login, const struct session *session);
