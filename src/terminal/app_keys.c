/* What the keys do. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "terminal/app.h"
#include "terminal/glyph.h"
#include "wire/json.h"

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
    struct buffer request = {0};
    struct slice text = editor_text(&app->editor);
    const struct room *room = app->current;

    if (!app->settings.typing || app->link != LINK_UP || room == NULL || !room->joined ||
        buffer_length(&room->name) == 0 || text.length == 0 || text.data[0] == '/' ||
        (app->typing_told_ms != 0 && app->now_ms - app->typing_told_ms < TYPING_EVERY_MS))
        return;
    buffer_append_string(&request, "{\"type\":\"typing\"");
    json_append_string_member(&request, "room", buffer_slice(&room->name));
    buffer_append_char(&request, '}');
    session_ask(app->session, buffer_slice(&request));
    buffer_close(&request);
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
    app->typing_told_ms = 0; /* the next thing is told at once */
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

/* Completion. */

/* Who spoke last comes first, then the others who are here. */
static void add_names(const struct app *app, struct candidates *names) {
    struct list_node *node = app->current->lines.last;

    for (unsigned seen = 0; node != NULL && seen < 200; node = node->previous, seen++) {
        const struct line *line = container_of(node, struct line, node);
        bool known = line->kind != LINE_MESSAGE || line->own || name_check(buffer_slice(&line->sender)) != 0;
        for (size_t i = 0; i < names->count && !known; i++)
            known = slice_equal(slice_of_string(names->words[i]), buffer_slice(&line->sender));
        if (!known)
            candidates_add(names, buffer_slice(&line->sender));
    }
    for (size_t i = 0; i < app->current->people_count; i++) {
        struct slice name = buffer_slice(&app->current->people[i].name);
        bool known = false;
        for (size_t j = 0; j < names->count && !known; j++)
            known = slice_equal(slice_of_string(names->words[j]), name);
        if (!known)
            candidates_add(names, name);
    }
}

static void add_rooms(const struct app *app, struct candidates *rooms) {
    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next)
        candidates_add(rooms, room_title(container_of(node, struct room, node)));
}

static const char *suffix_of(enum completion_kind kind, size_t start) {
    return kind == COMPLETE_NAME && start == 0 ? ": " : " ";
}

