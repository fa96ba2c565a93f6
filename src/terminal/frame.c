#include "terminal/frame.h"

#define ROOMS_WIDTH 18
#define PEOPLE_WIDTH 16
#define MESSAGES_LEAST 20 /* columns; a list that would leave less is not shown */

static bool wants_rooms(enum sides sides, unsigned columns) {
    if (sides == SIDES_AUTO)
        return columns >= FRAME_ROOMS_FROM;
    return sides == SIDES_BOTH || sides == SIDES_ROOMS;
}

static bool wants_people(enum sides sides, unsigned columns) {
    if (sides == SIDES_AUTO)
        return columns >= FRAME_PEOPLE_FROM;
    return sides == SIDES_BOTH || sides == SIDES_PEOPLE;
}

/* Rows from the bottom up: the input, what it is for, the status, and what is left. */
static void divide_rows(struct frame *frame, unsigned input_rows, bool banner) {
    unsigned most = frame->rows > 8 ? frame->rows / 3 : 1;

    if (most > FRAME_INPUT_MOST)
        most = FRAME_INPUT_MOST;
    frame->input_rows = input_rows < 1 ? 1 : input_rows > most ? most : input_rows;
    frame->top = frame->rows >= 4 ? 1 : 0;
    unsigned used = frame->input_rows + (frame->rows >= 3 ? 1 : 0);
    if (banner && frame->rows > used + 2)
        used++;
    else
        banner = false;
    frame->input = frame->rows > frame->input_rows ? frame->rows - frame->input_rows : 0;
    frame->banner = banner ? frame->input - 1 : 0;
    frame->status = frame->rows > used ? frame->rows - used : 0;
    frame->height = frame->status > frame->top ? frame->status - frame->top : 0;
}

struct frame frame_divide(unsigned rows, unsigned columns, enum sides sides, unsigned input_rows,
                          bool banner) {
    struct frame frame = {.rows = rows, .columns = columns};

    frame.width = columns;
    if (wants_rooms(sides, columns) && frame.width >= ROOMS_WIDTH + 1 + MESSAGES_LEAST) {
        frame.rooms = ROOMS_WIDTH;
        frame.left = ROOMS_WIDTH + 1;
        frame.width -= ROOMS_WIDTH + 1;
    }
    if (wants_people(sides, columns) && frame.width >= PEOPLE_WIDTH + 1 + MESSAGES_LEAST) {
        frame.people = PEOPLE_WIDTH;
        frame.width -= PEOPLE_WIDTH + 1;
    }
    divide_rows(&frame, input_rows, banner);
    return frame;
}
