/* What the keys do. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "terminal/app.h"
#include "terminal/glyph.h"

#define TYPING_EVERY_MS 3000
#define WHEEL_ROWS 3

/* Drafts: each room has its own. */

void app_save_draft(struct app *app) {
    struct draft *draft = &app->current->draft;

    buffer_clear(&draft->text);
    buffer_append_slice(&draft->text, editor_text(&app->editor));
    draft->cursor = app->editor.cursor;
}

void app_load_draft(struct app *app) {
    const struct room *room = app->current;

    editor_clear(&app->editor);
    if (room != NULL)
        editor_set(&app->editor, buffer_slice(&room->draft.text), room->draft.cursor);
}

void app_end_draft(struct app *app) {
    app->current->draft.re = app->current->draft.of = 0;
}

void app_begin_reply(struct app *app, struct line *line) {
    app_end_draft(app);
    app->current->draft.re = line->seq;
    app->current->selected = NULL;
}

void app_begin_edit(struct app *app, struct line *line) {
    struct slice content = buffer_slice(&line->content);

    app_end_draft(app);
    app->current->draft.of = line->seq;
    app->current->selected = NULL;
    editor_set(&app->editor, content, content.length);
}

struct line *app_target(const struct app *app, bool own) {
    struct line *line;

    if (app->current == NULL)
        return NULL;
    if (app->current->selected != NULL)
        return app->current->selected;
    line = room_message_before(app->current, NULL);
    while (line != NULL && line->own != own)
        line = room_message_before(app->current, line);
    return line;
}

/* Typing. */

static void tell_typing(struct app *app) {
    struct slice text = editor_text(&app->editor);
    const struct room *room = app->current;

    if (!app->settings.typing || app->link != LINK_UP || room == NULL || !room->joined ||
        buffer_length(&room->name) == 0 || text.length == 0 || text.data[0] == '/' ||
        (app->typing_told_ms != 0 && app->now_ms - app->typing_told_ms < TYPING_EVERY_MS))
        return;
    app_ask_quietly(app, "typing", buffer_slice(&room->name), SLICE_NONE);
    app->typing_told_ms = app->now_ms;
}

void app_insert(struct app *app, struct slice text) {
    if (!editor_insert(&app->editor, text))
        app_note(app, LINE_ERROR, "that is too much text");
    tell_typing(app);
}

static void send_text(struct app *app, struct slice text) {
    struct draft *draft = &app->current->draft;

    app_send(app, app->current,
             &(struct outgoing_message){.type = draft->of > 0 ? "edit" : NULL,
                                        .re = draft->re,
                                        .of = draft->of,
                                        .content = text});
    app_end_draft(app);
}

void app_submit(struct app *app) {
    struct buffer line = {0};

    buffer_append_slice(&line, editor_text(&app->editor));
    struct slice text = buffer_slice(&line);
    editor_remember(&app->editor);
    editor_clear(&app->editor);
    if (app->current != NULL)
        view_to_end(app->current);
    if (slice_trim(text).length == 0)
        app->editor.history_at = app->editor.history_count;
    else if (text.data[0] == '/' && !slice_starts_with(text, SLICE("//")) &&
             !slice_starts_with(text, SLICE("/me ")))
        app_run(app, slice_trim(text));
    else if (app->current == NULL)
        app_note(app, LINE_ERROR, "you are in no room; /join one");
    else
        send_text(app, slice_starts_with(text, SLICE("//")) ? slice_skip(text, 1) : text);
    buffer_close(&line);
}

/* Scrolling. */

static void scrolled(struct app *app) {
    app_look(app);
    app_want_history(app);
}

static void scroll(struct app *app, long rows) {
    if (app->current == NULL)
        return;
    if (rows < 0)
        view_scroll_up(&app->view, app->current, (unsigned)-rows);
    else
        view_scroll_down(&app->view, app->current, (unsigned)rows);
    scrolled(app);
}

long app_page(const struct app *app) {
    return app->view.height > 2 ? (long)app->view.height - 2 : 1;
}

static void select_message(struct app *app, bool up) {
    struct room *room = app->current;

    if (room == NULL)
        return;
    struct line *line =
        up ? room_message_before(room, room->selected) : room_message_behind(room, room->selected);
    if (line == NULL && up)
        return;
    room->selected = line;
    if (line != NULL)
        view_show(&app->view, room, line);
    else
        view_to_end(room);
    scrolled(app);
}

