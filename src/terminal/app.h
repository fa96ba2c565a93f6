/* The full-screen client without a screen: rooms, what is typed, what the session tells, and what
 * the keys do. It draws nothing and reads no clock; screen.h shows it.
 *
 *     app.c          rooms, and which of them one looks at; time
 *     app_events.c   what comes from the session
 *     app_ask.c      requests and their answers
 *     app_send.c     what was written and is on its way
 *     app_keys.c     keys; app_complete.c has Tab, app_picker.c those of lists
 *     app_question.c what has to be answered before anything else
 *     app_commands.c lines that begin with "/": the table, and those about rooms and the program
 *     app_messages.c those about messages
 *     app_rules.c    those about the rules of rooms */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/login.h"
#include "client/session.h"
#include "terminal/completion.h"
#include "terminal/editor.h"
#include "terminal/frame.h"
#include "terminal/input.h"
#include "terminal/picker.h"
#include "terminal/room.h"
#include "terminal/settings.h"
#include "terminal/view.h"

enum link_state {
    LINK_CONNECTING, /* for the first time */
    LINK_UP,
    LINK_DOWN, /* the next attempt comes at retry_ms */
    LINK_OVER  /* for good */
};

enum question_kind {
    QUESTION_NONE,
    QUESTION_PASTE,
    QUESTION_DELETE,
    QUESTION_QUIT,
    QUESTION_PASSWORD
};

struct app {
    struct session *session;
    struct login *login; /* NULL: nothing is kept */
    struct settings settings;
    struct list rooms;    /* in the order of the screen: rooms, then conversations */
    struct room *current; /* NULL: in none */
    struct room *before;  /* where one was; NULL: nowhere */
    struct buffer self;   /* the reader's name; empty: none */

    enum link_state link;
    uint64_t retry_ms;
    char trouble[256]; /* why it is down or over */
    bool welcomed;     /* once */

    struct editor editor;
    struct completion completion;
    enum completion_kind completing;
    struct picker picker;
    struct list sending; /* struct sending: in the order of the session's outbox */
    struct list asks;    /* struct ask: answers to come */
    uint64_t ask_count;
    struct buffer search_words, search_room; /* what was searched for last; no room: everywhere */

    enum question_kind question;
    struct buffer question_text; /* what was pasted; a password as it is typed */
    char question_name[256];     /* whose password */
    bool question_again, question_optional;

    struct frame frame;
    struct view view;

    uint64_t now_ms;
    int64_t wall_us;
    uint64_t typing_told_ms; /* when others were told last */
    uint64_t read_due_ms;    /* when the server is told what was read; 0: nothing to tell */

    bool ring;    /* the bell, once */
    bool redraw;  /* everything */
    bool suspend; /* Ctrl+Z */
    bool leaving, done, failed;
    bool settings_changed; /* colours or mouse */
};

#define APP_LEAVE_MS 10000 /* for what was written to become durable */

struct app_options {
    struct session *session; /* NULL in some tests */
    struct login *login;
    const char *room;
};

void app_init(struct app *app, const struct app_options *options);
void app_close(struct app *app);

/* Before anything else in a turn: the clocks. Does what is due. */
void app_tick(struct app *app, uint64_t now_ms, int64_t wall_us);
uint64_t app_deadline(const struct app *app); /* UINT64_MAX: none */
void app_resize(struct app *app, unsigned rows, unsigned columns);
void app_take_event(struct app *app, const struct session_event *event);
void app_take_input(struct app *app, const struct input *input);
/* The rows and columns are divided anew; the view is where it was. */
void app_measure(struct app *app);

/* Rooms. */
struct room *app_find_room(const struct app *app, struct slice name);
struct room *app_find_direct(const struct app *app, struct slice other);
/* The room of this name, or a new one. */
struct room *app_add_room(struct app *app, struct slice name);
struct room *app_add_direct(struct app *app, struct slice other);
void app_remove_room(struct app *app, struct room *room);
void app_show_room(struct app *app, struct room *room);
struct room *app_room_at(const struct app *app, size_t index); /* NULL: there is none */
/* The list of rooms as the screen has it: rooms, an empty row, conversations. `row` counts from its
 * first row. NULL: no room is there. */
struct room *app_room_at_row(const struct app *app, unsigned row);
void app_step_room(struct app *app, bool forwards);
void app_show_active(struct app *app);
void app_join(struct app *app, struct slice name);
/* The end of the current room is on the screen: it is read. */
void app_look(struct app *app);

