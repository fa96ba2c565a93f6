/* Lines that begin with "/": a table of words, and those about rooms and the program itself. */
#include <stdio.h>

#include "base/text.h"
#include "terminal/app.h"
#include "wire/json.h"

static void run_help(struct app *app, struct slice rest);

static void run_join(struct app *app, struct slice rest) {
    struct slice name = slice_starts_with(rest, SLICE("#")) ? slice_skip(rest, 1) : rest;

    if (name_check(name) != 0)
        app_note(app, LINE_ERROR, "a room is 1 to 64 letters, digits, '-', '_' or '.'");
    else
        app_join(app, name);
}

static void run_leave(struct app *app, struct slice rest) {
    struct room *room = rest.length > 0 ? app_find_room(app, rest) : app->current;

    if (room == NULL && rest.length > 0)
        room = app_find_direct(app, rest);
    if (room == NULL) {
        app_note(app, LINE_ERROR, "you are in no such room");
        return;
    }
    /* A conversation goes on; it is only not on the screen until somebody says something. */
    if (!room_is_direct(room))
        session_leave_room(app->session, buffer_slice(&room->name));
    app_remove_room(app, room);
}

static void run_rooms(struct app *app, struct slice rest) {
    (void)rest;
    app_ask(app, ASK_ROOMS, "rooms", SLICE_NONE, SLICE_NONE);
}

static void run_who(struct app *app, struct slice rest) {
    (void)rest;
    app_ask_members(app, app->current, true);
}

static void run_nick(struct app *app, struct slice rest) {
    if (name_check(rest) != 0)
        app_note(app, LINE_ERROR, "a name is 1 to 64 letters, digits, '-', '_' or '.'");
    else if (!session_rename(app->session, rest))
        app_note(app, LINE_ERROR, "there is no connection; try again in a moment");
}

static void run_search(struct app *app, struct slice rest) {
    app_search(app, rest);
}

static void run_retry(struct app *app, struct slice rest) {
    (void)rest;
    app_retry(app);
}

static void run_drop(struct app *app, struct slice rest) {
    (void)rest;
    app_drop(app);
}

static void run_clear(struct app *app, struct slice rest) {
    (void)rest;
    app->redraw = true;
    view_to_end(app->current);
}

static void run_quit(struct app *app, struct slice rest) {
    (void)rest;
    app_quit(app);
}

static void show_settings(struct app *app) {
    struct buffer text = {0};

    settings_print(&app->settings, &text);
    struct slice rest = buffer_slice(&text);
    picker_open(&app->picker, SLICE("settings"), false);
    while (rest.length > 0) {
        struct slice line = slice_cut(&rest, '\n');
        rich_append(&picker_add(&app->picker)->text, line,
                    line.length > 0 && line.data[0] == '#' ? STYLE_DIM : STYLE_TEXT);
    }
    rich_append_string(&picker_add(&app->picker)->text, "", STYLE_TEXT);
    rich_append_string(&picker_add(&app->picker)->text,
                       "/set KEY VALUE changes one, /save keeps them", STYLE_NOTICE);
    buffer_close(&text);
}

static void run_set(struct app *app, struct slice rest) {
    struct slice value = rest;
    struct slice key = slice_cut(&value, ' ');
    struct buffer message = {0};

    if (rest.length == 0) {
        show_settings(app);
        return;
    }
    value = slice_trim(value);
    if (settings_set(&app->settings, key, value, &message) == 0)
        app_note(app, LINE_NOTICE, "%.*s = %.*s", SLICE_ARGS(key), SLICE_ARGS(value));
    else
        app_note(app, LINE_ERROR, "%.*s", SLICE_ARGS(buffer_slice(&message)));
    app->settings_changed = true;
    buffer_close(&message);
}

static void run_save(struct app *app, struct slice rest) {
    struct buffer message = {0};

    (void)rest;
    enum line_kind kind = settings_write(&app->settings, &message) == 0 ? LINE_NOTICE : LINE_ERROR;
    app_note(app, kind, "%.*s", SLICE_ARGS(buffer_slice(&message)));
    buffer_close(&message);
}