/* While a message is selected, letters say what is done with it. False: it is no such letter. */
static bool act_on_selected(struct app *app, const struct input *input) {
    struct line *line = app->current->selected;
    char letter = input->text.length == 1 ? input->text.data[0] : '\0';

    if (letter == 'r') {
        app_begin_reply(app, line);
    } else if (letter == 'e') {
        run_edit(app, SLICE_NONE);
    } else if (letter == 'd') {
        app_ask_simple(app, QUESTION_DELETE);
    } else if (letter == '+') {
        editor_set(&app->editor, SLICE("/react "), 7);
    } else {
        return false;
    }
    return true;
}

/* Keys by themselves. */

static void escape(struct app *app) {
    struct room *room = app->current;

    if (room == NULL)
        return;
    if (room->selected != NULL) {
        room->selected = NULL;
    } else if (room->draft.of > 0 || room->draft.re > 0) {
        if (room->draft.of > 0)
            editor_clear(&app->editor);
        app_end_draft(app);
    } else {
        view_to_end(room);
        app_look(app);
    }
}

static void interrupt(struct app *app) {
    if (app->leaving) {
        app_quit(app);
    } else if (editor_text(&app->editor).length > 0) {
        editor_remember(&app->editor);
        editor_clear(&app->editor);
    } else {
        app_ask_simple(app, QUESTION_QUIT);
    }
}

/* Keys that only edit. */
struct edit_key {
    enum input_kind kind;
    char letter; /* of INPUT_CONTROL and INPUT_ALT */
    void (*edit)(struct editor *editor);
};

static const struct edit_key edit_keys[] = {
    {INPUT_CONTROL, 'A', editor_home},
    {INPUT_CONTROL, 'B', editor_left},
    {INPUT_CONTROL, 'E', editor_end},
    {INPUT_CONTROL, 'F', editor_right},
    {INPUT_CONTROL, 'K', editor_cut_to_end},
    {INPUT_CONTROL, 'T', editor_transpose},
    {INPUT_CONTROL, 'U', editor_cut_to_home},
    {INPUT_CONTROL, 'W', editor_cut_word_back},
    {INPUT_CONTROL, 'Y', editor_yank},
    {INPUT_ALT, 'b', editor_word_left},
    {INPUT_ALT, 'd', editor_cut_word},
    {INPUT_ALT, 'f', editor_word_right},
    {INPUT_BACKSPACE, 0, editor_delete_back},
    {INPUT_WORD_BACKSPACE, 0, editor_cut_word_back},
    {INPUT_DELETE, 0, editor_delete},
    {INPUT_LEFT, 0, editor_left},
    {INPUT_RIGHT, 0, editor_right},
    {INPUT_WORD_LEFT, 0, editor_word_left},
    {INPUT_WORD_RIGHT, 0, editor_word_right},
    {INPUT_HOME, 0, editor_home},
    {INPUT_END, 0, editor_end},
};

static bool take_edit_key(struct app *app, const struct input *input) {
    for (size_t i = 0; i < sizeof edit_keys / sizeof *edit_keys; i++) {
        if (edit_keys[i].kind != input->kind || edit_keys[i].letter != input->letter)
            continue;
        edit_keys[i].edit(&app->editor);
        return true;
    }
    return false;
}

static void control(struct app *app, char letter) {
    switch (letter) {
    case 'C':
        interrupt(app);
        break;
    case 'D':
        if (editor_text(&app->editor).length == 0)
            app_ask_simple(app, QUESTION_QUIT);
        else
            editor_delete(&app->editor);
        break;
    case 'L':
        app->redraw = true;
        break;
    case 'N':
        app_step_room(app, true);
        break;
    case 'P':
        app_step_room(app, false);
        break;
    case 'Z':
        app->suspend = true;
        break;
    default:
        break;
    }
}

/* The list goes where it is, and comes where it is not. */
static void fold(struct app *app, bool rooms_side) {
    bool rooms = app->frame.rooms > 0;
    bool people = app->frame.people > 0;

    if (rooms_side)
        rooms = !rooms;
    else
        people = !people;
    app->settings.sides = rooms && people ? SIDES_BOTH
                          : rooms         ? SIDES_ROOMS
                          : people        ? SIDES_PEOPLE
                                          : SIDES_NONE;
}

