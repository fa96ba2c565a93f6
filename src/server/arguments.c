#include "server/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

const char arguments_help[] =
    "Usage: banterd [OPTION]...\n"
    "       banterd verify|export|import [--config FILE] [--data DIR] [FILE]\n"
    "       banterd user|token|hook --help\n"
    "Serves conversations and notifications over WebSocket, HTTP and plain TCP.\n"
    "\n"
    "  --config FILE     read settings from FILE\n"
    "  --listen URL      listen there instead of at the default addresses; may be repeated:\n"
    "                    ws://127.0.0.1:8765, line://*:8888, numbered://unix:PATH ...\n"
    "  --data DIR        the folder of the database (default ./data)\n"
    "  --store KIND      sqlite (the default), memory, or redis://HOST:PORT for several servers\n"
    "  --set KEY=VALUE   set any key of the configuration; may be repeated\n"
    "  --check           check the configuration and exit\n"
    "  --print-config    print a configuration file with every key explained, and exit\n"
    "  --version         print the version and exit\n"
    "  --help            print this and exit\n"
    "\n"
    "Without options it listens on ws://127.0.0.1:8765 and line://127.0.0.1:8888. Flags beat the "
    "file.\n";

enum option_code { OPTION_CONFIG = 256, OPTION_SETTING, OPTION_SET, OPTION_ACTION };

/* An option for a key of the configuration has the name of the key. */
static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"listen", required_argument, NULL, OPTION_SETTING},
    {"data", required_argument, NULL, OPTION_SETTING},
    {"store", required_argument, NULL, OPTION_SETTING},
    {"set", required_argument, NULL, OPTION_SET},
    {"check", no_argument, NULL, OPTION_ACTION + ARGUMENTS_CHECK},
    {"print-config", no_argument, NULL, OPTION_ACTION + ARGUMENTS_PRINT_CONFIG},
    {"version", no_argument, NULL, OPTION_ACTION + ARGUMENTS_VERSION},
    {"help", no_argument, NULL, OPTION_ACTION + ARGUMENTS_HELP},
    {0},
};

int arguments_set(struct config *config, const char *pair, char *message, size_t size) {
    const char *equals = strchr(pair, '=');
    char key[64];

    if (!equals || (size_t)(equals - pair) >= sizeof(key)) {
        snprintf(message, size, "--set %s: write it as --set KEY=VALUE", pair);
        return ERR_BAD_REQUEST;
    }
    memcpy(key, pair, (size_t)(equals - pair));
    key[equals - pair] = 0;
    return config_set(config, key, equals + 1, CONFIG_FROM_COMMAND_LINE, message, size);
}

/* Not every key has an option of its own, but people try. */
static int refuse_option(const char *option, char *message, size_t size) {
    bool is_long = strncmp(option, "--", 2) == 0;
    char key[64] = "";

    if (is_long)
        snprintf(key, sizeof(key), "%.*s", (int)strcspn(option + 2, "="), option + 2);
    if (is_long && config_has_key(key))
        snprintf(message, size, "%s is no option of banterd: write --set %s=VALUE", option, key);
    else
        snprintf(message, size, "%s is no option of banterd; --help shows those there are", option);
    return ERR_BAD_REQUEST;
}

/* getopt leaves a letter it does not know in optopt, a long option as the last it went past. */
static int refuse(char **values, int code, char *message, size_t size) {
    const char *option = values[optind - 1];
    char letter[3] = {'-', (char)optopt, 0};

    if (code != ':')
        return refuse_option(optopt > 0 && optopt < OPTION_CONFIG ? letter : option, message, size);
    snprintf(message, size, "%s needs a value; --help shows how it is used", option);
    return ERR_BAD_REQUEST;
}

/* One pass over the command line: takes the files, or everything else. */
static int pass(int count, char **values, bool files, struct config *config,
                enum arguments_action *action, char *message, size_t size) {
    int error = 0;
    int index = 0;
    int code;

    optind = 0; /* getopt starts anew */
    while (!error && (code = getopt_long(count, values, "+:", options, &index)) != -1) {
        if (code == ':' || code == '?')
            error = refuse(values, code, message, size);
        else if (code >= OPTION_ACTION)
            *action = (enum arguments_action)(code - OPTION_ACTION);
        else if (code == OPTION_CONFIG && files)
            error = config_load(config, optarg, message, size);
        else if (code == OPTION_SETTING && !files)
            error = config_set(config, options[index].name, optarg, CONFIG_FROM_COMMAND_LINE,
                               message, size);
        else if (code == OPTION_SET && !files)
            error = arguments_set(config, optarg, message, size);
    }
    return error || optind == count ? error : refuse_option(values[optind], message, size);
}

int arguments_parse(int count, char **values, struct config *config, enum arguments_action *action,
                    char *message, size_t size) {
    enum arguments_action wanted = ARGUMENTS_RUN;
    int error = pass(count, values, true, config, &wanted, message, size);

    if (!error)
        error = pass(count, values, false, config, &wanted, message, size);
    if (!error)
        *action = wanted;
    return error;
}
