/* Reading a configuration file line by line. Private to the configuration. */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* Sets one key; on failure returns an error and says why in `message`. */
typedef int config_file_setter(void *context, const char *key, const char *value, char *message,
                               size_t size);

/* Calls `set` for each `key = value` of the file, up to the first that is refused. ERR_IO: the file
 * cannot be read; ERR_BAD_REQUEST: a line is wrong, or was refused. `message` then has one line
 * that begins with the file (and line). */
int config_file_read(const char *path, config_file_setter *set, void *context, char *message,
                     size_t size) MUST_USE;
