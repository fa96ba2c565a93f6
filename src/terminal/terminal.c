/* The loop of the full-screen client: it waits for the connection, the keyboard and the system's
 * signals, has the app take what came, and draws once when everything that was there is taken. */
#include "terminal/terminal.h"
#include "base/clock.h"

#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "client/command.h"
#include "client/interrupt.h"
#include "client/wait.h"
#include "terminal/app.h"
#include "terminal/screen.h"

#define SCREEN_AFTER_MS 400 /* a refusal that comes sooner is a line, not a screen */
#define EVENTS_AT_ONCE 2000 /* then the screen and the keyboard have their turn */

struct terminal {
    struct app app;
    struct screen *screen; /* NULL: not taken yet */
    uint64_t start_ms;
    int interrupts; /* asked to leave */
    int windows;    /* resized, or to be stopped */
    bool input_ended;
    bool more;   /* events, that have to wait for the keyboard */
    bool failed; /* the terminal cannot be taken */
};

bool terminal_possible(void) {
    return screen_possible();
}

static int open_windows(void) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGTSTP);
    int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor >= 0)
        sigprocmask(SIG_BLOCK, &set, NULL);
    return descriptor;
}

static void resize(struct terminal *terminal) {
    unsigned rows, columns;

    screen_measure(terminal->screen, &rows, &columns);
    app_resize(&terminal->app, rows, columns);
}

/* The screen is taken when there is something to show, or the server takes its time. */
static void open_screen(struct terminal *terminal) {
    const struct app *app = &terminal->app;

    if (terminal->screen != NULL || app->done)
        return;
    if (!app->welcomed && app->question == QUESTION_NONE &&
        app->now_ms - terminal->start_ms < SCREEN_AFTER_MS)
        return;
    terminal->screen = screen_open(&app->settings);
    terminal->failed = terminal->screen == NULL;
    if (terminal->screen != NULL)
        resize(terminal);
}

static void tick(struct terminal *terminal) {
    app_tick(&terminal->app, clock_monotonic_ms(), clock_wall_us());
}

static void take_events(struct terminal *terminal) {
    struct app *app = &terminal->app;
    struct session_event event;

    for (unsigned i = 0; i < EVENTS_AT_ONCE; i++) {
        if (!session_next(app->session, clock_monotonic_ms(), &event)) {
            terminal->more = false;
            return;
        }
        app_take_event(app, &event);
    }
    terminal->more = true;
}

static void suspend(struct terminal *terminal) {
    terminal->app.suspend = false;
    if (terminal->screen == NULL)
        return;
    screen_suspend(terminal->screen);
    tick(terminal);
    resize(terminal);
}

static void take_keys(struct terminal *terminal) {
    struct app *app = &terminal->app;
    struct input input;

    while (terminal->screen != NULL && !app->done && screen_read(terminal->screen, &input)) {
        app_take_input(app, &input);
        if (app->suspend)
            suspend(terminal);
        if (app->settings_changed)
            screen_configure(terminal->screen, &app->settings);
        app->settings_changed = false;
    }
}

static void take_windows(struct terminal *terminal) {
    struct signalfd_siginfo information;

    while (read(terminal->windows, &information, sizeof information) ==
           (ssize_t)sizeof information) {
        if (terminal->screen == NULL)
            continue;
        if (information.ssi_signo == SIGTSTP)
            suspend(terminal);
        else
            resize(terminal);
    }
}

static int timeout_of(const struct terminal *terminal) {
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t deadline_ms = session_deadline(terminal->app.session);
    uint64_t own_ms = app_deadline(&terminal->app);

    if (terminal->more)
        return 0;
    if (own_ms < deadline_ms)
        deadline_ms = own_ms;
    if (terminal->screen == NULL && terminal->start_ms + SCREEN_AFTER_MS < deadline_ms)
        deadline_ms = terminal->start_ms + SCREEN_AFTER_MS;
    if (deadline_ms <= now_ms)
        return 0;
    return deadline_ms - now_ms > INT_MAX ? INT_MAX : (int)(deadline_ms - now_ms);
}

static void wait_for_something(struct terminal *terminal) {
    const struct session *session = terminal->app.session;
    struct pollfd descriptors[] = {
        {.fd = session_descriptor(session), .events = session_wants(session)},
        {.fd = terminal->interrupts, .events = POLLIN},
        {.fd = terminal->windows, .events = POLLIN},
        {.fd = terminal->input_ended || terminal->screen == NULL ? -1 : STDIN_FILENO,
         .events = POLLIN},
    };

    int ready = poll(descriptors, sizeof descriptors / sizeof *descriptors, timeout_of(terminal));
    tick(terminal);
    if (ready <= 0)
        return;
    if (descriptors[1].revents != 0 && interrupts_take(terminal->interrupts))
        app_quit(&terminal->app);
    if (descriptors[2].revents != 0)
        take_windows(terminal);
    if (descriptors[3].revents != 0)
        take_keys(terminal);
    if (descriptors[3].revents & (POLLHUP | POLLERR | POLLNVAL)) { /* the terminal is gone */
        terminal->input_ended = true;
        app_quit(&terminal->app);
    }
}

static void run(struct terminal *terminal) {
    struct app *app = &terminal->app;

    while (!app->done && !terminal->failed) {
        take_events(terminal);
        open_screen(terminal);
        if (terminal->screen != NULL && !app->done)
            screen_draw(terminal->screen, app);
        if (!app->done)
            wait_for_something(terminal);
    }
}

int terminal_run(struct session *session, struct login *login, const char *room) {
    struct terminal terminal = {.start_ms = clock_monotonic_ms()};
    const struct app_options options = {.session = session, .login = login, .room = room};

    setlocale(LC_CTYPE, ""); /* what it says is English everywhere */
    terminal.interrupts = interrupts_open();
    terminal.windows = open_windows();
    app_init(&terminal.app, &options);
    tick(&terminal);
    run(&terminal);
    screen_close(terminal.screen);
    if (terminal.failed)
        command_error("the terminal cannot be used; banter chat --plain can do without");
    else if (terminal.app.failed)
        command_error("%s", terminal.app.trouble);
    int status = terminal.failed || terminal.app.failed ? 1 : 0;
    app_close(&terminal.app);
    close(terminal.windows);
    close(terminal.interrupts);
    return status;
}
