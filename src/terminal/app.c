#include "terminal/app.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "terminal/glyph.h"
#include "wire/json.h"

#define READ_AFTER_MS 1000 /* how long something is on the screen until it counts as read */

void app_init(struct app *app, const struct app_options *options) {
    struct buffer message = {0};

    *app = (struct app){.session = options->session, .login = options->login};
    settings_init(&app->settings);
    if (settings_read(&app->settings, &message) != 0)
        snprintf(app->trouble, sizeof app->trouble, "%.*s", SLICE_ARGS(buffer_slice(&message)));
    buffer_close(&message);
    app_join(app, slice_of_string(options->room));
    struct slice others = buffer_slice(&app->settings.rooms);
    while (others.length > 0) {
        struct slice name = slice_cut(&others, ' ');
        if (name.length > 0 && app_find_room(app, name) == NULL && name_check(name) == 0) {
            struct room *room = app_add_room(app, name);
            session_join(app->session, buffer_slice(&room->name), false, 0, 0);
        }
    }
    if (app->trouble[0] != 0)
        app_note(app, LINE_ERROR, "%s", app->trouble);
    app->trouble[0] = '\0';
}

void app_close(struct app *app) {
    struct list_node *node;

    app_send_close(app);
    app_forget_asks(app);
    while ((node = list_take_first(&app->rooms)) != NULL)
        room_free(container_of(node, struct room, node));
    settings_close(&app->settings);
    buffer_close(&app->self);
    buffer_close(&app->search_words);
    buffer_close(&app->search_room);
    editor_close(&app->editor);
    completion_end(&app->completion);
    picker_close(&app->picker);
    buffer_close(&app->question_text);
    view_close(&app->view);
}

/* Rooms. */

/* A conversation keeps its name for a while when those in it change theirs. */
static struct room *find_exactly(const struct app *app, struct slice name) {
    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct room, node);
        if (slice_equal(buffer_slice(&room->name), name))
            return room;
    }
    return NULL;
}

struct room *app_find_room(const struct app *app, struct slice name) {
    struct buffer folded = {0}, other = {0};
    struct room *found = find_exactly(app, name);

    if (found != NULL)
        return found;
    if (slice_starts_with(name, SLICE("@")))
        return app_find_direct(app, room_other_side(name, buffer_slice(&app->self)));
    bool foldable = name_fold(name, &folded) == 0;
    for (struct list_node *node = app->rooms.first; foldable && node != NULL && found == NULL;
         node = node->next) {
        struct room *room = container_of(node, struct room, node);
        buffer_clear(&other);
        if (!room_is_direct(room) && name_fold(buffer_slice(&room->name), &other) == 0 &&
            slice_equal(buffer_slice(&folded), buffer_slice(&other)))
            found = room;
    }
    buffer_close(&folded);
    buffer_close(&other);
    return found;
}

struct room *app_find_direct(const struct app *app, struct slice other) {
    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct room, node);
        if (room_is_direct(room) && slice_equal_ignoring_case(buffer_slice(&room->other), other))
            return room;
    }
    return NULL;
}

/* Rooms stand before conversations. */
static void insert_room(struct app *app, struct room *room) {
    struct list_node *before = app->rooms.first;

    if (room_is_direct(room))
        before = NULL;
    while (before != NULL && !room_is_direct(container_of(before, struct room, node)))
        before = before->next;
    list_insert_before(&app->rooms, before, &room->node);
    if (app->current == NULL)
        app_show_room(app, room);
}

struct room *app_add_room(struct app *app, struct slice name) {
    struct room *room = app_find_room(app, name);

    if (room != NULL) {
        if (room_is_direct(room)) { /* it may have begun just now, or somebody may be renamed */
            room->complete = room->complete && buffer_length(&room->name) > 0;
            buffer_clear(&room->name);
            buffer_append_slice(&room->name, name);
        }
        return room;
    }
    room = room_new(name, buffer_slice(&app->self));
    insert_room(app, room);
    return room;
}

