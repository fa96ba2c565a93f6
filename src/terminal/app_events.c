/* What comes from the session. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client/render.h"
#include "terminal/app.h"
#include "wire/json.h"

#define TYPING_SHOWN_MS 6000

static void take_name(struct app *app) {
    struct slice name = session_name(app->session);

    buffer_clear(&app->self);
    buffer_append_slice(&app->self, name);
}

/* Conversations that were there before: they are followed without being joined, but only joining
 * tells what was said. */
static void open_directs(struct app *app, const json_t *welcome) {
    const json_t *rooms = json_object_get(welcome, "rooms");

    for (size_t i = 0; i < json_array_size(rooms); i++) {
        struct slice name = line_member(json_array_get(rooms, i), "room");
        if (!slice_starts_with(name, SLICE("@")) || app_find_room(app, name) != NULL)
            continue;
        app_add_room(app, name);
        session_join(app->session, name, false, 0, 0);
    }
}

static void come_up(struct app *app, const struct session_event *event) {
    app->link = LINK_UP;
    take_name(app);
    if (event->kind == SESSION_CONNECTED) {
        if (app->login != NULL)
            login_keep(app->login, app->session);
        open_directs(app, event->json);
        app->welcomed = true;
        return;
    }
    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct room, node);
        if (room->joined)
            app_ask_members(app, room, false);
    }
}

static void go_down(struct app *app, const struct session_event *event) {
    app->link = LINK_DOWN;
    app->retry_ms = app->now_ms + event->delay_ms;
    snprintf(app->trouble, sizeof app->trouble, "%s", event->text);
    app_forget_asks(app);
}

static void be_over(struct app *app, const struct session_event *event) {
    app->failed = event->text[0] != '\0';
    snprintf(app->trouble, sizeof app->trouble, "%s", event->text);
    app->link = LINK_OVER;
    app_forget_asks(app);
    /* Who was in it may still want to read; who was not has nothing to read. */
    if (app->leaving || !app->welcomed)
        app->done = true;
    else
        app_note(app, LINE_ERROR, "%s; /quit leaves", app->trouble);
}

/* Entries. */

/* Something new: counted, unless it is on the screen, and rung for. */
static void notice_message(struct app *app, struct room *room, const struct line *line) {
    bool to_reader = line->mention || room_is_direct(room);
    bool loud =
        app->settings.bell == BELL_ALL || (app->settings.bell == BELL_MENTIONS && to_reader);

    if (!room->read_known || line->seq <= room->read)
        return;
    app->ring = app->ring || loud;
    if (room == app->current && room->anchor == NULL)
        return;
    room->unread++;
    room->mentions += to_reader ? 1 : 0;
}

static void take_entry(struct app *app, const struct session_event *event) {
    struct room *room = app_add_room(app, event->room);

    if (!room->joined && room_is_direct(room)) /* they come without being asked for */
        room->joined = room->read_known = true;
    room_trim(room);
    struct line *line = room_take_entry(room, event->json, buffer_slice(&app->self), false);
    if (line == NULL)
        return;
    if (slice_equal(buffer_slice(&room->typist), buffer_slice(&line->sender)))
        room->typing_until_ms = 0;
    notice_message(app, room, line);
}

static void enter(struct app *app, const struct session_event *event) {
    struct room *room = app_add_room(app, event->room);
    uint64_t read = line_number(event->json, "read");
    uint64_t last = line_number(event->json, "last");

    if (!room_is_direct(room)) { /* as the server spells it */
        buffer_clear(&room->name);
        buffer_append_slice(&room->name, event->room);
    }
    line_set(&room->topic, line_member(event->json, "topic"));
    room->joined = true;
    room->present = line_number(event->json, "client_count");
    if (!room->read_known) {
        /* Who never read here is not told that everything is new. */
        room->read = read > 0 || room_is_direct(room) ? read : last;
        room->read_told = read;
        room->marked = read > 0 && read < last;
        room->marker = read;
        room->read_known = true;
    }
    if (last == 0)
        room->complete = true;
    app_ask_members(app, room, false);
}

static void be_barred(struct app *app, const struct session_event *event) {
    struct room *room = app_find_room(app, event->room);
    struct buffer text = {0};

    if (room == NULL)
        room = app->current;
    if (room == NULL)
        return;
    room->joined = false;
    room_people_clear(room);
    text_append_line(&text, slice_of_string(event->text));
    room_note(room, LINE_ERROR, app->wall_us, buffer_slice(&text));
    buffer_close(&text);
}

