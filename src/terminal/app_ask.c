/* Requests and their answers. An answer is known by its cid; those of a lost connection do not come
 * any more. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"
#include "terminal/app.h"
#include "terminal/glyph.h"
#include "wire/json.h"

#define HISTORY_PAGE 100
#define SEARCH_PAGE 50
#define JUMP_PAGES 200 /* how far back a search result is followed */

struct ask {
    struct list_node node;
    enum ask_kind kind;
    uint64_t number;
    struct buffer room; /* empty: none */
    size_t got;         /* items */
    uint64_t offset;    /* of a search: how many were there before */
};

static void free_ask(struct ask *ask) {
    buffer_close(&ask->room);
    memory_free(ask);
}

void app_forget_asks(struct app *app) {
    struct list_node *node;

    while ((node = list_take_first(&app->asks)) != NULL)
        free_ask(container_of(node, struct ask, node));
    for (node = app->rooms.first; node != NULL; node = node->next)
        container_of(node, struct room, node)->loading = false;
}

static struct ask *find(const struct app *app, struct slice cid) {
    uint64_t number = 0;

    if (!slice_starts_with(cid, SLICE("ask-")) || !slice_to_u64(slice_skip(cid, 4), &number))
        return NULL;
    for (struct list_node *node = app->asks.first; node != NULL; node = node->next) {
        struct ask *ask = container_of(node, struct ask, node);
        if (ask->number == number)
            return ask;
    }
    return NULL;
}

static void finish(struct app *app, struct ask *ask) {
    list_remove(&app->asks, &ask->node);
    free_ask(ask);
}

/* NULL: there is no connection. */
static struct ask *send_request(struct app *app, enum ask_kind kind, const char *type,
                                struct slice room, struct slice members) {
    struct buffer request = {0};
    uint64_t number = ++app->ask_count;
    char cid[32];

    snprintf(cid, sizeof cid, "ask-%" PRIu64, number);
    buffer_append_string(&request, "{\"type\":");
    json_append_string(&request, slice_of_string(type));
    if (room.length > 0)
        json_append_string_member(&request, "room", room);
    buffer_append_slice(&request, members);
    json_append_string_member(&request, "cid", slice_of_string(cid));
    buffer_append_char(&request, '}');
    bool sent = session_ask(app->session, buffer_slice(&request));
    buffer_close(&request);
    if (!sent)
        return NULL;
    struct ask *ask = memory_new_struct(struct ask);
    ask->kind = kind;
    ask->number = number;
    buffer_append_slice(&ask->room, room);
    list_append(&app->asks, &ask->node);
    return ask;
}

bool app_ask(struct app *app, enum ask_kind kind, const char *type, struct slice room,
             struct slice members) {
    if (send_request(app, kind, type, room, members) != NULL)
        return true;
    app_note(app, LINE_ERROR, "there is no connection; try again in a moment");
    return false;
}

bool app_ask_quietly(struct app *app, const char *type, struct slice room, struct slice members) {
    return send_request(app, ASK_QUIET, type, room, members) != NULL;
}

void app_ask_members(struct app *app, struct room *room, bool told) {
    if (buffer_length(&room->name) > 0)
        send_request(app, told ? ASK_WHO : ASK_MEMBERS, "members", buffer_slice(&room->name),
                     SLICE_NONE);
}

/* History. */

void app_ask_history(struct app *app, struct room *room) {
    struct buffer members = {0};

    if (room->loading || room->complete || buffer_length(&room->name) == 0)
        return;
    json_append_u64_member(&members, "limit", HISTORY_PAGE);
    if (room->first > 0)
        json_append_u64_member(&members, "before", room->first);
    room->loading = send_request(app, ASK_HISTORY, "history", buffer_slice(&room->name),
                                 buffer_slice(&members)) != NULL;
    buffer_close(&members);
}

void app_want_history(struct app *app) {
    struct room *room = app->current;

    if (room != NULL && room->joined && !room->complete && !room->loading && room->first > 1 &&
        app->view.height > 0 && view_near_beginning(&app->view, room))
        app_ask_history(app, room);
}

/* Once what was wanted is here, the reader sees it. */
static void go_on_jumping(struct app *app, struct room *room) {
    struct line *line = room_find(room, room->jump);

    if (room->jump == 0)
        return;
    if (line == NULL && !room->complete && room->first > room->jump &&
        room->jump_pages++ < JUMP_PAGES) {
        app_ask_history(app, room);
        return;
    }
    room->jump = 0;
    if (line == NULL)
        room_note(room, LINE_NOTICE, app->wall_us, SLICE("that message is not here any more"));
    else if (room == app->current) {
        room->selected = line;
        view_show(&app->view, room, line);
    }
}

