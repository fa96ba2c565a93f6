/* The command line of banterd. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "server/config.h"

enum arguments_action {
    ARGUMENTS_RUN,
    ARGUMENTS_CHECK,
    ARGUMENTS_PRINT_CONFIG,
    ARGUMENTS_VERSION,
    ARGUMENTS_HELP,
};

/* Reads files and flags into `config` (flags beat files, wherever they stand) and says what is
 * asked for. On failure an error and one line in `message`. Uses getopt, so one thread at a
 * time. */
int arguments_parse(int count, char **values, struct config *config, enum arguments_action *action,
                    char *message, size_t size) MUST_USE;

/* The text of --help. */
extern const char arguments_help[];

/* What --set is given: "KEY=VALUE". ERR_BAD_REQUEST with one line in `message`. */
int arguments_set(struct config *config, const char *pair, char *message, size_t size) MUST_USE;