static void complete(struct app *app, bool backwards) {
    struct candidates candidates = {0};
    struct completion *completion = &app->completion;
    size_t start = 0;

    if (completion->active && app->editor.cursor == completion->end) {
        completion_next(completion, &app->editor,
                        suffix_of(app->completing, completion->start), backwards);
        return;
    }
    app->completing = completion_word(&app->editor, &start);
    if (app->current == NULL && app->completing != COMPLETE_COMMAND)
        return;
    if (app->completing == COMPLETE_COMMAND)
        app_commands_candidates(&candidates);
    else if (app->completing == COMPLETE_ROOM)
        add_rooms(app, &candidates);
    else if (app->completing == COMPLETE_NAME)
        add_names(app, &candidates);
    completion_begin(completion, &app->editor, start, &candidates,
                     suffix_of(app->completing, start));
    candidates_close(&candidates);
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

static long page(const struct app *app) {
    return app->view.height > 2 ? (long)app->view.height - 2 : 1;
}

static void select_message(struct app *app, bool up) {
    struct room *room = app->current;

    if (room == NULL)
        return;
    struct line *line = up ? room_message_before(room, room->selected)
                           : room_message_behind(room, room->selected);
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

/* Lists. */

static void choose(struct app *app) {
    struct picker *picker = &app->picker;

    if (!picker->leads || picker->count == 0) {
        picker->open = false;
        return;
    }
    const struct picker_item *item = &picker->items[picker->selected];
    if (item->more) {
        app_search_more(app);
        return;
    }
    struct buffer name = {0};
    buffer_append_slice(&name, buffer_slice(&item->room));
    uint64_t seq = item->seq;
    picker->open = false;
    struct room *room = app_find_room(app, buffer_slice(&name));
    if (room == NULL || !room->joined) {
        app_join(app, buffer_slice(&name));
        room = app->current;
    }
    if (seq > 0)
        app_jump(app, room, seq);
    else
        app_show_room(app, room);
    buffer_close(&name);
}

static void take_picker_input(struct app *app, const struct input *input) {
    struct picker *picker = &app->picker;
    char letter = input->kind == INPUT_TEXT && input->text.length == 1 ? input->text.data[0] : '\0';

    switch (input->kind) {
    case INPUT_UP:
    case INPUT_SELECT_UP:
        picker_move(picker, -1);
        break;
    case INPUT_DOWN:
    case INPUT_SELECT_DOWN:
        picker_move(picker, 1);
        break;
    case INPUT_WHEEL_UP:
        picker_move(picker, -WHEEL_ROWS);
        break;
    case INPUT_WHEEL_DOWN:
        picker_move(picker, WHEEL_ROWS);
        break;
    case INPUT_PAGE_UP:
        picker_move(picker, -page(app));
        break;
    case INPUT_PAGE_DOWN:
        picker_move(picker, page(app));
        break;
    case INPUT_HOME:
    case INPUT_FIRST:
        picker_move(picker, -(long)picker->count);
        break;
    case INPUT_END:
    case INPUT_LAST:
        picker_move(picker, (long)picker->count);
        break;
    case INPUT_ENTER:
        choose(app);
        break;
    case INPUT_ESCAPE:
        picker->open = false;
        break;
    default:
        if (letter == 'q' || input->kind == INPUT_CONTROL)
            picker->open = false;
        else if (letter == ' ')
            picker_move(picker, page(app));
        break;
    }
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

static void control(struct app *app, char letter) {
    struct editor *editor = &app->editor;

    switch (letter) {
    case 'A':
        editor_home(editor);
        break;
    case 'B':
        editor_left(editor);
        break;
    case 'C':
        interrupt(app);
        break;
    case 'D':
        if (editor_text(editor).length == 0)
            app_ask_simple(app, QUESTION_QUIT);
        else
            editor_delete(editor);
        break;
    case 'E':
        editor_end(editor);
        break;
    case 'F':
        editor_right(editor);
        break;
    case 'K':
        editor_cut_to_end(editor);
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
    case 'T':
        editor_transpose(editor);
        break;
    case 'U':
        editor_cut_to_home(editor);
        break;
    case 'W':
        editor_cut_word_back(editor);
        break;
    case 'Y':
        editor_yank(editor);
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
    struct editor *editor = &app->editor;

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
    case 'b':
        editor_word_left(editor);
        break;
    case 'd':
        editor_cut_word(editor);
        break;
    case 'f':
        editor_word_right(editor);
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

static void take_editing(struct app *app, const struct input *input) {
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
    case INPUT_BACKSPACE:
        editor_delete_back(editor);
        break;
    case INPUT_WORD_BACKSPACE:
        editor_cut_word_back(editor);
        break;
    case INPUT_DELETE:
        editor_delete(editor);
        break;
    case INPUT_LEFT:
        editor_left(editor);
        break;
    case INPUT_RIGHT:
        editor_right(editor);
        break;
    case INPUT_WORD_LEFT:
        editor_word_left(editor);
        break;
    case INPUT_WORD_RIGHT:
        editor_word_right(editor);
        break;
    case INPUT_HOME:
        editor_home(editor);
        break;
    case INPUT_END:
        editor_end(editor);
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
        scroll(app, -page(app));
        break;
    case INPUT_PAGE_DOWN:
        scroll(app, page(app));
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
        take_picker_input(app, input);
    } else if (input->kind == INPUT_TAB || input->kind == INPUT_BACK_TAB) {
        complete(app, input->kind == INPUT_BACK_TAB);
    } else if (!take_selecting(app, input)) {
        completion_end(&app->completion);
        take_editing(app, input);
        take_moving(app, input);
    }
    app_measure(app);
}
