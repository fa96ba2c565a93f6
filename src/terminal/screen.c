#include "terminal/screen.h"

#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "terminal/screen_internal.h"
#include "terminal/screen_keys.h"

/* Text that is pasted comes between two marks, so that it can be told from what is typed. */
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"

static void say(const char *text) {
    fputs(text, stdout);
    fflush(stdout);
}

struct screen *screen_open(const struct settings *settings) {
    struct screen *screen = memory_new_struct(struct screen);

    screen->curses = newterm(NULL, stdout, stdin);
    if (screen->curses == NULL) {
        memory_free(screen);
        return NULL;
    }
    screen->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    set_escdelay(50);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    intrflush(stdscr, FALSE);
    leaveok(stdscr, FALSE);
    if (has_colors()) {
        start_color();
        use_default_colors();
    }
    screen_define_keys();
    screen_configure(screen, settings);
    say(PASTE_ON);
    return screen;
}

void screen_close(struct screen *screen) {
    if (screen == NULL)
        return;
    say(PASTE_OFF);
    endwin();
    delscreen(screen->curses);
    buffer_close(&screen->typed);
    buffer_close(&screen->given);
    memory_free(screen);
}

void screen_configure(struct screen *screen, const struct settings *settings) {
    mmask_t wanted = BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED;

    screen_colours(screen, (enum colours)settings->colours);
    screen->mouse = settings->mouse;
    mouseinterval(0);
    mousemask(settings->mouse ? wanted : 0, NULL);
    clearok(curscr, TRUE);
}

void screen_measure(struct screen *screen, unsigned *rows, unsigned *columns) {
    struct winsize size = {0};

    (void)screen;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
    *rows = (unsigned)LINES;
    *columns = (unsigned)COLS;
}

void screen_draw(struct screen *screen, struct app *app) {
    if (app->redraw)
        clearok(curscr, TRUE);
    app->redraw = false;
    app_measure(app);
    erase();
    draw_topic(screen, app);
    if (app->picker.open) {
        draw_picker(screen, app);
    } else {
        draw_rooms(screen, app);
        draw_people(screen, app);
        draw_messages(screen, app);
    }
    draw_status(screen, app);
    draw_input(screen, app);
    curs_set(app->picker.open && app->question == QUESTION_NONE ? 0 : 1);
    refresh();
    if (app->ring)
        beep();
    app->ring = false;
}

void screen_suspend(struct screen *screen) {
    struct sigaction standard = {.sa_handler = SIG_DFL}, before;
    sigset_t stop, blocked;

    say(PASTE_OFF);
    endwin();
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigaction(SIGTSTP, &standard, &before);
    sigprocmask(SIG_UNBLOCK, &stop, &blocked);
    kill(0, SIGTSTP); /* all of the job, as the terminal would */
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    sigaction(SIGTSTP, &before, NULL);
    refresh();
    say(PASTE_ON);
    clearok(curscr, TRUE);
    (void)screen;
}
