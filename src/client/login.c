#include "client/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "client/command.h"
#include "client/password.h"
#include "client/wait.h"
#include "wire/secret.h"

void login_close(struct login *login) {
    buffer_close(&login->shown);
    kept_session_close(&login->kept);
}

/* The first line of a file. */
static bool read_token_file(struct login *login) {
    char line[LIMIT_SECRET + 2] = "";
    FILE *file = fopen(login->token_file, "re");

    if (file == NULL) {
        command_error("cannot read %s: %s", login->token_file, strerror(errno));
        return false;
    }
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    if (!read || slice_trim(slice_of_string(line)).length == 0) {
        command_error("%s holds no token", login->token_file);
        return false;
    }
    buffer_append_slice(&login->shown, slice_trim(slice_of_string(line)));
    return true;
}

/* Copies the argument, and then writes over it: whoever lists the processes of this machine would
 * see it there. */
static void take_argument(struct login *login) {
    char *argument = (char *)(uintptr_t)login->token;
    buffer_append_string(&login->shown, argument);
    memset(argument, 'x', strlen(argument));
}

/* What can stand in a header. */
static bool is_token(struct slice token) {
    for (size_t i = 0; i < token.length; i++)
        if (token.data[i] <= ' ' || token.data[i] == 0x7f)
            return false;
    return token.length > 0 && token.length <= LIMIT_SECRET;
}

bool login_token(struct login *login, const char **token) {
    const char *environment = getenv("BANTER_TOKEN");

    *token = NULL;
    if (login->token != NULL)
        take_argument(login);
    else if (login->token_file != NULL && !read_token_file(login))
        return false;
    else if (login->token_file == NULL && login->user == NULL && environment != NULL)
        buffer_append_string(&login->shown, environment);
    if (buffer_length(&login->shown) == 0 && login->token == NULL)
        return true;
    if (!is_token(buffer_slice(&login->shown))) {
        command_error("that is no token: it holds no blanks and no characters but ASCII");
        return false;
    }
    buffer_append_char(&login->shown, '\0');
    *token = buffer_slice(&login->shown).data;
    return true;
}

/* Goes on as who one was the last time, where that is who is asked for. Who asks for no name at all
 * stays nobody. */
static void take_kept(struct login *login, struct session_options *options) {
    struct kept_session *kept = &login->kept;

    kept_session_open(kept, login->url);
    bool wanted =
        options->name != NULL && buffer_length(&kept->secret) > 0 &&
        (options->name_is_a_wish ||
         slice_equal_ignoring_case(slice_of_string(options->name), buffer_slice(&kept->name)));
    if (!wanted)
        return;
    buffer_append_char(&kept->name, '\0');
    buffer_append_char(&kept->secret, '\0');
    options->name = buffer_slice(&kept->name).data;
    options->name_is_a_wish = false;
    options->secret = buffer_slice(&kept->secret).data;
}

bool login_prepare(struct login *login, struct session_options *options) {
    login->url = options->url;
    if (!login_token(login, &options->token))
        return false;
    if (login->user != NULL) {
        options->name = login->user;
        options->name_is_a_wish = false;
        options->log_in = options->token == NULL;
    }
    if (options->token == NULL)
        take_kept(login, options);
    else if (options->name_is_a_wish) /* the token says who it is */
        options->name = NULL;
    return true;
}

/* On a terminal somebody can say who they are; a script gets by without. */
static bool may_ask(const struct session_event *event) {
    return !event->optional || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

bool login_answer(struct login *login, struct session *session, const struct session_event *event) {
    struct buffer prompt = {0}, password = {0};
    int error = ERR_NOT_FOUND;

    (void)login;
    if (event->again)
        fputs("Wrong name or password\n", stderr);
    buffer_append_format(&prompt, "Password for %s%s: ", event->text,
                         event->optional ? " (nothing: go by another name)" : "");
    buffer_append_char(&prompt, '\0');
    if (may_ask(event))
        error = password_ask(buffer_slice(&prompt).data, &password);
    session_give_password(session, clock_monotonic_ms(), buffer_slice(&password));
    buffer_close(&prompt);
    buffer_close(&password);
    if (error == ERR_NOT_FOUND && !event->optional)
        command_error("%s has an account, and there is no terminal to ask for the password; use "
                      "--token-file or BANTER_TOKEN",
                      event->text);
    return error == 0 || event->optional;
}

void login_keep(struct login *login, const struct session *session) {
    struct slice secret = session_secret(session);
    bool by_token = buffer_length(&login->shown) > 0;
    if (!by_token && secret_is_accounts(secret) && session_name(session).length > 0)
        kept_session_save(&login->kept, login->url, session_name(session), secret);
}