void app_jump(struct app *app, struct room *room, uint64_t seq) {
    app_show_room(app, room);
    room->jump = seq;
    room->jump_pages = 0;
    app_measure(app);
    go_on_jumping(app, room);
}

/* Searching. */

static void send_search(struct app *app, uint64_t offset) {
    struct buffer members = {0};
    struct slice room = buffer_slice(&app->search_room);

    json_append_string_member(&members, "q", buffer_slice(&app->search_words));
    if (room.length > 0) {
        json_append_key(&members, "rooms");
        buffer_append_char(&members, '[');
        json_append_string(&members, room);
        buffer_append_char(&members, ']');
    }
    json_append_u64_member(&members, "limit", SEARCH_PAGE);
    if (offset > 0)
        json_append_u64_member(&members, "offset", offset);
    struct ask *ask = send_request(app, ASK_SEARCH, "search", SLICE_NONE, buffer_slice(&members));
    buffer_close(&members);
    if (ask == NULL)
        app_note(app, LINE_ERROR, "there is no connection; try again in a moment");
    else
        ask->offset = offset;
}

/* What is searched for is searched in this room, unless the words say where. */
void app_search(struct app *app, struct slice words) {
    bool everywhere = slice_starts_with(words, SLICE("* "));

    if (everywhere)
        words = slice_trim(slice_skip(words, 2));
    bool says_where = memmem(words.data, words.length, "in:", 3) != NULL;
    buffer_clear(&app->search_words);
    buffer_append_slice(&app->search_words, words);
    buffer_clear(&app->search_room);
    if (!everywhere && !says_where && app->current != NULL)
        buffer_append_slice(&app->search_room, buffer_slice(&app->current->name));
    send_search(app, 0);
}

void app_search_more(struct app *app) {
    send_search(app, app->picker.count - 1);
}

static void add_result(struct app *app, const json_t *item) {
    struct picker_item *result = picker_add(&app->picker);
    struct slice room = line_member(item, "room");
    struct slice sender = line_member(item, "sender");
    struct buffer flat = {0};
    char when[32] = "";
    time_t seconds = (time_t)(line_time(line_member(item, "timestamp")) / 1000000);
    struct tm tm = {0};

    localtime_r(&seconds, &tm);
    strftime(when, sizeof when, "%d %b %H:%M ", &tm);
    line_set(&flat, line_member(item, "content"));
    for (size_t i = flat.start; i < flat.end; i++)
        if (flat.data[i] == '\n')
            flat.data[i] = ' ';
    buffer_append_slice(&result->room, room);
    result->seq = line_number(item, "seq");
    rich_append_string(&result->text, when, STYLE_DIM);
    rich_append(&result->text, room, STYLE_NOTICE);
    rich_append_string(&result->text, " ", STYLE_TEXT);
    rich_append(&result->text, sender, name_style(sender));
    rich_append_string(&result->text, ": ", STYLE_DIM);
    rich_append(&result->text, buffer_slice(&flat), STYLE_TEXT);
    buffer_close(&flat);
}

/* The results begin to come. */
static void begin_results(struct app *app, struct ask *ask) {
    struct buffer title = {0};

    if (ask->offset > 0 && app->picker.open && app->picker.count == ask->offset + 1) {
        struct picker_item *last = &app->picker.items[--app->picker.count];
        rich_close(&last->text); /* it said that there is more */
        buffer_close(&last->room);
        return;
    }
    buffer_append_string(&title, "search: ");
    buffer_append_slice(&title, buffer_slice(&app->search_words));
    if (buffer_length(&app->search_room) > 0)
        buffer_append_string(&title, "  (here; /search * WORDS: everywhere)");
    picker_open(&app->picker, buffer_slice(&title), true);
    buffer_close(&title);
}

void app_answer_item(struct app *app, const struct session_event *event) {
    struct ask *ask = find(app, event->cid);

    if (ask == NULL)
        return;
    if (ask->kind == ASK_HISTORY) {
        struct room *room = app_find_room(app, buffer_slice(&ask->room));
        if (room != NULL)
            room_take_entry(room, event->json, buffer_slice(&app->self), true);
    } else if (ask->kind == ASK_SEARCH) {
        if (ask->got == 0)
            begin_results(app, ask);
        add_result(app, event->json);
    }
    ask->got++;
}

