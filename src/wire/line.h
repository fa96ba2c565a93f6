/* Lines ending in LF (CR LF accepted), taken from the bytes that have come so far, sans I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum line_result {
    LINE_MORE,     /* no whole line yet; nothing of it was used */
    LINE_READY,    /* `*line` is one, without its ending */
    LINE_TOO_LONG, /* more than `max` bytes without an ending: say so once, the rest up to its LF is
                      dropped */
    LINE_DROPPING  /* still inside a line that was too long; all input was used */
};

struct line_reader {
    size_t scanned; /* bytes at the front of the input that are known to hold no LF */
    bool dropping;
};

/* Uses bytes from the front of `*input`. `*line` is valid as long as the input is. */
enum line_result line_read(struct line_reader *reader, size_t max, struct slice *input,
                           struct slice *line);

typedef enum line_result line_reading(struct line_reader *reader, size_t max, struct slice *input,
                                      struct slice *line);

/* The same where no more bytes will come: what has no ending is a line too. LINE_MORE: there is
 * none left. */
enum line_result line_read_last(struct line_reader *reader, size_t max, struct slice *input,
                                struct slice *line);
