/* The keys of a list over the messages, and where its items lead. */
#include "terminal/app.h"

#define WHEEL_ROWS 3

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

void app_take_picker_input(struct app *app, const struct input *input) {
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
        picker_move(picker, -app_page(app));
        break;
    case INPUT_PAGE_DOWN:
        picker_move(picker, app_page(app));
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
            picker_move(picker, app_page(app));
        break;
    }
}
