/* What was written and is on its way. The session sends one message after the other, in order, and
 * tells of the oldest; each has a line at the end of its room until the server has it. */
#include <inttypes.h>

#include "base/memory.h"
#include "client/outbox.h"
#include "terminal/app.h"

struct sending {
    struct list_node node;
    struct room *room; /* NULL: the reader has left it */
    struct line *line; /* as well */
};

void app_send_close(struct app *app) {
    struct list_node *node;

    while ((node = list_take_first(&app->sending)) != NULL)
        memory_free(container_of(node, struct sending, node));
}

void app_send_forget_room(struct app *app, const struct room *room) {
    for (struct list_node *node = app->sending.first; node != NULL; node = node->next) {
        struct sending *sending = container_of(node, struct sending, node);
        if (sending->room == room) {
            sending->room = NULL;
            sending->line = NULL;
        }
    }
}

bool app_send_is_held(const struct app *app) {
    if (app->sending.first == NULL)
        return false;
    const struct sending *first = container_of(app->sending.first, struct sending, node);
    return first->line != NULL && first->line->state == PENDING_HELD;
}

static void post(struct app *app, struct room *room, struct line *line) {
    struct sending *sending = memory_new_struct(struct sending);
    /* A conversation that has not begun has no room yet. */
    bool to_person = room_is_direct(room) && buffer_length(&room->name) == 0;
    struct outgoing_message message = {.type = line->type,
                                       .re = line->re,
                                       .of = line->of,
                                       .key = buffer_slice(&line->key),
                                       .remove = line->remove};

    if (to_person)
        message.to = buffer_slice(&room->other);
    else
        message.room = buffer_slice(&room->name);
    if (line->type == NULL || buffer_length(&line->content) > 0)
        message.content = buffer_slice(&line->content);
    session_post(app->session, &message);
    line->state = PENDING_WAITING;
    line->queued = true;
    buffer_clear(&line->trouble);
    sending->room = room;
    sending->line = line;
    list_append(&app->sending, &sending->node);
}

bool app_send(struct app *app, struct room *room, const struct outgoing_message *message) {
    if (app->link == LINK_OVER) {
        app_note(app, LINE_ERROR, "this conversation is over: %s", app->trouble);
        return false;
    }
    if (session_unacked(app->session) >= OUTBOX_MAX) {
        app_note(app, LINE_ERROR, "%d messages are waiting; please wait as well", OUTBOX_MAX);
        return false;
    }
    struct line *line = line_new(LINE_PENDING, app->wall_us);
    line->type = message->type;
    line->re = message->re;
    line->of = message->of;
    line->remove = message->remove;
    line->own = true;
    line_set(&line->key, message->key);
    line_set(&line->content, message->content);
    room_append_pending(room, line);
    post(app, room, line);
    return true;
}

static struct sending *take_first(struct app *app) {
    struct list_node *node = list_take_first(&app->sending);
    return node == NULL ? NULL : container_of(node, struct sending, node);
}

static void delivered(struct app *app) {
    struct sending *first = take_first(app);

    if (first != NULL && first->line != NULL)
        room_remove(first->room, first->line);
    memory_free(first);
}

static void refused(struct app *app, const char *why) {
    struct sending *first = take_first(app);

    if (first != NULL && first->line != NULL) {
        first->line->state = PENDING_REFUSED;
        first->line->queued = false;
        line_set(&first->line->trouble, slice_of_string(why));
        if (first->room != app->current)
            first->room->unread++;
    }
    memory_free(first);
}

static void held(struct app *app, const struct session_event *event) {
    if (app->sending.first == NULL)
        return;
    struct sending *first = container_of(app->sending.first, struct sending, node);
    if (first->line == NULL)
        return;
    first->line->state = PENDING_HELD;
    first->line->until_ms = app->now_ms + event->delay_ms;
    line_set(&first->line->trouble, slice_of_string(event->text));
    if (app->leaving)
        session_leave(app->session, app->now_ms + event->delay_ms + APP_LEAVE_MS);
}

void app_sent(struct app *app, const struct session_event *event) {
    if (event->kind == SESSION_ACKED)
        delivered(app);
    else if (event->kind == SESSION_REFUSED)
        refused(app, event->text);
    else
        held(app, event);
}

/* The messages of the current room that the server did not want. */
static struct line *next_refused(const struct room *room, struct list_node **node) {
    while (*node != NULL) {
        struct line *line = container_of(*node, struct line, node);
        *node = (*node)->next;
        if (line->kind == LINE_PENDING && !line->queued)
            return line;
    }
    (void)room;
    return NULL;
}

void app_retry(struct app *app) {
    struct list_node *node = app->current->lines.first;
    struct line *line;
    unsigned count = 0;

    while ((line = next_refused(app->current, &node)) != NULL && count++ < OUTBOX_MAX)
        post(app, app->current, line);
    if (count == 0)
        app_note(app, LINE_NOTICE, "nothing here was refused");
}

void app_drop(struct app *app) {
    struct list_node *node = app->current->lines.first;
    struct line *line;
    unsigned count = 0;

    while ((line = next_refused(app->current, &node)) != NULL) {
        room_remove(app->current, line);
        count++;
    }
    if (count == 0)
        app_note(app, LINE_NOTICE, "nothing here was refused");
}
