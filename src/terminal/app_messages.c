/* Commands about messages. */
#include "base/text.h"
#include "terminal/app.h"

static void publish(struct app *app, struct room *room, struct slice content) {
    app_send(app, room, &(struct outgoing_message){.content = content});
}

void run_me(struct app *app, struct slice rest) {
    struct buffer content = {0};

    buffer_append_string(&content, "/me ");
    buffer_append_slice(&content, rest);
    publish(app, app->current, buffer_slice(&content));
    buffer_close(&content);
}

/* The conversation with somebody; NULL: nobody can be called so, or it is the reader. */
static struct room *conversation(struct app *app, struct slice name) {
    if (slice_starts_with(name, SLICE("@")))
        name = slice_skip(name, 1);
    if (name_check(name) != 0)
        app_note(app, LINE_ERROR, "nobody can be called so");
    else if (slice_equal_ignoring_case(name, buffer_slice(&app->self)))
        app_note(app, LINE_ERROR, "that is you");
    else
        return app_add_direct(app, name);
    return NULL;
}

void run_message(struct app *app, struct slice rest) {
    struct slice name = slice_cut(&rest, ' ');
    struct slice text = slice_trim(rest);

    if (text.length == 0) {
        app_note(app, LINE_ERROR, "/msg needs a name and a text");
        return;
    }
    struct room *room = conversation(app, name);
    if (room == NULL)
        return;
    publish(app, room, text);
    app_show_room(app, room);
}

void run_query(struct app *app, struct slice rest) {
    struct room *room = conversation(app, slice_cut(&rest, ' '));

    if (room != NULL)
        app_show_room(app, room);
}

/* The message it is about, and whether something can be done with it. */
static struct line *own_target(struct app *app, const char *word) {
    struct line *line = app_target(app, true);

    if (line == NULL)
        app_note(app, LINE_ERROR, "there is no message of yours to %s", word);
    return line;
}

void run_edit(struct app *app, struct slice rest) {
    struct line *line = own_target(app, "edit");

    if (line == NULL)
        return;
    if (rest.length == 0) {
        app_begin_edit(app, line);
        return;
    }
    app_send(app, app->current,
             &(struct outgoing_message){.type = "edit", .of = line->seq, .content = rest});
    app->current->selected = NULL;
}

void run_delete(struct app *app, struct slice rest) {
    struct line *line = own_target(app, "delete");

    (void)rest;
    if (line == NULL)
        return;
    app->current->selected = line; /* so that one sees which */
    view_show(&app->view, app->current, line);
    app_ask_simple(app, QUESTION_DELETE);
}

void app_delete(struct app *app, struct line *line) {
    if (line == NULL)
        return;
    app_send(app, app->current, &(struct outgoing_message){.type = "delete", .of = line->seq});
    app->current->selected = NULL;
}

void run_reply(struct app *app, struct slice rest) {
    struct line *line = app_target(app, false);

    if (line == NULL) {
        app_note(app, LINE_ERROR, "there is no message to answer");
        return;
    }
    app_send(app, app->current, &(struct outgoing_message){.re = line->seq, .content = rest});
    app->current->selected = NULL;
}

struct shortcode {
    const char *name, *emoji;
};

static const struct shortcode shortcodes[] = {
    {"+1", "👍"},           {"thumbsup", "👍"},    {"-1", "👎"},   {"thumbsdown", "👎"},
    {"heart", "❤️"},   {"tada", "🎉"},        {"eyes", "👀"}, {"smile", "😄"},
    {"joy", "😂"},          {"cry", "😢"},         {"fire", "🔥"}, {"rocket", "🚀"},
    {"check", "✅"},        {"x", "❌"},           {"ok", "👌"},   {"clap", "👏"},
    {"pray", "🙏"},         {"thinking", "🤔"}, {"wave", "👋"}, {"100", "💯"},
    {"warning", "⚠️"}, {"question", "❓"},    {"star", "⭐"}, {"bug", "🐛"},
    {"coffee", "☕"},       {"laughing", "😆"},    {"sob", "😭"},  {"raised_hands", "🙌"},
};

/* ":tada:" and "tada" are an emoji; everything else is what it is. */
static struct slice expand(struct slice key) {
    struct slice name = key;

    if (name.length > 2 && name.data[0] == ':' && name.data[name.length - 1] == ':')
        name = slice_from(name.data + 1, name.length - 2);
    for (size_t i = 0; i < sizeof shortcodes / sizeof *shortcodes; i++)
        if (slice_equal_ignoring_case(name, slice_of_string(shortcodes[i].name)))
            return slice_of_string(shortcodes[i].emoji);
    return key;
}

static void react(struct app *app, struct slice key, bool remove) {
    struct line *line = app_target(app, false);

    if (line == NULL) {
        app_note(app, LINE_ERROR, "there is no message to react to");
        return;
    }
    app_send(app, app->current,
             &(struct outgoing_message){
                 .type = "react", .of = line->seq, .key = expand(key), .remove = remove});
    app->current->selected = NULL;
}

void run_react(struct app *app, struct slice rest) {
    react(app, rest, false);
}

void run_unreact(struct app *app, struct slice rest) {
    react(app, rest, true);
}

void run_topic(struct app *app, struct slice rest) {
    app_send(app, app->current, &(struct outgoing_message){.type = "topic", .content = rest});
}
