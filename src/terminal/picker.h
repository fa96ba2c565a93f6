/* A list over the messages: the help, the results of a search, the rooms there are. Items may lead
 * somewhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "terminal/rich.h"

struct picker_item {
    struct rich text; /* one line, or several */
    struct buffer room;
    uint64_t seq; /* of a message in that room; 0: the room itself */
    bool more;    /* leads to the rest of the list */
};

struct picker {
    bool open;
    bool leads; /* items can be chosen; else the list is only read */
    struct buffer title;
    struct picker_item *items;
    size_t count, capacity;
    size_t selected; /* or the first one on the screen, where nothing can be chosen */
};

void picker_close(struct picker *picker);
/* Empties and opens it. */
void picker_open(struct picker *picker, struct slice title, bool leads);
/* An empty item at the end, to be filled in. */
struct picker_item *picker_add(struct picker *picker);
void picker_move(struct picker *picker, long by);
/* The first item to show, so that the selected one is on a screen of `height` rows, each item
 * taking `rows_each`. */
size_t picker_first(const struct picker *picker, unsigned height, unsigned rows_each);
