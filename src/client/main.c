/* banter: the client and toolbox. Each subcommand is a line of the table below and a file of its
 * own. */
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "terminal/terminal.h"

struct command {
    const char *name;
    const char *summary;
    int (*run)(int count, char **arguments);
};

static int run_chat(int count, char **arguments) {
    static const struct chat_screen screen = {terminal_possible, terminal_run};
    return command_chat(count, arguments, &screen);
}

static const struct command commands[] = {
    {"chat", "talk in a room", run_chat},
    {"send", "publish one message; returns when it is durable", command_send},
    {"tail", "follow a room", command_tail},
    {"simulate", "users of the commands protocol who talk to each other", command_simulate},
    {"admin", "ask a running server how it is, or for a backup", command_admin},
    {"bench", "make load and measure what comes of it", command_bench},
};

static void print_usage(FILE *out) {
    fprintf(out, "usage: banter COMMAND [URL] [OPTION]…\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(out,
            "\n  banter COMMAND --help says more; banter --version says which banter this is.\n"
            "  Without a URL it is " URL_DEFAULT ".\n");
}

int main(int count, char **arguments) {
    if (count < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(arguments[1], "--version") == 0) {
        printf("banter " BANTER_VERSION "\n");
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(arguments[1], commands[i].name) == 0)
            return commands[i].run(count - 2, arguments + 2);
    command_error("no such command: %s; see banter --help", arguments[1]);
    return EXIT_USAGE;
}