static void end_history(struct app *app, struct ask *ask) {
    struct room *room = app_find_room(app, buffer_slice(&ask->room));

    if (room == NULL)
        return;
    room_end_page(room, ask->got > 0);
    go_on_jumping(app, room);
    if (room == app->current)
        app_want_history(app);
}

static void end_search(struct app *app, struct ask *ask, bool more) {
    if (ask->got == 0) {
        app_note(app, LINE_NOTICE, "nothing found: %.*s%s",
                 SLICE_ARGS(buffer_slice(&app->search_words)),
                 buffer_length(&app->search_room) > 0 ? "  (/search * WORDS: everywhere)" : "");
        return;
    }
    if (!more)
        return;
    struct picker_item *last = picker_add(&app->picker);
    last->more = true;
    rich_append_string(&last->text, "… more", STYLE_NOTICE);
}

void app_answer_end(struct app *app, const struct session_event *event) {
    struct ask *ask = find(app, event->cid);

    if (ask == NULL)
        return;
    if (ask->kind == ASK_HISTORY)
        end_history(app, ask);
    else if (ask->kind == ASK_SEARCH)
        end_search(app, ask, json_is_true(json_object_get(event->json, "more")));
    finish(app, ask);
}

/* Lists. */

static void take_members(struct app *app, struct room *room, const json_t *frame, bool told) {
    const json_t *items = json_object_get(frame, "items");
    struct buffer text = {0};

    room_people_clear(room);
    for (size_t i = 0; i < json_array_size(items); i++) {
        struct slice name = line_member(json_array_get(items, i), "name");
        room_person_add(room, name, line_member(json_array_get(items, i), "role"));
        buffer_append_string(&text, i == 0 ? "here: " : ", ");
        buffer_append_slice(&text, name);
    }
    if (told)
        room_note(room, LINE_NOTICE, app->wall_us,
                  buffer_length(&text) > 0 ? buffer_slice(&text) : SLICE("nobody with a name"));
    buffer_close(&text);
}

static void show_rooms(struct app *app, const json_t *frame) {
    const json_t *items = json_object_get(frame, "items");

    picker_open(&app->picker, SLICE("rooms"), true);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        struct picker_item *row = picker_add(&app->picker);
        struct slice name = line_member(item, "room");
        char counts[96];
        snprintf(counts, sizeof counts, "  %" PRIu64 " here, %" PRIu64 " entries  ",
                 line_number(item, "client_count"), line_number(item, "last"));
        buffer_append_slice(&row->room, name);
        rich_append(&row->text, name, STYLE_STRONG);
        rich_append_string(&row->text, counts, STYLE_DIM);
        rich_append(&row->text, line_member(item, "topic"), STYLE_TEXT);
    }
    if (json_array_size(items) == 0) {
        app->picker.open = false;
        app_note(app, LINE_NOTICE, "no rooms yet");
    }
}

static void take_error(struct app *app, struct ask *ask, const json_t *frame) {
    struct room *room = app_find_room(app, buffer_slice(&ask->room));
    struct buffer text = {0};

    if (ask->kind == ASK_HISTORY && room != NULL) {
        room->loading = false;
        room->jump = 0;
    }
    if (ask->kind != ASK_MEMBERS && ask->kind != ASK_QUIET) {
        text_append_line(&text, session_error_text(frame));
        app_note(app, LINE_ERROR, "%.*s", SLICE_ARGS(buffer_slice(&text)));
    }
    buffer_close(&text);
}

bool app_answer_frame(struct app *app, const json_t *frame) {
    struct ask *ask = find(app, line_member(frame, "cid"));
    struct slice type = line_member(frame, "type");

    if (ask == NULL)
        return false;
    struct room *room = app_find_room(app, buffer_slice(&ask->room));
    if (slice_equal(type, SLICE("error")))
        take_error(app, ask, frame);
    else if (slice_equal(type, SLICE("members")) && room != NULL)
        take_members(app, room, frame, ask->kind == ASK_WHO);
    else if (slice_equal(type, SLICE("rooms")))
        show_rooms(app, frame);
    else if (slice_equal(type, SLICE("rules")))
        app_show_rules(app, frame);
    finish(app, ask);
    return true;
}