static void take_gap(struct app *app, const struct session_event *event) {
    struct room *room = app_find_room(app, event->room);
    struct buffer text = {0};

    if (room == NULL)
        return;
    bool other_life = !slice_equal(line_member(event->json, "reason"), SLICE("retention"));
    if (other_life)
        room_forget(room);
    /* Who reads a room for the first time has missed nothing. */
    if (other_life || room->last > 0) {
        render_gap(&text, event->json);
        room_note(room, LINE_GAP, app->wall_us, buffer_slice(&text));
    }
    buffer_close(&text);
}

/* Signals. */

static void take_moves(struct app *app, struct room *room, const json_t *names, bool came,
                       bool told) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *item = json_array_get(names, i);
        struct slice name = slice_from(json_string_value(item), json_string_length(item));
        if (name.length == 0)
            continue;
        if (came)
            room_person_add(room, name, SLICE_NONE);
        else
            room_person_remove(room, name);
        if (told && !slice_equal_ignoring_case(name, buffer_slice(&app->self)))
            room_tell_presence(room, app->wall_us, name, came);
    }
}

static void take_presence(struct app *app, struct room *room, const json_t *frame) {
    bool told = app->settings.moves;

    room->present = line_number(frame, "client_count");
    take_moves(app, room, json_object_get(frame, "leave"), false, told);
    take_moves(app, room, json_object_get(frame, "join"), true, told);
}

static void take_typing(struct app *app, struct room *room, const json_t *frame) {
    struct slice who = line_member(frame, "sender");
    struct slice state = line_member(frame, "state");
    bool active = state.length == 0 || slice_equal(state, SLICE("active"));

    if (slice_equal_ignoring_case(who, buffer_slice(&app->self)))
        return;
    line_set(&room->typist, who);
    room->typing_until_ms = active ? app->now_ms + TYPING_SHOWN_MS : 0;
}

static void take_error(struct app *app, const json_t *frame) {
    struct buffer text = {0};

    text_append_line(&text, session_error_text(frame));
    app_note(app, LINE_ERROR, "%.*s", SLICE_ARGS(buffer_slice(&text)));
    buffer_close(&text);
}

/* What the server has to say about rules, in its own words. */
static void take_notice(struct app *app, struct room *room, const json_t *frame) {
    struct slice message = line_member(frame, "message");

    if (room == NULL)
        room = app->current;
    if (room == NULL || message.length == 0)
        return;
    room_note(room, LINE_NOTICE, app->wall_us, message);
    if (room->joined && slice_equal(line_member(frame, "event"), SLICE("role")))
        app_ask_members(app, room, false);
}

static void take_rename(struct app *app) {
    take_name(app);
    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next) {
        struct room *room = container_of(node, struct room, node);
        if (room->joined && !room_is_direct(room))
            app_ask_members(app, room, false);
    }
    app_note(app, LINE_NOTICE, "you are %.*s now", SLICE_ARGS(buffer_slice(&app->self)));
}

static void take_frame(struct app *app, const struct session_event *event) {
    struct slice type = line_member(event->json, "type");
    struct room *room = event->room.length > 0 ? app_find_room(app, event->room) : NULL;

    if (app_answer_frame(app, event->json))
        return;
    if (slice_equal(type, SLICE("presence")) && room != NULL)
        take_presence(app, room, event->json);
    else if (slice_equal(type, SLICE("typing")) && room != NULL)
        take_typing(app, room, event->json);
    else if (slice_equal(type, SLICE("notice")))
        take_notice(app, room, event->json);
    else if (slice_equal(type, SLICE("welcome")))
        take_rename(app);
    else if (slice_equal(type, SLICE("error")))
        take_error(app, event->json);
}

void app_take_event(struct app *app, const struct session_event *event) {
    switch (event->kind) {
    case SESSION_CONNECTED:
    case SESSION_RECONNECTED:
        come_up(app, event);
        break;
    case SESSION_PASSWORD:
        app_ask_password(app, event);
        break;
    case SESSION_LOST:
        go_down(app, event);
        break;
    case SESSION_ENTRY:
        take_entry(app, event);
        break;
    case SESSION_HISTORY:
        app_answer_item(app, event);
        break;
    case SESSION_ANSWERED:
        app_answer_end(app, event);
        break;
    case SESSION_GAP:
        take_gap(app, event);
        break;
    case SESSION_ACKED:
    case SESSION_HELD:
    case SESSION_REFUSED:
        app_sent(app, event);
        break;
    case SESSION_JOINED:
        enter(app, event);
        break;
    case SESSION_BARRED:
        be_barred(app, event);
        break;
    case SESSION_FRAME:
        take_frame(app, event);
        break;
    case SESSION_OVER:
        be_over(app, event);
        break;
    }
}
