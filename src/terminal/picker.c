#include "terminal/picker.h"

#include "base/memory.h"

static void drop_items(struct picker *picker) {
    for (size_t i = 0; i < picker->count; i++) {
        rich_close(&picker->items[i].text);
        buffer_close(&picker->items[i].room);
    }
    picker->count = 0;
}

void picker_close(struct picker *picker) {
    drop_items(picker);
    memory_free(picker->items);
    buffer_close(&picker->title);
    *picker = (struct picker){0};
}

void picker_open(struct picker *picker, struct slice title, bool leads) {
    drop_items(picker);
    buffer_clear(&picker->title);
    buffer_append_slice(&picker->title, title);
    picker->open = true;
    picker->leads = leads;
    picker->selected = 0;
}

struct picker_item *picker_add(struct picker *picker) {
    if (picker->count == picker->capacity) {
        picker->capacity = picker->capacity * 2 + 32;
        picker->items = memory_resize(picker->items, picker->capacity * sizeof *picker->items);
    }
    struct picker_item *item = &picker->items[picker->count++];
    *item = (struct picker_item){0};
    return item;
}

void picker_move(struct picker *picker, long by) {
    long at = (long)picker->selected + by;
    long last = (long)picker->count - 1;

    if (at > last)
        at = last;
    picker->selected = at < 0 ? 0 : (size_t)at;
}

size_t picker_first(const struct picker *picker, unsigned height, unsigned rows_each) {
    size_t shown = height / rows_each > 0 ? height / rows_each : 1;

    if (!picker->leads) {
        size_t last = picker->count > shown ? picker->count - shown : 0;
        return picker->selected < last ? picker->selected : last;
    }
    return picker->selected < shown ? 0 : picker->selected - shown + 1;
}
