/* The terminal: drawing the app on it with ncurses, and reading its keys. Only what has changed
 * since the last time is sent. */
#pragma once

#include <stdbool.h>

#include "terminal/app.h"
#include "terminal/input.h"

struct screen;

/* Whether standard input and output are a terminal that can be drawn on. */
bool screen_possible(void);

/* Takes the terminal over. NULL: it cannot be. */
struct screen *screen_open(const struct settings *settings);
/* Gives it back as it was. NULL is fine. */
void screen_close(struct screen *screen);

/* Colours and mouse as the settings have them now. */
void screen_configure(struct screen *screen, const struct settings *settings);

/* The size the terminal has now. */
void screen_measure(struct screen *screen, unsigned *rows, unsigned *columns);

void screen_draw(struct screen *screen, struct app *app);

/* The next thing typed; text is valid until the next call. False: nothing more for now. */
bool screen_read(struct screen *screen, struct input *input);

/* Stops the process, as Ctrl+Z does; returns when it goes on. */
void screen_suspend(struct screen *screen);
