#include "client/password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "base/limits.h"
#include "client/interrupt.h"

static void say(int terminal, const char *text) {
    struct slice rest = slice_of_string(text);
    while (rest.length > 0) {
        ssize_t written = write(terminal, rest.data, rest.length);
        if (written < 0 && errno != EINTR)
            return;
        rest = slice_skip(rest, written > 0 ? (size_t)written : 0);
    }
}

/* Waits for both. False: there is an interrupt. */
static bool wait_for_terminal(int terminal, int interrupts) {
    struct pollfd descriptors[] = {{.fd = terminal, .events = POLLIN},
                                   {.fd = interrupts, .events = POLLIN}};
    while (poll(descriptors, 2, -1) < 0 && errno == EINTR)
        continue;
    return descriptors[1].revents == 0;
}

/* One line. The terminal hands over whole lines; what is too long for a password is not one. */
static int read_line(int terminal, int interrupts, struct buffer *password) {
    for (;;) {
        if (!wait_for_terminal(terminal, interrupts))
            return ERR_UNAVAILABLE;
        ssize_t got = read(terminal, buffer_reserve(password, LIMIT_SECRET), LIMIT_SECRET);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_UNAVAILABLE;
        buffer_commit(password, (size_t)got);
        struct slice line = buffer_slice(password);
        if (line.length > LIMIT_SECRET)
            return ERR_UNAVAILABLE;
        if (line.data[line.length - 1] == '\n') {
            buffer_truncate(password, line.length - 1);
            return 0;
        }
    }
}

/* Signals are held back until the terminal is as it was: ended by one in between, the process would
 * leave it silent. Ctrl+C and its relatives become something to poll for; Ctrl+Z has to wait. */
static int ask(int terminal, const char *prompt, struct buffer *password) {
    struct termios shown, hidden;
    sigset_t stop, before;

    if (tcgetattr(terminal, &shown) < 0)
        return ERR_NOT_FOUND;
    int interrupts = interrupts_open();
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigprocmask(SIG_BLOCK, &stop, &before);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(terminal, TCSAFLUSH, &hidden);
    say(terminal, prompt);
    int error = read_line(terminal, interrupts, password);
    tcsetattr(terminal, TCSAFLUSH, &shown);
    say(terminal, "\n");
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (interrupts >= 0)
        close(interrupts);
    return error;
}

int password_ask(const char *prompt, struct buffer *password) {
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return ERR_NOT_FOUND;
    int error = ask(terminal, prompt, password);
    close(terminal);
    if (error == 0 && buffer_length(password) == 0)
        error = ERR_UNAVAILABLE;
    return error;
}