/* Says something to the reader, in the current room. */
void app_note(struct app *app, enum line_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void app_quit(struct app *app);

/* app_send.c. `message` has no room: that of `room` is meant. False: too much is waiting. */
bool app_send(struct app *app, struct room *room, const struct outgoing_message *message);
void app_sent(struct app *app, const struct session_event *event); /* ACKED, HELD, REFUSED */
void app_retry(struct app *app);
void app_drop(struct app *app);
void app_send_close(struct app *app);
void app_send_forget_room(struct app *app, const struct room *room);
bool app_send_is_held(const struct app *app); /* the oldest waits, because the server said so */

/* app_ask.c. */
enum ask_kind {
    ASK_HISTORY,
    ASK_SEARCH,
    ASK_ROOMS,
    ASK_MEMBERS,
    ASK_WHO,
    ASK_RULES,
    ASK_OTHER,
    ASK_QUIET /* whatever the answer is, nobody is told */
};
/* Sends a request whose members behind "type" are in `members` (",\"room\":…"); the answer comes to
 * app_answer. False: there is no connection. */
bool app_ask(struct app *app, enum ask_kind kind, const char *type, struct slice room,
             struct slice members);
/* The same of what the reader has not asked for. False as well. */
bool app_ask_quietly(struct app *app, const char *type, struct slice room, struct slice members);
void app_ask_members(struct app *app, struct room *room, bool told);
void app_ask_history(struct app *app, struct room *room);
void app_want_history(struct app *app); /* if the beginning of what is here is near */
void app_search(struct app *app, struct slice words);
void app_search_more(struct app *app);
void app_jump(struct app *app, struct room *room, uint64_t seq);
void app_answer_item(struct app *app, const struct session_event *event);
void app_answer_end(struct app *app, const struct session_event *event);
bool app_answer_frame(struct app *app, const json_t *frame); /* true: it was an answer */
void app_forget_asks(struct app *app);

/* app_keys.c */
void app_submit(struct app *app); /* what is typed is sent, or done */
void app_load_draft(struct app *app);
void app_save_draft(struct app *app);
void app_insert(struct app *app, struct slice text);
/* The message that a command or key is about: the selected one, or else the last (`own`: of the
 * reader). NULL: there is none. */
struct line *app_target(const struct app *app, bool own);
void app_begin_reply(struct app *app, struct line *line);
void app_begin_edit(struct app *app, struct line *line);
void app_end_draft(struct app *app); /* neither reply nor edit */

/* Rows that PageUp and PageDown move by. */
long app_page(const struct app *app);
void app_complete(struct app *app, bool backwards);                     /* app_complete.c */
void app_take_picker_input(struct app *app, const struct input *input); /* app_picker.c */

/* app_question.c */
void app_ask_paste(struct app *app, struct slice text);
void app_ask_password(struct app *app, const struct session_event *event);
void app_ask_simple(struct app *app, enum question_kind kind);
void app_answer_question(struct app *app, const struct input *input);
/* What stands in front of the input; empty: nothing. `input`: the text in place of the editor's. */
void app_question_text(const struct app *app, struct buffer *out);

/* app_commands.c */
struct app_command {
    const char *word;
    const char *arguments;
    const char *help;
    bool needs_argument;
    void (*run)(struct app *app, struct slice rest);
};
void app_run(struct app *app, struct slice line);
const struct app_command *app_command_at(size_t index); /* NULL behind the last */
void app_commands_candidates(struct candidates *candidates);

void app_help(struct app *app); /* app_help.c */

/* app_messages.c */
void run_me(struct app *app, struct slice rest);
void run_message(struct app *app, struct slice rest);
void run_query(struct app *app, struct slice rest);
void run_edit(struct app *app, struct slice rest);
void run_delete(struct app *app, struct slice rest);
void run_reply(struct app *app, struct slice rest);
void run_react(struct app *app, struct slice rest);
void run_unreact(struct app *app, struct slice rest);
void run_topic(struct app *app, struct slice rest);
void app_delete(struct app *app, struct line *line);

/* app_rules.c */
void run_kick(struct app *app, struct slice rest);
void run_ban(struct app *app, struct slice rest);
void run_unban(struct app *app, struct slice rest);
void run_mute(struct app *app, struct slice rest);
void run_unmute(struct app *app, struct slice rest);
void run_invite(struct app *app, struct slice rest);
void run_role(struct app *app, struct slice rest);
void run_mode(struct app *app, struct slice rest);
void run_rules(struct app *app, struct slice rest);
/* The answer to run_rules. */
void app_show_rules(struct app *app, const json_t *frame);
