/* /help: everything there is, in one list to scroll in. */
#include <stdio.h>

#include "terminal/app.h"
#include "terminal/glyph.h"

struct key_help {
    const char *keys, *help;
};

static const struct key_help keys[] = {
    {"Enter", "send"},
    {"Alt+Enter, Ctrl+J", "a line break"},
    {"Tab, Shift+Tab", "complete a name, /command or #room; again: the next"},
    {"Up, Down", "what was typed before"},
    {"Alt+1 … Alt+9", "to the room with this number"},
    {"Alt+Up, Alt+Down", "to the room above or below (also Ctrl+P, Ctrl+N)"},
    {"Alt+A", "to the next room with something new"},
    {"PageUp, PageDown", "scroll; the mouse's wheel does too"},
    {"Ctrl+Home (Alt+<)", "to the beginning of what is here"},
    {"Ctrl+End (Esc)", "to the end"},
    {"Ctrl+Up (Alt+S)", "select a message; then Up and Down, and"},
    {"  r, e, d, +", "reply, edit, delete, react"},
    {"Esc", "select nothing, neither reply nor edit"},
    {"Alt+R, Alt+P", "fold the rooms, the people"},
    {"Ctrl+A, Ctrl+E", "to the beginning, the end of the line"},
    {"Alt+B, Alt+F", "a word back, a word on (also Ctrl+arrows)"},
    {"Ctrl+W, Alt+D", "cut the word before, the word behind"},
    {"Ctrl+U, Ctrl+K", "cut to the beginning, to the end"},
    {"Ctrl+Y", "put what was cut"},
    {"Ctrl+T", "swap two characters"},
    {"Ctrl+L", "draw everything anew"},
    {"Ctrl+Z", "put aside; fg comes back"},
    {"Ctrl+C, Ctrl+D", "clear the line; leave"},
};

static const char *const words[] = {
    "A name in the text rings its owner's bell. What you write while the connection is",
    "lost is sent when it is back, once. What the server did not want stays at the end",
    "of the room: /retry sends it again, /drop forgets it.",
    "//TEXT says something that begins with a slash.",
    "/set shows the settings. They are kept in $XDG_CONFIG_HOME/banter/config.",
};

static void add_heading(struct app *app, const char *text) {
    if (app->picker.count > 0)
        picker_add(&app->picker);
    rich_append_string(&picker_add(&app->picker)->text, text, STYLE_STRONG);
}

static void add_row(struct app *app, const char *left, const char *right, unsigned width) {
    struct rich *text = &picker_add(&app->picker)->text;
    unsigned used = text_width(slice_of_string(left));

    rich_append_string(text, "  ", STYLE_TEXT);
    rich_append_string(text, left, STYLE_CODE);
    do
        rich_append_string(text, " ", STYLE_TEXT);
    while (++used < width);
    rich_append_string(text, right, STYLE_TEXT);
}

void app_help(struct app *app) {
    const struct app_command *command;
    char left[64];

    picker_open(&app->picker, SLICE("help"), false);
    add_heading(app, "Commands (as much as tells them apart is enough)");
    for (size_t i = 0; (command = app_command_at(i)) != NULL; i++) {
        snprintf(left, sizeof left, "%s %s", command->word, command->arguments);
        add_row(app, left, command->help, 25);
    }
    add_heading(app, "Keys");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        add_row(app, keys[i].keys, keys[i].help, 25);
    add_heading(app, "And");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct rich *text = &picker_add(&app->picker)->text;
        rich_append_string(text, "  ", STYLE_TEXT);
        rich_append_string(text, words[i], STYLE_TEXT);
    }
}
