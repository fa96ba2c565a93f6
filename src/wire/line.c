#include "wire/line.h"

/* Whether what has come without an LF is already longer than a line may be. A CR at its end may
 * be half of the ending. */
static bool too_long_already(struct slice unfinished, size_t max) {
    if (unfinished.length <= max) {
        return false;
    }
    return unfinished.length > max + 1 || unfinished.data[max] != '\r';
}

/* The end of a line that was too long. Returns whether it has come. */
static bool drop_rest(struct line_reader *reader, struct slice *input) {
    ptrdiff_t end = slice_find(*input, '\n');

    reader->dropping = end < 0;
    *input = slice_skip(*input, end < 0 ? input->length : (size_t)end + 1);
    return end >= 0;
}

static struct slice without_return(struct slice line) {
    bool has = line.length > 0 && line.data[line.length - 1] == '\r';

    return slice_from(line.data, line.length - has);
}

enum line_result line_read(struct line_reader *reader, size_t max, struct slice *input,
                           struct slice *line) {
    ptrdiff_t end;

    if (reader->dropping && !drop_rest(reader, input)) {
        return LINE_DROPPING;
    }
    end = slice_find(slice_skip(*input, reader->scanned), '\n');
    if (end < 0) {
        reader->scanned = input->length;
        if (!too_long_already(*input, max)) {
            return LINE_MORE;
        }
        *input = slice_skip(*input, input->length);
        *reader = (struct line_reader){.dropping = true};
        return LINE_TOO_LONG;
    }
    struct slice found = slice_from(input->data, reader->scanned + (size_t)end);

    *input = slice_skip(*input, found.length + 1);
    reader->scanned = 0;
    found = without_return(found);
    if (found.length > max) {
        return LINE_TOO_LONG;
    }
    *line = found;
    return LINE_READY;
}

enum line_result line_read_last(struct line_reader *reader, size_t max, struct slice *input,
                                struct slice *line) {
    enum line_result result = line_read(reader, max, input, line);

    if (result != LINE_MORE || input->length == 0) {
        return result;
    }
    *line = without_return(*input);
    *input = slice_skip(*input, input->length);
    reader->scanned = 0;
    return LINE_READY;
}
