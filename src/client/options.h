/* The command line of one subcommand: options in a table, the URL and words beside them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option {
    const char *name;        /* without its dashes */
    const char *placeholder; /* "NAME"; NULL: it has no value */
    const char *help;
    char letter; /* 0: none */
    /* Where the value goes: one of them. */
    bool *flag;
    const char **text;
    uint64_t *number;
};

struct command_line {
    const char *usage; /* "chat [URL]" */
    const char *summary;
    const struct option *options;
    size_t option_count;
    /* Results. */
    const char *url;  /* NULL: none was given */
    const char *word; /* the argument that is no URL; NULL: none */
    bool takes_word;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* Reads `arguments` (without the program's and the command's name). OPTIONS_DONE: help was
 * printed. OPTIONS_WRONG: what is wrong was printed to standard error. */
enum options_result options_parse(struct command_line *line, int count, char **arguments);
