/* Rooms that differ from what is set for all: the values of the key `room`.
 *
 *     room = NAME [history=…] [retention_age=…] [retention_count=…] [retention_bytes=…]
 *
 * What is not said of a room is as for all. A room named twice is as the last says. */
#pragma once

#include <stddef.h>

#include "base/buffer.h"
#include "server/config.h"

struct room_settings {
    struct buffer key; /* the name, folded */
    int history;       /* enum config_history */
    size_t retention_age_s, retention_count, retention_bytes;
};

struct room_settings_list {
    struct room_settings *items;
    size_t count;
};

/* ERR_BAD_REQUEST with one line in `message`; the list is then empty. */
int room_settings_read(const struct config *config, struct room_settings_list *list, char *message,
                       size_t size) MUST_USE;
void room_settings_close(struct room_settings_list *list);

/* Only looks whether it can be read. */
int room_settings_check(const struct config *config, char *message, size_t size) MUST_USE;
/* The same for one value of the key. */
int room_settings_check_line(const char *line, char *message, size_t size) MUST_USE;
