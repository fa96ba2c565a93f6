/* What the reader likes: $XDG_CONFIG_HOME/banter/config, and /set while it runs.
 *
 *     # how names look
 *     colours = auto
 *     bell = mentions
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

enum bell { BELL_OFF, BELL_MENTIONS, BELL_ALL };
enum sides { SIDES_AUTO, SIDES_BOTH, SIDES_ROOMS, SIDES_PEOPLE, SIDES_NONE };
enum colours { COLOURS_AUTO, COLOURS_NONE, COLOURS_8, COLOURS_16, COLOURS_256 };

struct settings {
    int bell, sides, colours; /* of the enums above */
    bool times, moves, typing, mouse;
    struct buffer rooms; /* to join at the start, with blanks between them */
};

void settings_init(struct settings *settings);
void settings_close(struct settings *settings);

/* Reads the file, if there is one. ERR_BAD_REQUEST: the line of text in `message` says what is
 * wrong with it; what was right is set. */
int settings_read(struct settings *settings, struct buffer *message) MUST_USE;

/* ERR_NOT_FOUND: no such key. ERR_BAD_REQUEST: no such value, `message` says which there are. */
int settings_set(struct settings *settings, struct slice key, struct slice value,
                 struct buffer *message) MUST_USE;

/* "bell = mentions" with its explanation above it, for each, as the file has them. */
void settings_print(const struct settings *settings, struct buffer *out);

/* Writes the file; `message` tells where, or what went wrong. */
int settings_write(const struct settings *settings, struct buffer *message) MUST_USE;

/* The key at an index, for completion; NULL behind the last. */
const char *settings_key(size_t index);
