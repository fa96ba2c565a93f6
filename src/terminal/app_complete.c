/* Tab: what the word before the cursor can become. */
#include "base/text.h"
#include "terminal/app.h"

#define LINES_LOOKED_AT 200 /* for who spoke last */

static void add_once(struct candidates *names, struct slice name) {
    for (size_t i = 0; i < names->count; i++)
        if (slice_equal(slice_of_string(names->words[i]), name))
            return;
    candidates_add(names, name);
}

/* Who spoke last comes first, then the others who are here. */
static void add_names(const struct app *app, struct candidates *names) {
    const struct room *room = app->current;
    struct list_node *node = room->lines.last;

    for (unsigned seen = 0; node != NULL && seen < LINES_LOOKED_AT; node = node->previous, seen++) {
        const struct line *line = container_of(node, struct line, node);
        struct slice sender = buffer_slice(&line->sender);
        if (line->kind == LINE_MESSAGE && !line->own && name_check(sender) == 0)
            add_once(names, sender);
    }
    for (size_t i = 0; i < room->people_count; i++)
        add_once(names, buffer_slice(&room->people[i].name));
}

static void add_rooms(const struct app *app, struct candidates *rooms) {
    for (struct list_node *node = app->rooms.first; node != NULL; node = node->next)
        candidates_add(rooms, room_title(container_of(node, struct room, node)));
}

static const char *suffix_of(enum completion_kind kind, size_t start) {
    return kind == COMPLETE_NAME && start == 0 ? ": " : " ";
}

void app_complete(struct app *app, bool backwards) {
    struct candidates candidates = {0};
    struct completion *completion = &app->completion;
    size_t start = 0;

    if (completion->active && app->editor.cursor == completion->end) {
        completion_next(completion, &app->editor, suffix_of(app->completing, completion->start),
                        backwards);
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
