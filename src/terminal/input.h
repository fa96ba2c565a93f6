/* What comes from the keyboard and the mouse, free of what terminals make of it. */
#pragma once

#include "base/slice.h"

enum input_kind {
    INPUT_NONE,
    INPUT_TEXT,    /* text: one character, or more */
    INPUT_PASTE,   /* text: all that was pasted */
    INPUT_CONTROL, /* letter: 'A' for Ctrl+A */
    INPUT_ALT,     /* letter: 'b' for Alt+B, '1' for Alt+1 */
    INPUT_ENTER,
    INPUT_LINE_BREAK,
    INPUT_TAB,
    INPUT_BACK_TAB,
    INPUT_BACKSPACE,
    INPUT_DELETE,
    INPUT_LEFT,
    INPUT_RIGHT,
    INPUT_UP,
    INPUT_DOWN,
    INPUT_HOME,
    INPUT_END,
    INPUT_PAGE_UP,
    INPUT_PAGE_DOWN,
    INPUT_WORD_LEFT,
    INPUT_WORD_RIGHT,
    INPUT_WORD_BACKSPACE,
    INPUT_FIRST, /* Ctrl+Home */
    INPUT_LAST,  /* Ctrl+End */
    INPUT_ROOM_BEFORE,
    INPUT_ROOM_BEHIND,
    INPUT_SELECT_UP,
    INPUT_SELECT_DOWN,
    INPUT_ESCAPE,
    INPUT_WHEEL_UP,
    INPUT_WHEEL_DOWN,
    INPUT_CLICK /* row, column */
};

struct input {
    enum input_kind kind;
    struct slice text;
    char letter;
    unsigned row, column;
};