struct room *app_add_direct(struct app *app, struct slice other) {
    struct room *room = app_find_direct(app, other);

    if (room == NULL) {
        room = room_new(SLICE_NONE, SLICE_NONE);
        buffer_append_slice(&room->other, other);
        room->complete = true;
        insert_room(app, room);
    }
    return room;
}

void app_remove_room(struct app *app, struct room *room) {
    if (app->before == room)
        app->before = NULL;
    if (app->current == room) {
        struct room *next = app->before;
        if (next == NULL && room->node.previous != NULL)
            next = container_of(room->node.previous, struct room, node);
        if (next == NULL && room->node.next != NULL)
            next = container_of(room->node.next, struct room, node);
        app_show_room(app, next);
        app->before = NULL;
    }
    app_send_forget_room(app, room);
    list_remove(&app->rooms, &room->node);
    room_free(room);
}

struct room *app_room_at(const struct app *app, size_t index) {
    struct list_node *node = app->rooms.first;

    while (node != NULL && index-- > 0)
        node = node->next;
    return node == NULL ? NULL : container_of(node, struct room, node);
}

struct room *app_room_at_row(const struct app *app, unsigned row) {
    bool directs = false;

    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct room, node);
        if (room_is_direct(room) && !directs) {
            directs = true;
            if (node->previous != NULL && row-- == 0)
                return NULL;
        }
        if (row-- == 0)
            return room;
    }
    return NULL;
}

/* What stays behind is read, as far as it was looked at. */
static void leave_view(struct app *app, struct room *room) {
    if (app->picker.open)
        app->picker.open = false;
    if (room == NULL)
        return;
    app_save_draft(app);
    room->selected = NULL;
    if (room->anchor == NULL)
        room->marked = false;
    room_trim(room);
}

void app_show_room(struct app *app, struct room *room) {
    if (room == app->current)
        return;
    leave_view(app, app->current);
    app->before = app->current;
    app->current = room;
    if (room != NULL && room->unread > 0) {
        room->marked = true;
        room->marker = room->read;
    }
    app_load_draft(app);
    completion_end(&app->completion);
    app_measure(app);
    app_look(app);
    app_want_history(app);
}

void app_step_room(struct app *app, bool forwards) {
    if (app->current == NULL)
        return;
    struct list_node *node = forwards ? app->current->node.next : app->current->node.previous;
    if (node == NULL)
        node = forwards ? app->rooms.first : app->rooms.last;
    app_show_room(app, container_of(node, struct room, node));
}

/* To the next room with something new; those that name the reader, and conversations, first. */
void app_show_active(struct app *app) {
    struct room *best = NULL;

    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct room, node);
        if (room == app->current || room->unread == 0)
            continue;
        if (best == NULL || room->mentions > best->mentions)
            best = room;
    }
    if (best == NULL)
        best = app->before;
    if (best != NULL)
        app_show_room(app, best);
}

void app_join(struct app *app, struct slice name) {
    struct room *room = app_add_room(app, name);

    /* What is here already goes on where it ends. */
    if (!room->joined)
        session_join(app->session, buffer_slice(&room->name), room->last > 0, room->last, 0);
    app_show_room(app, room);
}

void app_look(struct app *app) {
    struct room *room = app->current;

    if (room == NULL || room->anchor != NULL)
        return;
    room_mark_read(room);
    if (room->joined && room->read > room->read_told && app->read_due_ms == 0)
        app->read_due_ms = app->now_ms + READ_AFTER_MS;
}

static void tell_read(struct app *app) {
    struct buffer members = {0};

    app->read_due_ms = 0;
    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct room, node);
        if (!room->joined || room->read <= room->read_told || buffer_length(&room->name) == 0)
            continue;
        buffer_clear(&members);
        json_append_u64_member(&members, "seq", room->read);
        if (app_ask_quietly(app, "read", buffer_slice(&room->name), buffer_slice(&members)))
            room->read_told = room->read;
    }
    buffer_close(&members);
}