static void alt(struct app *app, char letter) {
    if (letter >= '1' && letter <= '9') {
        struct room *room = app_room_at(app, (size_t)(letter - '1'));
        if (room != NULL)
            app_show_room(app, room);
        return;
    }
    switch (letter) {
    case 'a':
        app_show_active(app);
        break;
    case 'p':
        fold(app, false);
        break;
    case 'r':
        fold(app, true);
        break;
    case 's':
        select_message(app, true);
        break;
    case '<':
        view_to_beginning(&app->view, app->current);
        scrolled(app);
        break;
    case '>':
        escape(app);
        break;
    default:
        break;
    }
}

static void click(struct app *app, const struct input *input) {
    const struct frame *frame = &app->frame;
    unsigned row = input->row - frame->top;

    if (input->column >= frame->rooms || input->row < frame->top || row >= frame->height)
        return;
    struct room *room = app_room_at_row(app, row);
    if (room != NULL)
        app_show_room(app, room);
}

static void take_typing(struct app *app, const struct input *input) {
    struct editor *editor = &app->editor;

    switch (input->kind) {
    case INPUT_TEXT:
        app_insert(app, input->text);
        break;
    case INPUT_PASTE:
        if (memchr(input->text.data, '\n', input->text.length) != NULL ||
            memchr(input->text.data, '\r', input->text.length) != NULL)
            app_ask_paste(app, input->text);
        else
            app_insert(app, input->text);
        break;
    case INPUT_ENTER:
        app_submit(app);
        break;
    case INPUT_LINE_BREAK:
        app_insert(app, SLICE("\n"));
        break;
    case INPUT_UP:
        if (!editor_up(editor))
            editor_older(editor);
        break;
    case INPUT_DOWN:
        if (!editor_down(editor))
            editor_newer(editor);
        break;
    default:
        break;
    }
}

static void take_moving(struct app *app, const struct input *input) {
    switch (input->kind) {
    case INPUT_PAGE_UP:
        scroll(app, -app_page(app));
        break;
    case INPUT_PAGE_DOWN:
        scroll(app, app_page(app));
        break;
    case INPUT_WHEEL_UP:
        scroll(app, -WHEEL_ROWS);
        break;
    case INPUT_WHEEL_DOWN:
        scroll(app, WHEEL_ROWS);
        break;
    case INPUT_FIRST:
        alt(app, '<');
        break;
    case INPUT_LAST:
        view_to_end(app->current);
        app_look(app);
        break;
    case INPUT_ROOM_BEFORE:
        app_step_room(app, false);
        break;
    case INPUT_ROOM_BEHIND:
        app_step_room(app, true);
        break;
    case INPUT_SELECT_UP:
        select_message(app, true);
        break;
    case INPUT_SELECT_DOWN:
        select_message(app, false);
        break;
    case INPUT_ESCAPE:
        escape(app);
        break;
    case INPUT_CONTROL:
        control(app, input->letter);
        break;
    case INPUT_ALT:
        alt(app, input->letter);
        break;
    case INPUT_CLICK:
        click(app, input);
        break;
    default:
        break;
    }
}

/* While a message is selected, the arrows go on selecting. */
static bool take_selecting(struct app *app, const struct input *input) {
    if (app->current == NULL || app->current->selected == NULL)
        return false;
    if (input->kind == INPUT_UP || input->kind == INPUT_DOWN) {
        select_message(app, input->kind == INPUT_UP);
        return true;
    }
    if (input->kind == INPUT_TEXT && editor_text(&app->editor).length == 0)
        return act_on_selected(app, input);
    return false;
}

void app_take_input(struct app *app, const struct input *input) {
    if (app->question != QUESTION_NONE) {
        app_answer_question(app, input);
    } else if (app->picker.open) {
        app_take_picker_input(app, input);
    } else if (input->kind == INPUT_TAB || input->kind == INPUT_BACK_TAB) {
        app_complete(app, input->kind == INPUT_BACK_TAB);
    } else if (!take_selecting(app, input)) {
        completion_end(&app->completion);
        if (!take_edit_key(app, input)) {
            take_typing(app, input);
            take_moving(app, input);
        }
    }
    app_measure(app);
}
