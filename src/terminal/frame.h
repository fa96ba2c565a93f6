/* How the screen is divided. Whatever is too narrow folds away: first the people, then the rooms.
 *
 *     topic bar
 *     rooms │ messages           │ people
 *           │                    │
 *     status bar
 *     what the input is for, or a question
 *     input
 */
#pragma once

#include <stdbool.h>

#include "terminal/settings.h"

#define FRAME_ROOMS_FROM 70 /* columns of the screen */
#define FRAME_PEOPLE_FROM 100
#define FRAME_INPUT_MOST 6 /* rows */

struct frame {
    unsigned rows, columns;
    unsigned rooms;       /* columns of the list, without its rule; 0: folded away */
    unsigned people;      /* as well */
    unsigned left, width; /* of the messages */
    unsigned top, height; /* of the messages and the lists */
    unsigned status;      /* row of the bar */
    unsigned banner;      /* row above the input; 0: there is none */
    unsigned input, input_rows;
};

/* `input_rows`: how many it would like to have. */
struct frame frame_divide(unsigned rows, unsigned columns, enum sides sides, unsigned input_rows,
                          bool banner);
