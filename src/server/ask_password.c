/* A password is typed blind: the terminal's echo is off meanwhile. Whatever ends the program then
 * must turn it on again, so signals that would are taken through a descriptor, beside the input. */
#include "server/ask_password.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "base/codepoint.h"
#include "base/limits.h"
#include "hub/credential.h"

static int refuse(struct buffer *message, const char *why) {
    buffer_append_string(message, why);
    return ERR_BAD_REQUEST;
}

static void wipe(struct buffer *buffer) {
    if (buffer->data)
        explicit_bzero(buffer->data, buffer->capacity);
    buffer_close(buffer);
}

/* A line without its end; false at the end of the input. No buffer but ours sees it. */
static bool read_line(struct buffer *line) {
    char *at = buffer_reserve(line, LIMIT_SECRET + 2);
    size_t length = 0;
    ssize_t count;

    do {
        count = read(STDIN_FILENO, at + length, 1);
        if (count > 0)
            length++;
    } while ((count > 0 && at[length - 1] != '\n' && length < LIMIT_SECRET + 2) ||
             (count < 0 && errno == EINTR));
    if (length > 0 && at[length - 1] == '\n')
        length--;
    else if (length == 0)
        return false;
    if (length > 0 && at[length - 1] == '\r')
        length--;
    buffer_commit(line, length);
    return true;
}

/* A line of the terminal. A signal ends it as it would have ended the program. */
static int read_typed(int signals, struct buffer *line, int *caught) {
    struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo info;

    while (poll(waits, 2, -1) < 0 && errno == EINTR)
        continue;
    if (waits[1].revents && read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        *caught = (int)info.ssi_signo;
        return ERR_BAD_REQUEST;
    }
    return read_line(line) ? 0 : ERR_BAD_REQUEST;
}

static int ask_blind(const char *prompt, int signals, struct buffer *line, int *caught) {
    int error;

    fputs(prompt, stderr);
    fflush(stderr);
    error = read_typed(signals, line, caught);
    fputc('\n', stderr);
    return error;
}

static int ask_twice(int signals, struct buffer *password, struct buffer *message, int *caught) {
    struct buffer again = {0};
    int error = ask_blind("Password: ", signals, password, caught);

    if (!error)
        error = ask_blind("The same again: ", signals, &again, caught);
    if (error)
        buffer_append_string(message, "no password was given");
    else if (!slice_equal(buffer_slice(password), buffer_slice(&again)))
        error = refuse(message, "they are not the same");
    wipe(&again);
    return error;
}

static int ask_terminal(struct buffer *password, struct buffer *message) {
    struct termios before, blind;
    sigset_t taken, usual;
    int signals, error, caught = 0;

    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return refuse(message, "the terminal cannot be used");
    sigemptyset(&taken);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGHUP);
    sigaddset(&taken, SIGQUIT);
    sigaddset(&taken, SIGTSTP);
    sigprocmask(SIG_BLOCK, &taken, &usual);
    signals = signalfd(-1, &taken, SFD_CLOEXEC);
    blind = before;
    blind.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &blind);
    error = ask_twice(signals, password, message, &caught);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    close(signals);
    if (caught && caught != SIGTSTP)
        raise(caught); /* delivered by the next call */
    sigprocmask(SIG_SETMASK, &usual, NULL);
    return error;
}

static size_t count_characters(struct slice text) {
    size_t count = 0;

    for (; text.length > 0; count++)
        codepoint_take(&text);
    return count;
}

static int check(struct slice password, struct buffer *message) {
    struct credential credential = {.kind = CREDENTIAL_TOKEN,
                                    .secret = password}; /* a password without its name */

    if (count_characters(password) < PASSWORD_LEAST) {
        buffer_append_format(message, "a password must have %d characters at least",
                             PASSWORD_LEAST);
        return ERR_BAD_REQUEST;
    }
    if (!credential_plausible(&credential))
        return refuse(message, "a password must be text, of 8192 bytes at most");
    return 0;
}

int ask_password(struct buffer *password, struct buffer *message) {
    struct buffer typed = {0};
    int error;

    if (isatty(STDIN_FILENO))
        error = ask_terminal(&typed, message);
    else
        error = read_line(&typed) ? 0 : refuse(message, "there is no password on standard input");
    if (!error)
        error = check(buffer_slice(&typed), message);
    if (error)
        wipe(&typed);
    else
        *password = typed;
    return error;
}