static const struct app_command commands[] = {
    {"/join", "ROOM", "go to a room; it is made if it is not there", true, run_join},
    {"/leave", "[ROOM]", "out of this room, or another", false, run_leave},
    {"/part", "[ROOM]", "the same", false, run_leave},
    {"/close", "", "the same, of a conversation", false, run_leave},
    {"/rooms", "", "which rooms there are; Enter goes there", false, run_rooms},
    {"/who", "", "who is here", false, run_who},
    {"/names", "", "the same", false, run_who},
    {"/topic", "TEXT", "what this room is about", true, run_topic},
    {"/search", "WORDS", "in this room; \"* WORDS\": everywhere", true, run_search},
    {"/msg", "NAME TEXT", "say something to one person", true, run_message},
    {"/query", "NAME", "open a conversation with one person", true, run_query},
    {"/me", "TEXT", "say what you do", true, run_me},
    {"/reply", "TEXT", "answer the selected message, or the last", true, run_reply},
    {"/edit", "[TEXT]", "change the selected message, or your last", false, run_edit},
    {"/delete", "", "delete the selected message, or your last", false, run_delete},
    {"/react", "EMOJI", "to the selected message, or the last; :names: will do", true, run_react},
    {"/unreact", "EMOJI", "take that back", true, run_unreact},
    {"/retry", "", "send what was refused again", false, run_retry},
    {"/drop", "", "forget what was refused", false, run_drop},
    {"/nick", "NAME", "go by another name", true, run_nick},
    {"/set", "[KEY VALUE]", "settings, or change one", false, run_set},
    {"/save", "", "keep the settings", false, run_save},
    {"/clear", "", "draw everything anew", false, run_clear},
    {"/kick", "NAME [WHY]", "out of this room", true, run_kick},
    {"/ban", "NAME [TIME] [WHY]", "keep out, for 10m, 2h, 7d or for good", true, run_ban},
    {"/unban", "NAME", "let in again", true, run_unban},
    {"/mute", "NAME [TIME] [WHY]", "let read, but not write", true, run_mute},
    {"/unmute", "NAME", "let write again", true, run_unmute},
    {"/invite", "NAME", "make a member of this room", true, run_invite},
    {"/role", "NAME ROLE", "guest, member, moderator or owner", true, run_role},
    {"/mode", "KEY VALUE", "access, posting, slow, registered_only, topic_lock", true, run_mode},
    {"/rules", "", "of this room", false, run_rules},
    {"/quit", "", "leave, when everything is sent", false, run_quit},
    {"/help", "", "all of this", false, run_help},
};
#define COMMANDS (sizeof commands / sizeof *commands)

const struct app_command *app_command_at(size_t index) {
    return index < COMMANDS ? &commands[index] : NULL;
}

void app_commands_candidates(struct candidates *candidates) {
    for (size_t i = 0; i < COMMANDS; i++)
        candidates_add(candidates, slice_of_string(commands[i].word));
}

static void run_help(struct app *app, struct slice rest) {
    (void)rest;
    app_help(app);
}

/* A word may be cut short where only one command begins so. */
static const struct app_command *find(struct slice name) {
    const struct app_command *found = NULL;

    for (size_t i = 0; i < COMMANDS; i++) {
        struct slice word = slice_of_string(commands[i].word);
        if (slice_equal_ignoring_case(name, word))
            return &commands[i];
        if (slice_starts_with(word, name) && name.length > 1) {
            if (found != NULL && found->run != commands[i].run)
                return NULL;
            found = &commands[i];
        }
    }
    return found;
}

void app_run(struct app *app, struct slice line) {
    struct slice rest = line;
    struct slice name = slice_cut(&rest, ' ');
    const struct app_command *command = find(name);

    rest = slice_trim(rest);
    if (app->current == NULL && command != NULL && command->run != run_join &&
        command->run != run_help && command->run != run_quit && command->run != run_rooms)
        app_note(app, LINE_ERROR, "you are in no room; /join one");
    else if (command == NULL)
        app_note(app, LINE_ERROR, "no such command: %.*s; /help says which there are",
                 SLICE_ARGS(text_beginning(name, 64)));
    else if (command->needs_argument && rest.length == 0)
        app_note(app, LINE_ERROR, "%s needs %s", command->word, command->arguments);
    else
        command->run(app, rest);
}