/* Time. */

static bool somebody_types(const struct app *app) {
    return app->current != NULL && app->current->typing_until_ms > app->now_ms;
}

/* Something on the screen counts seconds. */
static bool counts_down(const struct app *app) {
    return app->link == LINK_DOWN || app_send_is_held(app);
}

void app_tick(struct app *app, uint64_t now_ms, int64_t wall_us) {
    app->now_ms = now_ms;
    app->wall_us = wall_us;
    if (app->read_due_ms != 0 && now_ms >= app->read_due_ms)
        tell_read(app);
    if (app->current != NULL && app->current->typing_until_ms != 0 && !somebody_types(app))
        app->current->typing_until_ms = 0;
}

uint64_t app_deadline(const struct app *app) {
    /* The clock in the status bar. */
    uint64_t deadline_ms = app->now_ms + 60000 - (uint64_t)(app->wall_us / 1000 % 60000);

    if (app->read_due_ms != 0 && app->read_due_ms < deadline_ms)
        deadline_ms = app->read_due_ms;
    if (somebody_types(app) && app->current->typing_until_ms < deadline_ms)
        deadline_ms = app->current->typing_until_ms;
    if (counts_down(app) && app->now_ms + 1000 < deadline_ms)
        deadline_ms = app->now_ms + 1000;
    return deadline_ms;
}

/* The screen. */

/* How many rows the input would like. */
static unsigned input_rows(const struct app *app) {
    struct rich text = {0};
    struct row row;
    size_t at = 0;
    unsigned rows = 0;
    unsigned width = app->frame.columns > 4 ? app->frame.columns - 3 : 1;

    rich_append(&text,
                slice_from(editor_text(&app->editor).data,
                           app->editor.text.end - app->editor.text.start > 4096
                               ? 4096
                               : buffer_length(&app->editor.text)),
                STYLE_TEXT);
    while (rich_next_row(&text, width, &at, &row))
        rows++;
    struct slice typed = buffer_slice(&text.text);
    if (typed.length > 0 && typed.data[typed.length - 1] == '\n')
        rows++;
    rich_close(&text);
    return rows;
}

void app_measure(struct app *app) {
    const struct room *room = app->current;
    bool banner = room != NULL && (room->draft.re > 0 || room->draft.of > 0) &&
                  app->question == QUESTION_NONE;
    unsigned rows = app->question == QUESTION_NONE ? input_rows(app) : 1;

    app->frame = frame_divide(app->frame.rows, app->frame.columns, (enum sides)app->settings.sides,
                              rows, banner);
    app->view.height = app->frame.height;
    app->view.options = (struct layout_options){.width = app->frame.width,
                                                .times = app->settings.times,
                                                .connected = app->link == LINK_UP,
                                                .self = buffer_slice(&app->self),
                                                .now_ms = app->now_ms};
}

void app_resize(struct app *app, unsigned rows, unsigned columns) {
    app->frame.rows = rows;
    app->frame.columns = columns;
    app->redraw = true;
    app_measure(app);
    app_want_history(app);
}

/* Saying things. */

void app_note(struct app *app, enum line_kind kind, const char *format, ...) {
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (app->current == NULL)
        app_add_room(app, SLICE("lobby"));
    struct slice all = slice_of_string(text);
    room_note(app->current, kind, app->wall_us, text_beginning(all, all.length));
}

void app_quit(struct app *app) {
    /* Who asks twice does not want to wait. */
    uint64_t patience_ms = app->leaving ? 0 : APP_LEAVE_MS;

    app->leaving = true;
    if (app->link == LINK_OVER)
        app->done = true;
    else
        session_leave(app->session, app->now_ms + patience_ms);
}
